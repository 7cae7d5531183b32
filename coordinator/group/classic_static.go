package group

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// replaceStatic gives a static member that comes back without an ID a new one (updateStaticMemberThenRebalanceOrCompleteJoin, KIP-345).
// Whoever has the old one is fenced. A stable group stays as it is, unless it would have to change its protocol.
func (s *Shard) replaceStatic(g *classicGroup, j *joiner, newID string) []Record {
	leader := g.leader
	old := g.byID[g.instances[*j.InstanceID]]
	s.coordinator.event("static member replaced", g, "instance", *j.InstanceID, "member", newID, "old_member", old.id)
	m := g.replaceStatic(*old.instanceID, newID)
	g.touch(s, m)
	g.update(m, j.protocols, j.RebalanceTimeoutMillis, j.SessionTimeoutMillis, j.reply)
	switch g.state {
	case classicStable:
		if g.protocol != g.selectProtocol() {
			return g.rebalanceOrComplete(s, j.because(m, "its protocols leave another choice"))
		}
	case classicCompleting:
		// The leader assigns to the old ID.
		return g.prepareRebalance(s, j.because(m, "its ID is not the one that the leader knows"))
	default:
		return g.maybeCompleteJoin(s)
	}
	g.answerJoin(m, g.rejoined(m, j.Version, leader))
	s.undo(func(error) { g.restoreStatic(s, m, old) })
	return []Record{&MetadataRecord{Group: g.id, Metadata: g.metadata(g.assignments())}}
}

// rejoined is the answer to a static member of a stable group. It must not assign: the other members hear nothing of it. Clients who
// can't be told so are told that the leader is somebody who doesn't exist any more.
func (g *classicGroup) rejoined(m *classicMember, version int16, formerLeader string) *kmsg.JoinGroupResponse {
	resp := g.joined(m)
	if version >= joinSkipsAssignment {
		resp.SkipAssignment = g.leader == m.id
		return resp
	}
	resp.LeaderID, resp.Members = formerLeader, nil
	return resp
}

// restoreStatic gives a member its old ID back, because the new one isn't in the log. Who came with that is refused.
func (g *classicGroup) restoreStatic(s *Shard, m, old *classicMember) {
	if g.byID[m.id] != m {
		return
	}
	restored := g.replaceStatic(*m.instanceID, old.id)
	g.update(restored, old.protocols, old.rebalanceTimeoutMs, old.sessionTimeoutMs, nil)
	g.touch(s, restored)
}

// logFenced tells an operator that two have the same instance ID.
func (c *Coordinator) logFenced(group, api, memberID string, instanceID *string, code wire.ErrorCode) {
	if code == wire.FencedInstanceID {
		c.line("static member fenced", group, "api", api, "member", memberID, "instance", *instanceID)
	}
}
