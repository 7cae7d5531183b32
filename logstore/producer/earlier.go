package producer

import (
	"encoding/binary"
	"fmt"
)

// The part of a producer snapshot that is ours, behind Kafka's. It is there only if a producer has a batch to
// keep beside its last one:
//
//	magic   uint32  "CLTB"
//	for each producer of Kafka's part, in its order:
//	  count uint8   0 to 4
//	  count times, the newest first:
//	    last sequence int32
//	    last offset   int64
//	    offset delta  int32
//	    timestamp     int64  ms
const (
	earlierMagic     = 0x434c5442
	earlierMagicSize = 4
	earlierEntrySize = 24
)

// earlierBatches are those before the last one.
type earlierBatches struct {
	batches [olderBatches]BatchMeta
	count   uint8
}

func (t *Table) appendEarlier(dst []byte) []byte {
	kept := false
	for _, s := range t.producers {
		kept = kept || s.count > 1
	}
	if !kept {
		return dst
	}
	big := binary.BigEndian
	dst = big.AppendUint32(dst, earlierMagic)
	for _, producerID := range t.sorted() {
		s := t.producers[producerID]
		count := max(s.count, 1) - 1
		dst = append(dst, count)
		for i := range count {
			m := &s.earlier[i]
			dst = big.AppendUint32(dst, uint32(m.LastSequence))
			dst = big.AppendUint64(dst, uint64(m.LastOffset))
			dst = big.AppendUint32(dst, uint32(m.OffsetDelta))
			dst = big.AppendUint64(dst, uint64(m.Timestamp))
		}
	}
	return dst
}

// decodeEarlier reads our part; nil if there is none, as in a snapshot that Kafka wrote.
func decodeEarlier(p []byte, entries []SnapshotEntry) ([]earlierBatches, error) {
	if len(p) == 0 {
		return nil, nil
	}
	big := binary.BigEndian
	if len(p) < earlierMagicSize+len(entries) || big.Uint32(p) != earlierMagic {
		return nil, fmt.Errorf("%w: %d unknown bytes at the end", ErrCorruptSnapshot, len(p))
	}
	p = p[earlierMagicSize:]
	earlier := make([]earlierBatches, len(entries))
	for i := range earlier {
		if len(p) == 0 || p[0] > olderBatches || len(p) < 1+int(p[0])*earlierEntrySize || (p[0] > 0 && entries[i].LastOffset < 0) {
			return nil, fmt.Errorf("%w: batches of producer %d", ErrCorruptSnapshot, entries[i].ProducerID)
		}
		e := &earlier[i]
		e.count, p = p[0], p[1:]
		before := entries[i].LastOffset
		for j := range e.count {
			m := BatchMeta{
				LastSequence: int32(big.Uint32(p)), LastOffset: int64(big.Uint64(p[4:])),
				OffsetDelta: int32(big.Uint32(p[12:])), Timestamp: int64(big.Uint64(p[16:])),
			}
			if m.LastOffset < 0 || m.LastOffset >= before || m.OffsetDelta < 0 || int64(m.OffsetDelta) > m.LastOffset {
				return nil, fmt.Errorf("%w: batch %+v of producer %d", ErrCorruptSnapshot, m, entries[i].ProducerID)
			}
			e.batches[j], before, p = m, m.LastOffset, p[earlierEntrySize:]
		}
	}
	if len(p) > 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrCorruptSnapshot, len(p))
	}
	return earlier, nil
}

// restore gives a state its earlier batches back.
func (s *state) restore(e *earlierBatches) {
	if e.count == 0 {
		return
	}
	batches := e.batches
	s.earlier, s.count = &batches, e.count+1
}
