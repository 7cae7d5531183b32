package group

import (
	"bytes"
	"maps"
	"slices"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
)

func compareTopicIDs(a, b assignor.TopicID) int { return bytes.Compare(a[:], b[:]) }

// topicIDs are the IDs of those topics of a member that exist, in order and once each.
func (g *consumerGroup) topicIDs(m *consumerMember, find func(name string) (TopicInfo, bool)) []assignor.TopicID {
	var ids []assignor.TopicID
	add := func(names []string) {
		for _, name := range names {
			if info, ok := find(name); ok {
				ids = append(ids, info.ID)
			}
		}
	}
	add(m.Topics)
	if r := g.resolved[m.regex()]; r != nil {
		add(r.Topics)
	}
	slices.SortFunc(ids, compareTopicIDs)
	return slices.Compact(ids)
}

// targetInput is what a target assignment is made of.
type targetInput struct {
	assignor    assignor.Assignor
	homogeneous bool
	topics      Topics
	epoch       int32 // of the group
	nowMs       int64
	// changed is the member that has changed, nil if none has. It takes the place of the static member with its instance ID.
	changed *consumerMember
}

// computeTarget makes a new target assignment, and the records that say what is different in it (TargetAssignmentBuilder).
func (g *consumerGroup) computeTarget(in *targetInput) (targets map[string]assignor.Partitions, records []Record, err error) {
	members := make(map[string]*consumerMember, len(g.members)+1)
	maps.Copy(members, g.members)
	if in.changed != nil {
		if old := g.static(in.changed.InstanceID); old != nil {
			delete(members, old.id)
		}
		members[in.changed.id] = in.changed
	}
	counts := map[assignor.TopicID]int32{}
	seen := map[string]TopicInfo{}
	find := func(name string) (TopicInfo, bool) {
		info, ok := seen[name]
		if !ok {
			if info, ok = in.topics.ByName(name); ok {
				counts[info.ID] = info.Partitions
			} else {
				info = TopicInfo{} // A topic that doesn't exist has no name.
			}
			seen[name] = info
		}
		return info, info.Name != ""
	}
	spec := &assignor.Spec{Homogeneous: in.homogeneous, PartitionCounts: counts, Members: make([]assignor.Member, 0, len(members))}
	for _, id := range sortedKeys(members) {
		m := members[id]
		spec.Members = append(spec.Members, assignor.Member{
			ID: id, InstanceID: m.InstanceID, Topics: g.topicIDs(m, find), Target: g.targetOf(m),
		})
	}
	targets, err = in.assignor.Assign(spec)
	if err != nil {
		return nil, nil, err
	}
	for i := range spec.Members {
		id := spec.Members[i].ID
		target := targets[id]
		if target == nil {
			target = assignor.Partitions{}
		}
		if old, ok := g.targets[id]; !ok || !old.Equal(target) {
			records = append(records, &TargetRecord{Group: g.id, Member: id, Partitions: target})
		}
	}
	return targets, append(records, &TargetEpochRecord{Group: g.id, Value: &TargetEpoch{Epoch: in.epoch, TimestampMs: in.nowMs}}), nil
}
