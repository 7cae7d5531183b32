package record

import (
	"encoding/binary"
	"math"
)

// Sizes of a batch and its parts, in bytes.
const (
	// HeaderSize is what precedes the records of a batch.
	HeaderSize = 61
	// lengthOverhead is the part of the header that the length field does not count.
	lengthOverhead = 12
	// minLength is the length field of a batch without records.
	minLength = HeaderSize - lengthOverhead
)

// Magic is the only version of the batch format that is read and written here
// (KIP-98). Older ones went with Kafka 4.0 (KIP-724).
const Magic = 2

// What Kafka writes where there is nothing to say.
const (
	NoProducerID           int64 = -1
	NoProducerEpoch        int16 = -1
	NoSequence             int32 = -1
	NoTimestamp            int64 = -1
	NoPartitionLeaderEpoch int32 = -1
)

// Positions of the header fields.
const (
	baseOffsetAt      = 0
	lengthAt          = 8
	leaderEpochAt     = 12
	magicAt           = 16
	crcAt             = 17
	attributesAt      = 21 // the CRC covers everything from here on
	lastOffsetDeltaAt = 23
	baseTimestampAt   = 27
	maxTimestampAt    = 35
	producerIDAt      = 43
	producerEpochAt   = 51
	baseSequenceAt    = 53
	countAt           = 57
)

// Batch is one whole record batch where it lies: a slice of exactly Size bytes. It comes
// from [First], [Validate] or a [Builder], which guarantee that; the getters of a
// shorter slice panic. Fields are read on demand because most callers want three of them, and a decoded
// struct would be a second truth beside the bytes.
type Batch []byte

// First is the first batch of p; what follows it is not looked at. The result is a view of
// p that can't grow into the next batch. The CRC and the payload are not checked.
//
// Errors: [ErrEnd] if p is empty or has only zero bytes or a zero length next, [ErrTruncated] if p
// ends inside the batch, [*CorruptError] if length or magic are impossible.
func First(p []byte) (Batch, error) {
	size, err := sizeOf(p)
	if err != nil {
		return nil, err
	}
	if size > len(p) {
		return nil, ErrTruncated
	}
	return Batch(p[:size:size]), nil
}

// sizeOf reads the size of the batch that begins p, which may end before it does.
func sizeOf(p []byte) (int, error) {
	if len(p) < magicAt+1 {
		if allZero(p) {
			return 0, ErrEnd
		}
		return 0, ErrTruncated
	}
	length := int32(binary.BigEndian.Uint32(p[lengthAt:]))
	if length == 0 {
		return 0, ErrEnd
	}
	if length < minLength || length > math.MaxInt32-lengthOverhead {
		return 0, &CorruptError{Field: "batchLength", Value: int64(length), Want: "at least 49"}
	}
	if m := int8(p[magicAt]); m != Magic {
		return 0, &CorruptError{Field: "magic", Value: int64(m), Want: "2"}
	}
	return lengthOverhead + int(length), nil
}

func allZero(p []byte) bool {
	for _, c := range p {
		if c != 0 {
			return false
		}
	}
	return true
}

// BaseOffset is the offset of the first record that the batch was written with;
// compaction may have removed that record since.
func (b Batch) BaseOffset() int64 { return int64(binary.BigEndian.Uint64(b[baseOffsetAt:])) }

// Size is the size of the whole batch in bytes, header included.
func (b Batch) Size() int {
	return lengthOverhead + int(int32(binary.BigEndian.Uint32(b[lengthAt:])))
}

// PartitionLeaderEpoch is the epoch of the leader that appended the batch, -1 from a producer.
func (b Batch) PartitionLeaderEpoch() int32 {
	return int32(binary.BigEndian.Uint32(b[leaderEpochAt:]))
}

// Magic is the version of the batch format.
func (b Batch) Magic() int8 { return int8(b[magicAt]) }

// CRC is the stored CRC-32C of everything from the attributes on.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[crcAt:]) }

// Attributes are the flags of the batch.
func (b Batch) Attributes() Attributes {
	return Attributes(binary.BigEndian.Uint16(b[attributesAt:]))
}

// LastOffsetDelta is LastOffset - BaseOffset; compaction preserves it.
func (b Batch) LastOffsetDelta() int32 {
	return int32(binary.BigEndian.Uint32(b[lastOffsetDeltaAt:]))
}

// LastOffset is the offset of the last record that the batch was written with (inclusive).
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// NextOffset is the offset that follows the batch.
func (b Batch) NextOffset() int64 { return b.LastOffset() + 1 }

// BaseTimestamp is what the timestamp deltas of the records count from, in milliseconds; or the delete
// horizon, see [Batch.DeleteHorizon].
func (b Batch) BaseTimestamp() int64 {
	return int64(binary.BigEndian.Uint64(b[baseTimestampAt:]))
}

