package group

import (
	"fmt"
	"slices"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/coordinator/group/assignor"
	"github.com/clatterhq/clatter/coordinator/primitive"
)

// Types of records of consumer groups.
const (
	typeConsumerGroupMetadata          = 3
	typeConsumerGroupPartitionMetadata = 4
	typeConsumerGroupMember            = 5
	typeConsumerGroupTargetMetadata    = 6
	typeConsumerGroupTargetMember      = 7
	typeConsumerGroupCurrentMember     = 8
	typeConsumerGroupRegex             = 16
)

// All values of consumer groups have version 0, which is flexible. What came later has tags.
const (
	consumerVersion = 0

	tagMetadataHash     = 0 // of the group's epoch (KIP-1101)
	tagClassicMember    = 0 // of a member
	tagTargetTimestamp  = 0 // of the target's epoch (KIP-1263)
	tagAssignmentEpochs = 0 // of the partitions that a member owns (KIP-1251)
	presentStruct       = 1 // before a struct that may be null
)

// encodeConsumer encodes a record of a consumer group. ok is false if it isn't one.
func encodeConsumer(key, value []byte, r Record) (encodedKey, encodedValue []byte, ok bool) {
	switch r := r.(type) {
	case *ConsumerGroupRecord:
		key = appendConsumerKey(key, typeConsumerGroupMetadata, r.Group)
		if r.Value != nil {
			return key, appendConsumerGroup(value, r.Value), true
		}
	case *SubscriptionMetadataRecord:
		key = appendConsumerKey(key, typeConsumerGroupPartitionMetadata, r.Group)
	case *ConsumerMemberRecord:
		key = appendConsumerKey(key, typeConsumerGroupMember, r.Group, r.Member)
		if r.Value != nil {
			return key, appendConsumerMember(value, r.Value), true
		}
	case *TargetEpochRecord:
		key = appendConsumerKey(key, typeConsumerGroupTargetMetadata, r.Group)
		if r.Value != nil {
			return key, appendTargetEpoch(value, r.Value), true
		}
	case *TargetRecord:
		key = appendConsumerKey(key, typeConsumerGroupTargetMember, r.Group, r.Member)
		if r.Partitions != nil {
			return key, appendTarget(value, r.Partitions), true
		}
	case *CurrentRecord:
		key = appendConsumerKey(key, typeConsumerGroupCurrentMember, r.Group, r.Member)
		if r.Value != nil {
			return key, appendCurrent(value, r.Value), true
		}
	case *RegexRecord:
		key = appendConsumerKey(key, typeConsumerGroupRegex, r.Group, r.Regex)
		if r.Value != nil {
			return key, appendRegex(value, r.Value), true
		}
	default:
		return key, nil, false
	}
	return key, nil, true
}

func appendConsumerKey(p []byte, recordType int16, names ...string) []byte {
	p = primitive.AppendInt16(p, recordType)
	for _, name := range names {
		p = primitive.AppendString(p, name)
	}
	return p
}

func appendConsumerGroup(p []byte, v *ConsumerGroup) []byte {
	p = primitive.AppendInt16(p, consumerVersion)
	p = primitive.AppendInt32(p, v.Epoch)
	if v.MetadataHash == 0 {
		return primitive.AppendNoTags(p)
	}
	return primitive.AppendTag(p, tagMetadataHash, primitive.AppendInt64(nil, v.MetadataHash))
}

func appendTargetEpoch(p []byte, v *TargetEpoch) []byte {
	p = primitive.AppendInt16(p, consumerVersion)
	p = primitive.AppendInt32(p, v.Epoch)
	if v.TimestampMs == 0 {
		return primitive.AppendNoTags(p)
	}
	return primitive.AppendTag(p, tagTargetTimestamp, primitive.AppendInt64(nil, v.TimestampMs))
}

