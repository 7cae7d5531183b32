// Heartbeat (key 12), versions 0-4.
//
// 1 throttle time; 2 throttled clients wait by themselves; 3 instance ID (KIP-345); 4 flexible.
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) heartbeat(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	return answer(d.deps.Groups.Heartbeat(ctx, req.Message.(*kmsg.HeartbeatRequest)))
}
