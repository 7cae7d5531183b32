package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Builder makes one batch: set the fields, add records, call Build. [NewBuilder] gives a
// batch without producer, at offset 0. Base timestamp, max timestamp, count and last
// offset come from the records. A Builder may be used again after Build; it is not safe for concurrent use.
//
// Records are encoded as they are added and compressed together at the end, because Kafka's
// codecs gain nothing from smaller steps and the header wants to know the size anyway.
type Builder struct {
	// Codec compresses the records.
	Codec Codec
	// Level is the compression level; NewBuilder's 0 stands for the codec's default.
	Level int
	// BaseOffset is 0 from a producer; the log moves the batch to where it belongs.
	BaseOffset int64
	// PartitionLeaderEpoch is the log's to set.
	PartitionLeaderEpoch int32
	// ProducerID, ProducerEpoch and BaseSequence make the batch idempotent (KIP-98).
	ProducerID    int64
	ProducerEpoch int16
	BaseSequence  int32
	// Transactional and Control are the flags of the same names.
	Transactional bool
	Control       bool
	// LogAppendTime in milliseconds makes LogAppendTime the timestamp type if it is not NoTimestamp.
	LogAppendTime int64
	// DeleteHorizon in milliseconds takes the place of the base timestamp if it is not NoTimestamp.
	DeleteHorizon int64
	// LastOffset is the last offset of the batch if it is beyond the last record's, as after
	// compaction; else 0.
	LastOffset int64

	payload       []byte // the records so far, uncompressed
	count         int32
	lastDelta     int32
	baseTimestamp int64
	maxTimestamp  int64
	err           error // the first misuse; Build returns it, so that Append need not
}

// NewBuilder is a builder whose optional fields say that there is nothing.
func NewBuilder() *Builder {
	return &Builder{
		PartitionLeaderEpoch: NoPartitionLeaderEpoch,
		ProducerID:           NoProducerID, ProducerEpoch: NoProducerEpoch, BaseSequence: NoSequence,
		LogAppendTime: NoTimestamp, DeleteHorizon: NoTimestamp,
	}
}

// Append adds a record behind the last one. The timestamp is in milliseconds, -1 for none; a nil key
// or value is null. Everything is copied.
func (b *Builder) Append(timestamp int64, key, value []byte, headers ...RecordHeader) {
	next := b.BaseOffset
	if b.count > 0 {
		next += int64(b.lastDelta) + 1
	}
	b.AppendAt(next, timestamp, Record{Key: key, Value: value, Headers: NewHeaders(headers...)})
}

// AppendAt adds a record at an offset beyond those before it. The deltas of r are replaced; the rest is copied.
// Build reports an offset that does not fit the batch.
func (b *Builder) AppendAt(offset, timestamp int64, r Record) {
	delta := offset - b.BaseOffset
	if delta < 0 || delta > math.MaxInt32 || (b.count > 0 && delta <= int64(b.lastDelta)) {
		b.err = fmt.Errorf("%w: offset %d behind base offset %d and delta %d", ErrInvalidRecord, offset, b.BaseOffset, b.lastDelta)
		return
	}
	if b.count == 0 {
		b.baseTimestamp, b.maxTimestamp = timestamp, timestamp
		if b.DeleteHorizon != NoTimestamp {
			b.baseTimestamp = b.DeleteHorizon
		}
	}
	b.maxTimestamp = max(b.maxTimestamp, timestamp)
	b.lastDelta = int32(delta)
	b.count++
	r.OffsetDelta, r.TimestampDelta = int32(delta), timestamp-b.baseTimestamp
	b.payload = appendRecord(b.payload, &r)
}

// Len is the number of records added since the last Build.
func (b *Builder) Len() int { return int(b.count) }

// Size is what the batch would have in bytes without compression.
func (b *Builder) Size() int { return HeaderSize + len(b.payload) }

// Build appends the batch to dst, returns it as a view of the result's end, and empties
// the builder of records. Errors: [ErrNoRecords], [ErrBatchTooLarge], [ErrInvalidRecord], and those of [Compress].
func (b *Builder) Build(dst []byte) (Batch, error) {
	defer b.reset()
	if b.err != nil {
		return nil, b.err
	}
	if b.count == 0 {
		return nil, ErrNoRecords
	}
	if b.LastOffset != 0 {
		// Compaction keeps the offset range of a batch when it removes records from its end.
		delta := b.LastOffset - b.BaseOffset
		if delta < int64(b.lastDelta) || delta > math.MaxInt32 {
			return nil, fmt.Errorf("%w: last offset %d", ErrInvalidRecord, b.LastOffset)
		}
		b.lastDelta = int32(delta)
	}
	from := len(dst)
	dst = append(dst, make([]byte, HeaderSize)...)
	level := b.Level
	if level == 0 {
		level = DefaultLevel(b.Codec)
	}
	dst, err := Compress(dst, b.Codec, level, b.payload)
	if err != nil {
		return nil, err
	}
	if len(dst)-from > math.MaxInt32 {
		return nil, ErrBatchTooLarge
	}
	batch := Batch(dst[from:len(dst):len(dst)])
	b.putHeader(batch)
	return batch, nil
}