// MaxTimestamp is the greatest timestamp of the records in milliseconds, -1 if they
// have none, or the append time where the timestamp type is LogAppendTime.
func (b Batch) MaxTimestamp() int64 {
	return int64(binary.BigEndian.Uint64(b[maxTimestampAt:]))
}

// ProducerID is the ID of an idempotent or transactional producer, else -1.
func (b Batch) ProducerID() int64 { return int64(binary.BigEndian.Uint64(b[producerIDAt:])) }

// HasProducerID tells whether the producer is idempotent.
func (b Batch) HasProducerID() bool { return b.ProducerID() > NoProducerID }

// ProducerEpoch is the epoch of the producer, -1 without one.
func (b Batch) ProducerEpoch() int16 {
	return int16(binary.BigEndian.Uint16(b[producerEpochAt:]))
}

// BaseSequence is the sequence number of the first record, -1 without a producer and in
// control batches.
func (b Batch) BaseSequence() int32 {
	return int32(binary.BigEndian.Uint32(b[baseSequenceAt:]))
}

// LastSequence is the sequence number of the last record, -1 if there are none.
// After 2147483647 sequence numbers go on with 0.
func (b Batch) LastSequence() int32 { return lastSequence(b.BaseSequence(), b.LastOffsetDelta()) }

func lastSequence(base, delta int32) int32 {
	if base < 0 {
		return NoSequence
	}
	return int32((int64(base) + int64(delta)) & math.MaxInt32)
}

// Count is the number of records that the payload holds: fewer than offsets after compaction.
func (b Batch) Count() int32 { return int32(binary.BigEndian.Uint32(b[countAt:])) }

// Payload is the records, compressed as the attributes say.
func (b Batch) Payload() []byte { return b[HeaderSize:] }

// DeleteHorizon is the time in milliseconds from which on compaction may drop
// the tombstones and markers of the batch, if compaction has set one (KIP-534).
func (b Batch) DeleteHorizon() (ms int64, ok bool) {
	if !b.Attributes().HasDeleteHorizon() {
		return 0, false
	}
	return b.BaseTimestamp(), true
}

// RecordOffset is the offset of a record of b.
func (b Batch) RecordOffset(r Record) int64 { return b.BaseOffset() + int64(r.OffsetDelta) }

// RecordTimestamp is the timestamp of a record of b in milliseconds, -1 for none: its own, or that of
// the append for all records alike.
func (b Batch) RecordTimestamp(r Record) int64 {
	if b.Attributes().TimestampType() == LogAppendTime {
		return b.MaxTimestamp()
	}
	return b.BaseTimestamp() + r.TimestampDelta
}

// SetBaseOffset moves the batch to an offset. The CRC does not cover it.
func (b Batch) SetBaseOffset(offset int64) {
	binary.BigEndian.PutUint64(b[baseOffsetAt:], uint64(offset))
}

// SetPartitionLeaderEpoch stamps the epoch of the leader. The CRC does not cover it.
func (b Batch) SetPartitionLeaderEpoch(epoch int32) {
	binary.BigEndian.PutUint32(b[leaderEpochAt:], uint32(epoch))
}

// Attributes are the flags of a batch. Bits 7 to 15 are unused; Kafka ignores them.
type Attributes int16

// The bits of the attributes (KIP-98, KIP-534).
const (
	codecMask         Attributes = 0x07
	timestampTypeBit  Attributes = 0x08
	transactionalBit  Attributes = 0x10
	controlBit        Attributes = 0x20
	deleteHorizonBit  Attributes = 0x40
	knownAttributeBit Attributes = 0x7f
)

// Codec is how the payload is compressed; it may be a number that is no codec.
func (a Attributes) Codec() Codec { return Codec(a & codecMask) }

// TimestampType tells whose clock the timestamps are from.
func (a Attributes) TimestampType() TimestampType {
	if a&timestampTypeBit != 0 {
		return LogAppendTime
	}
	return CreateTime
}

// IsTransactional tells whether the batch belongs to a transaction.
func (a Attributes) IsTransactional() bool { return a&transactionalBit != 0 }

// IsControl tells whether the records are control records, which no application sees.
func (a Attributes) IsControl() bool { return a&controlBit != 0 }

// HasDeleteHorizon tells whether the base timestamp is a delete horizon.
func (a Attributes) HasDeleteHorizon() bool { return a&deleteHorizonBit != 0 }

// TimestampType is message.timestamp.type: whose clock a timestamp is from.
type TimestampType int8

// The timestamp types (KIP-32).
const (
	CreateTime    TimestampType = 0 // the producer's
	LogAppendTime TimestampType = 1 // the broker's, one for the whole batch
)

// String is the type by Kafka's config name.
func (t TimestampType) String() string {
	if t == LogAppendTime {
		return "LogAppendTime"
	}
	return "CreateTime"
}
