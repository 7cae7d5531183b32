package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/golang/snappy"
)

// The stream format of xerial's snappy-java, which Java clients write: a header of
// magic, version and oldest compatible version, then blocks, each with its length, all
// big-endian. librdkafka and others write one bare snappy block instead.
const (
	xerialMagic      = "\x82SNAPPY\x00"
	xerialVersion    = 1
	xerialHeaderSize = len(xerialMagic) + 4 + 4
	xerialBlockSize  = 32 << 10 // uncompressed, as snappy-java's default
	// snappyMaxRatio bounds what a block can become: a copy of 64 bytes takes three.
	snappyMaxRatio = 22
)

var (
	errXerialBlock  = errors.New("xerial block is cut short")
	errSnappyLength = errors.New("declared length is impossible")
)

// compressSnappy writes xerial blocks as the Java client does. All clients read them; not all read a bare block.
func compressSnappy(dst, src []byte) []byte {
	dst = append(dst, xerialMagic...)
	dst = binary.BigEndian.AppendUint32(dst, xerialVersion)
	dst = binary.BigEndian.AppendUint32(dst, xerialVersion)
	for len(src) > 0 {
		block := src[:min(len(src), xerialBlockSize)]
		src = src[len(block):]
		at, need := len(dst)+4, snappy.MaxEncodedLen(len(block))
		dst = slices.Grow(dst, 4+need)
		encoded := snappy.Encode(dst[at:at+need], block)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(encoded)))
		dst = dst[:at+len(encoded)]
	}
	return dst
}

func decompressSnappy(dst, src []byte, limit int) ([]byte, error) {
	base := len(dst)
	if !isXerial(src) {
		return appendSnappyBlock(dst, src, base, limit)
	}
	for len(src) > 0 {
		// Streams may follow each other, each with its header. Its versions say nothing: there was only one
		// ever, and Kafka takes any.
		if isXerial(src) {
			src = src[xerialHeaderSize:]
			continue
		}
		if len(src) < 4 {
			return dst, errXerialBlock
		}
		n := binary.BigEndian.Uint32(src)
		if uint64(n) > uint64(len(src)-4) {
			return dst, errXerialBlock
		}
		var err error
		if dst, err = appendSnappyBlock(dst, src[4:4+n], base, limit); err != nil {
			return dst, err
		}
		src = src[4+n:]
	}
	return dst, nil
}

func isXerial(p []byte) bool {
	return len(p) >= xerialHeaderSize && bytes.HasPrefix(p, []byte(xerialMagic))
}

// appendSnappyBlock trusts the length that a block declares no further than the limit and
// what the block could possibly hold: the decoder allocates it.
func appendSnappyBlock(dst, block []byte, base, limit int) ([]byte, error) {
	n, err := snappy.DecodedLen(block)
	if err != nil {
		return dst, err
	}
	if n > snappyMaxRatio*len(block) {
		return dst, errSnappyLength
	}
	if n > limit-(len(dst)-base) {
		return dst, ErrDecompressedTooLarge
	}
	dst = grow(dst, n, base, limit)
	if _, err := snappy.Decode(dst[len(dst):len(dst)+n], block); err != nil {
		return dst, err
	}
	return dst[:len(dst)+n], nil
}
