// JoinGroup (key 11), versions 0-9.
//
// 1 rebalance timeout (KIP-62); 2 throttle time; 3 throttled clients wait by themselves; 4 a member's ID is given out first (KIP-394);
// 5 instance ID (KIP-345); 6 flexible; 7 protocol type in the answer (KIP-559); 8 reason (KIP-800); 9 leader skips the assignment (KIP-814).
//
// Knowingly absent: nothing.

package handlers

import (
	"bytes"
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) joinGroup(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r, who := req.Message.(*kmsg.JoinGroupRequest), callerOf(req)
	for i := range r.Protocols {
		r.Protocols[i].Metadata = bytes.Clone(r.Protocols[i].Metadata)
	}
	return later(func(ctx context.Context) *kmsg.JoinGroupResponse { return d.deps.Groups.JoinGroup(ctx, who, r) })
}
