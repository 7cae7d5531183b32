package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestAddPartitionsToTxnInEveryVersion(t *testing.T) {
	b := newTransactionBroker(t)
	for _, v := range versionsOf(t, wire.KeyAddPartitionsToTxn) {
		p := b.newProducer("tx-" + itoa(int(v)))
		req := kmsg.NewPtrAddPartitionsToTxnRequest()
		req.Version = v
		if v < 4 {
			req.TransactionalID, req.ProducerID, req.ProducerEpoch = p.id, p.pid, p.epoch
			req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "t", Partitions: []int32{0, 2}}}
			topics := ask[*kmsg.AddPartitionsToTxnResponse](b, req).Topics
			wantEqual(t, "topics", len(topics), 1)
			wantEqual(t, "partitions", len(topics[0].Partitions), 2)
			wantCode(t, "partition", topics[0].Partitions[1].ErrorCode, wire.None)
			req.Topics[0].Partitions = []int32{1, 3}
			topics = ask[*kmsg.AddPartitionsToTxnResponse](b, req).Topics
			wantCode(t, "partition that exists", topics[0].Partitions[0].ErrorCode, wire.OperationNotAttempted)
			wantCode(t, "partition that doesn't", topics[0].Partitions[1].ErrorCode, wire.UnknownTopicOrPartition)
			continue
		}
		wantCode(t, "add", int16(p.add(0)), wire.None)
		topics := []kmsg.AddPartitionsToTxnRequestTransactionTopic{{Topic: "t", Partitions: []int32{0, 1}}}
		req.Transactions = []kmsg.AddPartitionsToTxnRequestTransaction{
			{TransactionalID: p.id, ProducerID: p.pid, ProducerEpoch: p.epoch, VerifyOnly: true, Topics: topics},
			{TransactionalID: "gone", ProducerID: p.pid, ProducerEpoch: p.epoch, Topics: topics},
		}
		resp := ask[*kmsg.AddPartitionsToTxnResponse](b, req)
		wantEqual(t, "transactions", len(resp.Transactions), 2)
		wantCode(t, "in it", resp.Transactions[0].Topics[0].Partitions[0].ErrorCode, wire.None)
		wantCode(t, "not in it", resp.Transactions[0].Topics[0].Partitions[1].ErrorCode, wire.TransactionAbortable)
		wantCode(t, "nobody's", resp.Transactions[1].Topics[0].Partitions[0].ErrorCode, wire.InvalidProducerIDMapping)
	}
}
