package group

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// leaveConsumerGroup decides on the heartbeat of a member that leaves. A static one may say that it comes back: then it keeps its partitions
// until its session ends.
func (s *Shard) leaveConsumerGroup(req *kmsg.ConsumerGroupHeartbeatRequest) (*kmsg.ConsumerGroupHeartbeatResponse, []Record, *refusalError) {
	g, ok := s.groups[req.Group].(*consumerGroup)
	if !ok {
		if s.groups[req.Group] == nil {
			return nil, nil, refuse(wire.GroupIDNotFound, "Group %s not found.", req.Group)
		}
		return nil, nil, refuse(wire.GroupIDNotFound, "Group %s is not a consumer group.", req.Group)
	}
	m := g.members[req.MemberID]
	if req.InstanceID == nil {
		if m == nil {
			return nil, nil, unknownMember(req.MemberID, req.Group)
		}
	} else {
		m = g.static(req.InstanceID)
		if err := checkInstance(m, req.MemberID, *req.InstanceID); err != nil {
			return nil, nil, err
		}
	}
	resp := req.ResponseKind().(*kmsg.ConsumerGroupHeartbeatResponse)
	resp.MemberID, resp.MemberEpoch = &m.id, req.MemberEpoch
	if req.MemberEpoch == staticLeaveEpoch {
		s.logConsumer("static member leaves the consumer group for a while", g.id, "member", m.id, "instance", orEmpty(m.InstanceID))
		gone := *m
		gone.MemberEpoch, gone.Revoking = staticLeaveEpoch, Owned{}
		return resp, []Record{gone.currentRecord(g.id)}, nil
	}
	s.logConsumer("member leaves the consumer group", g.id, "member", m.id, "instance", orEmpty(m.InstanceID))
	return resp, s.removeConsumers(g, []*consumerMember{m}), nil
}

// removeConsumers removes members from a group, which rebalances then. If only classic members are left, it becomes a classic group.
func (s *Shard) removeConsumers(g *consumerGroup, gone []*consumerMember) []Record {
	if len(gone) == 0 {
		return nil
	}
	if records, ok := s.downgradeWithout(g, gone); ok {
		return records
	}
	var records []Record
	for _, m := range gone {
		records = append(records, memberTombstones(g.id, m.id)...)
	}
	left := g.without(gone)
	for _, regex := range sortedKeys(g.subscriptions.regexes) {
		if left.regexes[regex] == 0 {
			records = append(records, &RegexRecord{Group: g.id, Regex: regex})
		}
	}
	version := s.topicsVersion()
	epoch := g.epoch + 1
	records = append(records, &ConsumerGroupRecord{Group: g.id, Value: &ConsumerGroup{Epoch: epoch, MetadataHash: left.metadataHash(s.topics())}})
	s.sawTopics(g.id, version)
	if len(gone) == len(g.members) {
		// Nobody has to wait for the first assignment of those who come next.
		records = append(records, &TargetEpochRecord{Group: g.id, Value: &TargetEpoch{Epoch: epoch}})
	}
	s.logConsumer("consumer group rebalances", g.id, "epoch", epoch, "gone", len(gone))
	return records
}
