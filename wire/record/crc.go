package record

import (
	"encoding/binary"
	"hash/crc32"
	"sync"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ComputeCRC is the CRC-32C of the batch as it stands: of everything from the attributes on.
func (b Batch) ComputeCRC() uint32 { return crc32.Checksum(b[attributesAt:], castagnoli) }

// VerifyCRC compares the stored CRC with the bytes. Error: [*CorruptError].
func (b Batch) VerifyCRC() error {
	if got := b.ComputeCRC(); got != b.CRC() {
		return &CorruptError{Field: "crc", Value: int64(b.CRC()), Want: "the computed one"}
	}
	return nil
}

// setCRC stores the CRC of a batch whose bytes this package has written.
func (b Batch) setCRC() { binary.BigEndian.PutUint32(b[crcAt:], b.ComputeCRC()) }

// SetLogAppendTime makes ms the timestamp of every record (message.timestamp.type=LogAppendTime): it
// sets the timestamp type and the max timestamp. The CRC is corrected for exactly
// these bytes, so it costs the same for any size of batch, and a payload that has been
// damaged since its CRC was computed still shows.
func (b Batch) SetLogAppendTime(ms int64) { b.setTimestamps(LogAppendTime, ms) }

// setTimestamps sets timestamp type and max timestamp, and clears the unused attributes as
// Kafka does on that occasion (DefaultRecordBatch.setMaxTimestamp).
func (b Batch) setTimestamps(t TimestampType, maxTimestamp int64) {
	old := b.Attributes()
	if old.TimestampType() == t && b.MaxTimestamp() == maxTimestamp {
		return
	}
	attributes := old & knownAttributeBit &^ timestampTypeBit
	if t == LogAppendTime {
		attributes |= timestampTypeBit
	}
	// A CRC is linear: the remainder of old XOR new is what has to be added to the stored
	// one. Only these two fields differ; what lies between and behind them counts as zeros.
	const between, behind = maxTimestampAt - attributesAt - 2, maxTimestampAt + 8
	correction := remainder(0, uint64(old^attributes)&0xffff, 2)
	correction = remainder(correction, 0, between)
	correction = remainder(correction, uint64(b.MaxTimestamp()^maxTimestamp), 8)
	correction = appendZeros(correction, len(b)-behind)
	binary.BigEndian.PutUint16(b[attributesAt:], uint16(attributes))
	binary.BigEndian.PutUint64(b[maxTimestampAt:], uint64(maxTimestamp))
	binary.BigEndian.PutUint32(b[crcAt:], b.CRC()^correction)
}

// remainder continues a remainder with the n low bytes of v, the highest first (n = 8 at most unless v is 0). It is a CRC
// without the inversions before and after that make one non-linear. crc32.Update would do, but
// would have the bytes on the heap.
func remainder(crc uint32, v uint64, n int) uint32 {
	if crc == 0 && v == 0 {
		return 0
	}
	for n--; n >= 0; n-- {
		crc = castagnoli[byte(crc)^byte(v>>(8*n))] ^ crc>>8
	}
	return crc
}

// appendZeros turns the remainder of some bytes into that of the same bytes followed by
// n zero bytes: a multiplication by x^8n modulo the polynomial. n is taken as four digits of
// base 256 with a table of powers for each, so at most four multiplications are made.
func appendZeros(crc uint32, n int) uint32 {
	powers := zeroPowers()
	for digit := 0; n > 0; digit, n = digit+1, n>>8 {
		if d := n & 0xff; d != 0 {
			crc = multiply(crc, powers[digit][d])
		}
	}
	return crc
}

// zeroPowers is x^(8 * v * 256^digit) for each digit and its value v: 4 KiB, made at the first use.
var zeroPowers = sync.OnceValue(func() *[4][256]uint32 {
	const one = 1 << 31 // polynomials are bit-reversed: the top bit is x^0
	var powers [4][256]uint32
	step := uint32(one >> 8) // x^8: one zero byte
	for digit := range powers {
		powers[digit][0] = one
		for v := 1; v < 256; v++ {
			powers[digit][v] = multiply(powers[digit][v-1], step)
		}
		step = multiply(powers[digit][255], step)
	}
	return &powers
})

// multiply is a product of polynomials over GF(2) modulo Castagnoli's, bit-reversed,
// without branches because the bits of a CRC are not predictable.
func multiply(a, b uint32) uint32 {
	var product uint32
	for range 32 {
		product ^= b & -(a >> 31)
		a <<= 1
		b = b>>1 ^ crc32.Castagnoli&-(b&1)
	}
	return product
}
