package group

import (
	"encoding/binary"
	"fmt"
	"math"
)

// reader reads Kafka's primitive types from a record. After the first thing that isn't there it is bad, and everything it returns is
// zero: callers look once, at the end.
type reader struct {
	p        []byte
	flexible bool // compact lengths and tags (KIP-482)
	bad      bool
	outer    *reader // of which this reads a part; may be nil
}

// fail makes the reader bad, and those whose parts it reads.
func (r *reader) fail() {
	for ; r != nil; r = r.outer {
		r.bad = true
	}
}

// take is the next n bytes, as a view.
func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.p) {
		r.fail()
		return nil
	}
	taken := r.p[:n:n]
	r.p = r.p[n:]
	return taken
}

func (r *reader) int16() int16 {
	if p := r.take(2); p != nil {
		return int16(binary.BigEndian.Uint16(p))
	}
	return 0
}

func (r *reader) int32() int32 {
	if p := r.take(4); p != nil {
		return int32(binary.BigEndian.Uint32(p))
	}
	return 0
}

func (r *reader) int64() int64 {
	if p := r.take(8); p != nil {
		return int64(binary.BigEndian.Uint64(p))
	}
	return 0
}

func (r *reader) uvarint() uint32 {
	x, n := binary.Uvarint(r.p)
	if n <= 0 || x > math.MaxUint32 {
		r.fail()
		return 0
	}
	r.take(n)
	return uint32(x)
}

// version is the version of a value that is read up to the last one.
func (r *reader) version(last int16) (int16, error) {
	version := r.int16()
	if r.bad {
		return 0, fmt.Errorf("%w: value without a version", ErrMalformed)
	}
	if version < 0 || version > last {
		return 0, fmt.Errorf("%w: %d", ErrUnknownVersion, version)
	}
	return version, nil
}

// length is that of a string, -1 for null.
func (r *reader) stringLen() int {
	if r.flexible {
		return int(r.uvarint()) - 1
	}
	return int(r.int16())
}

func (r *reader) string() string { return string(r.take(r.stringLen())) }

func (r *reader) nullableString() *string {
	n := r.stringLen()
	if n == -1 {
		return nil
	}
	s := string(r.take(n))
	return &s
}

func (r *reader) arrayLen() int {
	if r.flexible {
		return int(r.uvarint()) - 1
	}
	return int(r.int32())
}

// bytes is never nil, because null isn't allowed where it is used.
func (r *reader) bytes() []byte { return append([]byte{}, r.take(r.arrayLen())...) }

// nested reads what is in a tag. What is bad in there is bad here.
func (r *reader) nested(p []byte) *reader { return &reader{p: p, flexible: r.flexible, outer: r} }

func (r *reader) uuid() (id [16]byte) {
	copy(id[:], r.take(len(id)))
	return id
}

// strings is an array of strings. Memory follows bytes and not the count.
func (r *reader) strings() []string {
	var all []string
	for n := r.arrayLen(); n > 0 && !r.bad; n-- {
		all = append(all, r.string())
	}
	return all
}

// int32s is an array of numbers. Memory follows bytes and not the count.
func (r *reader) int32s() []int32 {
	var all []int32
	for n := r.arrayLen(); n > 0 && !r.bad; n-- {
		all = append(all, r.int32())
	}
	return all
}

// tags reads the tagged fields, if the version has them, and shows each to known.
func (r *reader) tags(known func(tag uint32, p []byte)) {
	if !r.flexible {
		return
	}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		tag := r.uvarint()
		p := r.take(int(r.uvarint()))
		if known != nil && !r.bad {
			known(tag, p)
		}
	}
}

func appendInt16(p []byte, x int16) []byte { return binary.BigEndian.AppendUint16(p, uint16(x)) }
func appendInt32(p []byte, x int32) []byte { return binary.BigEndian.AppendUint32(p, uint32(x)) }
func appendInt64(p []byte, x int64) []byte { return binary.BigEndian.AppendUint64(p, uint64(x)) }

func appendUvarint(p []byte, x uint32) []byte { return binary.AppendUvarint(p, uint64(x)) }

// appendString writes a string with a length of 16 bits. A longer one is a bug of the caller: what a client
// sends has been checked, and a record that is cut off would be lost silently at the next start.
func appendString(p []byte, s string) []byte {
	if len(s) > math.MaxInt16 {
		panic(fmt.Sprintf("string of %d bytes in a record", len(s)))
	}
	p = appendInt16(p, int16(len(s)))
	return append(p, s...)
}

func appendNullableString(p []byte, s *string) []byte {
	if s == nil {
		return appendInt16(p, -1)
	}
	return appendString(p, *s)
}

func appendCompactString(p []byte, s string) []byte {
	p = appendUvarint(p, uint32(len(s))+1)
	return append(p, s...)
}

func appendCompactNullableString(p []byte, s *string) []byte {
	if s == nil {
		return appendUvarint(p, 0)
	}
	return appendCompactString(p, *s)
}

func appendCompactStrings(p []byte, all []string) []byte {
	p = appendUvarint(p, uint32(len(all))+1)
	for _, s := range all {
		p = appendCompactString(p, s)
	}
	return p
}

func appendCompactInt32s(p []byte, all []int32) []byte {
	p = appendUvarint(p, uint32(len(all))+1)
	for _, x := range all {
		p = appendInt32(p, x)
	}
	return p
}

func appendBytes(p, b []byte) []byte {
	p = appendInt32(p, int32(len(b)))
	return append(p, b...)
}
