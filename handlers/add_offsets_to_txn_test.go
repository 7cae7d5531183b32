package handlers

import (
	"fmt"
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

// TestOffsetsTopicMayGrowBesideTransactions: groups stay where they are until a restart, so a transaction must not have a partition that has none.
func TestOffsetsTopicMayGrowBesideTransactions(t *testing.T) {
	b := newTransactionBroker(t)
	more := kmsg.NewPtrCreatePartitionsRequest()
	more.Version, more.TimeoutMillis = 3, 60_000
	more.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: offsetsTopic, Count: 7}}
	wantCode(t, "more partitions", ask[*kmsg.CreatePartitionsResponse](b, more).Topics[0].ErrorCode, wire.None)
	p := b.newProducer("tx")
	for i := range 8 {
		group := fmt.Sprint("g", i)
		add := kmsg.NewPtrAddOffsetsToTxnRequest()
		add.Version, add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = 3, p.id, p.pid, p.epoch, group
		wantCode(t, "add offsets of "+group, ask[*kmsg.AddOffsetsToTxnResponse](b, add).ErrorCode, wire.None)
		req := txnCommitRequest(3, group, topicID{}, p.pid)
		req.TransactionalID, req.ProducerEpoch = p.id, p.epoch
		wantCode(t, "commit of "+group, ask[*kmsg.TxnOffsetCommitResponse](b, req).Topics[0].Partitions[0].ErrorCode, wire.None)
		wantCode(t, "end", int16(p.end(4, true)), wire.None)
		eventually(t, "end of the transaction of "+group, func() bool { return p.state() == "CompleteCommit" })
	}
}
