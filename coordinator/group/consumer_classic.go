package group

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// Members of the classic protocol live in consumer groups as if the group rebalanced whenever they have something to do: their
// heartbeats tell them to join, a JoinGroup does what a heartbeat of the consumer protocol does, and a SyncGroup gives them what they have.

// joinConsumer lets a member of the classic protocol into a consumer group (classicGroupJoinToConsumerGroup).
func (s *Shard) joinConsumer(g *consumerGroup, j *joiner) []Record {
	if g.isEmpty() {
		return s.joinEmptyConsumer(g, j)
	}
	records, err := s.tryJoinConsumer(g, j)
	if err != nil {
		s.coordinator.logFenced(g.id, "JoinGroup", j.MemberID, j.InstanceID, err.code)
		j.reply(joinRefused(err.code, ""))
		return nil
	}
	return records
}

// joinEmptyConsumer makes a classic group of a consumer group without members.
func (s *Shard) joinEmptyConsumer(g *consumerGroup, j *joiner) []Record {
	if j.MemberID != "" {
		j.reply(joinRefused(wire.UnknownMemberID, j.MemberID))
		return nil
	}
	// It takes its place at once: a group that waits for members is not in the log.
	tombstones := g.tombstones()
	delete(s.groups, g.id)
	records := s.joinUnknown(j)
	s.undo(func(error) { s.groups[g.id] = g })
	s.logConsumer("empty consumer group becomes a classic group", g.id)
	return append(tombstones, records...)
}

func (s *Shard) tryJoinConsumer(g *consumerGroup, j *joiner) ([]Record, *refusalError) {
	config := s.config().Consumers
	if !config.Upgrade && !config.Downgrade {
		return nil, refuse(wire.InconsistentGroupProtocol,
			"Cannot join the consumer group %s with the classic protocol because the group migration is disabled.", g.id)
	}
	known := j.MemberID != ""
	memberID := strings.Clone(j.MemberID)
	if !known {
		memberID = s.newMemberUUID()
	}
	if err := s.checkRoom(g, memberID, j.InstanceID); err != nil {
		return nil, err
	}
	if !g.supportsClassic(j.ProtocolType, j.protocols) {
		return nil, refuse(wire.InconsistentGroupProtocol, "Member %s's protocols are not supported.", memberID)
	}
	if !known && j.InstanceID == nil && j.Version >= joinWithID {
		j.reply(joinRefused(wire.MemberIDRequired, memberID))
		return nil, nil
	}
	said, ok := parseSubscription(j.protocols[0].metadata)
	if !ok {
		return nil, refuse(wire.InconsistentGroupProtocol, "Member %s's subscription is malformed.", memberID)
	}
	u := &consumerUpdate{s: s, g: g, epoch: g.epoch, homogeneous: g.subscriptions.homogeneous(len(g.members))}
	join := &joining{memberID: memberID, instanceID: copied(j.InstanceID), create: !known || j.InstanceID == nil, classic: true}
	if err := u.find(join); err != nil {
		return nil, err
	}
	replaced := g.static(j.InstanceID)
	u.m = classicWords(u.old, j, &said)
	if err := u.checkBytes(); err != nil {
		return nil, err
	}
	names := u.subscribe()
	regex, err := u.subscribeRegex()
	if err != nil {
		return nil, err
	}
	changed := names || regex != regexUnchanged
	u.refresh(changed)
	r := &reconciliation{changed: changed, reported: true, owned: byID(said.owned, s.topics())}
	if s.replacesLastConsumer(g, replaced) {
		return u.joinAndDowngrade(j, r, replaced)
	}
	if r.targetEpoch, r.target, err = u.assign(); err != nil {
		return nil, err
	}
	if err := u.reconcile(r); err != nil {
		return nil, err
	}
	s.touchConsumer(g.id, u.m.id, j.SessionTimeoutMillis)
	s.expectClassicSync(g.id, u.m.id, j.RebalanceTimeoutMillis)
	u.done()
	j.reply(u.joinResponse())
	return u.records, nil
}

// joinAndDowngrade is for a static member that was the last one of the consumer protocol.
func (u *consumerUpdate) joinAndDowngrade(j *joiner, r *reconciliation, replaced *consumerMember) ([]Record, *refusalError) {
	if u.g.target.Epoch >= u.epoch {
		r.targetEpoch, r.target = u.g.target.Epoch, u.g.targetOf(u.m)
		if err := u.reconcile(r); err != nil {
			return nil, err
		}
	}
	u.downgradeWith(replaced)
	u.done()
	j.reply(u.joinResponse())
	return u.records, nil
}

// joinResponse is the answer to a JoinGroup. Nobody leads such a group: the coordinator assigns.
func (u *consumerUpdate) joinResponse() *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.MemberID, resp.Generation = u.m.id, u.m.MemberEpoch
	resp.ProtocolType, resp.Protocol = new(consumerProtocolType), new(u.m.Classic.Protocols[0].Name)
	return resp
}

// classicWords is the member with what it says in a JoinGroup.
func classicWords(old *consumerMember, j *joiner, said *consumerSubscription) *consumerMember {
	m := *old
	if j.InstanceID != nil {
		m.InstanceID = keep(old.InstanceID, *j.InstanceID)
	}
	if said.rackID != "" {
		m.RackID = &said.rackID
	}
	if j.RebalanceTimeoutMillis != -1 {
		m.RebalanceTimeoutMs = j.RebalanceTimeoutMillis
	}
	m.Topics, m.Regex = topicSet(old.Topics, said.topics), new("")
	m.ClientID, m.ClientHost = strings.Clone(j.ClientID), strings.Clone(j.ClientHost)
	m.Classic = &ClassicMember{SessionTimeoutMs: j.SessionTimeoutMillis, Protocols: classicProtocols(j.protocols)}
	return &m
}

