package group

import (
	"maps"
	"slices"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
)

// Member epochs that mean something else than how far a member has come (ConsumerGroupHeartbeatRequest).
const (
	joinEpoch        = 0  // the member wants in, or to start again
	leaveEpoch       = -1 // it leaves
	staticLeaveEpoch = -2 // it leaves and comes back under its instance ID
)

// consumerMember is a member of a consumer group (ConsumerGroupMember): what it says, and how far it has come. It never changes
// once others can see it: a change is a new value in its place.
type consumerMember struct {
	id string
	ConsumerMember
	Current
}

// newConsumerMember is somebody of whom nothing is known yet.
func newConsumerMember(id string) *consumerMember {
	return &consumerMember{
		id:             id,
		ConsumerMember: ConsumerMember{Regex: new(""), RebalanceTimeoutMs: -1},
		Current:        Current{MemberEpoch: joinEpoch, PreviousMemberEpoch: -1},
	}
}

// classic reports whether the member uses the classic protocol.
func (m *consumerMember) classic() bool { return m.Classic != nil }

// regex is the regular expression that the member is subscribed to, "" if there is none.
func (m *consumerMember) regex() string {
	if m == nil {
		return ""
	}
	return orEmpty(m.Regex)
}

// reconciledTo reports whether the member has all that the target of an epoch gives it.
func (m *consumerMember) reconciledTo(targetEpoch int32) bool {
	return m.State == MemberStable && m.MemberEpoch == targetEpoch
}

// equal reports whether two are the same in everything that records hold.
func (m *consumerMember) equal(x *consumerMember) bool {
	return m.id == x.id && m.sameWords(x) && m.sameProgress(x)
}

// sameWords reports whether two say the same about themselves.
func (m *consumerMember) sameWords(x *consumerMember) bool {
	return equalOptional(m.InstanceID, x.InstanceID) && equalOptional(m.RackID, x.RackID) &&
		m.ClientID == x.ClientID && m.ClientHost == x.ClientHost && slices.Equal(m.Topics, x.Topics) &&
		equalOptional(m.Regex, x.Regex) && m.RebalanceTimeoutMs == x.RebalanceTimeoutMs &&
		equalOptional(m.Assignor, x.Assignor) && m.Classic.equal(x.Classic)
}

// sameProgress reports whether two have come equally far.
func (m *consumerMember) sameProgress(x *consumerMember) bool {
	return m.MemberEpoch == x.MemberEpoch && m.PreviousMemberEpoch == x.PreviousMemberEpoch && m.State == x.State &&
		m.Assigned.equal(x.Assigned) && m.Revoking.equal(x.Revoking)
}

func (c *ClassicMember) equal(d *ClassicMember) bool {
	if c == nil || d == nil {
		return c == d
	}
	return c.SessionTimeoutMs == d.SessionTimeoutMs && slices.EqualFunc(c.Protocols, d.Protocols, func(a, b ClassicProtocol) bool {
		return a.Name == b.Name && slices.Equal(a.Metadata, b.Metadata)
	})
}

func equalOptional(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// advance moves the member to an epoch; the one that it leaves stays valid until it has heard of that.
func (m *consumerMember) advance(epoch int32) {
	m.PreviousMemberEpoch, m.MemberEpoch = m.MemberEpoch, epoch
}

// record is what the member says.
func (m *consumerMember) record(group string) Record {
	return &ConsumerMemberRecord{Group: group, Member: m.id, Value: new(m.ConsumerMember)}
}

// currentRecord is how far the member has come.
func (m *consumerMember) currentRecord(group string) Record {
	return &CurrentRecord{Group: group, Member: m.id, Value: new(m.Current)}
}

// memberTombstones delete a member. Their order is that which replay wants.
func memberTombstones(group, member string) []Record {
	return []Record{
		&CurrentRecord{Group: group, Member: member},
		&TargetRecord{Group: group, Member: member},
		&ConsumerMemberRecord{Group: group, Member: member},
	}
}

// has reports whether a partition is among them.
func (o Owned) has(topic assignor.TopicID, partition int32) bool {
	_, ok := o[topic][partition]
	return ok
}

// equal reports whether two have the same partitions from the same epochs.
func (o Owned) equal(p Owned) bool {
	return maps.EqualFunc(o, p, maps.Equal)
}

// samePartitions reports whether two have the same partitions, whenever they were given.
func (o Owned) samePartitions(p Owned) bool {
	return maps.EqualFunc(o, p, func(a, b map[int32]int32) bool {
		if len(a) != len(b) {
			return false
		}
		for partition := range a {
			if _, ok := b[partition]; !ok {
				return false
			}
		}
		return true
	})
}

// copied is a copy, nil none.
func copied(s *string) *string {
	if s == nil {
		return nil
	}
	return new(string([]byte(*s)))
}
