package producer

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/clatterhq/clatter/logstore"
)

// A transaction index is a file of Kafka's beside a segment: one entry for each
// aborted transaction whose marker is in the segment, in the order of the markers.
// All numbers are big endian (AbortedTxn.java):
//
//	version            int16  0
//	producer ID        int64
//	first offset       int64  of the transaction, maybe in an earlier segment
//	last offset        int64  of the marker
//	last stable offset int64  when the marker was appended
const (
	txnIndexVersion = 0
	// TxnIndexEntrySize is the size of an entry in bytes.
	TxnIndexEntrySize = 34
)

// AbortedTransaction is an entry of a transaction index.
type AbortedTransaction struct {
	ProducerID       int64
	FirstOffset      int64
	LastOffset       int64 // of the marker
	LastStableOffset int64
}

// Entry is the entry of an aborted transaction.
func (c CompletedTransaction) Entry() AbortedTransaction {
	return AbortedTransaction{
		ProducerID: c.ProducerID, FirstOffset: c.FirstOffset,
		LastOffset: c.LastOffset, LastStableOffset: c.LastStableOffset,
	}
}

// AppendTo appends the entry to the content of a transaction index.
func (a AbortedTransaction) AppendTo(dst []byte) []byte {
	big := binary.BigEndian
	dst = big.AppendUint16(dst, txnIndexVersion)
	dst = big.AppendUint64(dst, uint64(a.ProducerID))
	dst = big.AppendUint64(dst, uint64(a.FirstOffset))
	dst = big.AppendUint64(dst, uint64(a.LastOffset))
	return big.AppendUint64(dst, uint64(a.LastStableOffset))
}

// DecodeTxnIndex reads the content of the transaction index of a segment that begins at baseOffset.
// What it lets pass can be searched; whether entries are missing only the log can tell. Error: [ErrCorruptTxnIndex],
// also for an entry that was cut off.
func DecodeTxnIndex(p []byte, baseOffset int64) ([]AbortedTransaction, error) {
	if len(p)%TxnIndexEntrySize != 0 {
		return nil, fmt.Errorf("%w: %d bytes", ErrCorruptTxnIndex, len(p))
	}
	entries := make([]AbortedTransaction, 0, len(p)/TxnIndexEntrySize)
	previous, stable := baseOffset-1, int64(0)
	for ; len(p) > 0; p = p[TxnIndexEntrySize:] {
		big := binary.BigEndian
		version := int16(big.Uint16(p))
		a := AbortedTransaction{
			ProducerID:       int64(big.Uint64(p[2:])),
			FirstOffset:      int64(big.Uint64(p[10:])),
			LastOffset:       int64(big.Uint64(p[18:])),
			LastStableOffset: int64(big.Uint64(p[26:])),
		}
		if version != txnIndexVersion || a.ProducerID < 0 || a.FirstOffset < 0 || a.LastStableOffset < 0 ||
			a.FirstOffset >= a.LastOffset || a.LastOffset <= previous || a.LastStableOffset < stable {
			return nil, fmt.Errorf("%w: entry %d of version %d is %+v", ErrCorruptTxnIndex, len(entries), version, a)
		}
		previous, stable = a.LastOffset, a.LastStableOffset
		entries = append(entries, a)
	}
	return entries, nil
}

// CollectAborted appends to dst the aborted transactions of one segment that overlap the offsets
// from fetchOffset to before end. If more is false, no later segment has any; else the search goes on
// there. [SortAborted] puts the result in order.
func CollectAborted(
	dst []logstore.AbortedTransaction, entries []AbortedTransaction, fetchOffset, end int64,
) (result []logstore.AbortedTransaction, more bool) {
	from, _ := slices.BinarySearchFunc(entries, fetchOffset, func(a AbortedTransaction, offset int64) int { return cmp.Compare(a.LastOffset, offset) })
	// All transactions whose markers come after this one begin at or behind the last stable offset of it, which never falls.
	last, _ := slices.BinarySearchFunc(entries, end, func(a AbortedTransaction, offset int64) int { return cmp.Compare(a.LastStableOffset, offset) })
	more = last == len(entries)
	entries = entries[min(from, last):min(last+1, len(entries))]
	dst = slices.Grow(dst, len(entries))
	for _, a := range entries {
		if a.LastOffset >= fetchOffset && a.FirstOffset < end {
			dst = append(dst, logstore.AbortedTransaction{ProducerID: a.ProducerID, FirstOffset: a.FirstOffset})
		}
	}
	return dst, more
}

// SortAborted sorts by first offset, as readers of committed records expect.
func SortAborted(aborted []logstore.AbortedTransaction) {
	slices.SortFunc(aborted, func(a, b logstore.AbortedTransaction) int {
		return cmp.Or(cmp.Compare(a.FirstOffset, b.FirstOffset), cmp.Compare(a.ProducerID, b.ProducerID))
	})
}
