package group

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
	"github.com/clatterhq/clatter/wire"
)

// Member types of ConsumerGroupDescribe, from version 1 on (KIP-1099).
const (
	memberTypeClassic  = 0
	memberTypeConsumer = 1
)

// ConsumerGroupDescribe describes consumer groups and their members (GroupMetadataManager.consumerGroupDescribe).
func (c *Coordinator) ConsumerGroupDescribe(ctx context.Context, req *kmsg.ConsumerGroupDescribeRequest) *kmsg.ConsumerGroupDescribeResponse {
	resp := req.ResponseKind().(*kmsg.ConsumerGroupDescribeResponse)
	named := make([]string, 0, len(req.Groups))
	for _, id := range req.Groups {
		if id != "" {
			named = append(named, id)
			continue
		}
		g := kmsg.NewConsumerGroupDescribeResponseGroup()
		g.ErrorCode = int16(wire.InvalidGroupID)
		resp.Groups = append(resp.Groups, g)
	}
	resp.Groups = append(resp.Groups, askEach(ctx, c, named, func(id string) question[kmsg.ConsumerGroupDescribeResponseGroup] {
		return question[kmsg.ConsumerGroupDescribeResponseGroup]{
			decide: func(s *Shard, reply func(kmsg.ConsumerGroupDescribeResponseGroup)) []Record {
				reply(s.describeConsumer(id))
				return nil
			},
			refused: func(code wire.ErrorCode) kmsg.ConsumerGroupDescribeResponseGroup {
				g := kmsg.NewConsumerGroupDescribeResponseGroup()
				g.Group, g.ErrorCode = id, int16(code)
				return g
			},
		}
	})...)
	return resp
}

// describeConsumer describes one group.
func (s *Shard) describeConsumer(id string) kmsg.ConsumerGroupDescribeResponseGroup {
	told := kmsg.NewConsumerGroupDescribeResponseGroup()
	told.Group = id
	g, ok := s.groups[id].(*consumerGroup)
	if !ok {
		err := refuse(wire.GroupIDNotFound, "Group %s not found.", id)
		if s.groups[id] != nil {
			err = refuse(wire.GroupIDNotFound, "Group %s is not a consumer group.", id)
		}
		told.ErrorCode, told.ErrorMessage = int16(err.code), &err.message
		return told
	}
	told.State, told.Epoch, told.AssignmentEpoch = g.stateName(), g.epoch, g.target.Epoch
	told.AssignorName = g.preferredAssignor(nil, nil, s.config().Consumers.fallback())
	for _, id := range g.ids() {
		told.Members = append(told.Members, g.members[id].described(g.targets[id], s.topics()))
	}
	return told
}

// described is a member as its group is described.
func (m *consumerMember) described(target assignor.Partitions, topics Topics) kmsg.ConsumerGroupDescribeResponseGroupMember {
	told := kmsg.NewConsumerGroupDescribeResponseGroupMember()
	told.MemberID, told.InstanceID, told.RackID, told.MemberEpoch = m.id, m.InstanceID, m.RackID, m.MemberEpoch
	told.ClientID, told.ClientHost = m.ClientID, m.ClientHost
	told.SubscribedTopics, told.SubscribedTopicRegex = append([]string{}, m.Topics...), m.Regex
	told.Assignment, told.TargetAssignment = describedPartitions(m.held(), topics), describedPartitions(target, topics)
	told.MemberType = memberTypeConsumer
	if m.classic() {
		told.MemberType = memberTypeClassic
	}
	return told
}

// held is what a member has: what it is asked to give up is still its own.
func (m *consumerMember) held() assignor.Partitions {
	held := m.Assigned.partitions()
	for id := range m.Revoking {
		for number := range m.Revoking[id] {
			held[id] = append(held[id], number)
		}
		slices.Sort(held[id])
	}
	return held
}

func describedPartitions(p assignor.Partitions, topics Topics) kmsg.Assignment {
	a := kmsg.NewAssignment()
	a.TopicPartitions = []kmsg.AssignmentTopicPartition{}
	for _, id := range p.Topics() {
		info, ok := topics.ByID(id)
		if !ok {
			continue
		}
		t := kmsg.NewAssignmentTopicPartition()
		t.TopicID, t.Topic, t.Partitions = id, info.Name, p[id]
		a.TopicPartitions = append(a.TopicPartitions, t)
	}
	return a
}
