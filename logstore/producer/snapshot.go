package producer

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Producer snapshots are files of Kafka's, named after the offset up to which they
// hold true. All numbers are big endian (ProducerSnapshot.json):
//
//	version  int16   1
//	crc      uint32  CRC-32C of all that follows
//	count    int32
//	count times:
//	  producer ID              int64
//	  producer epoch           int16
//	  last sequence            int32  -1: no batch known
//	  last offset              int64  -1: no batch known
//	  offset delta             int32  last - base offset of the last batch
//	  timestamp                int64  ms
//	  coordinator epoch        int32  -1: unknown
//	  transaction first offset int64  -1: no open transaction
//
// Kafka keeps the last one of the five batches alone, and so refuses what a client sends again after
// a restart if it isn't the very last batch. Here the earlier ones follow (see earlier.go) where Kafka's reader
// stops reading: what it needs stands where it expects it, under the same CRC.
const (
	snapshotVersion    = 1
	snapshotCRCAt      = 2
	snapshotCountAt    = 6
	snapshotHeaderSize = 10
	snapshotEntrySize  = 46
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendSnapshot appends the content of a producer snapshot to dst. Producers are sorted by ID, so
// equal tables give equal bytes.
func (t *Table) AppendSnapshot(dst []byte) []byte {
	from := len(dst)
	big := binary.BigEndian
	dst = big.AppendUint16(dst, snapshotVersion)
	dst = big.AppendUint32(dst, 0) // CRC, below
	dst = big.AppendUint32(dst, uint32(len(t.producers)))
	for _, producerID := range t.sorted() {
		s := t.producers[producerID]
		lastOffset, offsetDelta := noOffset, int32(0)
		if s.count > 0 {
			lastOffset, offsetDelta = s.last.LastOffset, s.last.OffsetDelta
		}
		dst = big.AppendUint64(dst, uint64(producerID))
		dst = big.AppendUint16(dst, uint16(s.epoch))
		dst = big.AppendUint32(dst, uint32(s.lastSequence()))
		dst = big.AppendUint64(dst, uint64(lastOffset))
		dst = big.AppendUint32(dst, uint32(offsetDelta))
		dst = big.AppendUint64(dst, uint64(s.lastTimestamp))
		dst = big.AppendUint32(dst, uint32(s.coordinatorEpoch))
		dst = big.AppendUint64(dst, uint64(s.transactionFirst))
	}
	dst = t.appendEarlier(dst)
	big.PutUint32(dst[from+snapshotCRCAt:], crc32.Checksum(dst[from+snapshotCountAt:], castagnoli))
	return dst
}

// SnapshotEntry is one producer in a snapshot.
type SnapshotEntry struct {
	ProducerID             int64
	LastOffset             int64 // -1: no batch known
	Timestamp              int64 // ms, of the last batch or marker
	TransactionFirstOffset int64 // -1: no open transaction
	LastSequence           int32 // -1: no batch known
	OffsetDelta            int32 // last - base offset of the last batch
	CoordinatorEpoch       int32 // -1: unknown
	ProducerEpoch          int16
}

// DecodeSnapshot reads the content of a producer snapshot. Error: [ErrCorruptSnapshot]. Contradictions are
// refused rather than repaired, because the log itself can tell what is true.
func DecodeSnapshot(p []byte) ([]SnapshotEntry, error) {
	entries, _, err := decodeSnapshot(p)
	return entries, err
}

func decodeSnapshot(p []byte) ([]SnapshotEntry, []earlierBatches, error) {
	entries, rest, err := decodeEntries(p)
	if err != nil {
		return nil, nil, err
	}
	earlier, err := decodeEarlier(rest, entries)
	if err != nil {
		return nil, nil, err
	}
	return entries, earlier, nil
}

// decodeEntries reads Kafka's part and returns what follows it.
func decodeEntries(p []byte) (entries []SnapshotEntry, rest []byte, err error) {
	if len(p) < snapshotHeaderSize {
		return nil, nil, fmt.Errorf("%w: %d bytes", ErrCorruptSnapshot, len(p))
	}
	big := binary.BigEndian
	if version := big.Uint16(p); version != snapshotVersion {
		return nil, nil, fmt.Errorf("%w: unknown version %d", ErrCorruptSnapshot, int16(version))
	}
	stored, computed := big.Uint32(p[snapshotCRCAt:]), crc32.Checksum(p[snapshotCountAt:], castagnoli)
	if stored != computed {
		return nil, nil, fmt.Errorf("%w: CRC is %08x, computed %08x", ErrCorruptSnapshot, stored, computed)
	}
	count, rest := big.Uint32(p[snapshotCountAt:]), p[snapshotHeaderSize:]
	if uint64(count)*snapshotEntrySize > uint64(len(rest)) {
		return nil, nil, fmt.Errorf("%w: %d producers in %d bytes", ErrCorruptSnapshot, count, len(rest))
	}
	entries = make([]SnapshotEntry, 0, count)
	for ; len(entries) < int(count); rest = rest[snapshotEntrySize:] {
		e := SnapshotEntry{
			ProducerID:             int64(big.Uint64(rest)),
			ProducerEpoch:          int16(big.Uint16(rest[8:])),
			LastSequence:           int32(big.Uint32(rest[10:])),
			LastOffset:             int64(big.Uint64(rest[14:])),
			OffsetDelta:            int32(big.Uint32(rest[22:])),
			Timestamp:              int64(big.Uint64(rest[26:])),
			CoordinatorEpoch:       int32(big.Uint32(rest[34:])),
			TransactionFirstOffset: int64(big.Uint64(rest[38:])),
		}
		batchFits := e.LastOffset < 0 || (e.OffsetDelta >= 0 && int64(e.OffsetDelta) <= e.LastOffset)
		if e.ProducerID < 0 || e.LastSequence < noSequence || !batchFits {
			return nil, nil, fmt.Errorf("%w: producer %d is %+v", ErrCorruptSnapshot, len(entries), e)
		}
		entries = append(entries, e)
	}
	return entries, rest, nil
}

// LoadSnapshot replaces the table by the content of a producer snapshot, leaving out what
// [Table.Expire] would forget. Error: [ErrCorruptSnapshot]; the table is empty then.
func (t *Table) LoadSnapshot(p []byte, nowMs, expirationMs int64) error {
	t.Reset()
	entries, earlier, err := decodeSnapshot(p)
	if err != nil {
		return err
	}
	deadline := nowMs - expirationMs
	for i := range entries {
		e := &entries[i]
		if t.producers[e.ProducerID] != nil {
			t.Reset()
			return fmt.Errorf("%w: producer %d twice", ErrCorruptSnapshot, e.ProducerID)
		}
		s := e.state()
		if s.expired(deadline) {
			continue
		}
		if earlier != nil {
			s.restore(&earlier[i])
		}
		*t.of(e.ProducerID) = s
		if s.transactionFirst != noOffset {
			t.begin(e.ProducerID, s.transactionFirst)
		}
	}
	return nil
}

func (e *SnapshotEntry) state() state {
	s := state{
		epoch: e.ProducerEpoch, coordinatorEpoch: e.CoordinatorEpoch,
		lastTimestamp: e.Timestamp, transactionFirst: max(e.TransactionFirstOffset, noOffset),
	}
	if e.LastOffset >= 0 {
		s.push(BatchMeta{
			LastOffset: e.LastOffset, Timestamp: e.Timestamp,
			LastSequence: e.LastSequence, OffsetDelta: e.OffsetDelta,
		})
	}
	return s
}
