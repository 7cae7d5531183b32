package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// Levels of compression.lz4.level. The default means the fast compressor, every
// other one the high compressor at that depth (Lz4BlockOutputStream).
const (
	lz4DefaultLevel = 9
	lz4MinLevel     = 1
	lz4MaxLevel     = 17
)

// The LZ4 frame format, as far as Kafka takes it (Lz4BlockInputStream): version 1,
// independent blocks, no dictionary, one frame. Frames are read here and blocks by the lz4
// package: that is a page of code, needs no reader with buffers of its own, decodes into
// the target, and refuses what Kafka's consumers could not read.
const (
	lz4Magic            = 0x184D2204 // little-endian
	lz4Version          = 0x40
	lz4VersionMask      = 0xc0
	lz4Independent      = 0x20
	lz4BlockChecksum    = 0x10
	lz4ContentSize      = 0x08
	lz4ContentChecksum  = 0x04
	lz4Reserved         = 0x03 // reserved bit and dictionary ID
	lz4Stored           = 1 << 31
	lz4BlockSize        = 64 << 10
	lz4BlockMaxRatio    = 255 // a byte of match length stands for 255 bytes
	lz4WrittenFlags     = lz4Version | lz4Independent
	lz4WrittenBlockSize = 0x40 // 64 KiB
)

var (
	errLZ4Header   = errors.New("bad frame header")
	errLZ4Cut      = errors.New("frame is cut short")
	errLZ4Block    = errors.New("block is larger than the frame allows")
	errLZ4Checksum = errors.New("checksum mismatch")
	errLZ4Size     = errors.New("content size mismatch")
	errLZ4Trailing = errors.New("bytes follow the frame")
)

type lz4Compressor interface {
	CompressBlock(src, dst []byte) (int, error)
}

var (
	lz4Fast = sync.Pool{New: func() any { return new(lz4.Compressor) }}
	lz4High = sync.Pool{New: func() any { return new(lz4.CompressorHC) }}
)

func compressLZ4(dst []byte, level int, src []byte) ([]byte, error) {
	if level < lz4MinLevel || level > lz4MaxLevel {
		return dst, fmt.Errorf("%w: lz4 %d", ErrCompressionLevel, level)
	}
	if level == lz4DefaultLevel {
		c := lz4Fast.Get().(*lz4.Compressor)
		defer lz4Fast.Put(c)
		return appendLZ4Frame(dst, c, src)
	}
	c := lz4High.Get().(*lz4.CompressorHC)
	defer lz4High.Put(c)
	// The lz4 package's levels end at 9, each twice as deep as the one before.
	c.Level = 1 << (8 + min(level, 9))
	return appendLZ4Frame(dst, c, src)
}

// appendLZ4Frame writes the frame of Lz4BlockOutputStream: independent blocks, so that a reader needs no history,
// and a block that does not get smaller is stored as it is.
func appendLZ4Frame(dst []byte, c lz4Compressor, src []byte) ([]byte, error) {
	dst = binary.LittleEndian.AppendUint32(dst, lz4Magic)
	descriptor := []byte{lz4WrittenFlags, lz4WrittenBlockSize}
	dst = append(dst, descriptor...)
	dst = append(dst, byte(xxHash32(descriptor)>>8))
	for len(src) > 0 {
		block := src[:min(len(src), lz4BlockSize)]
		src = src[len(block):]
		at, need := len(dst)+4, lz4.CompressBlockBound(len(block))
		dst = slices.Grow(dst, 4+need)
		n, err := c.CompressBlock(block, dst[at:at+need])
		if err != nil {
			return dst, err
		}
		if n == 0 || n >= len(block) {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(len(block))|lz4Stored)
			dst = append(dst, block...)
			continue
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
		dst = dst[:at+n]
	}
	return binary.LittleEndian.AppendUint32(dst, 0), nil // end mark
}

// lz4Frame is the part of a frame header that matters for reading its blocks.
type lz4Frame struct {
	flags       byte
	blockSize   int
	contentSize uint64
}

