// OffsetFetch (key 9), versions 1-10.
//
// 2 all topics, and an error for the whole answer; 3 throttle time; 4 throttled clients wait by themselves; 5 leader epoch
// (KIP-320); 6 flexible; 7 require stable (KIP-447); 8 many groups (KIP-709); 9 members of consumer groups (KIP-848); 10 topic IDs.
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) offsetFetch(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	return answer(d.deps.Groups.OffsetFetch(ctx, req.Message.(*kmsg.OffsetFetchRequest)))
}
