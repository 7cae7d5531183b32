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
// Of the five batches the last one alone is kept.
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
	big.PutUint32(dst[from+snapshotCRCAt:], crc32.Checksum(dst[from+snapshotCountAt:], castagnoli))
	return dst
}

// LoadSnapshot replaces the table by the content of a producer snapshot, leaving out what
// [Table.Expire] would forget. Error: [ErrCorruptSnapshot]; the table is empty then.
func (t *Table) LoadSnapshot(p []byte, nowMs, expirationMs int64) error {
	t.Reset()
	if err := t.load(p, nowMs-expirationMs); err != nil {
		t.Reset()
		return err
	}
	return nil
}

func (t *Table) load(p []byte, deadline int64) error {
	if len(p) < snapshotHeaderSize {
		return fmt.Errorf("%w: %d bytes", ErrCorruptSnapshot, len(p))
	}
	if version := binary.BigEndian.Uint16(p); version != snapshotVersion {
		return fmt.Errorf("%w: unknown version %d", ErrCorruptSnapshot, int16(version))
	}
	stored, computed := binary.BigEndian.Uint32(p[snapshotCRCAt:]), crc32.Checksum(p[snapshotCountAt:], castagnoli)
	if stored != computed {
		return fmt.Errorf("%w: CRC is %08x, computed %08x", ErrCorruptSnapshot, stored, computed)
	}
	count, entries := binary.BigEndian.Uint32(p[snapshotCountAt:]), p[snapshotHeaderSize:]
	if uint64(count)*snapshotEntrySize != uint64(len(entries)) {
		return fmt.Errorf("%w: %d producers in %d bytes", ErrCorruptSnapshot, count, len(entries))
	}
	for ; len(entries) > 0; entries = entries[snapshotEntrySize:] {
		producerID, s, err := decodeProducer(entries)
		if err != nil {
			return err
		}
		if t.producers[producerID] != nil {
			return fmt.Errorf("%w: producer %d twice", ErrCorruptSnapshot, producerID)
		}
		if s.expired(deadline) {
			continue
		}
		*t.of(producerID) = s
		if s.transactionFirst != noOffset {
			t.begin(producerID, s.transactionFirst)
		}
	}
	return nil
}

// decodeProducer reads one producer. Contradictions are refused rather than repaired,
// because the log itself can tell what is true.
func decodeProducer(p []byte) (producerID int64, s state, err error) {
	big := binary.BigEndian
	producerID = int64(big.Uint64(p))
	s.epoch = int16(big.Uint16(p[8:]))
	s.last = BatchMeta{
		LastSequence: int32(big.Uint32(p[10:])),
		LastOffset:   int64(big.Uint64(p[14:])),
		OffsetDelta:  int32(big.Uint32(p[22:])),
		Timestamp:    int64(big.Uint64(p[26:])),
	}
	s.lastTimestamp = s.last.Timestamp
	s.coordinatorEpoch = int32(big.Uint32(p[34:]))
	s.transactionFirst = max(int64(big.Uint64(p[38:])), noOffset)
	if s.last.LastOffset >= 0 {
		s.count = 1
	}
	batchFits := s.count == 0 || (s.last.OffsetDelta >= 0 && s.last.BaseOffset() >= 0)
	if producerID < 0 || s.last.LastSequence < noSequence || !batchFits {
		return 0, s, fmt.Errorf("%w: producer %d at epoch %d with last batch %+v",
			ErrCorruptSnapshot, producerID, s.epoch, s.last)
	}
	if s.count == 0 {
		s.last = BatchMeta{}
	}
	return producerID, s, nil
}
