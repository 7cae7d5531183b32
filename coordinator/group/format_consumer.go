package group

import (
	"fmt"
	"slices"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
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
	int64Size           = 8
	int32Size           = 4
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
	p = appendInt16(p, recordType)
	for _, name := range names {
		p = appendString(p, name)
	}
	return p
}

func appendConsumerGroup(p []byte, v *ConsumerGroup) []byte {
	p = appendInt16(p, consumerVersion)
	p = appendInt32(p, v.Epoch)
	if v.MetadataHash == 0 {
		return appendUvarint(p, 0)
	}
	p = appendUvarint(p, 1)
	p = appendUvarint(p, tagMetadataHash)
	p = appendUvarint(p, int64Size)
	return appendInt64(p, v.MetadataHash)
}

func appendTargetEpoch(p []byte, v *TargetEpoch) []byte {
	p = appendInt16(p, consumerVersion)
	p = appendInt32(p, v.Epoch)
	if v.TimestampMs == 0 {
		return appendUvarint(p, 0)
	}
	p = appendUvarint(p, 1)
	p = appendUvarint(p, tagTargetTimestamp)
	p = appendUvarint(p, int64Size)
	return appendInt64(p, v.TimestampMs)
}

func appendConsumerMember(p []byte, m *ConsumerMember) []byte {
	p = appendInt16(p, consumerVersion)
	p = appendCompactNullableString(p, m.InstanceID)
	p = appendCompactNullableString(p, m.RackID)
	p = appendCompactString(p, m.ClientID)
	p = appendCompactString(p, m.ClientHost)
	p = appendCompactStrings(p, m.Topics)
	p = appendCompactNullableString(p, m.Regex)
	p = appendInt32(p, m.RebalanceTimeoutMs)
	p = appendCompactNullableString(p, m.Assignor)
	if m.Classic == nil {
		return appendUvarint(p, 0)
	}
	classic := append([]byte{presentStruct}, appendInt32(nil, m.Classic.SessionTimeoutMs)...)
	classic = appendUvarint(classic, uint32(len(m.Classic.Protocols))+1)
	for _, protocol := range m.Classic.Protocols {
		classic = appendCompactString(classic, protocol.Name)
		classic = appendUvarint(classic, uint32(len(protocol.Metadata))+1)
		classic = append(classic, protocol.Metadata...)
		classic = appendUvarint(classic, 0)
	}
	classic = appendUvarint(classic, 0)
	p = appendUvarint(p, 1)
	p = appendUvarint(p, tagClassicMember)
	p = appendUvarint(p, uint32(len(classic)))
	return append(p, classic...)
}

func appendTarget(p []byte, target assignor.Partitions) []byte {
	p = appendInt16(p, consumerVersion)
	p = appendUvarint(p, uint32(len(target))+1)
	for _, id := range target.Topics() {
		p = append(p, id[:]...)
		p = appendCompactInt32s(p, target[id])
		p = appendUvarint(p, 0)
	}
	return appendUvarint(p, 0)
}

func appendCurrent(p []byte, c *Current) []byte {
	p = appendInt16(p, consumerVersion)
	p = appendInt32(p, c.MemberEpoch)
	p = appendInt32(p, c.PreviousMemberEpoch)
	p = append(p, byte(c.State))
	p = appendOwned(p, c.Assigned)
	p = appendOwned(p, c.Revoking)
	return appendUvarint(p, 0)
}

func appendOwned(p []byte, o Owned) []byte {
	p = appendUvarint(p, uint32(len(o))+1)
	for _, id := range o.topics() {
		numbers := o.numbers(id)
		epochs := make([]int32, len(numbers))
		for i, number := range numbers {
			epochs[i] = o[id][number]
		}
		p = append(p, id[:]...)
		p = appendCompactInt32s(p, numbers)
		tag := appendCompactInt32s(nil, epochs)
		p = appendUvarint(p, 1)
		p = appendUvarint(p, tagAssignmentEpochs)
		p = appendUvarint(p, uint32(len(tag)))
		p = append(p, tag...)
	}
	return p
}

func appendRegex(p []byte, r *ResolvedRegex) []byte {
	p = appendInt16(p, consumerVersion)
	p = appendCompactStrings(p, r.Topics)
	p = appendInt64(p, r.Version)
	p = appendInt64(p, r.TimestampMs)
	return appendUvarint(p, 0)
}

