package handlers

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestDescribeTransactions(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 3)
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{"tx"}
	wantCode(t, "no topic", ask[*kmsg.DescribeTransactionsResponse](b, req).TransactionStates[0].ErrorCode, wire.NotCoordinator)
	b.awaitCoordinator(coordinatorOfTransaction)
	p := b.newProducer("tx")
	wantCode(t, "add", int16(p.add(2, 0)), wire.None)
	req.TransactionalIDs = []string{"tx", "", "none"}
	states := ask[*kmsg.DescribeTransactionsResponse](b, req).TransactionStates
	wantCode(t, "tx", states[0].ErrorCode, wire.None)
	wantEqual(t, "tx", fmt.Sprint(states[0].State, states[0].ProducerID, states[0].ProducerEpoch, states[0].TimeoutMillis, states[0].Topics[0].Partitions),
		fmt.Sprint("Ongoing", p.pid, 0, 60_000, []int32{0, 2}))
	wantCode(t, "empty", states[1].ErrorCode, wire.InvalidRequest)
	wantCode(t, "none", states[2].ErrorCode, wire.TransactionalIDNotFound)
}
