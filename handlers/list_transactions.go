// ListTransactions (key 66), versions 0-2.
//
// 0 KIP-664; 1 those that are open for long (KIP-994); 2 IDs that match a pattern (KIP-1152), which is one of Go's: it has no lookaround and
// no back references.
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) listTransactions(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	return answer(d.deps.Transactions.ListTransactions(ctx, req.Message.(*kmsg.ListTransactionsRequest)))
}
