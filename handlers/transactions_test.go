package handlers

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// testProducer is a transactional producer of topic t.
type testProducer struct {
	b        *testBroker
	id       string
	pid      int64
	epoch    int16
	sequence [3]int32 // next of each partition
}

// newTransactionBroker has a topic t with three partitions, and a coordinator of transactions.
func newTransactionBroker(t *testing.T) *testBroker {
	t.Helper()
	b := newTestBroker(t, "transaction.state.log.num.partitions", "3", "offsets.topic.num.partitions", "2")
	b.createTopic("t", 3)
	b.awaitCoordinator(coordinatorOfGroup)
	b.awaitCoordinator(coordinatorOfTransaction)
	return b
}

// newProducer begins a producer, in the place of whoever has its ID.
func (b *testBroker) newProducer(id string) *testProducer {
	b.t.Helper()
	p := &testProducer{b: b, id: id}
	req := initRequest(5)
	req.TransactionalID, req.TransactionTimeoutMillis = &id, 60_000
	eventually(b.t, "begin of a producer", func() bool {
		resp := ask[*kmsg.InitProducerIDResponse](b, req)
		p.pid, p.epoch = resp.ProducerID, resp.ProducerEpoch
		return resp.ErrorCode == 0
	})
	return p
}

// eventually asks until the answer is the one that is waited for.
func eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	for began := time.Now(); !done(); time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			tb.Fatalf("%s: it doesn't come", what)
		}
	}
}

// produce writes a record to a partition, as a client of that version of Produce.
func (p *testProducer) produce(version int16, partition int32, value string) wire.ErrorCode {
	p.b.t.Helper()
	batch := p.b.batchAt(p.b.clock.UnixMilli(), func(c *record.Builder) {
		c.ProducerID, c.ProducerEpoch, c.BaseSequence, c.Transactional = p.pid, p.epoch, p.sequence[partition], true
	}, value)
	req := p.b.produceRequest(version, "t", batch)
	req.Topics[0].Partitions[0].Partition, req.TransactionID = partition, &p.id
	code := wire.ErrorCode(ask[*kmsg.ProduceResponse](p.b, req).Topics[0].Partitions[0].ErrorCode)
	if code == wire.None {
		p.sequence[partition]++
	}
	return code
}

// add makes partitions part of the transaction, as an older client does.
func (p *testProducer) add(partitions ...int32) wire.ErrorCode {
	p.b.t.Helper()
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch = 3, p.id, p.pid, p.epoch
	req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "t", Partitions: partitions}}
	return wire.ErrorCode(ask[*kmsg.AddPartitionsToTxnResponse](p.b, req).Topics[0].Partitions[0].ErrorCode)
}

// end ends the transaction, and goes on with what it is told.
func (p *testProducer) end(version int16, commit bool) wire.ErrorCode {
	p.b.t.Helper()
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = version, p.id, p.pid, p.epoch, commit
	resp := ask[*kmsg.EndTxnResponse](p.b, req)
	if resp.ErrorCode == 0 && version >= 5 {
		p.pid, p.epoch, p.sequence = resp.ProducerID, resp.ProducerEpoch, [3]int32{}
	}
	return wire.ErrorCode(resp.ErrorCode)
}

// state is what DescribeTransactions says.
func (p *testProducer) state() string {
	p.b.t.Helper()
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{p.id}
	return ask[*kmsg.DescribeTransactionsResponse](p.b, req).TransactionStates[0].State
}

// committed are the values that a reader of committed records sees in a partition.
func (b *testBroker) committed(partition int32) []string {
	b.t.Helper()
	var values []string
	for offset := int64(0); offset < b.offsets(partition).LastStableOffset; {
		req := b.fetchRequest(12, "t", partition, offset)
		req.IsolationLevel = 1
		fetched := fetchOne(b, req)
		aborted := map[int64]bool{} // producers that are in an aborted transaction here
		next := fetched.AbortedTransactions
		for _, batch := range batchesOf(b.t, fetched.RecordBatches) {
			offset = batch.NextOffset()
			for ; len(next) > 0 && next[0].FirstOffset <= batch.BaseOffset(); next = next[1:] {
				aborted[next[0].ProducerID] = true
			}
			switch {
			case batch.Attributes().IsControl():
				delete(aborted, batch.ProducerID())
			case !aborted[batch.ProducerID()]:
				values = append(values, valuesOf(b.t, batch)...)
			}
		}
	}
	return values
}

func valuesOf(tb testing.TB, batch record.Batch) (values []string) {
	tb.Helper()
	for r, err := range batch.Records(record.DefaultLimit(len(batch))) {
		if err != nil {
			tb.Fatal(err)
		}
		values = append(values, string(r.Value))
	}
	return values
}
