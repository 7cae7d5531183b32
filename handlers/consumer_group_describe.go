// ConsumerGroupDescribe (key 69), versions 0-1.
//
// 0 KIP-848; 1 the type of members (KIP-1099).
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) consumerGroupDescribe(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.ConsumerGroupDescribeRequest)
	if !d.config().ConsumerGroups.Enabled {
		return answer(describeNothing(r))
	}
	r.Groups = atMostTwice(r.Groups, itself)
	resp := d.deps.Groups.ConsumerGroupDescribe(ctx, r)
	for i := range resp.Groups {
		g := &resp.Groups[i]
		g.AuthorizedOperations = operationsNotAsked
		if r.IncludeAuthorizedOperations && g.ErrorCode == 0 {
			g.AuthorizedOperations = groupOperations
		}
	}
	return answer(resp)
}

// describeNothing is the answer of a broker that doesn't serve the protocol (group.coordinator.rebalance.protocols).
func describeNothing(r *kmsg.ConsumerGroupDescribeRequest) *kmsg.ConsumerGroupDescribeResponse {
	resp := r.ResponseKind().(*kmsg.ConsumerGroupDescribeResponse)
	for _, id := range r.Groups {
		g := kmsg.NewConsumerGroupDescribeResponseGroup()
		g.Group, g.ErrorCode = id, int16(wire.UnsupportedVersion)
		resp.Groups = append(resp.Groups, g)
	}
	return resp
}
