package group

import (
	"fmt"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/coordinator/primitive"
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
		key = primitive.AppendInt16(key, typeOffsetCommit)
		key = primitive.AppendString(key, r.Group)
		key = primitive.AppendString(key, r.Topic)
		key = primitive.AppendInt32(key, r.Partition)
		if r.Commit == nil {
			return key, nil
		}
		return key, appendCommit(value, r.Commit)
	case *MetadataRecord:
		key = primitive.AppendInt16(key, typeGroupMetadata)
		key = primitive.AppendString(key, r.Group)
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
		p = primitive.AppendInt16(p, offsetCommitExpire)
		p = primitive.AppendInt64(p, c.Offset)
		p = primitive.AppendString(p, c.Metadata)
		p = primitive.AppendInt64(p, c.CommitTimestamp)
		return primitive.AppendInt64(p, c.ExpireTimestamp)
	}
	p = primitive.AppendInt16(p, offsetCommitFlexible)
	p = primitive.AppendInt64(p, c.Offset)
	p = primitive.AppendInt32(p, c.LeaderEpoch)
	p = primitive.AppendCompactString(p, c.Metadata)
	p = primitive.AppendInt64(p, c.CommitTimestamp)
	if c.TopicID == [topicIDSize]byte{} {
		return primitive.AppendNoTags(p)
	}
	return primitive.AppendTag(p, offsetCommitTopicIDTag, c.TopicID[:])
}

func appendMetadata(p []byte, m *Metadata) []byte {
	p = primitive.AppendInt16(p, groupMetadataWritten)
	p = primitive.AppendString(p, m.ProtocolType)
	p = primitive.AppendInt32(p, m.Generation)
	p = primitive.AppendNullableString(p, m.Protocol)
	p = primitive.AppendNullableString(p, m.Leader)
	p = primitive.AppendInt64(p, m.CurrentStateTimestamp)
	p = primitive.AppendInt32(p, int32(len(m.Members)))
	for i := range m.Members {
		member := &m.Members[i]
		p = primitive.AppendString(p, member.ID)
		p = primitive.AppendNullableString(p, member.InstanceID)
		p = primitive.AppendString(p, member.ClientID)
		p = primitive.AppendString(p, member.ClientHost)
		p = primitive.AppendInt32(p, member.RebalanceTimeoutMs)
		p = primitive.AppendInt32(p, member.SessionTimeoutMs)
		p = primitive.AppendBytes(p, member.Subscription)
		p = primitive.AppendBytes(p, member.Assignment)
	}
	return p
}

// Decode implements [coordinator.Format]. Like Kafka it doesn't mind bytes behind the last field.
// Errors: [coordinator.ErrUnknownRecord], [coordinator.ErrUnknownVersion], [coordinator.ErrMalformed].
func (Format) Decode(key, value []byte) (Record, error) {
	k := primitive.NewReader(key)
	recordType := k.Int16()
	if k.Bad() {
		return nil, fmt.Errorf("%w: key without a type", coordinator.ErrMalformed)
	}
	switch recordType {
	case typeLegacyOffsetCommit, typeOffsetCommit:
		r := &OffsetRecord{Group: k.String(), Topic: k.String(), Partition: k.Int32()}
		if k.Bad() {
			return nil, fmt.Errorf("%w: key of a committed offset", coordinator.ErrMalformed)
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
		r := &MetadataRecord{Group: k.String()}
		if k.Bad() {
			return nil, fmt.Errorf("%w: key of a group", coordinator.ErrMalformed)
		}
		if value == nil {
			return r, nil
		}
		metadata, err := decodeMetadata(value)
		r.Metadata = metadata
		return r, err
	}
	if r, ok, err := decodeConsumer(recordType, k, value); ok {
		return r, err
	}
	return nil, fmt.Errorf("%w: %d", coordinator.ErrUnknownRecord, recordType)
}

func decodeCommit(value []byte, last int16) (*Commit, error) {
	v := primitive.NewReader(value)
	version, err := v.Version(last)
	if err != nil {
		return nil, fmt.Errorf("committed offset: %w", err)
	}
	v.Flexible = version >= offsetCommitFlexible
	c := &Commit{LeaderEpoch: -1, ExpireTimestamp: -1}
	c.Offset = v.Int64()
	if version >= offsetCommitEpoch {
		c.LeaderEpoch = v.Int32()
	}
	c.Metadata = v.String()
	c.CommitTimestamp = v.Int64()
	if version == offsetCommitExpire {
		c.ExpireTimestamp = v.Int64()
	}
	v.Tags(func(tag uint32, p []byte) {
		if tag == offsetCommitTopicIDTag && len(p) == topicIDSize {
			copy(c.TopicID[:], p)
		}
	})
	if v.Bad() {
		return nil, fmt.Errorf("%w: committed offset of version %d", coordinator.ErrMalformed, version)
	}
	return c, nil
}

func decodeMetadata(value []byte) (*Metadata, error) {
	v := primitive.NewReader(value)
	version, err := v.Version(groupMetadataLast)
	if err != nil {
		return nil, fmt.Errorf("group: %w", err)
	}
	v.Flexible = version >= groupMetadataFlexible
	m := &Metadata{CurrentStateTimestamp: -1}
	m.ProtocolType = v.String()
	m.Generation = v.Int32()
	m.Protocol = v.NullableString()
	m.Leader = v.NullableString()
	if version >= groupMetadataTimestamp {
		m.CurrentStateTimestamp = v.Int64()
	}
	// Members are appended as they are read, so that memory follows bytes and not the count.
	for n := v.ArrayLen(); n > 0 && !v.Bad(); n-- {
		m.Members = append(m.Members, decodeMember(v, version))
	}
	v.Tags(nil)
	if v.Bad() {
		return nil, fmt.Errorf("%w: group of version %d", coordinator.ErrMalformed, version)
	}
	return m, nil
}

func decodeMember(v *primitive.Reader, version int16) Member {
	m := Member{ID: v.String(), RebalanceTimeoutMs: -1}
	if version >= groupMetadataInstanceID {
		m.InstanceID = v.NullableString()
	}
	m.ClientID = v.String()
	m.ClientHost = v.String()
	if version >= groupMetadataRebalanceTimeout {
		m.RebalanceTimeoutMs = v.Int32()
	}
	m.SessionTimeoutMs = v.Int32()
	m.Subscription = v.Bytes()
	m.Assignment = v.Bytes()
	v.Tags(nil)
	return m
}
