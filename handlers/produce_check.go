package handlers

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// checkBatches decides of each partition whether its batch may be appended, before any is. An error is the
// answer to all of them. now is in ms since 1970.
func (d *Dispatcher) checkBatches(ctx context.Context, req *broker.Request, r *kmsg.ProduceRequest, batches []produceBatch, now int64) apiError {
	if r.TransactionID == nil && anyTransactional(r) {
		return bare(wire.TransactionalIDAuthorizationFailed)
	}
	image := d.topics()
	internalAllowed := req.Header.ClientID != nil && *req.Header.ClientID == adminClientID
	next := 0
	for i := range r.Topics {
		rt := &r.Topics[i]
		topic := image.of(rt.Topic, rt.TopicID)
		if topic == nil && r.Version < produceTopicIDs {
			topic = d.autoCreateForProduce(ctx, rt)
		}
		rules := d.produceRules(topic, r.Version, now)
		for j := range rt.Partitions {
			b := &batches[next]
			next++
			b.topic = topic
			code := d.checkPlace(b, r, &rt.Partitions[j], internalAllowed)
			if code != wire.None {
				b.out.ErrorCode = int16(code)
				continue
			}
			rules.Partition = b.out.Partition
			if refused := b.check(rt.Partitions[j].Records, &rules); refused.failed() {
				return refused
			}
		}
	}
	return apiError{}
}

// produceRules is what a batch must fulfil to enter a topic.
func (d *Dispatcher) produceRules(topic *catalog.Topic, version int16, now int64) record.Rules {
	rules := record.Rules{ProduceVersion: version, Now: now, HeaderOnly: !d.config().ProduceVerifyCompressed}
	if topic == nil {
		return rules
	}
	c := topic.Config
	rules.Topic = topic.Name
	rules.MaxBytes = max(1, int(c.MaxMessageBytes)) // In the rules 0 is no limit; in a topic it lets nothing in.
	rules.Compacted = c.CleanupPolicy.Has(logstore.CleanupCompact)
	rules.BeforeMaxMs, rules.AfterMaxMs = c.TimestampBeforeMaxMs, c.TimestampAfterMaxMs
	rules.MaxDecompressed = topic.MaxDecompressedBytes
	if c.LogAppendTime {
		rules.TimestampType = record.LogAppendTime
	}
	return rules
}

// checkPlace finds the log that a batch is for.
func (d *Dispatcher) checkPlace(b *produceBatch, r *kmsg.ProduceRequest, rp *kmsg.ProduceRequestTopicPartition, internalAllowed bool) wire.ErrorCode {
	if b.topic == nil && r.Version >= produceTopicIDs {
		return wire.UnknownTopicID
	}
	if _, code := hasPartition(b.topic, rp.Partition); code != wire.None {
		return code
	}
	switch {
	case r.Acks != acksAll && r.Acks != acksLeader && r.Acks != acksNone:
		return wire.InvalidRequiredAcks
	case b.topic.Internal && !internalAllowed:
		return wire.InvalidTopicException
	}
	log, code := d.partition(b.topic, rp.Partition)
	b.log = log
	return code
}

// check validates records and puts them into the codec of the topic. Its error is one
// for the whole request; what concerns the partition alone is told there.
func (b *produceBatch) check(records []byte, rules *record.Rules) apiError {
	batch, err := record.Validate(records, *rules)
	if err == nil {
		batch, err = recompress(batch, b.topic.Config, rules)
	}
	if err != nil {
		return b.tellInvalid(records, err)
	}
	if len(batch) > int(b.topic.Config.SegmentBytes) {
		b.out.ErrorCode = int16(wire.RecordListTooLarge)
		return apiError{}
	}
	b.batch = batch
	return apiError{}
}

// tellInvalid tells why a batch is refused.
func (b *produceBatch) tellInvalid(records []byte, err error) apiError {
	code := errorCode(err)
	invalid, ok := errors.AsType[*record.InvalidError](err)
	if !ok {
		b.out.ErrorCode = int16(code)
		return apiError{}
	}
	if invalid.WholeRequest {
		return failure(code, "%s", invalid.Message)
	}
	b.out.ErrorCode = int16(code)
	if reachedLog(invalid.Kind, records) {
		b.out.LogStartOffset = b.log.Offsets().LogStartOffset
	}
	if invalid.Message != "" {
		b.out.ErrorMessage = &invalid.Message
	}
	for _, e := range invalid.Records {
		out := kmsg.NewProduceResponseTopicPartitionErrorRecord()
		out.RelativeOffset, out.ErrorMessage = e.BatchIndex, &e.Message
		b.out.ErrorRecords = append(b.out.ErrorRecords, out)
	}
	return apiError{}
}

