package txn

import (
	"fmt"
	"math"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/coordinator/primitive"
)

// Record is a record of __transaction_state (TransactionLogKey, TransactionLogValue).
type Record struct {
	ID        string
	Metadata  Metadata
	Forgotten bool // there is no Metadata any more
}

// Types and versions of records.
const (
	keyType      = 0
	lastValue    = 1
	flexibleFrom = 1
)

// Tags of version 1.
const (
	tagPreviousProducerID = 0
	tagNextProducerID     = 1
	tagClientVersion      = 2
	// tagLastProducerEpoch is ours; Kafka's readers leave it out. Kafka forgets the epoch with a restart, and then fences a producer that
	// only repeats an InitProducerId whose answer it didn't get (KAFKA-20357 for the last epoch).
	tagLastProducerEpoch = 10_000
)

// Format encodes records in the version that Kafka writes, and decodes all that Kafka reads.
type Format struct {
	// Version is the finalized transaction.version: without tagged fields below 1 (KIP-890).
	Version func() int16
}

// Encode implements [coordinator.Format].
func (f Format) Encode(key, value []byte, r Record) (encodedKey, encodedValue []byte) {
	key = primitive.AppendInt16(key, keyType)
	key = primitive.AppendString(key, r.ID)
	if r.Forgotten {
		return key, nil
	}
	if f.Version() >= versionFlexible {
		return key, appendValue(value, &r.Metadata, lastValue)
	}
	return key, appendValue(value, &r.Metadata, 0)
}

func appendValue(p []byte, m *Metadata, version int16) []byte {
	flexible := version >= flexibleFrom
	p = primitive.AppendInt16(p, version)
	p = primitive.AppendInt64(p, m.ProducerID)
	p = primitive.AppendInt16(p, m.ProducerEpoch)
	p = primitive.AppendInt32(p, m.TimeoutMs)
	p = append(p, byte(m.State))
	if m.State == Empty {
		p = appendArrayLen(p, -1, flexible)
	} else {
		p = appendPartitions(p, m.Partitions, flexible)
	}
	p = primitive.AppendInt64(p, m.LastUpdateMs)
	p = primitive.AppendInt64(p, m.StartMs)
	if flexible {
		p = appendTags(p, m)
	}
	return p
}

func appendPartitions(p []byte, set partitions, flexible bool) []byte {
	p = appendArrayLen(p, len(set), flexible)
	for _, t := range set {
		if flexible {
			p = primitive.AppendCompactString(p, t.topic)
		} else {
			p = primitive.AppendString(p, t.topic)
		}
		p = appendArrayLen(p, len(t.partitions), flexible)
		for _, partition := range t.partitions {
			p = primitive.AppendInt32(p, partition)
		}
		if flexible {
			p = append(p, 0) // no tags
		}
	}
	return p
}

// appendTags writes those tagged fields that aren't at their default, in order.
func appendTags(p []byte, m *Metadata) []byte {
	at := len(p)
	p = append(p, 0) // their number
	if m.PreviousProducerID != noProducerID {
		p[at]++
		p = append(p, tagPreviousProducerID, 8)
		p = primitive.AppendInt64(p, m.PreviousProducerID)
	}
	if m.NextProducerID != noProducerID {
		p[at]++
		p = append(p, tagNextProducerID, 8)
		p = primitive.AppendInt64(p, m.NextProducerID)
	}
	if m.ClientVersion != 0 {
		p[at]++
		p = append(p, tagClientVersion, 2)
		p = primitive.AppendInt16(p, m.ClientVersion)
	}
	if m.LastProducerEpoch != noProducerEpoch {
		p[at]++
		p = primitive.AppendUvarint(p, tagLastProducerEpoch)
		p = append(p, 2)
		p = primitive.AppendInt16(p, m.LastProducerEpoch)
	}
	return p
}

// appendArrayLen writes the length of an array, -1 for null.
func appendArrayLen(p []byte, n int, flexible bool) []byte {
	if flexible {
		return primitive.AppendCompactLen(p, n)
	}
	return primitive.AppendInt32(p, int32(n))
}

// Decode implements [coordinator.Format].
// Errors: [coordinator.ErrUnknownRecord], [coordinator.ErrUnknownVersion], [coordinator.ErrMalformed].
func (Format) Decode(key, value []byte) (Record, error) {
	k := primitive.NewReader(key)
	if t := k.Int16(); t != keyType {
		return Record{}, fmt.Errorf("%w: type %d", coordinator.ErrUnknownRecord, t)
	}
	id := k.String()
	if k.Bad() {
		return Record{}, fmt.Errorf("%w: key", coordinator.ErrMalformed)
	}
	if value == nil {
		return Record{ID: id, Forgotten: true}, nil
	}
	v := primitive.NewReader(value)
	version, err := v.Version(lastValue)
	if err != nil {
		return Record{}, err
	}
	v.Flexible = version >= flexibleFrom
	m := decodeMetadata(v)
	if v.Bad() || m.State < Empty || m.State > PrepareEpochFence {
		return Record{}, fmt.Errorf("%w: value of version %d", coordinator.ErrMalformed, version)
	}
	return Record{ID: id, Metadata: m}, nil
}

func decodeMetadata(v *primitive.Reader) Metadata {
	m := Metadata{PreviousProducerID: noProducerID, NextProducerID: noProducerID, LastProducerEpoch: noProducerEpoch}
	m.ProducerID = v.Int64()
	m.ProducerEpoch = v.Int16()
	m.TimeoutMs = v.Int32()
	m.State = State(v.Int8())
	m.Partitions = decodePartitions(v)
	m.LastUpdateMs = v.Int64()
	m.StartMs = v.Int64()
	v.Tags(func(tag uint32, p []byte) {
		switch tag {
		case tagPreviousProducerID:
			m.PreviousProducerID = v.Nested(p).Int64()
		case tagNextProducerID:
			m.NextProducerID = v.Nested(p).Int64()
		case tagClientVersion:
			m.ClientVersion = v.Nested(p).Int16()
		case tagLastProducerEpoch:
			m.LastProducerEpoch = v.Nested(p).Int16()
		}
	})
	return m
}

// decodePartitions reads topics in whatever order, some perhaps twice. Memory follows bytes and not the counts.
func decodePartitions(v *primitive.Reader) partitions {
	var all []TopicPartition
	for n := v.ArrayLen(); n > 0 && !v.Bad(); n-- {
		topic := v.String()
		for n := v.ArrayLen(); n > 0 && !v.Bad(); n-- {
			all = append(all, TopicPartition{topic, v.Int32()})
		}
		v.Tags(nil)
	}
	if v.Bad() || len(all) == 0 {
		return nil
	}
	return partitionsOf(all)
}

// maxIDBytes is the longest transactional ID that a record can hold.
const maxIDBytes = math.MaxInt16
