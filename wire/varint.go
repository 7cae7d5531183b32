package wire

// maxUvarintLen is the longest encoding of 32 bits at 7 bits a byte.
const maxUvarintLen = 5

// uvarint reads an unsigned varint of 32 bits: the value and the bytes it takes, or 0
// bytes if b ends inside it or it does not fit. Like Kafka it takes encodings that
// are longer than they need be, up to five bytes; unlike Kafka, which drops what
// exceeds 32 bits, it refuses them.
func uvarint(b []byte) (uint32, int) {
	if len(b) > 0 && b[0] < 0x80 { // nearly always
		return uint32(b[0]), 1
	}
	var x uint32
	for i := range min(len(b), maxUvarintLen) {
		c := b[i]
		if c < 0x80 {
			if i == maxUvarintLen-1 && c > 0x0f {
				return 0, 0
			}
			return x | uint32(c)<<(7*i), i + 1
		}
		x |= uint32(c&0x7f) << (7 * i)
	}
	return 0, 0
}

// uvarintLen is how many bytes appendUvarint appends.
func uvarintLen(x uint32) int {
	n := 1
	for ; x >= 0x80; x >>= 7 {
		n++
	}
	return n
}

// appendUvarint appends an unsigned varint.
func appendUvarint(dst []byte, x uint32) []byte {
	for ; x >= 0x80; x >>= 7 {
		dst = append(dst, byte(x)|0x80)
	}
	return append(dst, byte(x))
}
