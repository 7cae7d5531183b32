// OffsetCommit (key 8), versions 1-10.
//
// 1 members, and a time of each commit; 2 retention time; 3 throttle time; 4 throttled clients wait by themselves; 5 no retention time (KIP-211); 6 leader epoch
// (KIP-320); 7 instance ID (KIP-345); 8 flexible; 9 member epochs of consumer groups (KIP-848); 10 topic IDs.
//
// Kafka 4 dropped version 1, the only one in which librdkafka before 1.0 commits. The times in it are not believed: an offset is as old as the broker's
// clock says.
//
// Knowingly absent: offsets.commit.timeout.ms. A commit is answered when it is durable or has failed.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) offsetCommit(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	resp, recycle := d.deps.Groups.OffsetCommit(ctx, req.Message.(*kmsg.OffsetCommitRequest))
	return broker.Reply{Message: resp, Recycle: recycle}, nil
}