// decompressLZ4 decodes each block straight to where it belongs: blocks are independent, so the result is no
// window that later blocks would refer to.
func decompressLZ4(dst, src []byte, limit int) ([]byte, error) {
	frame, src, err := readLZ4Header(src)
	if err != nil {
		return dst, err
	}
	base := len(dst)
	for {
		if len(src) < 4 {
			return dst, errLZ4Cut
		}
		word := binary.LittleEndian.Uint32(src)
		src = src[4:]
		size := int(word &^ lz4Stored)
		if size == 0 {
			return dst, frame.checkEnd(dst[base:], src)
		}
		if size > frame.blockSize {
			return dst, errLZ4Block
		}
		if size > len(src) {
			return dst, errLZ4Cut
		}
		block := src[:size]
		src = src[size:]
		if frame.flags&lz4BlockChecksum != 0 {
			if len(src) < 4 {
				return dst, errLZ4Cut
			}
			if binary.LittleEndian.Uint32(src) != xxHash32(block) {
				return dst, errLZ4Checksum
			}
			src = src[4:]
		}
		if dst, err = frame.appendBlock(dst, block, word&lz4Stored != 0, base, limit); err != nil {
			return dst, err
		}
	}
}

// readLZ4Header reads and checks a frame header and returns what follows it.
func readLZ4Header(src []byte) (lz4Frame, []byte, error) {
	const magicSize, shortest = 4, 7
	if len(src) < shortest {
		return lz4Frame{}, nil, errLZ4Cut
	}
	frame := lz4Frame{flags: src[magicSize], blockSize: 1 << (8 + 2*(src[magicSize+1]>>4&7))}
	switch {
	case binary.LittleEndian.Uint32(src) != lz4Magic,
		frame.flags&(lz4VersionMask|lz4Reserved|lz4Independent) != lz4Version|lz4Independent,
		src[magicSize+1]&0x8f != 0, frame.blockSize < lz4BlockSize:
		return lz4Frame{}, nil, errLZ4Header
	}
	end := magicSize + 2 // of the descriptor, which its checksum follows
	if frame.flags&lz4ContentSize != 0 {
		end += 8
		if len(src) < end+1 {
			return lz4Frame{}, nil, errLZ4Cut
		}
		frame.contentSize = binary.LittleEndian.Uint64(src[end-8:])
	}
	if src[end] != byte(xxHash32(src[magicSize:end])>>8) {
		return lz4Frame{}, nil, errLZ4Header
	}
	return frame, src[end+1:], nil
}

// appendBlock appends what one block holds: at most the frame's block size, and not
// beyond the limit.
func (f *lz4Frame) appendBlock(dst, block []byte, stored bool, base, limit int) ([]byte, error) {
	left := limit - (len(dst) - base)
	if stored {
		if len(block) > left {
			return dst, ErrDecompressedTooLarge
		}
		return append(grow(dst, len(block), base, limit), block...), nil
	}
	most := min(f.blockSize, lz4BlockMaxRatio*len(block))
	room := min(most, left)
	if room == 0 {
		// Not a case for the block decoder: it takes an empty target for one of at least a byte.
		return dst, ErrDecompressedTooLarge
	}
	dst = grow(dst, room, base, limit)
	end := len(dst) + room
	n, err := lz4.UncompressBlock(block, dst[len(dst):end:end])
	if err != nil {
		// The block decoder does not tell a damaged block from one that has no
		// room. Both are refused; where the limit took room away it is named as the reason.
		if room < most {
			err = ErrDecompressedTooLarge
		}
		return dst, err
	}
	return dst[:len(dst)+n], nil
}

// checkEnd checks what follows the end mark. Kafka does not look at it, but librdkafka's reader does,
// so such a batch would be stuck in the log.
func (f *lz4Frame) checkEnd(content, rest []byte) error {
	if f.flags&lz4ContentSize != 0 && f.contentSize != uint64(len(content)) {
		return errLZ4Size
	}
	if f.flags&lz4ContentChecksum != 0 {
		if len(rest) < 4 {
			return errLZ4Cut
		}
		if binary.LittleEndian.Uint32(rest) != xxHash32(content) {
			return errLZ4Checksum
		}
		rest = rest[4:]
	}
	if len(rest) > 0 {
		return errLZ4Trailing
	}
	return nil
}
