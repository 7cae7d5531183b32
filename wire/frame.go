package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// FrameSizeLen is the length in bytes of the size that precedes every request and
// response.
const FrameSizeLen = 4

// A buffer of ReadFrame's own starts with firstBuffer and grows to frameStep at least.
const (
	firstBuffer = 512
	frameStep   = 16 << 10
)

// FrameSize reads a size prefix: the number of bytes that follow it. The caller
// gives the limit, because it differs before and after authentication. Zero is a
// legal size (a raw SASL token may be empty); a request of that size fails in
// [ParseRequestHeader].
//
// Errors: [ErrFrameNegative], [ErrFrameTooLarge].
func FrameSize(prefix [FrameSizeLen]byte, maxSize int) (int, error) {
	size := int32(binary.BigEndian.Uint32(prefix[:]))
	switch {
	case size < 0:
		return 0, fmt.Errorf("%w: %d", ErrFrameNegative, size)
	case int64(size) > int64(maxSize):
		return 0, fmt.Errorf("%w: %d bytes, at most %d allowed", ErrFrameTooLarge, size, maxSize)
	}
	return int(size), nil
}

// ReadFrame reads one frame without its size prefix. It uses the capacity of buf
// where that suffices; otherwise the buffer grows as bytes arrive, doubling from 16
// KiB, so that a peer pins twice what it has sent and never what it has announced.
//
// Errors: io.EOF if the stream ends before the first byte, io.ErrUnexpectedEOF if it
// ends inside the frame, those of [FrameSize], and those of r. After an error of
// FrameSize the four bytes of the prefix are returned, for [DescribeGarbage].
func ReadFrame(r io.Reader, buf []byte, maxSize int) ([]byte, error) {
	// The prefix is read into the buffer, because an array of its own would escape
	// to the heap through r.
	if cap(buf) < FrameSizeLen {
		buf = make([]byte, 0, firstBuffer)
	}
	prefix := buf[:FrameSizeLen]
	if _, err := io.ReadFull(r, prefix); err != nil {
		return nil, err
	}
	size, err := FrameSize([FrameSizeLen]byte(prefix), maxSize)
	if err != nil {
		return prefix, err
	}
	return readBody(r, buf[:0], size)
}

// readBody reads size bytes into buf, growing it as they arrive.
func readBody(r io.Reader, buf []byte, size int) ([]byte, error) {
	for len(buf) < size {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(size, max(frameStep, 2*len(buf))))
			copy(grown, buf)
			buf = grown
		}
		end := min(size, cap(buf))
		n, err := io.ReadFull(r, buf[len(buf):end])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
	return buf, nil
}