func appendConsumerMember(p []byte, m *ConsumerMember) []byte {
	p = primitive.AppendInt16(p, consumerVersion)
	p = primitive.AppendCompactNullableString(p, m.InstanceID)
	p = primitive.AppendCompactNullableString(p, m.RackID)
	p = primitive.AppendCompactString(p, m.ClientID)
	p = primitive.AppendCompactString(p, m.ClientHost)
	p = primitive.AppendCompactStrings(p, m.Topics)
	p = primitive.AppendCompactNullableString(p, m.Regex)
	p = primitive.AppendInt32(p, m.RebalanceTimeoutMs)
	p = primitive.AppendCompactNullableString(p, m.Assignor)
	if m.Classic == nil {
		return primitive.AppendNoTags(p)
	}
	classic := append([]byte{presentStruct}, primitive.AppendInt32(nil, m.Classic.SessionTimeoutMs)...)
	classic = primitive.AppendCompactLen(classic, len(m.Classic.Protocols))
	for _, protocol := range m.Classic.Protocols {
		classic = primitive.AppendCompactString(classic, protocol.Name)
		classic = primitive.AppendCompactBytes(classic, protocol.Metadata)
		classic = primitive.AppendNoTags(classic)
	}
	classic = primitive.AppendNoTags(classic)
	return primitive.AppendTag(p, tagClassicMember, classic)
}

func appendTarget(p []byte, target assignor.Partitions) []byte {
	p = primitive.AppendInt16(p, consumerVersion)
	p = primitive.AppendCompactLen(p, len(target))
	for _, id := range target.Topics() {
		p = append(p, id[:]...)
		p = primitive.AppendCompactInt32s(p, target[id])
		p = primitive.AppendNoTags(p)
	}
	return primitive.AppendNoTags(p)
}

func appendCurrent(p []byte, c *Current) []byte {
	p = primitive.AppendInt16(p, consumerVersion)
	p = primitive.AppendInt32(p, c.MemberEpoch)
	p = primitive.AppendInt32(p, c.PreviousMemberEpoch)
	p = append(p, byte(c.State))
	p = appendOwned(p, c.Assigned)
	p = appendOwned(p, c.Revoking)
	return primitive.AppendNoTags(p)
}

func appendOwned(p []byte, o Owned) []byte {
	p = primitive.AppendCompactLen(p, len(o))
	for _, id := range o.topics() {
		numbers := o.numbers(id)
		epochs := make([]int32, len(numbers))
		for i, number := range numbers {
			epochs[i] = o[id][number]
		}
		p = append(p, id[:]...)
		p = primitive.AppendCompactInt32s(p, numbers)
		p = primitive.AppendTag(p, tagAssignmentEpochs, primitive.AppendCompactInt32s(nil, epochs))
	}
	return p
}

func appendRegex(p []byte, r *ResolvedRegex) []byte {
	p = primitive.AppendInt16(p, consumerVersion)
	p = primitive.AppendCompactStrings(p, r.Topics)
	p = primitive.AppendInt64(p, r.Version)
	p = primitive.AppendInt64(p, r.TimestampMs)
	return primitive.AppendNoTags(p)
}

// isConsumerType reports whether a type is of this file.
func isConsumerType(recordType int16) bool {
	return recordType >= typeConsumerGroupMetadata && recordType <= typeConsumerGroupCurrentMember || recordType == typeConsumerGroupRegex
}

// decodeConsumer decodes a record of a type of this file; k is behind the type. ok is false if it is another type.
func decodeConsumer(recordType int16, k *primitive.Reader, value []byte) (r Record, ok bool, err error) {
	if !isConsumerType(recordType) {
		return nil, false, nil // Of such a one the version says nothing either.
	}
	group := k.String()
	v := primitive.NewReader(value)
	v.Flexible = true
	if value != nil {
		if _, err := v.Version(consumerVersion); err != nil {
			return nil, true, fmt.Errorf("record of type %d: %w", recordType, err)
		}
	}
	switch recordType {
	case typeConsumerGroupMetadata:
		r = &ConsumerGroupRecord{Group: group, Value: decodeConsumerGroup(v, value)}
	case typeConsumerGroupPartitionMetadata:
		return &SubscriptionMetadataRecord{Group: group, Present: value != nil}, true, consumerError(recordType, k, &primitive.Reader{})
	case typeConsumerGroupMember:
		r = &ConsumerMemberRecord{Group: group, Member: k.String(), Value: decodeConsumerMember(v, value)}
	case typeConsumerGroupTargetMetadata:
		r = &TargetEpochRecord{Group: group, Value: decodeTargetEpoch(v, value)}
	case typeConsumerGroupTargetMember:
		r = &TargetRecord{Group: group, Member: k.String(), Partitions: decodeTarget(v, value)}
	case typeConsumerGroupCurrentMember:
		r = &CurrentRecord{Group: group, Member: k.String(), Value: decodeCurrent(v, value)}
	case typeConsumerGroupRegex:
		r = &RegexRecord{Group: group, Regex: k.String(), Value: decodeRegex(v, value)}
	}
	return r, true, consumerError(recordType, k, v)
}

