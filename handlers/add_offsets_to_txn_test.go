package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// TestAddOffsetsToTxnInEveryVersion: the topic of offsets is made if it isn't there.
func TestAddOffsetsToTxnInEveryVersion(t *testing.T) {
	b := newTestBroker(t)
	b.awaitCoordinator(coordinatorOfTransaction)
	p := b.newProducer("tx")
	for _, v := range versionsOf(t, wire.KeyAddOffsetsToTxn) {
		req := kmsg.NewPtrAddOffsetsToTxnRequest()
		req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = v, p.id, p.pid, p.epoch, "g"
		wantCode(t, "answer", ask[*kmsg.AddOffsetsToTxnResponse](b, req).ErrorCode, wire.None)
		req.ProducerEpoch++
		want := wire.ProducerFenced
		if v < 2 {
			want = wire.InvalidProducerEpoch
		}
		wantCode(t, "other epoch", ask[*kmsg.AddOffsetsToTxnResponse](b, req).ErrorCode, want)
	}
	if b.dispatcher.topics().TopicByName(offsetsTopic) == nil {
		t.Error("no topic of offsets")
	}
	describe := kmsg.NewPtrDescribeTransactionsRequest()
	describe.TransactionalIDs = []string{"tx"}
	wantEqual(t, "topic", ask[*kmsg.DescribeTransactionsResponse](b, describe).TransactionStates[0].Topics[0].Topic, offsetsTopic)
}