// decodeConsumer decodes a record of a type of this file; k is behind the type. ok is false if it is another type.
func decodeConsumer(recordType int16, k *reader, value []byte) (r Record, ok bool, err error) {
	group := k.string()
	v := &reader{p: value, flexible: true}
	if value != nil {
		if _, err := v.version(consumerVersion); err != nil {
			return nil, true, fmt.Errorf("record of type %d: %w", recordType, err)
		}
	}
	switch recordType {
	case typeConsumerGroupMetadata:
		r = &ConsumerGroupRecord{Group: group, Value: decodeConsumerGroup(v, value)}
	case typeConsumerGroupPartitionMetadata:
		return &SubscriptionMetadataRecord{Group: group, Present: value != nil}, true, consumerError(recordType, k, &reader{})
	case typeConsumerGroupMember:
		r = &ConsumerMemberRecord{Group: group, Member: k.string(), Value: decodeConsumerMember(v, value)}
	case typeConsumerGroupTargetMetadata:
		r = &TargetEpochRecord{Group: group, Value: decodeTargetEpoch(v, value)}
	case typeConsumerGroupTargetMember:
		r = &TargetRecord{Group: group, Member: k.string(), Partitions: decodeTarget(v, value)}
	case typeConsumerGroupCurrentMember:
		r = &CurrentRecord{Group: group, Member: k.string(), Value: decodeCurrent(v, value)}
	case typeConsumerGroupRegex:
		r = &RegexRecord{Group: group, Regex: k.string(), Value: decodeRegex(v, value)}
	default:
		return nil, false, nil
	}
	return r, true, consumerError(recordType, k, v)
}

func consumerError(recordType int16, k, v *reader) error {
	if k.bad || v.bad {
		return fmt.Errorf("%w: record of type %d", ErrMalformed, recordType)
	}
	return nil
}

func decodeConsumerGroup(v *reader, value []byte) *ConsumerGroup {
	if value == nil {
		return nil
	}
	e := &ConsumerGroup{Epoch: v.int32()}
	v.tags(func(tag uint32, p []byte) {
		if tag == tagMetadataHash {
			e.MetadataHash = v.nested(p).int64()
		}
	})
	return e
}

func decodeTargetEpoch(v *reader, value []byte) *TargetEpoch {
	if value == nil {
		return nil
	}
	e := &TargetEpoch{Epoch: v.int32()}
	v.tags(func(tag uint32, p []byte) {
		if tag == tagTargetTimestamp {
			e.TimestampMs = v.nested(p).int64()
		}
	})
	return e
}

func decodeConsumerMember(v *reader, value []byte) *ConsumerMember {
	if value == nil {
		return nil
	}
	m := &ConsumerMember{
		InstanceID: v.nullableString(), RackID: v.nullableString(), ClientID: v.string(), ClientHost: v.string(),
		Topics: v.strings(), Regex: v.nullableString(), RebalanceTimeoutMs: v.int32(), Assignor: v.nullableString(),
	}
	v.tags(func(tag uint32, p []byte) {
		if tag != tagClassicMember {
			return
		}
		t := v.nested(p)
		if present := t.take(1); present == nil || present[0] != presentStruct {
			return
		}
		m.Classic = &ClassicMember{SessionTimeoutMs: t.int32()}
		for n := t.arrayLen(); n > 0 && !t.bad; n-- {
			m.Classic.Protocols = append(m.Classic.Protocols, ClassicProtocol{Name: t.string(), Metadata: t.bytes()})
			t.tags(nil)
		}
		t.tags(nil)
	})
	return m
}

func decodeTarget(v *reader, value []byte) assignor.Partitions {
	if value == nil {
		return nil
	}
	target := assignor.Partitions{}
	for n := v.arrayLen(); n > 0 && !v.bad; n-- {
		id := v.uuid()
		if numbers := v.int32s(); len(numbers) > 0 {
			numbers = append(numbers, target[id]...)
			slices.Sort(numbers)
			target[id] = slices.Compact(numbers)
		}
		v.tags(nil)
	}
	v.tags(nil)
	return target
}

func decodeCurrent(v *reader, value []byte) *Current {
	if value == nil {
		return nil
	}
	c := &Current{MemberEpoch: v.int32(), PreviousMemberEpoch: v.int32()}
	if p := v.take(1); p != nil {
		c.State = MemberState(p[0])
	}
	switch c.State {
	case MemberStable, MemberUnrevoked, MemberUnreleased:
	default:
		c.State = MemberUnknown
	}
	c.Assigned = decodeOwned(v, c.MemberEpoch)
	c.Revoking = decodeOwned(v, c.MemberEpoch)
	v.tags(nil)
	return c
}

// decodeOwned reads partitions. Those of a record without their epochs count as given at the member's epoch: older commits
// are refused, as they were when such records were written.
func decodeOwned(v *reader, memberEpoch int32) Owned {
	o := Owned{}
	for n := v.arrayLen(); n > 0 && !v.bad; n-- {
		id, numbers := v.uuid(), v.int32s()
		var epochs []int32
		v.tags(func(tag uint32, p []byte) {
			if tag == tagAssignmentEpochs {
				epochs = v.nested(p).int32s()
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

func decodeRegex(v *reader, value []byte) *ResolvedRegex {
	if value == nil {
		return nil
	}
	r := &ResolvedRegex{Topics: v.strings(), Version: v.int64(), TimestampMs: v.int64()}
	v.tags(nil)
	return r
}
