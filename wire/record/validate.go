package record

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Rules are what [Validate] has to know of the request and of the topic. The zero value of
// each field switches its check off or is Kafka's meaning of zero.
type Rules struct {
	// Topic and Partition are for the texts that a client is shown.
	Topic     string
	Partition int32
	// ProduceVersion is the version of the Produce request; zstd needs 7 (KIP-110).
	ProduceVersion int16
	// MaxBytes is max.message.bytes; 0 for no limit.
	MaxBytes int
	// Compacted is set for cleanup.policy=compact: records need keys.
	Compacted bool
	// TimestampType is message.timestamp.type.
	TimestampType TimestampType
	// Now is the time in milliseconds that timestamps are compared with.
	Now int64
	// BeforeMaxMs and AfterMaxMs are message.timestamp.before.max.ms and .after.max.ms:
	// how far a CreateTime may be from Now.
	BeforeMaxMs int64
	AfterMaxMs  int64
	// MaxDecompressed bounds what a compressed payload may become, in bytes;
	// 0 means [DefaultLimit].
	MaxDecompressed int
	// HeaderOnly leaves compressed payloads unread: only the header and the CRC are checked. Keys, the
	// timestamps of single records and their structure are then the producer's word.
	HeaderOnly bool
}

// The sizes at which Kafka's reader of in-memory batches gives up (ByteBufferLogInputStream).
const (
	kafkaHeadSize  = magicAt + 1 // needed to look at the magic
	kafkaMinLength = 14          // the smallest message of magic 0
)

// Validate checks the records field of one partition of a Produce request (version 3 and above)
// as Kafka's broker does, in its order: ProduceRequest.validateRecords,
// UnifiedLog.analyzeAndValidateRecords, LogValidator. p must hold exactly one batch of magic 2; an incomplete
// batch behind it is ignored, as there. The result is a view of p without that rest.
//
// As Kafka, it corrects a wrong max timestamp, and a timestamp type that is not the
// topic's, in place. It is stricter than Kafka where that would store a batch that
// harms consumers: see format.md.
//
// The error is an [*InvalidError]. p is then unchanged.
func Validate(p []byte, r Rules) (Batch, error) {
	b, err := onlyBatch(p, &r)
	if err != nil {
		return nil, err
	}
	if err := checkHeader(b, &r); err != nil {
		return nil, err
	}
	maxTimestamp, err := checkPayload(b, &r)
	if err != nil {
		return nil, err
	}
	if r.TimestampType == CreateTime {
		b.setTimestamps(CreateTime, maxTimestamp)
	}
	return b, nil
}

// onlyBatch finds the one batch of p, by the framing that all versions of the format share.
func onlyBatch(p []byte, r *Rules) (Batch, error) {
	size, invalid := frame(p)
	if invalid != nil {
		// Kafka looks for transactional batches in all partitions before anything else and
		// trips there, so the answer is one for all partitions, with a text.
		invalid.WholeRequest, invalid.Message = true, invalid.Reason
		return nil, invalid
	}
	if size == 0 {
		return nil, &InvalidError{Kind: KindInvalidRecord, Reason: "no whole record batch"}
	}
	// The view may still be shorter than a header: the old formats' smallest message is. Its first 26
	// bytes are there, and with them magic and attributes.
	b := Batch(p[:size:size])
	if b.Magic() != Magic {
		return nil, &InvalidError{Kind: KindInvalidRecord, Reason: fmt.Sprintf("record batch has magic %d, only 2 may be produced", b.Magic())}
	}
	if b.Attributes().Codec() == Zstd && r.ProduceVersion < zstdProduceVersion {
		return nil, &InvalidError{Kind: KindUnsupportedCodec, Reason: fmt.Sprintf("zstd in a Produce request of version %d", r.ProduceVersion)}
	}
	// What follows is only looked at as Kafka looks at it: a rest that can't be a batch yet is
	// ignored, one that never can is corrupt.
	next, invalid := frame(p[size:])
	if invalid != nil {
		return nil, invalid
	}
	if next != 0 {
		return nil, &InvalidError{Kind: KindInvalidRecord, Reason: "more than one record batch"}
	}
	return b, nil
}

// zstdProduceVersion is the first version of Produce whose clients all know zstd (KIP-110).
const zstdProduceVersion = 7

// frame is the size of the batch that begins p, 0 if there is no whole one.
func frame(p []byte) (int, *InvalidError) {
	if len(p) < lengthOverhead {
		return 0, nil
	}
	length := int32(binary.BigEndian.Uint32(p[lengthAt:]))
	if length < kafkaMinLength {
		return 0, &InvalidError{Kind: KindCorrupt, Reason: fmt.Sprintf("Record size %d is less than the minimum record overhead (%d)", length, kafkaMinLength)}
	}
	if len(p) < kafkaHeadSize {
		return 0, nil
	}
	if magic := int8(p[magicAt]); magic < 0 || magic > Magic {
		return 0, &InvalidError{Kind: KindCorrupt, Reason: fmt.Sprintf("Invalid magic found in record: %d", magic)}
	}
	if int64(length)+lengthOverhead > int64(len(p)) {
		return 0, nil
	}
	return lengthOverhead + int(length), nil
}

