package group

import (
	"fmt"

	"github.com/clatterhq/clatter/coordinator"
)

// Types of records: the number at the front of a key.
const (
	typeLegacyOffsetCommit = 0 // before 0.8.2, and read to this day
	typeOffsetCommit       = 1
	typeGroupMetadata      = 2
)

// Versions of values: the number at their front.
const (
	legacyOffsetCommitLast = 0
	offsetCommitLast       = 4
	groupMetadataLast      = 4

	offsetCommitExpire   = 1 // the only version with a time at which the offset expires
	offsetCommitEpoch    = 3 // leader epoch
	offsetCommitFlexible = 4 // and topic ID

	groupMetadataRebalanceTimeout = 1
	groupMetadataTimestamp        = 2
	groupMetadataInstanceID       = 3
	groupMetadataFlexible         = 4
	// groupMetadataWritten is not the last one, as in Kafka: brokers of many years read it.
	groupMetadataWritten = 3

	// offsetCommitTopicIDTag is the tag of the topic ID.
	offsetCommitTopicIDTag = 0
	topicIDSize            = 16
)

// Format encodes records as Kafka does (GroupCoordinatorRecordSerde). The zero value is ready.
type Format struct{}

var _ coordinator.Format[Record] = Format{}

// Encode implements [coordinator.Format]. Strings may have 32,767 bytes; longer ones must be refused before.
func (Format) Encode(key, value []byte, r Record) (encodedKey, encodedValue []byte) {
	switch r := r.(type) {
	case *OffsetRecord:
		key = appendInt16(key, typeOffsetCommit)
		key = appendString(key, r.Group)
		key = appendString(key, r.Topic)
		key = appendInt32(key, r.Partition)
		if r.Commit == nil {
			return key, nil
		}
		return key, appendCommit(value, r.Commit)
	case *MetadataRecord:
		key = appendInt16(key, typeGroupMetadata)
		key = appendString(key, r.Group)
		if r.Metadata == nil {
			return key, nil
		}
		return key, appendMetadata(value, r.Metadata)
	}
	if key, value, ok := encodeConsumer(key, value, r); ok {
		return key, value
	}
	panic(fmt.Sprintf("no format for %T", r))
}

// appendCommit writes the last version, but for a commit with a time to expire: only version 1 can say that.
func appendCommit(p []byte, c *Commit) []byte {
	if c.ExpireTimestamp >= 0 {
		p = appendInt16(p, offsetCommitExpire)
		p = appendInt64(p, c.Offset)
		p = appendString(p, c.Metadata)
		p = appendInt64(p, c.CommitTimestamp)
		return appendInt64(p, c.ExpireTimestamp)
	}
	p = appendInt16(p, offsetCommitFlexible)
	p = appendInt64(p, c.Offset)
	p = appendInt32(p, c.LeaderEpoch)
	p = appendCompactString(p, c.Metadata)
	p = appendInt64(p, c.CommitTimestamp)
	if c.TopicID == [topicIDSize]byte{} {
		return appendUvarint(p, 0)
	}
	p = appendUvarint(p, 1)
	p = appendUvarint(p, offsetCommitTopicIDTag)
	p = appendUvarint(p, topicIDSize)
	return append(p, c.TopicID[:]...)
}

func appendMetadata(p []byte, m *Metadata) []byte {
	p = appendInt16(p, groupMetadataWritten)
	p = appendString(p, m.ProtocolType)
	p = appendInt32(p, m.Generation)
	p = appendNullableString(p, m.Protocol)
	p = appendNullableString(p, m.Leader)
	p = appendInt64(p, m.CurrentStateTimestamp)
	p = appendInt32(p, int32(len(m.Members)))
	for i := range m.Members {
		member := &m.Members[i]
		p = appendString(p, member.ID)
		p = appendNullableString(p, member.InstanceID)
		p = appendString(p, member.ClientID)
		p = appendString(p, member.ClientHost)
		p = appendInt32(p, member.RebalanceTimeoutMs)
		p = appendInt32(p, member.SessionTimeoutMs)
		p = appendBytes(p, member.Subscription)
		p = appendBytes(p, member.Assignment)
	}
	return p
}

