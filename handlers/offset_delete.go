// OffsetDelete (key 47), version 0.
//
// 0 KIP-496.
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) offsetDelete(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	return answer(d.deps.Groups.OffsetDelete(ctx, req.Message.(*kmsg.OffsetDeleteRequest)))
}
