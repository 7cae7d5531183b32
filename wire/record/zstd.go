package record

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Levels of compression.zstd.level (zstd's own).
const (
	zstdDefaultLevel = 3
	zstdMinLevel     = -131072
	zstdMaxLevel     = 22
	// zstdMaxWindow is what zstd's readers accept unless told otherwise (windowLog 27). Nothing of this
	// size is allocated: the target is the window.
	zstdMaxWindow = 128 << 20
	// zstdWindow is what we write with: as much as most batches have.
	zstdWindow = 1 << 20
)

// zstdReader decodes into the capacity of its target and never beyond it. It is shared; as
// many decodings run at once as there are CPUs.
var zstdReader = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxWindow(zstdMaxWindow))
})

// zstdWriters has one shared encoder for each of the encoder's own few levels. A batch
// has a CRC already, so the frames carry none.
var zstdWriters = [...]func() (*zstd.Encoder, error){
	zstd.SpeedFastest:           sync.OnceValues(func() (*zstd.Encoder, error) { return newZstdWriter(zstd.SpeedFastest) }),
	zstd.SpeedDefault:           sync.OnceValues(func() (*zstd.Encoder, error) { return newZstdWriter(zstd.SpeedDefault) }),
	zstd.SpeedBetterCompression: sync.OnceValues(func() (*zstd.Encoder, error) { return newZstdWriter(zstd.SpeedBetterCompression) }),
	zstd.SpeedBestCompression:   sync.OnceValues(func() (*zstd.Encoder, error) { return newZstdWriter(zstd.SpeedBestCompression) }),
}

func newZstdWriter(level zstd.EncoderLevel) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(zstdWindow),
		zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true))
}

func compressZstd(dst []byte, level int, src []byte) ([]byte, error) {
	if level < zstdMinLevel || level > zstdMaxLevel {
		return dst, fmt.Errorf("%w: zstd %d", ErrCompressionLevel, level)
	}
	w, err := zstdWriters[zstd.EncoderLevelFromZstd(level)]()
	if err != nil {
		return dst, err
	}
	return w.EncodeAll(src, dst), nil
}

// decompressZstd decodes at once into as much room as such a frame usually needs, and again
// into four times as much if that was too little. A declared content size is not
// believed: it costs an attacker nothing.
func decompressZstd(dst, src []byte, limit int) ([]byte, error) {
	r, err := zstdReader()
	if err != nil {
		return dst, err
	}
	base := len(dst)
	for room := min(limit, max(4*len(src), 4<<10)); ; room = min(limit, 4*room) {
		dst = grow(dst, room, base, limit)
		// The decoder takes no capacity for no limit, so a limit of zero has one byte, too.
		room = max(min(cap(dst)-base, limit), 1)
		if cap(dst) == base {
			dst = append(dst, 0)[:base]
		}
		out, err := r.DecodeAll(src, dst[base:base:base+room])
		if err == nil && len(out) <= limit {
			return dst[:base+copy(dst[base:base+room], out)], nil
		}
		tooLarge := err == nil || errors.Is(err, zstd.ErrDecoderSizeExceeded)
		if tooLarge && room >= limit {
			return dst, ErrDecompressedTooLarge
		}
		if !tooLarge {
			return dst, err
		}
	}
}
