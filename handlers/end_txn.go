// EndTxn (key 26), versions 0-5.
//
// 0 KIP-98; 1 throttled clients wait by themselves; 2 PRODUCER_FENCED (KIP-588); 3 flexible; 4 TRANSACTION_ABORTABLE; 5 bumps the epoch and tells
// the producer what it goes on with (KIP-890).
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) endTxn(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	return answer(d.deps.Transactions.EndTxn(ctx, req.Message.(*kmsg.EndTxnRequest)))
}