// checkHeader checks everything about the batch that its records are not needed for.
func checkHeader(b Batch, r *Rules) error {
	switch {
	case b.BaseOffset() != 0:
		return invalid(KindInvalidRecord, "base offset is %d, a producer's is 0", b.BaseOffset())
	case r.MaxBytes > 0 && len(b) > r.MaxBytes:
		return invalid(KindTooLarge, "record batch has %d bytes, %d are allowed", len(b), r.MaxBytes)
	case len(b) < HeaderSize:
		return invalid(KindCorrupt, "record batch has %d bytes, its header alone has %d", len(b), HeaderSize)
	}
	// The one pass over the payload. It comes before everything that believes a header field.
	if err := b.VerifyCRC(); err != nil {
		return &InvalidError{Kind: KindCorrupt, Reason: err.Error(), Err: err}
	}
	attributes, count := b.Attributes(), b.Count()
	switch {
	case !attributes.Codec().known():
		return &InvalidError{Kind: KindUnreadable, Reason: attributes.Codec().String(), Err: ErrUnknownCodec}
	case b.LastOffsetDelta() < 0:
		return invalid(KindInvalidRecord, "last offset delta is %d", b.LastOffsetDelta())
	case count <= 0:
		return invalid(KindInvalidRecord, "count of records is %d", count)
	case int64(count) != int64(b.LastOffsetDelta())+1:
		return invalid(KindInvalidRecord, "count of records is %d, last offset delta %d", count, b.LastOffsetDelta())
	case attributes.IsControl():
		return invalid(KindInvalidRecord, "a client may not write control records")
	case b.HasProducerID() && b.BaseSequence() < 0:
		return invalid(KindInvalidRecord, "base sequence is %d in a batch of producer ID %d", b.BaseSequence(), b.ProducerID())
	}
	return nil
}

func invalid(kind Kind, format string, args ...any) *InvalidError {
	return &InvalidError{Kind: kind, Reason: fmt.Sprintf(format, args...)}
}

// checkPayload checks the records of b and returns the greatest timestamp of them.
func checkPayload(b Batch, r *Rules) (maxTimestamp int64, err error) {
	codec := b.Attributes().Codec()
	if codec == None {
		return checkRecords(b, b.Payload(), r)
	}
	if r.HeaderOnly {
		return checkMaxTimestamp(b, r)
	}
	limit := r.MaxDecompressed
	if limit <= 0 {
		limit = DefaultLimit(len(b.Payload()))
	}
	s := takeScratch()
	defer s.give()
	payload, err := s.decompress(codec, b.Payload(), limit)
	switch {
	case errors.Is(err, ErrDecompressedTooLarge):
		return 0, &InvalidError{Kind: KindTooLarge, Reason: fmt.Sprintf("%v payload has more than %d bytes", codec, limit), Err: err}
	case err != nil:
		return 0, &InvalidError{Kind: KindUnreadable, Reason: err.Error(), Err: err}
	}
	return checkRecords(b, payload, r)
}

// checkRecords checks structure, keys and timestamps of the records.
func checkRecords(b Batch, payload []byte, r *Rules) (maxTimestamp int64, err error) {
	e, index, f := walkRecords(payload, b.Count())
	if f != flawNone {
		err := invalidRecord(index, f)
		return 0, &InvalidError{Kind: KindInvalidRecord, Reason: err.Error(), Err: err}
	}
	// From here on the records are sound, and nearly always all of them are welcome. Whatever may need a word about a
	// single record is looked at again, record by record.
	if r.Compacted && e.nullKey {
		return judgeRecords(b, payload, r)
	}
	if b.Attributes().TimestampType() == LogAppendTime {
		return judgeRecords(b, payload, r)
	}
	if r.TimestampType == LogAppendTime {
		return 0, nil // the producer's times are about to be overwritten
	}
	base := b.BaseTimestamp()
	lowest, highest := base+e.minDelta, base+e.maxDelta
	// All timestamps lie between these two, unless a sum has overflowed. Those go the
	// slow way, too: it computes as Kafka does.
	overflow := (lowest < base) != (e.minDelta < 0) || (highest < base) != (e.maxDelta < 0)
	from, to := r.timestampRange()
	if overflow || lowest < from || highest > to {
		return judgeRecords(b, payload, r)
	}
	return max(highest, NoTimestamp), nil
}
