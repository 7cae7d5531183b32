// OffsetCommit (key 8), versions 2-10.
//
// 2 retention time; 3 throttle time; 4 throttled clients wait by themselves; 5 no retention time (KIP-211); 6 leader epoch
// (KIP-320); 7 instance ID (KIP-345); 8 flexible; 9 member epochs of consumer groups (KIP-848); 10 topic IDs.
//
// Knowingly absent: offsets.commit.timeout.ms. A commit is answered when it is durable or has failed.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) offsetCommit(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	return answer(d.deps.Groups.OffsetCommit(ctx, req.Message.(*kmsg.OffsetCommitRequest)))
}
