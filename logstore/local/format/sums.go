package format

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// TxnIndexSumsFile is our own file in the folder of a log that says which segments have a transaction index. Kafka ignores it.
const TxnIndexSumsFile = "clatter-txn-indexes"

// kindSums is the kind of a file of sums, which begins like a clean-shutdown marker, without a directory.
const kindSums = 2

// txnIndexSumSize is the size of an entry in bytes.
const txnIndexSumSize = 16

// TxnIndexSum is what a transaction index has had at least. Kafka's format has no checksum, and a file that is missing says
// that nothing was aborted: a reader of committed records would be given what was.
type TxnIndexSum struct {
	BaseOffset int64  // of the segment
	Bytes      uint32 // of the index, from its begin on
	CRC        uint32 // CRC-32C of them
}

// SumTxnIndex is the sum of the transaction index of a segment.
func SumTxnIndex(baseOffset int64, content []byte) TxnIndexSum {
	return TxnIndexSum{BaseOffset: baseOffset, Bytes: uint32(len(content)), CRC: crc32.Checksum(content, castagnoli)}
}

// Fits reports whether the content of the index is what it was, or that and more.
func (s TxnIndexSum) Fits(content []byte) bool {
	return uint64(len(content)) >= uint64(s.Bytes) && crc32.Checksum(content[:s.Bytes], castagnoli) == s.CRC
}

// AppendTxnIndexSums appends the content of a file of sums to dst.
func AppendTxnIndexSums(dst []byte, sums []TxnIndexSum) []byte {
	from := len(dst)
	dst = appendFrame(dst, kindSums, UUID{}, len(sums))
	for _, s := range sums {
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.BaseOffset))
		dst = binary.BigEndian.AppendUint32(dst, s.Bytes)
		dst = binary.BigEndian.AppendUint32(dst, s.CRC)
	}
	binary.BigEndian.PutUint32(dst[from+markerCRCAt:], frameCRC(dst[from:]))
	return dst
}

// DecodeTxnIndexSums reads the content of a file of sums. Errors: [ErrCorruptMarker], [ErrUnknownVersion].
func DecodeTxnIndexSums(p []byte) ([]TxnIndexSum, error) {
	entries, err := openFrame(p, kindSums, UUID{}, txnIndexSumSize)
	if err != nil {
		return nil, err
	}
	sums := make([]TxnIndexSum, 0, len(entries)/txnIndexSumSize)
	for ; len(entries) > 0; entries = entries[txnIndexSumSize:] {
		s := TxnIndexSum{
			BaseOffset: int64(binary.BigEndian.Uint64(entries)),
			Bytes:      binary.BigEndian.Uint32(entries[8:]), CRC: binary.BigEndian.Uint32(entries[12:]),
		}
		if s.BaseOffset < 0 || len(sums) > 0 && s.BaseOffset <= sums[len(sums)-1].BaseOffset {
			return nil, fmt.Errorf("%w: sum %d is %+v", ErrCorruptMarker, len(sums), s)
		}
		sums = append(sums, s)
	}
	return sums, nil
}
