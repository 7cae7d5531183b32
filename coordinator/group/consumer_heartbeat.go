package group

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
	"github.com/clatterhq/clatter/wire"
)

// ConsumerGroupHeartbeat has a member join a consumer group, stay in it and move on in it, or leave
// (GroupMetadataManager.consumerGroupHeartbeat, KIP-848).
func (c *Coordinator) ConsumerGroupHeartbeat(ctx context.Context, who Caller, req *kmsg.ConsumerGroupHeartbeatRequest) *kmsg.ConsumerGroupHeartbeatResponse {
	// What isn't UTF-8 in a regular expression is read as Kafka reads it. No topic has such a name.
	if text := req.SubscribedTopicRegex; text != nil {
		req.SubscribedTopicRegex = new(strings.ToValidUTF8(*text, "\uFFFD"))
	}
	config := c.options.Config()
	if err := validateHeartbeat(req, config.Consumers); err != nil {
		return refusedHeartbeat(req, err)
	}
	// It is compiled here, because that may take some milliseconds: the shard has others to serve.
	var invalidRegex *refusalError
	if text := req.SubscribedTopicRegex; text != nil {
		_, invalidRegex = compileRegex(*text)
	}
	return ask(ctx, c, req.Group, question[*kmsg.ConsumerGroupHeartbeatResponse]{
		decide: func(s *Shard, reply func(*kmsg.ConsumerGroupHeartbeatResponse)) []Record {
			resp, records, err := s.consumerHeartbeat(who, req, invalidRegex)
			if err != nil {
				switch err.code {
				case wire.FencedMemberEpoch, wire.FencedInstanceID, wire.UnreleasedInstanceID:
					s.logConsumer("member is refused", req.Group, "member", req.MemberID, "instance", orEmpty(req.InstanceID), "reason", err.message)
				default:
				}
				reply(refusedHeartbeat(req, err))
				return nil
			}
			reply(resp)
			return records
		},
		refused: func(code wire.ErrorCode) *kmsg.ConsumerGroupHeartbeatResponse {
			return refusedHeartbeat(req, &refusalError{code: code, message: code.Message()})
		},
	})
}

func refusedHeartbeat(req *kmsg.ConsumerGroupHeartbeatRequest, err *refusalError) *kmsg.ConsumerGroupHeartbeatResponse {
	resp := req.ResponseKind().(*kmsg.ConsumerGroupHeartbeatResponse)
	resp.ErrorCode, resp.ErrorMessage = int16(err.code), &err.message
	return resp
}

// consumerHeartbeat decides on one heartbeat. invalidRegex is why its regular expression can't be taken, nil if it can.
func (s *Shard) consumerHeartbeat(who Caller, req *kmsg.ConsumerGroupHeartbeatRequest, invalidRegex *refusalError) (*kmsg.ConsumerGroupHeartbeatResponse, []Record, *refusalError) {
	if req.MemberEpoch < joinEpoch {
		return s.leaveConsumerGroup(req)
	}
	u, err := s.enterConsumerGroup(req.Group, req.MemberEpoch == joinEpoch)
	if err != nil {
		return nil, nil, err
	}
	u.invalidRegex = invalidRegex
	memberID := string([]byte(req.MemberID))
	if err := s.checkRoom(u.g, memberID, req.InstanceID); err != nil {
		return nil, nil, err
	}
	if memberID == "" {
		memberID = s.newMemberUUID()
	}
	join := &joining{memberID: memberID, instanceID: copied(req.InstanceID), create: req.MemberEpoch == joinEpoch, epoch: req.MemberEpoch, owned: ownedOf(req.Topics), reported: req.Topics != nil}
	if err := u.find(join); err != nil {
		return nil, nil, err
	}
	u.m = heartbeatWords(u.old, who, req)
	if err := u.checkBytes(); err != nil {
		return nil, nil, err
	}
	names := u.subscribe()
	regex, err := u.subscribeRegex()
	if err != nil {
		return nil, nil, err
	}
	fallback := s.config().Consumers.fallback()
	u.refresh(names || regex == regexResolved ||
		u.g.preferredAssignor(nil, nil, fallback) != u.g.preferredAssignor(u.old, u.m, fallback))
	targetEpoch, target, err := u.assign()
	if err != nil {
		return nil, nil, err
	}
	if err := u.reconcile(&reconciliation{
		targetEpoch: targetEpoch, target: target, changed: names || regex != regexUnchanged, reported: join.reported, owned: join.owned,
	}); err != nil {
		return nil, nil, err
	}
	s.touchConsumer(u.g.id, memberID, s.consumerConfig(u.g.id).SessionTimeoutMs)
	u.done()
	return u.heartbeatResponse(req), u.records, nil
}

