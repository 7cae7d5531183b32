package primitive

import (
	"encoding/binary"
	"fmt"
	"math"
)

// AppendInt16 writes INT16.
func AppendInt16(p []byte, x int16) []byte { return binary.BigEndian.AppendUint16(p, uint16(x)) }

// AppendInt32 writes INT32.
func AppendInt32(p []byte, x int32) []byte { return binary.BigEndian.AppendUint32(p, uint32(x)) }

// AppendInt64 writes INT64.
func AppendInt64(p []byte, x int64) []byte { return binary.BigEndian.AppendUint64(p, uint64(x)) }

// AppendUvarint writes UNSIGNED_VARINT.
func AppendUvarint(p []byte, x uint32) []byte { return binary.AppendUvarint(p, uint64(x)) }

// AppendString writes STRING, whose length has 16 bits. A longer one is a bug of the caller: what a client
// sends has been checked, and a record that is cut off would be lost silently at the next start.
func AppendString(p []byte, s string) []byte {
	if len(s) > math.MaxInt16 {
		panic(fmt.Sprintf("string of %d bytes in a record", len(s)))
	}
	p = AppendInt16(p, int16(len(s)))
	return append(p, s...)
}

// AppendNullableString writes NULLABLE_STRING.
func AppendNullableString(p []byte, s *string) []byte {
	if s == nil {
		return AppendInt16(p, -1)
	}
	return AppendString(p, *s)
}

// AppendBytes writes BYTES.
func AppendBytes(p, b []byte) []byte {
	p = AppendInt32(p, int32(len(b)))
	return append(p, b...)
}

// AppendCompactLen writes the length of a compact string, of compact bytes or of a compact array, -1 for null.
func AppendCompactLen(p []byte, n int) []byte { return AppendUvarint(p, uint32(n+1)) }

// AppendCompactString writes COMPACT_STRING.
func AppendCompactString(p []byte, s string) []byte {
	p = AppendCompactLen(p, len(s))
	return append(p, s...)
}

// AppendCompactNullableString writes COMPACT_NULLABLE_STRING.
func AppendCompactNullableString(p []byte, s *string) []byte {
	if s == nil {
		return AppendCompactLen(p, -1)
	}
	return AppendCompactString(p, *s)
}

// AppendCompactBytes writes COMPACT_BYTES.
func AppendCompactBytes(p, b []byte) []byte {
	p = AppendCompactLen(p, len(b))
	return append(p, b...)
}

// AppendCompactStrings writes a compact array of compact strings.
func AppendCompactStrings(p []byte, all []string) []byte {
	p = AppendCompactLen(p, len(all))
	for _, s := range all {
		p = AppendCompactString(p, s)
	}
	return p
}

// AppendCompactInt32s writes a compact array of numbers.
func AppendCompactInt32s(p []byte, all []int32) []byte {
	p = AppendCompactLen(p, len(all))
	for _, x := range all {
		p = AppendInt32(p, x)
	}
	return p
}

// AppendNoTags writes the tagged fields of a struct in which none is set.
func AppendNoTags(p []byte) []byte { return AppendUvarint(p, 0) }

// AppendTag writes the tagged fields of a struct in which one is set.
func AppendTag(p []byte, tag uint32, value []byte) []byte {
	p = AppendUvarint(p, 1)
	p = AppendUvarint(p, tag)
	p = AppendUvarint(p, uint32(len(value)))
	return append(p, value...)
}
