// ListGroups (key 16), versions 0-5.
//
// 1 throttle time; 2 throttled clients wait by themselves; 3 flexible; 4 states (KIP-518); 5 types (KIP-848).
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) listGroups(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	return answer(d.deps.Groups.ListGroups(ctx, req.Message.(*kmsg.ListGroupsRequest)))
}
