// AddPartitionsToTxn (key 24), versions 0-5.
//
// 0 KIP-98; 1 throttled clients wait by themselves; 2 PRODUCER_FENCED (KIP-588); 3 flexible; 4 many transactions, and questions whether
// partitions belong to them: for brokers (KIP-890); 5 TRANSACTION_ABORTABLE.
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) addPartitionsToTxn(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	return answer(d.deps.Transactions.AddPartitionsToTxn(ctx, req.Message.(*kmsg.AddPartitionsToTxnRequest)))
}