// heartbeatWords is the member with what it says in a heartbeat. What it leaves out stays as it was.
func heartbeatWords(old *consumerMember, who Caller, req *kmsg.ConsumerGroupHeartbeatRequest) *consumerMember {
	m := *old
	if req.InstanceID != nil {
		m.InstanceID = keep(old.InstanceID, *req.InstanceID)
	}
	if req.RackID != nil {
		m.RackID = keep(old.RackID, *req.RackID)
	}
	if req.RebalanceTimeoutMillis != -1 {
		m.RebalanceTimeoutMs = req.RebalanceTimeoutMillis
	}
	if req.ServerAssignor != nil {
		m.Assignor = keep(old.Assignor, *req.ServerAssignor)
	}
	if req.SubscribedTopicNames != nil {
		m.Topics = topicSet(old.Topics, req.SubscribedTopicNames)
	}
	if req.SubscribedTopicRegex != nil {
		m.Regex = keep(old.Regex, *req.SubscribedTopicRegex)
	}
	if m.ClientID != who.ClientID {
		m.ClientID = string([]byte(who.ClientID))
	}
	if m.ClientHost != who.ClientHost {
		m.ClientHost = string([]byte(who.ClientHost))
	}
	m.Classic = nil
	return &m
}

// keep is what a member has already, if it says the same again, or a copy of what it says.
func keep(old *string, now string) *string {
	if old != nil && *old == now {
		return old
	}
	return copied(&now)
}

// topicSet are names in order and once each: what was there already if that is the same, or copies.
func topicSet(old, names []string) []string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	if slices.Equal(old, sorted) {
		return old
	}
	for i := range sorted {
		sorted[i] = string([]byte(sorted[i]))
	}
	return sorted
}

// ownedOf is what a member says to own.
func ownedOf(topics []kmsg.ConsumerGroupHeartbeatRequestTopic) map[assignor.TopicID][]int32 {
	owned := make(map[assignor.TopicID][]int32, len(topics))
	for i := range topics {
		owned[topics[i].TopicID] = append(owned[topics[i].TopicID], topics[i].Partitions...)
	}
	return owned
}

// heartbeatResponse tells the member where it is. The assignment is in there if it is another, or if the member has asked by
// saying all about itself.
func (u *consumerUpdate) heartbeatResponse(req *kmsg.ConsumerGroupHeartbeatRequest) *kmsg.ConsumerGroupHeartbeatResponse {
	resp := req.ResponseKind().(*kmsg.ConsumerGroupHeartbeatResponse)
	resp.MemberID, resp.MemberEpoch = &u.m.id, u.m.MemberEpoch
	resp.HeartbeatIntervalMillis = u.s.consumerConfig(u.g.id).HeartbeatIntervalMs
	full := req.RebalanceTimeoutMillis != -1 && (req.SubscribedTopicNames != nil || req.SubscribedTopicRegex != nil) && req.Topics != nil
	if req.MemberEpoch == joinEpoch || full || !u.old.Assigned.samePartitions(u.m.Assigned) {
		a := kmsg.NewConsumerGroupHeartbeatResponseAssignment()
		a.Topics = []kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{}
		for _, id := range u.m.Assigned.topics() {
			t := kmsg.NewConsumerGroupHeartbeatResponseAssignmentTopic()
			t.TopicID, t.Partitions = id, u.m.Assigned.numbers(id)
			a.Topics = append(a.Topics, t)
		}
		resp.Assignment = &a
	}
	return resp
}

// newMemberUUID makes an ID for a member that has none, as Kafka writes UUIDs.
func (s *Shard) newMemberUUID() string {
	id := make([]byte, 16)
	s.coordinator.random(id)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return base64.RawURLEncoding.EncodeToString(id)
}

// logConsumer tells the operator about a group.
func (s *Shard) logConsumer(event, group string, args ...any) {
	s.coordinator.line(event, group, args...)
}
