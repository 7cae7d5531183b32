package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestListTransactionsInEveryVersion(t *testing.T) {
	b := newTransactionBroker(t)
	p := b.newProducer("open")
	b.newProducer("idle")
	wantCode(t, "add", int16(p.add(0)), wire.None)
	for _, v := range versionsOf(t, wire.KeyListTransactions) {
		req := kmsg.NewPtrListTransactionsRequest()
		req.Version = v
		wantEqual(t, "all", len(ask[*kmsg.ListTransactionsResponse](b, req).TransactionStates), 2)
		req.StateFilters = []string{"Ongoing", "Sleeping"}
		resp := ask[*kmsg.ListTransactionsResponse](b, req)
		wantEqual(t, "open", len(resp.TransactionStates), 1)
		wantEqual(t, "open", resp.TransactionStates[0].TransactionalID, "open")
		wantEqual(t, "unknown states", len(resp.UnknownStateFilters), 1)
		req.StateFilters, req.DurationFilterMillis, req.TransactionalIDPattern = nil, 3_600_000, new("i.*")
		want := map[int16]int{0: 2, 1: 1, 2: 1} // What is idle counts as open since 1970.
		wantEqual(t, "by duration and pattern", len(ask[*kmsg.ListTransactionsResponse](b, req).TransactionStates), want[v])
	}
	req := kmsg.NewPtrListTransactionsRequest()
	req.Version, req.TransactionalIDPattern = 2, new("(")
	wantCode(t, "bad pattern", ask[*kmsg.ListTransactionsResponse](b, req).ErrorCode, wire.InvalidRegularExpression)
}