// reachedLog reports whether Kafka finds the fault only in the log, and so tells where that starts: what is seen in the request,
// and what it counts as the client's ordinary mistakes, is answered without.
func reachedLog(kind record.Kind, records []byte) bool {
	switch kind {
	case record.KindInvalidTimestamp, record.KindUnreadable:
		return true
	case record.KindInvalidRecord:
		first, err := record.First(records)
		if err != nil {
			return false
		}
		_, err = record.First(records[len(first):])
		return err != nil // One batch, as it must be.
	default:
		return false
	}
}

// recompress puts a batch into the codec that compression.type wants. A batch that has it already keeps its
// bytes, whatever the level.
func recompress(batch record.Batch, c *logstore.Config, rules *record.Rules) (record.Batch, error) {
	if c.CompressionType == compressionOfProducer {
		return batch, nil
	}
	codec, level := topicCodec(c)
	if batch.Attributes().Codec() == codec {
		return batch, nil
	}
	limit := rules.MaxDecompressed
	if limit <= 0 {
		limit = record.DefaultLimit(len(batch.Payload()))
	}
	batch, err := record.Recompress(batch, codec, level, limit)
	if err != nil {
		return nil, err
	}
	if len(batch) > rules.MaxBytes {
		return nil, &record.InvalidError{Kind: record.KindTooLarge, Reason: "too large for the topic in the topic's own codec"}
	}
	return batch, nil
}

// Values of compression.type that are no codec's name.
const (
	compressionOfProducer = "producer"
	compressionNone       = "uncompressed"
)

// topicCodec is what compression.type and the level of its codec say.
func topicCodec(c *logstore.Config) (codec record.Codec, level int) {
	if c.CompressionType == compressionNone {
		return record.None, 0
	}
	codec, err := record.ParseCodec(c.CompressionType)
	if err != nil {
		return record.None, 0 // Can't be: the value was validated when it was set.
	}
	switch codec {
	case record.Gzip:
		level = c.CompressionGzipLevel
	case record.LZ4:
		level = c.CompressionLZ4Level
	case record.Zstd:
		level = c.CompressionZstdLevel
	default:
	}
	return codec, level
}

// tellAppendError tells why the log refused a batch.
func (d *Dispatcher) tellAppendError(b *produceBatch, version int16, err error) {
	code := errorCode(err)
	b.out.ErrorCode = int16(code)
	switch code {
	case wire.UnknownTopicOrPartition, wire.KafkaStorageError:
	case wire.NotLeaderOrFollower:
		if notLeader, ok := errors.AsType[*logstore.NotLeaderError](err); ok && version >= 10 {
			b.out.CurrentLeader.LeaderID, b.out.CurrentLeader.LeaderEpoch = notLeader.Leader, notLeader.LeaderEpoch
		}
	default:
		b.out.LogStartOffset = b.log.Offsets().LogStartOffset
	}
	d.deps.Log.Debug("produce refused", "topic", b.topic.Name, "partition", b.out.Partition, "error", err)
}

// attributesAt is where a batch has its attributes, and transactionalBit the bit of them that
// marks a transaction's batch.
const (
	attributesAt     = 21
	transactionalBit = 0x10
)

// isTransactional looks at a batch before anything about it was checked.
func isTransactional(records []byte) bool {
	return len(records) >= record.HeaderSize && binary.BigEndian.Uint16(records[attributesAt:])&transactionalBit != 0
}

func anyTransactional(r *kmsg.ProduceRequest) bool {
	for i := range r.Topics {
		for j := range r.Topics[i].Partitions {
			if isTransactional(r.Topics[i].Partitions[j].Records) {
				return true
			}
		}
	}
	return false
}

// autoCreateForProduce creates the topic that a client produces to, if that is allowed; nil if not.
func (d *Dispatcher) autoCreateForProduce(ctx context.Context, rt *kmsg.ProduceRequestTopic) *catalog.Topic {
	if !d.config().AutoCreateTopicsEnable || config.ValidateTopicName(rt.Topic) != nil || catalog.IsInternal(rt.Topic) {
		return nil
	}
	topic, err := d.autoCreate(ctx, rt.Topic)
	if err != nil {
		d.deps.Log.Warn("topic can't be created for a producer", "topic", rt.Topic, "error", err)
		return nil
	}
	return topic
}
