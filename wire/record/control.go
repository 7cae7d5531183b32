package record

import (
	"encoding/binary"
	"fmt"
)

// ControlType says what a control record means (Kafka's ControlRecordType). It
// stands in the record's key, behind a version: int16 version, int16 type.
type ControlType int16

// The control types. All but the first two belong to the metadata quorum (KIP-595, KIP-630, KIP-853).
const (
	ControlAbort          ControlType = 0
	ControlCommit         ControlType = 1
	ControlLeaderChange   ControlType = 2
	ControlSnapshotHeader ControlType = 3
	ControlSnapshotFooter ControlType = 4
	ControlKRaftVersion   ControlType = 5
	ControlKRaftVoters    ControlType = 6
	// ControlUnknown is any type that is not known here; such records are skipped, not refused.
	ControlUnknown ControlType = -1
)

// String is the type by Kafka's name.
func (t ControlType) String() string {
	switch t {
	case ControlAbort:
		return "ABORT"
	case ControlCommit:
		return "COMMIT"
	case ControlLeaderChange:
		return "LEADER_CHANGE"
	case ControlSnapshotHeader:
		return "SNAPSHOT_HEADER"
	case ControlSnapshotFooter:
		return "SNAPSHOT_FOOTER"
	case ControlKRaftVersion:
		return "KRAFT_VERSION"
	case ControlKRaftVoters:
		return "KRAFT_VOTERS"
	default:
		return "UNKNOWN"
	}
}

// Sizes are the least that a reader needs, versions what is written here.
const (
	controlKeySize     = 4
	controlKeyVersion  = 0
	endTxnValueSize    = 6
	endTxnValueVersion = 0
)

// ParseControlKey reads the key of a control record. A later version may have more fields, never
// other ones. Error: [ErrInvalidMarker] for a key that is too short or has a negative version.
func ParseControlKey(key []byte) (ControlType, error) {
	if len(key) < controlKeySize {
		return ControlUnknown, fmt.Errorf("%w: key has %d bytes", ErrInvalidMarker, len(key))
	}
	if v := int16(binary.BigEndian.Uint16(key)); v < 0 {
		return ControlUnknown, fmt.Errorf("%w: key has version %d", ErrInvalidMarker, v)
	}
	t := ControlType(binary.BigEndian.Uint16(key[2:]))
	if t < ControlAbort || t > ControlKRaftVoters {
		return ControlUnknown, nil
	}
	return t, nil
}

// EndTransactionMarker is the control record that ends a transaction in a
// partition (KIP-98). Its value is int16 version, int32 coordinator epoch.
type EndTransactionMarker struct {
	Type             ControlType // ControlAbort or ControlCommit
	CoordinatorEpoch int32       // of the transaction coordinator that decided
}

// AppendKey appends the key of the control record to dst.
func (m EndTransactionMarker) AppendKey(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, controlKeyVersion)
	return binary.BigEndian.AppendUint16(dst, uint16(m.Type))
}

// AppendValue appends the value of the control record to dst.
func (m EndTransactionMarker) AppendValue(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, endTxnValueVersion)
	return binary.BigEndian.AppendUint32(dst, uint32(m.CoordinatorEpoch))
}

// ParseEndTransactionMarker reads key and value of a control record. Fields of later versions are
// ignored. Error: [ErrInvalidMarker], also for control records of other types.
func ParseEndTransactionMarker(key, value []byte) (EndTransactionMarker, error) {
	t, err := ParseControlKey(key)
	if err != nil {
		return EndTransactionMarker{}, err
	}
	if t != ControlAbort && t != ControlCommit {
		return EndTransactionMarker{}, fmt.Errorf("%w: control type is %v", ErrInvalidMarker, t)
	}
	if len(value) < endTxnValueSize {
		return EndTransactionMarker{}, fmt.Errorf("%w: value has %d bytes", ErrInvalidMarker, len(value))
	}
	if v := int16(binary.BigEndian.Uint16(value)); v < 0 {
		return EndTransactionMarker{}, fmt.Errorf("%w: value has version %d", ErrInvalidMarker, v)
	}
	return EndTransactionMarker{Type: t, CoordinatorEpoch: int32(binary.BigEndian.Uint32(value[2:]))}, nil
}