// Decode implements [coordinator.Format]. Like Kafka it doesn't mind bytes behind the last field.
// Errors: [ErrUnknownRecord], [ErrUnknownVersion], [ErrMalformed].
func (Format) Decode(key, value []byte) (Record, error) {
	k := reader{p: key}
	recordType := k.int16()
	if k.bad {
		return nil, fmt.Errorf("%w: key without a type", ErrMalformed)
	}
	switch recordType {
	case typeLegacyOffsetCommit, typeOffsetCommit:
		r := &OffsetRecord{Group: k.string(), Topic: k.string(), Partition: k.int32()}
		if k.bad {
			return nil, fmt.Errorf("%w: key of a committed offset", ErrMalformed)
		}
		if value == nil {
			return r, nil
		}
		last := int16(offsetCommitLast)
		if recordType == typeLegacyOffsetCommit {
			last = legacyOffsetCommitLast
		}
		commit, err := decodeCommit(value, last)
		r.Commit = commit
		return r, err
	case typeGroupMetadata:
		r := &MetadataRecord{Group: k.string()}
		if k.bad {
			return nil, fmt.Errorf("%w: key of a group", ErrMalformed)
		}
		if value == nil {
			return r, nil
		}
		metadata, err := decodeMetadata(value)
		r.Metadata = metadata
		return r, err
	}
	if r, ok, err := decodeConsumer(recordType, &k, value); ok {
		return r, err
	}
	return nil, fmt.Errorf("%w: %d", ErrUnknownRecord, recordType)
}

func decodeCommit(value []byte, last int16) (*Commit, error) {
	v := reader{p: value}
	version, err := v.version(last)
	if err != nil {
		return nil, fmt.Errorf("committed offset: %w", err)
	}
	v.flexible = version >= offsetCommitFlexible
	c := &Commit{LeaderEpoch: -1, ExpireTimestamp: -1}
	c.Offset = v.int64()
	if version >= offsetCommitEpoch {
		c.LeaderEpoch = v.int32()
	}
	c.Metadata = v.string()
	c.CommitTimestamp = v.int64()
	if version == offsetCommitExpire {
		c.ExpireTimestamp = v.int64()
	}
	v.tags(func(tag uint32, p []byte) {
		if tag == offsetCommitTopicIDTag && len(p) == topicIDSize {
			copy(c.TopicID[:], p)
		}
	})
	if v.bad {
		return nil, fmt.Errorf("%w: committed offset of version %d", ErrMalformed, version)
	}
	return c, nil
}

func decodeMetadata(value []byte) (*Metadata, error) {
	v := reader{p: value}
	version, err := v.version(groupMetadataLast)
	if err != nil {
		return nil, fmt.Errorf("group: %w", err)
	}
	v.flexible = version >= groupMetadataFlexible
	m := &Metadata{CurrentStateTimestamp: -1}
	m.ProtocolType = v.string()
	m.Generation = v.int32()
	m.Protocol = v.nullableString()
	m.Leader = v.nullableString()
	if version >= groupMetadataTimestamp {
		m.CurrentStateTimestamp = v.int64()
	}
	// Members are appended as they are read, so that memory follows bytes and not the count.
	for n := v.arrayLen(); n > 0 && !v.bad; n-- {
		m.Members = append(m.Members, decodeMember(&v, version))
	}
	v.tags(nil)
	if v.bad {
		return nil, fmt.Errorf("%w: group of version %d", ErrMalformed, version)
	}
	return m, nil
}

func decodeMember(v *reader, version int16) Member {
	m := Member{ID: v.string(), RebalanceTimeoutMs: -1}
	if version >= groupMetadataInstanceID {
		m.InstanceID = v.nullableString()
	}
	m.ClientID = v.string()
	m.ClientHost = v.string()
	if version >= groupMetadataRebalanceTimeout {
		m.RebalanceTimeoutMs = v.int32()
	}
	m.SessionTimeoutMs = v.int32()
	m.Subscription = v.bytes()
	m.Assignment = v.bytes()
	v.tags(nil)
	return m
}
