// DeleteGroups (key 42), versions 0-3.
//
// KIP-229; 1 throttled clients wait by themselves; 2 flexible; 3 a text with an error (KIP-1331).
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) deleteGroups(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	return answer(d.deps.Groups.DeleteGroups(ctx, req.Message.(*kmsg.DeleteGroupsRequest)))
}
