package group

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

const (
	// joinWithID is the version from which on a member must come back with the ID that it is given (KIP-394).
	joinWithID = 4
	// joinNullProtocol is the version from which on an answer can be without a protocol (KIP-559).
	joinNullProtocol = 7
	// joinSkipsAssignment is the version from which on a leader can be told not to assign (KIP-814).
	joinSkipsAssignment = 9

	// newMemberJoinTimeout is how long somebody who has never had an answer may wait for one. It sends no heartbeats, and nobody sees
	// whether its connection still lives.
	newMemberJoinTimeout = 5 * time.Minute

	// maxRecordString is the longest string that a record can hold.
	maxRecordString = math.MaxInt16
)

// joiner is a JoinGroup on its way.
type joiner struct {
	*kmsg.JoinGroupRequest
	Caller
	reply func(*kmsg.JoinGroupResponse)
	// protocols is those of the request, copied.
	protocols []protocol
}

// JoinGroup has somebody join a group of the classic protocol, versions 0 to 9. The answer comes when all members have joined.
func (c *Coordinator) JoinGroup(ctx context.Context, who Caller, req *kmsg.JoinGroupRequest) *kmsg.JoinGroupResponse {
	resp := c.joinGroup(ctx, who, req)
	resp.Version = req.Version
	if req.Version >= joinNullProtocol && resp.ErrorCode != 0 {
		resp.Protocol = nil
	}
	return resp
}

func (c *Coordinator) joinGroup(ctx context.Context, who Caller, req *kmsg.JoinGroupRequest) *kmsg.JoinGroupResponse {
	if code := checkJoin(req, c.options.Config()); code != wire.None {
		return joinRefused(code, req.MemberID)
	}
	if req.Version == 0 {
		req.RebalanceTimeoutMillis = req.SessionTimeoutMillis
	}
	return ask(ctx, c, req.Group, question[*kmsg.JoinGroupResponse]{
		decide: func(s *Shard, reply func(*kmsg.JoinGroupResponse)) []Record {
			return s.join(&joiner{JoinGroupRequest: req, Caller: who, reply: reply, protocols: protocolsOf(req.Protocols)})
		},
		refused: func(code wire.ErrorCode) *kmsg.JoinGroupResponse { return joinRefused(code, "") },
	})
}

// checkJoin is the code for what can be seen without the group.
func checkJoin(req *kmsg.JoinGroupRequest, config Config) wire.ErrorCode {
	if code := checkGroupID(req.Group); code != wire.None {
		return code
	}
	if req.SessionTimeoutMillis < config.MinSessionTimeoutMs || req.SessionTimeoutMillis > config.MaxSessionTimeoutMs {
		return wire.InvalidSessionTimeout
	}
	// What no record can hold must not get into the state. Kafka finds out when it writes the record, and can't say what it is.
	tooLong := len(req.ProtocolType) > maxRecordString || req.InstanceID != nil && len(*req.InstanceID) > maxRecordString
	for i := range req.Protocols {
		tooLong = tooLong || len(req.Protocols[i].Name) > maxRecordString
	}
	if tooLong {
		return wire.UnknownServerError
	}
	return wire.None
}

// checkGroupID is the code for the ID of a group that somebody wants to be in.
func checkGroupID(group string) wire.ErrorCode {
	if group == "" || len(group) > maxRecordString {
		return wire.InvalidGroupID
	}
	return wire.None
}

// joinRefused is the answer to somebody who can't join.
func joinRefused(code wire.ErrorCode, memberID string) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.ErrorCode, resp.MemberID, resp.Protocol = int16(code), memberID, new("")
	return resp
}

// join lets somebody into a group, or makes one (classicGroupJoin).
func (s *Shard) join(j *joiner) []Record {
	switch g := s.groups[j.Group].(type) {
	case nil:
		return s.joinUnknown(j)
	case *classicGroup:
		return s.joinClassic(g, j)
	case *consumerGroup:
		return s.joinConsumer(g, j)
	default:
		j.reply(joinRefused(wire.InconsistentGroupProtocol, ""))
		return nil
	}
}

// joinUnknown makes a group for somebody who doesn't claim to be in it. Whatever becomes of that: the group is in the log.
func (s *Shard) joinUnknown(j *joiner) []Record {
	if j.MemberID != "" {
		j.reply(joinRefused(wire.UnknownMemberID, j.MemberID))
		return nil
	}
	g := newClassicGroup(strings.Clone(j.Group), s.nowMs())
	s.groups[g.id] = g
	if records := s.joinClassic(g, j); len(records) > 0 {
		return records
	}
	s.undo(func(err error) { s.forget(g, coordinator.CodeOf(err)) })
	return []Record{&MetadataRecord{Group: g.id, Metadata: &Metadata{CurrentStateTimestamp: g.sinceMs}}}
}

// forget drops a group that never made it into the log. Whoever waits in there is told why.
func (s *Shard) forget(g *classicGroup, code wire.ErrorCode) {
	if s.groups[g.id] != anyGroup(g) {
		return
	}
	delete(s.groups, g.id)
	g.dismiss(code)
}

func (s *Shard) joinClassic(g *classicGroup, j *joiner) []Record {
	switch {
	case !g.accepts(j.MemberID, int(s.config().MaxSize)):
		g.remove(j.MemberID)
		j.reply(joinRefused(wire.GroupMaxSizeReached, ""))
		return nil
	case !g.supports(j.ProtocolType, j.protocols):
		j.reply(joinRefused(wire.InconsistentGroupProtocol, j.MemberID))
		return nil
	case !g.fits(j):
		j.reply(joinRefused(wire.GroupMaxSizeReached, ""))
		return nil
	case j.MemberID == "":
		return s.joinNew(g, j)
	}
	return s.joinAgain(g, j)
}

