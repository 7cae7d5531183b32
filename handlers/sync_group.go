// SyncGroup (key 14), versions 0-5.
//
// 1 throttle time; 2 throttled clients wait by themselves; 3 instance ID (KIP-345); 4 flexible; 5 protocol type and name (KIP-559).
//
// Knowingly absent: nothing.

package handlers

import (
	"bytes"
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) syncGroup(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.SyncGroupRequest)
	for i := range r.GroupAssignment {
		r.GroupAssignment[i].MemberAssignment = bytes.Clone(r.GroupAssignment[i].MemberAssignment)
	}
	return later(func(ctx context.Context) *kmsg.SyncGroupResponse { return d.deps.Groups.SyncGroup(ctx, r) })
}
