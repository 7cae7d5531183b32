package group

import (
	"bytes"
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

// syncWithProtocol is the version from which on a member must say what it takes for the protocol (KIP-559).
const syncWithProtocol = 5

// SyncGroup gives a member its assignment, and takes those of all from the leader, versions 0 to 5. The answer comes when the leader has
// assigned.
func (c *Coordinator) SyncGroup(ctx context.Context, req *kmsg.SyncGroupRequest) *kmsg.SyncGroupResponse {
	resp := c.syncGroup(ctx, req)
	resp.Version = req.Version
	return resp
}

func (c *Coordinator) syncGroup(ctx context.Context, req *kmsg.SyncGroupRequest) *kmsg.SyncGroupResponse {
	if req.Version >= syncWithProtocol && (req.ProtocolType == nil || req.Protocol == nil) {
		return syncRefused(wire.InconsistentGroupProtocol)
	}
	if code := checkGroupID(req.Group); code != wire.None {
		return syncRefused(code)
	}
	return ask(ctx, c, req.Group, question[*kmsg.SyncGroupResponse]{
		decide: func(s *Shard, reply func(*kmsg.SyncGroupResponse)) []Record {
			switch g := s.groups[req.Group].(type) {
			case *classicGroup:
				return g.sync(s, req, reply)
			case *consumerGroup:
				reply(s.syncConsumer(g, req))
			default:
				reply(syncRefused(wire.UnknownMemberID))
			}
			return nil
		},
		refused: syncRefused,
	})
}

// sync answers a member that has joined, or has it wait for the leader (classicGroupSyncToClassicGroup).
func (g *classicGroup) sync(s *Shard, req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) []Record {
	if code := g.validateSync(req); code != wire.None {
		s.coordinator.logFenced(g.id, "SyncGroup", req.MemberID, req.InstanceID, code)
		reply(syncRefused(code))
		return nil
	}
	if g.state == classicPreparing {
		reply(syncRefused(wire.RebalanceInProgress))
		return nil
	}
	m := g.byID[req.MemberID]
	delete(g.pendingSync, m.id)
	if len(g.pendingSync) == 0 {
		g.timers(s).sync.Stop()
	}
	if g.state == classicStable {
		reply(g.synced(m.assignment))
		return nil
	}
	m.syncing = reply
	if g.leader != m.id {
		return nil
	}
	return g.assign(s, req.GroupAssignment)
}

func (g *classicGroup) validateSync(req *kmsg.SyncGroupRequest) wire.ErrorCode {
	differs := func(told *string, is string) bool { return told != nil && is != "" && *told != is }
	if g.state == classicEmpty {
		return wire.UnknownMemberID
	}
	if code := g.validate(req.MemberID, req.InstanceID); code != wire.None {
		return code
	}
	if req.Generation != g.generation {
		return wire.IllegalGeneration
	}
	if differs(req.ProtocolType, g.protocolType) || differs(req.Protocol, g.protocol) {
		return wire.InconsistentGroupProtocol
	}
	return wire.None
}

// synced is the answer to a member of a stable group.
func (g *classicGroup) synced(assignment []byte) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.ProtocolType, resp.Protocol = optional(g.protocolType), optional(g.protocol)
	resp.MemberAssignment = assignment
	return resp
}

// assign writes what the leader has assigned. Its replay makes the group stable; those who wait hear of it when it is durable.
func (g *classicGroup) assign(s *Shard, assigned []kmsg.SyncGroupRequestGroupAssignment) []Record {
	assignments, size := g.accepted(assigned)
	if g.bytes+size > maxGroupBytes {
		return g.unassigned(s, wire.UnknownServerError)
	}
	for _, m := range g.members {
		if m.syncing != nil {
			g.answerSync(m, g.synced(assignments[m.id]))
			g.touch(s, m)
		}
	}
	generation := g.generation
	s.undo(func(err error) {
		// It is not for this moment to decide more.
		s.newTimer(g.id, func(s *Shard) []Record {
			if s.groups[g.id] != anyGroup(g) || g.state != classicCompleting || g.generation != generation {
				return nil
			}
			return g.unassigned(s, coordinator.CodeOf(err))
		}).Set(0)
	})
	return []Record{&MetadataRecord{Group: g.id, Metadata: g.metadata(assignments)}}
}

// accepted copies what was assigned to members, of two for one the last. Whoever isn't there gets nothing, and whoever was left out an
// empty assignment.
func (g *classicGroup) accepted(assigned []kmsg.SyncGroupRequestGroupAssignment) (assignments map[string][]byte, size int) {
	assignments = make(map[string][]byte, len(g.members))
	for _, m := range g.members {
		assignments[m.id] = []byte{}
	}
	for i := range assigned {
		a := &assigned[i]
		m := g.byID[a.MemberID]
		if m == nil {
			continue
		}
		size += len(a.MemberAssignment) - len(assignments[m.id])
		assignments[m.id] = bytes.Clone(a.MemberAssignment)
	}
	return assignments, size
}

// unassigned is what follows if assignments can't be kept: everybody joins again.
func (g *classicGroup) unassigned(s *Shard, code wire.ErrorCode) []Record {
	g.resetAssignments(s, code)
	return g.rebalanceOrComplete(s, "assignments could not be kept: "+code.String())
}
