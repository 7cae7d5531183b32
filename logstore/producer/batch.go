package producer

import (
	"errors"
	"fmt"
	"math"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// What stands for nothing, as in record batches and snapshots.
const (
	noSequence      int32 = -1
	noEpoch         int16 = -1
	noOffset        int64 = -1
	noCoordinator   int32 = -1
	noTimestamp     int64 = -1
	cachedBatches         = 5
	olderBatches          = cachedBatches - 1
	lastSequenceMax       = math.MaxInt32 // 0 follows it
)

// BatchInfo is what a [Table] must know of a record batch. Offsets are those
// that the batch has or will have in the log. It is a value of its own, and not a view
// of the batch, so that checking a batch reads its header once.
type BatchInfo struct {
	ProducerID   int64 // negative: not idempotent, and of no interest here
	BaseOffset   int64
	LastOffset   int64
	MaxTimestamp int64 // ms, -1 if the records have none

	BaseSequence  int32
	LastSequence  int32
	ProducerEpoch int16
	Origin        logstore.Origin
	Transactional bool
	// Verification is the transaction coordinator's word for the partition being part of the
	// transaction (KIP-890). Without it a transactional batch must belong to a
	// transaction that is open in the partition already.
	Verification logstore.Verification

	// Marker says that the batch holds an end-transaction marker; the fields below are
	// of interest only then.
	Marker           bool
	Aborts           bool  // else it commits
	CoordinatorEpoch int32 // of the transaction coordinator
	// TransactionVersion 2 and later raise the producer epoch with each marker (KIP-890),
	// so an equal epoch means a late marker. It isn't in the log.
	TransactionVersion int16
}

// InfoOf reads a batch whose CRC was verified. A control batch without records,
// from which compaction removed a marker, says nothing: its producer ID is reported as
// negative. Error: [record.ErrInvalidMarker] or [record.ErrInvalidRecord], of control batches only.
func InfoOf(b record.Batch) (BatchInfo, error) {
	attributes := b.Attributes()
	info := BatchInfo{
		ProducerID: b.ProducerID(), ProducerEpoch: b.ProducerEpoch(),
		BaseOffset: b.BaseOffset(), LastOffset: b.LastOffset(), MaxTimestamp: b.MaxTimestamp(),
		BaseSequence: b.BaseSequence(), LastSequence: b.LastSequence(),
		Transactional: attributes.IsTransactional(),
	}
	if info.ProducerID < 0 || !attributes.IsControl() {
		return info, nil
	}
	marker, err := b.Marker()
	switch {
	case errors.Is(err, record.ErrNoRecords):
		info.ProducerID = record.NoProducerID
	case err != nil:
		return BatchInfo{}, fmt.Errorf("control batch at offset %d: %w", info.BaseOffset, err)
	default:
		info.Marker, info.Aborts = true, marker.Type == record.ControlAbort
		info.CoordinatorEpoch = marker.CoordinatorEpoch
	}
	return info, nil
}

// BatchMeta is what is kept of a batch in the log.
type BatchMeta struct {
	LastOffset   int64
	Timestamp    int64 // greatest of the batch, ms
	LastSequence int32
	OffsetDelta  int32 // LastOffset - BaseOffset
}

// BaseOffset is the offset of the first record.
func (m BatchMeta) BaseOffset() int64 { return m.LastOffset - int64(m.OffsetDelta) }

// BaseSequence is the sequence number of the first record; before 0 comes 2147483647.
func (m BatchMeta) BaseSequence() int32 {
	if m.LastSequence < 0 {
		return m.LastSequence
	}
	return int32((int64(m.LastSequence) - int64(m.OffsetDelta)) & lastSequenceMax)
}

func metaOf(b *BatchInfo) BatchMeta {
	return BatchMeta{
		LastOffset: b.LastOffset, Timestamp: b.MaxTimestamp,
		LastSequence: b.LastSequence, OffsetDelta: int32(b.LastOffset - b.BaseOffset),
	}
}

// follows reports whether a batch that begins with sequence number next comes right
// after one that ended with last.
func follows(last, next int32) bool {
	return int64(next) == int64(last)+1 || (next == 0 && last == lastSequenceMax)
}
