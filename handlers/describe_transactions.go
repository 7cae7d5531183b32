// DescribeTransactions (key 65), version 0.
//
// 0 KIP-664.
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) describeTransactions(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.DescribeTransactionsRequest)
	r.TransactionalIDs = atMostTwice(r.TransactionalIDs, itself)
	return answer(d.deps.Transactions.DescribeTransactions(ctx, r))
}
