package group

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// Heartbeat lets a member live for another session timeout, and tells it when it has to join again, versions 0 to 4.
func (c *Coordinator) Heartbeat(ctx context.Context, req *kmsg.HeartbeatRequest) *kmsg.HeartbeatResponse {
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.Version = req.Version
	code := checkGroupID(req.Group)
	if code == wire.None {
		code, _ = c.codes.ask(ctx, c, req.Group, question[wire.ErrorCode]{
			decide: func(s *Shard, reply func(wire.ErrorCode)) []Record {
				reply(s.heartbeat(req))
				return nil
			},
			refused: heartbeatRefused,
		})
	}
	resp.ErrorCode = int16(code)
	return resp
}

func heartbeatRefused(code wire.ErrorCode) wire.ErrorCode {
	if code == wire.CoordinatorLoadInProgress {
		return wire.None // Nobody expires meanwhile.
	}
	return code
}

func (s *Shard) heartbeat(req *kmsg.HeartbeatRequest) wire.ErrorCode {
	if g, ok := s.groups[req.Group].(*consumerGroup); ok {
		return s.heartbeatClassic(g, req)
	}
	g, ok := s.groups[req.Group].(*classicGroup)
	if !ok {
		return wire.UnknownMemberID
	}
	if code := g.validate(req.MemberID, req.InstanceID); code != wire.None {
		s.coordinator.logFenced(g.id, "Heartbeat", req.MemberID, req.InstanceID, code)
		return code
	}
	if req.Generation != g.generation {
		return wire.IllegalGeneration
	}
	m := g.byID[req.MemberID]
	g.touch(s, m)
	if g.state == classicPreparing {
		return wire.RebalanceInProgress
	}
	return wire.None
}

// heardOf lets a member live that commits offsets, as if it had sent a heartbeat.
func (g *classicGroup) heardOf(s *Shard, memberID string) {
	if m := g.byID[memberID]; m != nil && (g.state == classicStable || g.state == classicPreparing) {
		g.touch(s, m)
	}
}
