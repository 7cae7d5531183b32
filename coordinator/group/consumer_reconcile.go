package group

import (
	"maps"
	"slices"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
)

// reconciliation moves one member towards its target (CurrentAssignmentBuilder).
type reconciliation struct {
	member      *consumerMember
	targetEpoch int32
	target      assignor.Partitions
	// subscribed are the topics that the member is subscribed to. What it isn't subscribed to is not left with it, whatever the target says.
	subscribed []assignor.TopicID
	// changed says that the subscription has just changed.
	changed bool
	// owners are the partitions that somebody has.
	owners Owned
	// reported says that the member has told what it owns, and owned what that is.
	reported bool
	owned    map[assignor.TopicID][]int32
}

// next is the member with the next step done, or the member as it is. ok is false if the member has to start again.
func (r *reconciliation) next() (m *consumerMember, ok bool) {
	m = r.member
	switch m.State {
	case MemberStable:
		if m.MemberEpoch != r.targetEpoch {
			return r.compute(m.MemberEpoch), true
		}
		if r.changed {
			return r.shrink(), true
		}
		return m, true
	case MemberUnrevoked:
		// It has given up what it must as soon as it doesn't report that any more.
		if r.owns(m.Revoking) {
			if r.changed {
				return r.shrink(), true
			}
			return m, true
		}
		return r.compute(m.MemberEpoch), true
	case MemberUnreleased:
		return r.compute(m.MemberEpoch), true
	case MemberUnknown:
		if !r.reported || len(r.owned) > 0 {
			return nil, false
		}
		return r.compute(r.targetEpoch), true
	}
	return m, true
}

// owns reports whether the member may still have one of these partitions. If it doesn't say what it has, it may.
func (r *reconciliation) owns(partitions Owned) bool {
	if !r.reported {
		return true
	}
	for topic, numbers := range r.owned {
		for _, number := range numbers {
			if partitions.has(topic, number) {
				return true
			}
		}
	}
	return false
}

func (r *reconciliation) isSubscribed(topic assignor.TopicID) bool {
	_, found := slices.BinarySearchFunc(r.subscribed, topic, compareTopicIDs)
	return found
}

// shrink takes away the topics that the member isn't subscribed to any more, without anything else of the target.
func (r *reconciliation) shrink() *consumerMember {
	m := *r.member
	assigned, revoking := maps.Clone(m.Assigned), maps.Clone(m.Revoking)
	for topic, partitions := range m.Assigned {
		if r.isSubscribed(topic) {
			continue
		}
		delete(assigned, topic)
		if revoking == nil {
			revoking = Owned{}
		}
		merged := maps.Clone(partitions)
		maps.Copy(merged, revoking[topic])
		revoking[topic] = merged
	}
	if len(assigned) == len(m.Assigned) {
		return r.member
	}
	m.Assigned = assigned
	m.advance(m.MemberEpoch)
	if r.owns(revoking) {
		m.State, m.Revoking = MemberUnrevoked, revoking
	}
	return &m
}

// compute takes the member as far towards the target as others let it, from an epoch on.
func (r *reconciliation) compute(epoch int32) *consumerMember {
	assigned, revoking, waiting := Owned{}, Owned{}, false
	for topic, partitions := range r.member.Assigned {
		target := r.targetOf(topic)
		for partition, since := range partitions {
			if _, keep := slices.BinarySearch(target, partition); keep {
				assigned.set(topic, partition, since)
			} else {
				revoking.set(topic, partition, since)
			}
		}
	}
	pending := Owned{}
	for topic := range r.target {
		for _, partition := range r.targetOf(topic) {
			switch {
			case assigned.has(topic, partition):
			case r.owners.has(topic, partition) && !r.member.Revoking.has(topic, partition):
				waiting = true
			default:
				pending.set(topic, partition, r.targetEpoch)
			}
		}
	}
	m := *r.member
	if len(revoking) > 0 && r.owns(revoking) {
		m.State, m.Assigned, m.Revoking = MemberUnrevoked, assigned, revoking
		m.advance(epoch)
		return &m
	}
	for topic, partitions := range pending {
		for partition, since := range partitions {
			assigned.set(topic, partition, since)
		}
	}
	m.State, m.Assigned, m.Revoking = MemberStable, assigned, Owned{}
	if waiting {
		m.State = MemberUnreleased
	}
	m.advance(r.targetEpoch)
	return &m
}

// targetOf is what the member is to have of a topic.
func (r *reconciliation) targetOf(topic assignor.TopicID) []int32 {
	if !r.isSubscribed(topic) {
		return nil
	}
	return r.target[topic]
}

// set adds a partition to a value that nobody has seen yet.
func (o Owned) set(topic assignor.TopicID, partition, epoch int32) {
	if o[topic] == nil {
		o[topic] = map[int32]int32{}
	}
	o[topic][partition] = epoch
}