func (b *Builder) reset() {
	b.payload, b.count, b.lastDelta, b.err = b.payload[:0], 0, 0, nil
}

// putHeader writes the header of a batch whose payload is in its place.
func (b *Builder) putHeader(batch Batch) {
	attributes := Attributes(b.Codec)
	maxTimestamp := b.maxTimestamp
	if b.LogAppendTime != NoTimestamp {
		attributes |= timestampTypeBit
		maxTimestamp = b.LogAppendTime
	}
	if b.Transactional {
		attributes |= transactionalBit
	}
	if b.Control {
		attributes |= controlBit
	}
	if b.DeleteHorizon != NoTimestamp {
		attributes |= deleteHorizonBit
	}
	batch.SetBaseOffset(b.BaseOffset)
	batch.putLength()
	batch.SetPartitionLeaderEpoch(b.PartitionLeaderEpoch)
	batch[magicAt] = Magic
	binary.BigEndian.PutUint16(batch[attributesAt:], uint16(attributes))
	binary.BigEndian.PutUint32(batch[lastOffsetDeltaAt:], uint32(b.lastDelta))
	binary.BigEndian.PutUint64(batch[baseTimestampAt:], uint64(b.baseTimestamp))
	binary.BigEndian.PutUint64(batch[maxTimestampAt:], uint64(maxTimestamp))
	binary.BigEndian.PutUint64(batch[producerIDAt:], uint64(b.ProducerID))
	binary.BigEndian.PutUint16(batch[producerEpochAt:], uint16(b.ProducerEpoch))
	binary.BigEndian.PutUint32(batch[baseSequenceAt:], uint32(b.BaseSequence))
	binary.BigEndian.PutUint32(batch[countAt:], uint32(b.count))
	batch.setCRC()
}

func (b Batch) putLength() {
	binary.BigEndian.PutUint32(b[lengthAt:], uint32(len(b)-lengthOverhead))
}

// Recompress is b with its payload under another codec, in new memory; b itself if it has that
// codec already, or is a control batch, which stays as it is (LogValidator). The CRC of b must have been verified.
// Everything but codec, length and CRC stays, save that unused attributes are cleared; a payload of more than limit bytes is refused.
//
// Errors: as [Compress] and [Decompress], [ErrBatchTooLarge].
func Recompress(b Batch, c Codec, level, limit int) (Batch, error) {
	attributes := b.Attributes()
	if attributes.Codec() == c || attributes.IsControl() {
		return b, nil
	}
	// Offsets and timestamps are in the records, which stay as they are: there is no need to
	// take them apart, only to pack them otherwise.
	payload := b.Payload()
	if old := attributes.Codec(); old != None {
		s := takeScratch()
		defer s.give()
		var err error
		if payload, err = s.decompress(old, payload, limit); err != nil {
			return nil, err
		}
	}
	out := make([]byte, HeaderSize, HeaderSize+len(b))
	copy(out, b)
	out, err := Compress(out, c, level, payload)
	if err != nil {
		return nil, err
	}
	if len(out) > math.MaxInt32 {
		return nil, ErrBatchTooLarge
	}
	n := Batch(slices.Clip(out))
	n.putLength()
	binary.BigEndian.PutUint16(n[attributesAt:], uint16(attributes&knownAttributeBit&^codecMask|Attributes(c)))
	n.setCRC()
	return n, nil
}

// AppendEmpty appends the batch of h without its records to dst, as compaction keeps it so that offsets, sequence
// numbers and epochs aren't lost (DefaultRecordBatch.writeEmptyHeader): offset range, producer, max
// timestamp and flags stay; codec, base timestamp and delete horizon go with the records.
func AppendEmpty(dst []byte, h Header) []byte {
	from := len(dst)
	dst = append(dst, h[:]...)
	b := Batch(dst[from:])
	b.putLength()
	attributes := h.Attributes() & (timestampTypeBit | transactionalBit | controlBit)
	binary.BigEndian.PutUint16(b[attributesAt:], uint16(attributes))
	noTimestamp := NoTimestamp
	binary.BigEndian.PutUint64(b[baseTimestampAt:], uint64(noTimestamp))
	binary.BigEndian.PutUint32(b[countAt:], 0)
	b.setCRC()
	return dst
}