// joinNew gives somebody an ID. Dynamic members are asked to come back with it, so that one whose answer is lost leaves nothing behind but an ID.
func (s *Shard) joinNew(g *classicGroup, j *joiner) []Record {
	if j.InstanceID != nil {
		id := s.newMemberID(*j.InstanceID)
		if _, known := g.instances[*j.InstanceID]; known {
			return s.replaceStatic(g, j, id)
		}
		return s.addMember(g, j, id)
	}
	id := s.newMemberID(j.ClientID)
	if j.Version < joinWithID {
		return s.addMember(g, j, id)
	}
	g.expectJoin(id, time.Now().Add(millis(j.SessionTimeoutMillis)))
	g.watchPending(s, id)
	j.reply(joinRefused(wire.MemberIDRequired, id))
	return nil
}

// newMemberID makes an ID that begins with the client's name for itself. Kafka takes all of that, however long it is.
func (s *Shard) newMemberID(prefix string) string {
	const longest = 255
	if len(prefix) > longest {
		prefix = strings.ToValidUTF8(prefix[:longest], "")
	}
	var id [16]byte
	s.coordinator.random(id[:])
	id[6] = id[6]&0x0f | 0x40 // version 4, random
	id[8] = id[8]&0x3f | 0x80 // of RFC 9562
	return fmt.Sprintf("%s-%x-%x-%x-%x-%x", prefix, id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// joinAgain is for somebody who says to have an ID.
func (s *Shard) joinAgain(g *classicGroup, j *joiner) []Record {
	if _, pending := g.pendingJoin[j.MemberID]; pending {
		if j.InstanceID != nil { // Static members are never asked to come back. Kafka is as puzzled.
			j.reply(joinRefused(wire.UnknownServerError, ""))
			return nil
		}
		return s.addMember(g, j, strings.Clone(j.MemberID))
	}
	if code := g.validate(j.MemberID, j.InstanceID); code != wire.None {
		s.coordinator.logFenced(g.id, "JoinGroup", j.MemberID, j.InstanceID, code)
		resp := joinRefused(code, j.MemberID)
		resp.Protocol = nil
		j.reply(resp)
		return nil
	}
	m := g.byID[j.MemberID]
	switch {
	case g.state == classicEmpty: // It can't have members then.
		j.reply(joinRefused(wire.UnknownMemberID, j.MemberID))
		return nil
	case g.state == classicPreparing:
		return s.updateMember(g, j, m, "it joins again")
	case !m.matches(j.protocols):
		return s.updateMember(g, j, m, "it changes its metadata")
	case g.state == classicStable && g.leader == m.id:
		// For whatever reason the leader wants to assign anew: topics have more partitions, say.
		return s.updateMember(g, j, m, "the leader joins again")
	}
	// The answer to its JoinGroup was lost, or it just wants to send a SyncGroup: the generation is still as it knows it.
	j.reply(g.joined(m))
	return nil
}

// joined is the answer to a member of the current generation. The leader learns who else is in it.
func (g *classicGroup) joined(m *classicMember) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.MemberID, resp.Generation, resp.LeaderID = m.id, g.generation, g.leader
	resp.Protocol, resp.ProtocolType = optional(g.protocol), optional(g.protocolType)
	if g.leader == m.id {
		resp.Members = g.listed()
	}
	return resp
}

// listed is what the leader is told about the members: their metadata of the protocol that was selected.
func (g *classicGroup) listed() []kmsg.JoinGroupResponseMember {
	list := make([]kmsg.JoinGroupResponseMember, len(g.members))
	for i, m := range g.members {
		list[i].MemberID, list[i].InstanceID, list[i].ProtocolMetadata = m.id, m.instanceID, m.metadata(g.protocol)
	}
	return list
}

// addMember makes somebody a member who waits for the end of the rebalance that this begins, or is part of.
func (s *Shard) addMember(g *classicGroup, j *joiner, id string) []Record {
	m := &classicMember{
		id: id, clientID: strings.Clone(j.ClientID), clientHost: strings.Clone(j.ClientHost),
		rebalanceTimeoutMs: j.RebalanceTimeoutMillis, sessionTimeoutMs: j.SessionTimeoutMillis,
		protocols: j.protocols, isNew: true, joining: j.reply,
	}
	if j.InstanceID != nil {
		m.instanceID = new(strings.Clone(*j.InstanceID))
	}
	if g.state == classicPreparing && g.previous == classicEmpty {
		g.newcomer = true
	}
	g.add(m, strings.Clone(j.ProtocolType))
	g.expect(s, m, newMemberJoinTimeout)
	return g.rebalanceOrComplete(s, j.because(m, "it is new"))
}

// updateMember takes over what a member says about itself now.
func (s *Shard) updateMember(g *classicGroup, j *joiner, m *classicMember, why string) []Record {
	g.update(m, j.protocols, j.RebalanceTimeoutMillis, j.SessionTimeoutMillis, j.reply)
	return g.rebalanceOrComplete(s, j.because(m, why))
}

// because is the reason of a rebalance: who, why it counts and what the client says (KIP-800).
func (j *joiner) because(m *classicMember, why string) string {
	return "member " + m.id + " joins, " + why + clientReason(j.Reason)
}

// clientReason is what a client says, for the log.
func clientReason(reason *string) string {
	const longest = 255
	if reason == nil || *reason == "" {
		return ""
	}
	said := *reason
	if len(said) > longest {
		said = strings.ToValidUTF8(said[:longest], "")
	}
	return "; the client says: " + said
}

func millis(ms int32) time.Duration { return time.Duration(ms) * time.Millisecond }
