package group

import (
	"bytes"
	"maps"
	"slices"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
)

// A consumer group (KIP-848) is in the log as many small records: one for the group's epoch, one for the epoch of its target, and three
// for each member. So a change of one member is written without the others.

// ConsumerGroupRecord is the epoch of a consumer group (ConsumerGroupMetadataKey, ConsumerGroupMetadataValue).
type ConsumerGroupRecord struct {
	Group string
	Value *ConsumerGroup // nil: the group is deleted
}

// ConsumerGroup rises with every change of members, subscriptions or topics.
type ConsumerGroup struct {
	Epoch int32
	// MetadataHash stands for the topics that the group is subscribed to: whether they exist, and how many partitions they have.
	MetadataHash int64
}

// SubscriptionMetadataRecord is what brokers before 4.1 kept instead of a hash (ConsumerGroupPartitionMetadataKey). It is only read to
// be deleted.
type SubscriptionMetadataRecord struct {
	Group   string
	Present bool // false: deleted
}

// ConsumerMemberRecord is what a member of a consumer group says about itself (ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue).
type ConsumerMemberRecord struct {
	Group, Member string
	Value         *ConsumerMember // nil: it has left
}

// ConsumerMember is what a member says about itself.
type ConsumerMember struct {
	InstanceID         *string // nil: a dynamic member (KIP-345)
	RackID             *string // nil: unknown
	ClientID           string
	ClientHost         string
	Topics             []string // that it is subscribed to, in order
	Regex              *string  // that it is subscribed to; nil or empty: none
	RebalanceTimeoutMs int32
	Assignor           *string // that it prefers; nil: whatever the group has
	Classic            *ClassicMember
}

// ClassicMember is what is known about a member that uses the classic protocol in a consumer group. Members of the consumer
// protocol have none.
type ClassicMember struct {
	SessionTimeoutMs int32
	Protocols        []ClassicProtocol
}

// ClassicProtocol is a way to assign that a member of the classic protocol offers.
type ClassicProtocol struct {
	Name     string
	Metadata []byte
}

// TargetEpochRecord is the group epoch that the target assignment was made for (ConsumerGroupTargetAssignmentMetadataKey,
// ConsumerGroupTargetAssignmentMetadataValue).
type TargetEpochRecord struct {
	Group string
	Value *TargetEpoch // nil: deleted with the group
}

// TargetEpoch is when a target assignment was made.
type TargetEpoch struct {
	Epoch       int32
	TimestampMs int64 // wall clock; 0: unknown, or the next one may follow at once
}

// TargetRecord is what a member is to get (ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue).
type TargetRecord struct {
	Group, Member string
	Partitions    assignor.Partitions // nil: the member has left
}

// CurrentRecord is how far a member has come towards its target (ConsumerGroupCurrentMemberAssignmentKey,
// ConsumerGroupCurrentMemberAssignmentValue).
type CurrentRecord struct {
	Group, Member string
	Value         *Current // nil: the member has left
}

// Current is what a member owns and gives up.
type Current struct {
	MemberEpoch         int32
	PreviousMemberEpoch int32
	State               MemberState
	Assigned            Owned
	Revoking            Owned
}

// RegexRecord is what a regular expression of a group stands for (ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue).
type RegexRecord struct {
	Group, Regex string
	Value        *ResolvedRegex // nil: nobody is subscribed to it any more
}

// ResolvedRegex is the topics that match.
type ResolvedRegex struct {
	Topics      []string // in order
	Version     int64    // of the catalog
	TimestampMs int64    // wall clock
}

func (*ConsumerGroupRecord) record()        {}
func (*SubscriptionMetadataRecord) record() {}
func (*ConsumerMemberRecord) record()       {}
func (*TargetEpochRecord) record()          {}
func (*TargetRecord) record()               {}
func (*CurrentRecord) record()              {}
func (*RegexRecord) record()                {}

// MemberState is how far a member of a consumer group has come (MemberState).
type MemberState int8

const (
	// MemberStable has got all that its epoch gives it.
	MemberStable MemberState = 0
	// MemberUnrevoked must give up partitions before it gets others, and before its epoch moves.
	MemberUnrevoked MemberState = 1
	// MemberUnreleased waits for partitions that others have not given up yet.
	MemberUnreleased MemberState = 2
	// MemberUnknown was written by a newer version. Such a member has to start again.
	MemberUnknown MemberState = 127
)

// Owned are partitions by topic, with the member epoch at which each was given to the member: commits that are older than that come
// from somebody who had the partition before. As [assignor.Partitions] it is shared freely and not changed, and no topic has no partition.
type Owned map[assignor.TopicID]map[int32]int32

// topics are those with partitions, in the order of their IDs.
func (o Owned) topics() []assignor.TopicID {
	return slices.SortedFunc(maps.Keys(o), func(a, b assignor.TopicID) int { return bytes.Compare(a[:], b[:]) })
}

// numbers are the partitions of a topic in order.
func (o Owned) numbers(topic assignor.TopicID) []int32 {
	return slices.Sorted(maps.Keys(o[topic]))
}
