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
	// zstdMaxBlock is the most that one block holds (RFC 8878, 3.1.1.2.4).
	zstdMaxBlock = 128 << 10
	// zstdSlack lets the decoder copy in whole words at the very end.
	zstdSlack = 16
	// zstdRatio and zstdMinRoom are how much room is tried first.
	zstdRatio   = 8
	zstdMinRoom = 4 << 10

	zstdRawBlock = 0
	zstdRLEBlock = 1
)

// zstdReader decodes into the capacity of its target and never beyond it. It is shared; as
// many decodings run at once as there are CPUs. It is made at once because it holds channels: made by
// the first caller, they would belong to that caller's synctest bubble for ever. It costs next to
// nothing before it is used.
var zstdReader, errZstdReader = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0),
	zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxWindow(zstdMaxWindow))

// zstdWriters has a pool for each of the encoder's own few levels. For the reason above these encode a stream
// in the caller's goroutine: that is without channels, where EncodeAll is not.
var zstdWriters [zstd.SpeedBestCompression + 1]sync.Pool

type zstdWriter struct {
	z   *zstd.Encoder
	out []byte
}

// Write collects what the compressor puts out.
func (w *zstdWriter) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	return len(p), nil
}

// newZstdWriter makes frames without checksum: a batch has a CRC already.
func newZstdWriter(level zstd.EncoderLevel) (*zstdWriter, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(zstdWindow),
		zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true))
	return &zstdWriter{z: z}, err
}

func compressZstd(dst []byte, level int, src []byte) ([]byte, error) {
	if level < zstdMinLevel || level > zstdMaxLevel {
		return dst, fmt.Errorf("%w: zstd %d", ErrCompressionLevel, level)
	}
	speed := zstd.EncoderLevelFromZstd(level)
	w, ok := zstdWriters[speed].Get().(*zstdWriter)
	if !ok {
		var err error
		if w, err = newZstdWriter(speed); err != nil {
			return dst, err
		}
	}
	w.out = dst
	w.z.ResetContentSize(w, int64(len(src)))
	_, err := w.z.Write(src)
	if err == nil {
		err = w.z.Close()
	}
	out := w.out
	w.out = nil
	if err != nil {
		return dst, err // and the writer is dropped
	}
	zstdWriters[speed].Put(w)
	return out, nil
}

// decompressZstd decodes in one go into memory of a fixed size, because the streaming decoder would want its own
// window besides. How much there is to come is not known before; it is tried with
// as much room as batches usually need, and then with as much as the blocks could fill.
func decompressZstd(dst, src []byte, limit int) ([]byte, error) {
	if errZstdReader != nil {
		return dst, errZstdReader
	}
	least, most := zstdContent(src)
	if least > limit {
		return dst, ErrDecompressedTooLarge
	}
	base := len(dst)
	// With room for one more block than allowed, a block that finds no room shows that the limit is passed.
	enough := min(most, limit+zstdMaxBlock) + zstdSlack
	room := min(enough, max(zstdRatio*len(src), zstdMinRoom))
	for {
		room = min(enough, max(room, cap(dst)-base))
		dst = grow(dst, room, base, room)
		out, err := zstdReader.DecodeAll(src, dst[base:base:base+room])
		full := room-len(out) < zstdMaxBlock || errors.Is(err, zstd.ErrDecoderSizeExceeded)
		switch {
		case len(out) > limit:
			return dst, ErrDecompressedTooLarge
		case err == nil:
			return dst[:base+copy(dst[base:base+room], out)], nil
		case errors.Is(err, zstd.ErrWindowSizeExceeded):
			return dst, ErrDecompressedTooLarge // no limit of ours is as large as the window that it wants
		case full && room < enough:
			room = enough
		case full && most > limit:
			return dst, ErrDecompressedTooLarge
		default:
			return dst, err
		}
	}
}

// zstdContent is the least and the most that the frames in src may hold, as their block headers tell (RFC 8878, 3.1.1.2): a
// walk over a few bytes for each 128 KiB. It sees through the cheapest bombs, and declared
// content sizes are not believed beyond what the blocks could fill. Where src is no frame it stops:
// the decoder will say so.
func zstdContent(src []byte) (least, most int) {
	var h zstd.Header
	for len(src) > 0 && h.Decode(src) == nil {
		src = src[min(h.HeaderSize, len(src)):]
		if h.Skippable {
			src = src[min(int(h.SkippableSize), len(src)):]
			continue
		}
		frame := 0
		for last := false; !last && len(src) >= 3; {
			block := uint32(src[0]) | uint32(src[1])<<8 | uint32(src[2])<<16
			last = block&1 != 0
			size, stored := int(block>>3), int(block>>3)
			switch block >> 1 & 3 {
			case zstdRawBlock:
				least += size
			case zstdRLEBlock:
				least += size
				stored = 1
			default:
				size = zstdMaxBlock
			}
			frame += size
			src = src[min(3+stored, len(src)):]
		}
		if h.HasFCS {
			frame = int(min(h.FrameContentSize, uint64(frame)))
		}
		most += frame
		if h.HasCheckSum {
			src = src[min(4, len(src)):]
		}
	}
	return least, most
}
