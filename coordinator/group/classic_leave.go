package group

import (
	"context"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// leaveInBatches is the version from which on a request names any number of members (KIP-345).
const leaveInBatches = 3

// LeaveGroup removes members from a group: the one who sends it, or static members whom an operator names by their instance IDs, versions 0 to 5.
func (c *Coordinator) LeaveGroup(ctx context.Context, req *kmsg.LeaveGroupRequest) *kmsg.LeaveGroupResponse {
	members := req.Members
	if req.Version < leaveInBatches {
		members = []kmsg.LeaveGroupRequestMember{{MemberID: req.MemberID}}
	}
	resp := c.leaveGroup(ctx, req.Group, members)
	resp.Version = req.Version
	if req.Version < leaveInBatches {
		if resp.ErrorCode == 0 && len(resp.Members) > 0 {
			resp.ErrorCode = resp.Members[0].ErrorCode
		}
		resp.Members = nil
	}
	return resp
}

func (c *Coordinator) leaveGroup(ctx context.Context, group string, members []kmsg.LeaveGroupRequestMember) *kmsg.LeaveGroupResponse {
	if code := checkGroupID(group); code != wire.None {
		return leaveRefused(code)
	}
	return ask(ctx, c, group, question[*kmsg.LeaveGroupResponse]{
		decide: func(s *Shard, reply func(*kmsg.LeaveGroupResponse)) []Record {
			resp := kmsg.NewPtrLeaveGroupResponse()
			resp.Members = make([]kmsg.LeaveGroupResponseMember, len(members))
			for i, x := range members {
				resp.Members[i].MemberID, resp.Members[i].InstanceID = x.MemberID, x.InstanceID
			}
			defer reply(resp)
			switch g := s.groups[group].(type) {
			case *classicGroup:
				return g.leave(s, members, resp.Members)
			case *consumerGroup:
				return s.leaveConsumer(g, members, resp.Members)
			}
			for i := range resp.Members {
				resp.Members[i].ErrorCode = int16(wire.UnknownMemberID)
			}
			return nil
		},
		refused: leaveRefused,
	})
}

func leaveRefused(code wire.ErrorCode) *kmsg.LeaveGroupResponse {
	resp := kmsg.NewPtrLeaveGroupResponse()
	resp.ErrorCode = int16(code)
	return resp
}

// leave removes who is named and tells for each whether it was there. However many leave, it makes one rebalance (classicGroupLeaveToClassicGroup).
func (g *classicGroup) leave(s *Shard, members []kmsg.LeaveGroupRequestMember, told []kmsg.LeaveGroupResponseMember) []Record {
	var left []string
	for i := range members {
		x := &members[i]
		id, code := g.leaver(x)
		told[i].ErrorCode = int16(code)
		s.coordinator.logFenced(g.id, "LeaveGroup", x.MemberID, x.InstanceID, code)
		if code != wire.None {
			continue
		}
		if m := g.byID[id]; m != nil {
			g.answerJoin(m, joinRefused(wire.UnknownMemberID, ""))
			id = m.id // The other one is the request's.
		}
		g.remove(id)
		left = append(left, strings.Clone(id)+clientReason(x.Reason))
	}
	if len(left) == 0 {
		return nil
	}
	reason := "members leave: " + summary(left)
	s.coordinator.event("members left", g, "members", len(left), "reason", reason)
	switch g.state {
	case classicStable, classicCompleting:
		return g.rebalanceOrComplete(s, reason)
	case classicPreparing:
		return g.maybeCompleteJoin(s)
	default:
		return nil
	}
}

// leaver is the ID of somebody who leaves.
func (g *classicGroup) leaver(x *kmsg.LeaveGroupRequestMember) (id string, code wire.ErrorCode) {
	if x.MemberID == "" {
		if x.InstanceID != nil {
			if id, ok := g.instances[*x.InstanceID]; ok {
				return id, wire.None
			}
		}
		return "", wire.UnknownMemberID
	}
	if _, pending := g.pendingJoin[x.MemberID]; pending {
		return x.MemberID, wire.None
	}
	return x.MemberID, g.validate(x.MemberID, x.InstanceID)
}

// summary is a list for the log that is never long.
func summary(list []string) string {
	const most = 3
	if len(list) > most {
		return strings.Join(list[:most], ", ") + ", ..."
	}
	return strings.Join(list, ", ")
}
