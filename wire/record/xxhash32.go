package record

import (
	"encoding/binary"
	"math/bits"
)

// The primes of XXH32.
const (
	xxPrime1 = 2654435761
	xxPrime2 = 2246822519
	xxPrime3 = 3266489917
	xxPrime4 = 668265263
	xxPrime5 = 374761393
)

// xxHash32 is XXH32 with seed 0, the checksum of LZ4 frames
// (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md).
func xxHash32(p []byte) uint32 {
	h := uint32(xxPrime5)
	size := uint32(len(p))
	if len(p) >= 16 {
		// Seeds of the four lanes; unsigned, so that they wrap as the specification wants.
		one, two := uint32(xxPrime1), uint32(xxPrime2)
		a, b, c, d := one+two, two, uint32(0), -one
		for ; len(p) >= 16; p = p[16:] {
			a = xxRound(a, binary.LittleEndian.Uint32(p))
			b = xxRound(b, binary.LittleEndian.Uint32(p[4:]))
			c = xxRound(c, binary.LittleEndian.Uint32(p[8:]))
			d = xxRound(d, binary.LittleEndian.Uint32(p[12:]))
		}
		h = bits.RotateLeft32(a, 1) + bits.RotateLeft32(b, 7) +
			bits.RotateLeft32(c, 12) + bits.RotateLeft32(d, 18)
	}
	h += size
	for ; len(p) >= 4; p = p[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(p)*xxPrime3, 17) * xxPrime4
	}
	for _, c := range p {
		h = bits.RotateLeft32(h+uint32(c)*xxPrime5, 11) * xxPrime1
	}
	h = (h ^ h>>15) * xxPrime2
	h = (h ^ h>>13) * xxPrime3
	return h ^ h>>16
}

func xxRound(lane, word uint32) uint32 {
	return bits.RotateLeft32(lane+word*xxPrime2, 13) * xxPrime1
}
