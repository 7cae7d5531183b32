// LeaveGroup (key 13), versions 0-5.
//
// 1 throttle time; 2 throttled clients wait by themselves; 3 many members, and instance IDs (KIP-345); 4 flexible; 5 reason (KIP-800).
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) leaveGroup(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	return answer(d.deps.Groups.LeaveGroup(ctx, req.Message.(*kmsg.LeaveGroupRequest)))
}
