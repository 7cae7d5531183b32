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
	// A CRC is linear: the CRC of old XOR new is what has to be added to the
	// stored one. Only these header bytes differ; zeros follow to the end.
	const from, to = attributesAt, maxTimestampAt + 8
	var diff [to - from]byte
	binary.BigEndian.PutUint16(diff[:], uint16(old^attributes))
	binary.BigEndian.PutUint64(diff[maxTimestampAt-from:], uint64(b.MaxTimestamp()^maxTimestamp))
	correction := appendZeros(rawCRC(diff[:]), len(b)-to)
	binary.BigEndian.PutUint16(b[attributesAt:], uint16(attributes))
	binary.BigEndian.PutUint64(b[maxTimestampAt:], uint64(maxTimestamp))
	binary.BigEndian.PutUint32(b[crcAt:], b.CRC()^correction)
}

// rawCRC is the remainder of p alone, without the inversion before and after that
// makes a CRC non-linear.
func rawCRC(p []byte) uint32 { return ^crc32.Update(^uint32(0), castagnoli, p) }

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
