package txn

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Record is a record of __transaction_state (TransactionLogKey, TransactionLogValue).
type Record struct {
	ID       string
	Metadata *Metadata // nil: the ID is forgotten
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
func (f Format) Encode(key, value []byte, r *Record) (encodedKey, encodedValue []byte) {
	key = appendInt16(key, keyType)
	key = appendString(key, r.ID)
	if r.Metadata == nil {
		return key, nil
	}
	if f.Version() >= versionFlexible {
		return key, appendValue(value, r.Metadata, lastValue)
	}
	return key, appendValue(value, r.Metadata, 0)
}

func appendValue(p []byte, m *Metadata, version int16) []byte {
	flexible := version >= flexibleFrom
	p = appendInt16(p, version)
	p = appendInt64(p, m.ProducerID)
	p = appendInt16(p, m.ProducerEpoch)
	p = appendInt32(p, m.TimeoutMs)
	p = append(p, byte(m.State))
	if m.State == Empty {
		p = appendArrayLen(p, -1, flexible)
	} else {
		p = appendPartitions(p, m.Partitions, flexible)
	}
	p = appendInt64(p, m.LastUpdateMs)
	p = appendInt64(p, m.StartMs)
	if flexible {
		p = appendTags(p, m)
	}
	return p
}

func appendPartitions(p []byte, set partitions, flexible bool) []byte {
	p = appendArrayLen(p, len(set), flexible)
	for _, t := range set {
		if flexible {
			p = binary.AppendUvarint(p, uint64(len(t.topic))+1)
			p = append(p, t.topic...)
		} else {
			p = appendString(p, t.topic)
		}
		p = appendArrayLen(p, len(t.partitions), flexible)
		for _, partition := range t.partitions {
			p = appendInt32(p, partition)
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
		p = appendInt64(p, m.PreviousProducerID)
	}
	if m.NextProducerID != noProducerID {
		p[at]++
		p = append(p, tagNextProducerID, 8)
		p = appendInt64(p, m.NextProducerID)
	}
	if m.ClientVersion != 0 {
		p[at]++
		p = append(p, tagClientVersion, 2)
		p = appendInt16(p, m.ClientVersion)
	}
	if m.LastProducerEpoch != noProducerEpoch {
		p[at]++
		p = binary.AppendUvarint(p, tagLastProducerEpoch)
		p = append(p, 2)
		p = appendInt16(p, m.LastProducerEpoch)
	}
	return p
}

// Decode implements [coordinator.Format].
func (Format) Decode(key, value []byte) (*Record, error) {
	k := reader{p: key}
	if t := k.int16(); k.bad || t != keyType {
		return nil, fmt.Errorf("%w: type %d", ErrUnknownRecord, t)
	}
	id := k.string()
	if k.bad {
		return nil, fmt.Errorf("%w: key", ErrMalformed)
	}
	if value == nil {
		return &Record{ID: id}, nil
	}
	v := reader{p: value}
	version := v.int16()
	if v.bad || version < 0 || version > lastValue {
		return nil, fmt.Errorf("%w: %d", ErrUnknownVersion, version)
	}
	v.flexible = version >= flexibleFrom
	m := v.metadata()
	if v.bad || m.State < Empty || m.State > PrepareEpochFence {
		return nil, fmt.Errorf("%w: value of version %d", ErrMalformed, version)
	}
	return &Record{ID: id, Metadata: m}, nil
}

func (r *reader) metadata() *Metadata {
	m := &Metadata{PreviousProducerID: noProducerID, NextProducerID: noProducerID, LastProducerEpoch: noProducerEpoch}
	m.ProducerID = r.int64()
	m.ProducerEpoch = r.int16()
	m.TimeoutMs = r.int32()
	m.State = State(r.int8())
	m.Partitions = r.partitions()
	m.LastUpdateMs = r.int64()
	m.StartMs = r.int64()
	r.tags(func(tag uint64, value *reader) {
		switch tag {
		case tagPreviousProducerID:
			m.PreviousProducerID = value.int64()
		case tagNextProducerID:
			m.NextProducerID = value.int64()
		case tagClientVersion:
			m.ClientVersion = value.int16()
		case tagLastProducerEpoch:
			m.LastProducerEpoch = value.int16()
		}
	})
	return m
}

// partitions reads topics in whatever order, some perhaps twice. Memory follows bytes and not the counts.
func (r *reader) partitions() partitions {
	var all []TopicPartition
	for n := r.arrayLen(); n > 0 && !r.bad; n-- {
		topic := r.string()
		for n := r.arrayLen(); n > 0 && !r.bad; n-- {
			all = append(all, TopicPartition{topic, r.int32()})
		}
		r.tags(nil)
	}
	if r.bad || len(all) == 0 {
		return nil
	}
	return partitionsOf(all)
}

// reader reads Kafka's primitive types. After the first thing that isn't there it is bad, and everything it returns is zero: callers
// look once, at the end.
type reader struct {
	p        []byte
	flexible bool // compact lengths and tags (KIP-482)
	bad      bool
}

// take is the next n bytes, as a view.
func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.p) {
		r.bad = true
		return nil
	}
	taken := r.p[:n]
	r.p = r.p[n:]
	return taken
}

