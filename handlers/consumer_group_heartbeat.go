// ConsumerGroupHeartbeat (key 68), versions 0-1.
//
// 0 KIP-848; 1 regular expressions (KIP-848), member IDs that the client makes (KIP-1082).
//
// Knowingly absent: regular expressions match all topics, as there are no access control lists.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) consumerGroupHeartbeat(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.ConsumerGroupHeartbeatRequest)
	if !d.config().ConsumerGroups.Enabled {
		resp := r.ResponseKind().(*kmsg.ConsumerGroupHeartbeatResponse)
		resp.ErrorCode, resp.ErrorMessage = int16(wire.UnsupportedVersion), new(wire.UnsupportedVersion.Message())
		return answer(resp)
	}
	return answer(d.deps.Groups.ConsumerGroupHeartbeat(ctx, callerOf(req), r))
}
