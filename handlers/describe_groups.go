// DescribeGroups (key 15), versions 0-6.
//
// 1 throttle time; 2 throttled clients wait by themselves; 3 authorized operations (KIP-430); 4 instance ID (KIP-345); 5 flexible;
// 6 GROUP_ID_NOT_FOUND with a text (KIP-1043).
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) describeGroups(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.DescribeGroupsRequest)
	r.Groups = atMostTwice(r.Groups, itself)
	resp := d.deps.Groups.DescribeGroups(ctx, r)
	for i := range resp.Groups {
		g := &resp.Groups[i]
		g.AuthorizedOperations = operationsNotAsked
		if r.IncludeAuthorizedOperations && g.ErrorCode == 0 {
			g.AuthorizedOperations = groupOperations
		}
	}
	return answer(resp)
}
