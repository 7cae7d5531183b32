package primitive

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/clatterhq/clatter/coordinator"
)

// Reader reads Kafka's primitive types. After the first thing that isn't there it is bad, and everything it returns is
// zero: callers look once, at the end.
type Reader struct {
	// Flexible says that lengths are compact, and that there are tags (KIP-482).
	Flexible bool

	p     []byte
	bad   bool
	outer *Reader // of which this reads a part; may be nil
}

// NewReader makes a reader of a key or a value.
func NewReader(p []byte) *Reader { return &Reader{p: p} }

// Bad reports whether something wasn't there, or didn't make sense.
func (r *Reader) Bad() bool { return r.bad }

// fail makes the reader bad, and those whose parts it reads.
func (r *Reader) fail() {
	for ; r != nil; r = r.outer {
		r.bad = true
	}
}

// Take is the next n bytes, as a view.
func (r *Reader) Take(n int) []byte {
	if r.bad || n < 0 || n > len(r.p) {
		r.fail()
		return nil
	}
	taken := r.p[:n:n]
	r.p = r.p[n:]
	return taken
}

// Int8 reads INT8.
func (r *Reader) Int8() int8 {
	if p := r.Take(1); p != nil {
		return int8(p[0])
	}
	return 0
}

// Int16 reads INT16.
func (r *Reader) Int16() int16 {
	if p := r.Take(2); p != nil {
		return int16(binary.BigEndian.Uint16(p))
	}
	return 0
}

// Int32 reads INT32.
func (r *Reader) Int32() int32 {
	if p := r.Take(4); p != nil {
		return int32(binary.BigEndian.Uint32(p))
	}
	return 0
}

// Int64 reads INT64.
func (r *Reader) Int64() int64 {
	if p := r.Take(8); p != nil {
		return int64(binary.BigEndian.Uint64(p))
	}
	return 0
}

// Uvarint reads UNSIGNED_VARINT.
func (r *Reader) Uvarint() uint32 {
	x, n := binary.Uvarint(r.p)
	if n <= 0 || x > math.MaxUint32 {
		r.fail()
		return 0
	}
	r.Take(n)
	return uint32(x)
}

// Version is the version at the front of a value, which is read up to the last one.
// Errors: [coordinator.ErrMalformed], [coordinator.ErrUnknownVersion].
func (r *Reader) Version(last int16) (int16, error) {
	version := r.Int16()
	if r.bad {
		return 0, fmt.Errorf("%w: value without a version", coordinator.ErrMalformed)
	}
	if version < 0 || version > last {
		return 0, fmt.Errorf("%w: %d", coordinator.ErrUnknownVersion, version)
	}
	return version, nil
}

// stringLen is the length of a string, -1 for null.
func (r *Reader) stringLen() int {
	if r.Flexible {
		return int(r.Uvarint()) - 1
	}
	return int(r.Int16())
}

// String reads STRING, or COMPACT_STRING.
func (r *Reader) String() string { return string(r.Take(r.stringLen())) }

// NullableString reads NULLABLE_STRING, or COMPACT_NULLABLE_STRING.
func (r *Reader) NullableString() *string {
	n := r.stringLen()
	if n == -1 {
		return nil
	}
	s := string(r.Take(n))
	return &s
}

// ArrayLen is the length of an array, or of bytes, -1 for null. It may be larger than what there is: memory must follow elements that
// were read.
func (r *Reader) ArrayLen() int {
	if r.Flexible {
		return int(r.Uvarint()) - 1
	}
	return int(r.Int32())
}

// Bytes reads BYTES, or COMPACT_BYTES; null is bad. They are never nil.
func (r *Reader) Bytes() []byte { return append([]byte{}, r.Take(r.ArrayLen())...) }

// SkipBytes skips NULLABLE_BYTES, or compact ones, and returns how many there were.
func (r *Reader) SkipBytes() int {
	n := r.ArrayLen()
	if n == -1 {
		return 0
	}
	return len(r.Take(n))
}

// UUID reads UUID.
func (r *Reader) UUID() (id [16]byte) {
	copy(id[:], r.Take(len(id)))
	return id
}

// Strings is an array of strings.
func (r *Reader) Strings() []string {
	var all []string
	for n := r.ArrayLen(); n > 0 && !r.bad; n-- {
		all = append(all, r.String())
	}
	return all
}

// Int32s is an array of numbers.
func (r *Reader) Int32s() []int32 {
	var all []int32
	for n := r.ArrayLen(); n > 0 && !r.bad; n-- {
		all = append(all, r.Int32())
	}
	return all
}

// Tags reads the tagged fields, if there are any in this version, and shows the bytes of each to known, which may be nil. [Reader.Nested]
// reads them.
func (r *Reader) Tags(known func(tag uint32, p []byte)) {
	if !r.Flexible {
		return
	}
	for n := r.Uvarint(); n > 0 && !r.bad; n-- {
		tag := r.Uvarint()
		p := r.Take(int(r.Uvarint()))
		if known != nil && !r.bad {
			known(tag, p)
		}
	}
}

// Nested reads what is in a tag. What is bad in there is bad here.
func (r *Reader) Nested(p []byte) *Reader { return &Reader{p: p, Flexible: r.Flexible, outer: r} }
