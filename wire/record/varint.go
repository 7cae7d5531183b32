package record

import "math/bits"

// Kafka's varints are zig-zag encoded, seven bits a byte, the lowest first: at most five bytes for 32
// bits and ten for 64. Like Kafka's own reader these accept encodings that are longer
// than needed and drop bits beyond the width. A position of -1 in place of the next
// one says that the varint is endless or cut short.

// varint reads a 32-bit number at p[i:] and returns it with the position behind it.
func varint(p []byte, i int) (int32, int) {
	if uint(i) < uint(len(p)) && p[i] < 0x80 {
		return unzigzag32(uint32(p[i])), i + 1
	}
	return longVarint(p, i)
}

// longVarint is varint's way for two and more bytes, kept apart so that the short one is inlined.
func longVarint(p []byte, i int) (int32, int) {
	var u uint32
	for shift := 0; shift < 35; shift += 7 {
		if uint(i) >= uint(len(p)) {
			return 0, -1
		}
		c := p[i]
		i++
		u |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return unzigzag32(u), i
		}
	}
	return 0, -1
}

// varlong reads a 64-bit number at p[i:] and returns it with the position behind it.
func varlong(p []byte, i int) (int64, int) {
	if uint(i) < uint(len(p)) && p[i] < 0x80 {
		return unzigzag64(uint64(p[i])), i + 1
	}
	return longVarlong(p, i)
}

func longVarlong(p []byte, i int) (int64, int) {
	var u uint64
	for shift := 0; shift < 70; shift += 7 {
		if uint(i) >= uint(len(p)) {
			return 0, -1
		}
		c := p[i]
		i++
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return unzigzag64(u), i
		}
	}
	return 0, -1
}

func unzigzag32(u uint32) int32 { return int32(u>>1) ^ -int32(u&1) }

func unzigzag64(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// appendVarint appends v; a varlong of the same value has the same bytes.
func appendVarint(dst []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	for u >= 0x80 {
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}

// varintSize is the number of bytes that appendVarint appends.
func varintSize(v int64) int {
	u := uint64(v)<<1 ^ uint64(v>>63)
	return (bits.Len64(u|1) + 6) / 7
}