// Marker is the end-transaction marker that a control batch holds. Kafka's control batches are
// never compressed and hold one record.
//
// Errors: [ErrInvalidMarker] if b is no such batch, [ErrInvalidRecord].
func (b Batch) Marker() (EndTransactionMarker, error) {
	if a := b.Attributes(); !a.IsControl() || a.Codec() != None {
		return EndTransactionMarker{}, fmt.Errorf("%w: attributes are %#x", ErrInvalidMarker, int16(a))
	}
	for r, err := range b.RecordsIn(b.Payload()) {
		if err != nil {
			return EndTransactionMarker{}, err
		}
		// Only the first record matters; Kafka's recovery looks no further either.
		return ParseEndTransactionMarker(r.Key, r.Value)
	}
	return EndTransactionMarker{}, fmt.Errorf("%w: %w", ErrInvalidMarker, ErrNoRecords)
}

// NewMarkerBatch is AppendMarkerBatch into new memory.
func NewMarkerBatch(m EndTransactionMarker, producerID int64, producerEpoch int16, timestamp int64) (Batch, error) {
	return AppendMarkerBatch(nil, m, producerID, producerEpoch, timestamp)
}

// MarkerBatchSize is the size of a batch with a marker in bytes.
const MarkerBatchSize = HeaderSize + 1 + markerRecordSize

// markerRecordSize is the size of the record in it. A varint of each length that comes up here takes one byte.
const markerRecordSize = 1 + 1 + 1 + 1 + controlKeySize + 1 + endTxnValueSize + 1 // attributes, two deltas, key, value, no headers

// AppendMarkerBatch appends to dst the control batch with which a coordinator ends the transaction of a producer, at offset 0 and without
// a leader epoch, and returns it as a view of the result's end. The timestamp is in milliseconds. It is what a [Builder] makes, without one: each
// partition of each transaction gets such a batch. Error: [ErrInvalidMarker] for other types.
func AppendMarkerBatch(dst []byte, m EndTransactionMarker, producerID int64, producerEpoch int16, timestamp int64) (Batch, error) {
	if m.Type != ControlAbort && m.Type != ControlCommit {
		return nil, fmt.Errorf("%w: control type is %v", ErrInvalidMarker, m.Type)
	}
	from := len(dst)
	var zeros [MarkerBatchSize]byte
	dst = append(dst, zeros[:]...)
	b := Batch(dst[from:len(dst):len(dst)])
	b.putLength()
	b.SetPartitionLeaderEpoch(NoPartitionLeaderEpoch)
	b[magicAt] = Magic
	binary.BigEndian.PutUint16(b[attributesAt:], uint16(transactionalBit|controlBit))
	binary.BigEndian.PutUint64(b[baseTimestampAt:], uint64(timestamp))
	binary.BigEndian.PutUint64(b[maxTimestampAt:], uint64(timestamp))
	binary.BigEndian.PutUint64(b[producerIDAt:], uint64(producerID))
	binary.BigEndian.PutUint16(b[producerEpochAt:], uint16(producerEpoch))
	noSequence := NoSequence
	binary.BigEndian.PutUint32(b[baseSequenceAt:], uint32(noSequence))
	binary.BigEndian.PutUint32(b[countAt:], 1)
	// Length, attributes, timestamp delta, offset delta, then key and value behind their lengths; lengths are zigzag varints.
	payload := b.Payload()[:0]
	payload = append(payload, 2*markerRecordSize, 0, 0, 0, 2*controlKeySize)
	payload = append(m.AppendKey(payload), 2*endTxnValueSize)
	m.AppendValue(payload)
	b.setCRC()
	return b, nil
}