func consumerError(recordType int16, k, v *primitive.Reader) error {
	if k.Bad() || v.Bad() {
		return fmt.Errorf("%w: record of type %d", coordinator.ErrMalformed, recordType)
	}
	return nil
}

func decodeConsumerGroup(v *primitive.Reader, value []byte) *ConsumerGroup {
	if value == nil {
		return nil
	}
	e := &ConsumerGroup{Epoch: v.Int32()}
	v.Tags(func(tag uint32, p []byte) {
		if tag == tagMetadataHash {
			e.MetadataHash = v.Nested(p).Int64()
		}
	})
	return e
}

func decodeTargetEpoch(v *primitive.Reader, value []byte) *TargetEpoch {
	if value == nil {
		return nil
	}
	e := &TargetEpoch{Epoch: v.Int32()}
	v.Tags(func(tag uint32, p []byte) {
		if tag == tagTargetTimestamp {
			e.TimestampMs = v.Nested(p).Int64()
		}
	})
	return e
}

func decodeConsumerMember(v *primitive.Reader, value []byte) *ConsumerMember {
	if value == nil {
		return nil
	}
	m := &ConsumerMember{
		InstanceID: v.NullableString(), RackID: v.NullableString(), ClientID: v.String(), ClientHost: v.String(),
		Topics: v.Strings(), Regex: v.NullableString(), RebalanceTimeoutMs: v.Int32(), Assignor: v.NullableString(),
	}
	v.Tags(func(tag uint32, p []byte) {
		if tag != tagClassicMember {
			return
		}
		t := v.Nested(p)
		if present := t.Take(1); present == nil || present[0] != presentStruct {
			return
		}
		m.Classic = &ClassicMember{SessionTimeoutMs: t.Int32()}
		for n := t.ArrayLen(); n > 0 && !t.Bad(); n-- {
			m.Classic.Protocols = append(m.Classic.Protocols, ClassicProtocol{Name: t.String(), Metadata: t.Bytes()})
			t.Tags(nil)
		}
		t.Tags(nil)
	})
	return m
}

func decodeTarget(v *primitive.Reader, value []byte) assignor.Partitions {
	if value == nil {
		return nil
	}
	target := assignor.Partitions{}
	for n := v.ArrayLen(); n > 0 && !v.Bad(); n-- {
		id := v.UUID()
		if numbers := v.Int32s(); len(numbers) > 0 {
			numbers = append(numbers, target[id]...)
			slices.Sort(numbers)
			target[id] = slices.Compact(numbers)
		}
		v.Tags(nil)
	}
	v.Tags(nil)
	return target
}

func decodeCurrent(v *primitive.Reader, value []byte) *Current {
	if value == nil {
		return nil
	}
	c := &Current{MemberEpoch: v.Int32(), PreviousMemberEpoch: v.Int32()}
	if p := v.Take(1); p != nil {
		c.State = MemberState(p[0])
	}
	switch c.State {
	case MemberStable, MemberUnrevoked, MemberUnreleased:
	default:
		c.State = MemberUnknown
	}
	c.Assigned = decodeOwned(v, c.MemberEpoch)
	c.Revoking = decodeOwned(v, c.MemberEpoch)
	v.Tags(nil)
	return c
}

// decodeOwned reads partitions. Those of a record without their epochs count as given at the member's epoch: older commits
// are refused, as they were when such records were written.
func decodeOwned(v *primitive.Reader, memberEpoch int32) Owned {
	o := Owned{}
	for n := v.ArrayLen(); n > 0 && !v.Bad(); n-- {
		id, numbers := v.UUID(), v.Int32s()
		var epochs []int32
		v.Tags(func(tag uint32, p []byte) {
			if tag == tagAssignmentEpochs {
				epochs = v.Nested(p).Int32s()
			}
		})
		if len(numbers) == 0 {
			continue
		}
		if o[id] == nil {
			o[id] = make(map[int32]int32, len(numbers))
		}
		for i, number := range numbers {
			o[id][number] = max(memberEpoch, 0)
			if len(epochs) == len(numbers) {
				o[id][number] = epochs[i]
			}
		}
	}
	return o
}

func decodeRegex(v *primitive.Reader, value []byte) *ResolvedRegex {
	if value == nil {
		return nil
	}
	r := &ResolvedRegex{Topics: v.Strings(), Version: v.Int64(), TimestampMs: v.Int64()}
	v.Tags(nil)
	return r
}