// supportsClassic reports whether all classic members know one of these protocols.
func (g *consumerGroup) supportsClassic(protocolType string, protocols []protocol) bool {
	return protocolType == consumerProtocolType && slices.ContainsFunc(protocols, func(p protocol) bool {
		return g.classicProtocols[p.name] == g.classicMembers
	})
}

// classicMember finds a member of the classic protocol by what it says.
func (g *consumerGroup) classicMember(memberID string, instanceID *string, generation int32) (*consumerMember, *refusalError) {
	m := g.members[memberID]
	if instanceID != nil {
		m = g.static(instanceID)
		if err := checkInstance(m, memberID, *instanceID); err != nil {
			return nil, err
		}
	}
	switch {
	case m == nil:
		return nil, unknownMember(memberID, g.id)
	case !m.classic():
		return nil, refuse(wire.UnknownMemberID, "Member %s does not use the classic protocol.", m.id)
	case m.MemberEpoch != generation:
		return nil, refuse(wire.IllegalGeneration, "The request generation id %d is not equal to the member epoch %d of member %s.", generation, m.MemberEpoch, m.id)
	}
	return m, nil
}

// syncConsumer gives a member what it has (classicGroupSyncToConsumerGroup).
func (s *Shard) syncConsumer(g *consumerGroup, req *kmsg.SyncGroupRequest) *kmsg.SyncGroupResponse {
	m, err := g.classicMember(req.MemberID, req.InstanceID, req.Generation)
	if err != nil {
		s.coordinator.logFenced(g.id, "SyncGroup", req.MemberID, req.InstanceID, err.code)
		return syncRefused(err.code)
	}
	first := m.Classic.Protocols[0]
	if req.ProtocolType != nil && *req.ProtocolType != consumerProtocolType || req.Protocol != nil && *req.Protocol != first.Name {
		return syncRefused(wire.InconsistentGroupProtocol)
	}
	if g.epoch > m.MemberEpoch && m.State != MemberUnrevoked {
		s.expectClassicJoin(g.id, m)
		return syncRefused(wire.RebalanceInProgress)
	}
	said, ok := parseSubscription(first.Metadata)
	if !ok {
		return syncRefused(wire.UnknownServerError)
	}
	s.withMember(g.id, m.id, func(_ *consumerGroup, t *consumerTimers) {
		if t.sync != nil {
			t.sync.Stop()
		}
	})
	s.touchConsumer(g.id, m.id, m.Classic.SessionTimeoutMs)
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.ProtocolType, resp.Protocol = copied(req.ProtocolType), copied(req.Protocol)
	resp.MemberAssignment = appendAssignment(said.version, byName(m.Assigned.partitions(), s.topics()))
	return resp
}

// heartbeatClassic lets a classic member live on, and tells it when it has something to do (classicGroupHeartbeatToConsumerGroup).
func (s *Shard) heartbeatClassic(g *consumerGroup, req *kmsg.HeartbeatRequest) wire.ErrorCode {
	m, err := g.classicMember(req.MemberID, req.InstanceID, req.Generation)
	if err != nil {
		s.coordinator.logFenced(g.id, "Heartbeat", req.MemberID, req.InstanceID, err.code)
		return err.code
	}
	s.touchConsumer(g.id, m.id, m.Classic.SessionTimeoutMs)
	if m.MemberEpoch < g.epoch || m.State == MemberUnrevoked || m.State == MemberUnreleased && !g.waits(m) {
		s.expectClassicJoin(g.id, m)
		return wire.RebalanceInProgress
	}
	return wire.None
}

// waits reports whether somebody still has a partition that a member is to get.
func (g *consumerGroup) waits(m *consumerMember) bool {
	for topic, numbers := range g.targets[m.id] {
		for _, number := range numbers {
			if !m.Assigned.has(topic, number) && g.owners.has(topic, number) {
				return true
			}
		}
	}
	return false
}

// leaveConsumer removes members whom a LeaveGroup names, of both protocols (classicGroupLeaveToConsumerGroup).
func (s *Shard) leaveConsumer(g *consumerGroup, members []kmsg.LeaveGroupRequestMember, told []kmsg.LeaveGroupResponseMember) []Record {
	var gone []*consumerMember
	for i := range members {
		x := &members[i]
		m := g.members[x.MemberID]
		if x.InstanceID != nil {
			m = g.static(x.InstanceID)
			if m != nil && x.MemberID != "" && x.MemberID != m.id {
				told[i].ErrorCode = int16(wire.FencedInstanceID)
				s.coordinator.logFenced(g.id, "LeaveGroup", x.MemberID, x.InstanceID, wire.FencedInstanceID)
				continue
			}
		}
		if m == nil {
			told[i].ErrorCode = int16(wire.UnknownMemberID)
			continue
		}
		if !slices.Contains(gone, m) {
			gone = append(gone, m)
			s.logConsumer("member leaves the consumer group", g.id, "member", m.id, "reason", clientReason(x.Reason))
		}
	}
	return s.removeConsumers(g, gone)
}
