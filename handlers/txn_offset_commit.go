// TxnOffsetCommit (key 28), versions 0-6.
//
// 1 throttled clients wait by themselves; 2 leader epoch (KIP-320); 3 generation, member and instance of the group (KIP-447), flexible;
// 4 TRANSACTION_ABORTABLE (KIP-890); 5 adds the group to the transaction (KIP-890); 6 topic IDs, and codes of consumer groups (KIP-848).
//
// Knowingly absent: offsets.commit.timeout.ms. A commit is answered when it is durable or has failed.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) txnOffsetCommit(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	return answer(d.deps.Groups.TxnOffsetCommit(ctx, req.Message.(*kmsg.TxnOffsetCommitRequest)))
}