func (r *reader) int8() int8 {
	if p := r.take(1); p != nil {
		return int8(p[0])
	}
	return 0
}

func (r *reader) int16() int16 {
	if p := r.take(2); p != nil {
		return int16(binary.BigEndian.Uint16(p))
	}
	return 0
}

func (r *reader) int32() int32 {
	if p := r.take(4); p != nil {
		return int32(binary.BigEndian.Uint32(p))
	}
	return 0
}

func (r *reader) int64() int64 {
	if p := r.take(8); p != nil {
		return int64(binary.BigEndian.Uint64(p))
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	x, n := binary.Uvarint(r.p)
	if n <= 0 || x > math.MaxUint32 {
		r.bad = true
		return 0
	}
	r.take(n)
	return x
}

// string copies what it reads.
func (r *reader) string() string {
	if r.flexible {
		return string(r.take(int(r.uvarint()) - 1))
	}
	return string(r.take(int(r.int16())))
}

// arrayLen is the length of an array, -1 for null.
func (r *reader) arrayLen() int {
	if r.flexible {
		return int(r.uvarint()) - 1
	}
	return int(r.int32())
}

// tags reads the tagged fields, if the version has them, and shows each to known. A field that is too long is bad, too.
func (r *reader) tags(known func(tag uint64, value *reader)) {
	if !r.flexible {
		return
	}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		tag := r.uvarint()
		value := reader{p: r.take(int(r.uvarint())), flexible: true}
		if known != nil && !r.bad {
			known(tag, &value)
			r.bad = value.bad
		}
	}
}

func appendInt16(p []byte, x int16) []byte { return binary.BigEndian.AppendUint16(p, uint16(x)) }
func appendInt32(p []byte, x int32) []byte { return binary.BigEndian.AppendUint32(p, uint32(x)) }
func appendInt64(p []byte, x int64) []byte { return binary.BigEndian.AppendUint64(p, uint64(x)) }

// appendString writes a string with a length of 16 bits. What clients send has been checked: see [maxIDBytes].
func appendString(p []byte, s string) []byte {
	p = appendInt16(p, int16(len(s)))
	return append(p, s...)
}

// appendArrayLen writes the length of an array, -1 for null.
func appendArrayLen(p []byte, n int, flexible bool) []byte {
	if flexible {
		return binary.AppendUvarint(p, uint64(n+1))
	}
	return appendInt32(p, int32(n))
}

// maxIDBytes is the longest transactional ID that a record can hold.
const maxIDBytes = math.MaxInt16
