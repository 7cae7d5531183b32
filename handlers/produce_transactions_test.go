package handlers

import (
	"context"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/txn"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// fakeTransactions is a coordinator that answers what it is told to, and remembers what it was asked.
type fakeTransactions struct {
	codes  map[int32]wire.ErrorCode // by partition
	asked  []int32
	added  bool
	before func() // is called before it answers
}

func (f *fakeTransactions) Verify(_ context.Context, _ string, _ int64, _ int16, partitions []txn.TopicPartition, add bool) []wire.ErrorCode {
	f.added = add
	codes := make([]wire.ErrorCode, len(partitions))
	for i, p := range partitions {
		f.asked = append(f.asked, p.Partition)
		codes[i] = f.codes[p.Partition]
	}
	if f.before != nil {
		f.before()
	}
	return codes
}

// take returns what was asked since the last call.
func (f *fakeTransactions) take() []int32 {
	asked := f.asked
	f.asked = nil
	slices.Sort(asked)
	return asked
}

// withTransactions is a broker with a topic and a coordinator that consents to everything.
func withTransactions(t *testing.T, keys ...string) (*testBroker, *fakeTransactions) {
	t.Helper()
	b := newTestBroker(t, keys...)
	b.createTopic("t", 3)
	f := &fakeTransactions{codes: map[int32]wire.ErrorCode{}}
	b.dispatcher.transactions = f
	return b, f
}

// transactional is a batch of producer 7.
func (b *testBroker) transactional(epoch int16, sequence int32, values ...string) []byte {
	return b.batchAt(b.clock.UnixMilli(), func(c *record.Builder) {
		c.ProducerID, c.ProducerEpoch, c.BaseSequence, c.Transactional = 7, epoch, sequence, true
	}, values...)
}

// produceTxn sends batches to the partitions from 0 on.
func (b *testBroker) produceTxn(version int16, batches ...[]byte) []kmsg.ProduceResponseTopicPartition {
	b.t.Helper()
	req := b.produceRequest(version, "t", batches...)
	req.TransactionID = new("tx")
	return ask[*kmsg.ProduceResponse](b, req).Topics[0].Partitions
}

// endTxn writes a marker of producer 7 into partition 0.
func (b *testBroker) endTxn(epoch int16, commit bool) {
	b.t.Helper()
	m := NewMarkers(b.store, b.catalog, nil)
	marker := txn.Marker{ProducerID: 7, ProducerEpoch: epoch, Commit: commit}
	var r results
	m.Write(marker, []txn.TopicPartition{{Topic: "t"}}, &r)
	m.Close()
	if told := r.errors[0]; len(told) != 1 || told[0] != nil {
		b.t.Errorf("marker: %v", told)
	}
}

func TestProduceAsksTheCoordinatorOncePerTransaction(t *testing.T) {
	for _, v := range []int16{9, 11, 12, 13} {
		b, f := withTransactions(t)
		for i, p := range b.produceTxn(v, b.transactional(0, 0, "a"), b.transactional(0, 0, "b")) {
			wantCode(t, "partition "+itoa(i), p.ErrorCode, wire.None)
		}
		wantEqual(t, "asked", len(f.take()), 2)
		wantEqual(t, "added", f.added, v >= 12)
		wantCode(t, "next batch", b.produceTxn(v, b.transactional(0, 1, "c"))[0].ErrorCode, wire.None)
		wantEqual(t, "asked in the transaction", len(f.take()), 0)
		wantEqual(t, "last stable offset", b.offsets(0).LastStableOffset, 0)
		b.endTxn(0, true)
		wantEqual(t, "last stable offset", b.offsets(0).LastStableOffset, 3)
		b.produceTxn(v, b.transactional(0, 2, "d"))
		wantEqual(t, "asked in the next one", len(f.take()), 1)
	}
}

func TestProduceTellsWhatTheCoordinatorSays(t *testing.T) {
	for _, c := range []struct {
		code    wire.ErrorCode
		from    int16 // version of Produce
		want    wire.ErrorCode
		message bool
	}{
		{wire.InvalidTxnState, 3, wire.InvalidTxnState, true},
		{wire.TransactionAbortable, 10, wire.InvalidTxnState, true},
		{wire.TransactionAbortable, 11, wire.TransactionAbortable, false},
		{wire.ProducerFenced, 9, wire.InvalidProducerEpoch, false},
		{wire.InvalidProducerEpoch, 12, wire.InvalidProducerEpoch, false},
		{wire.InvalidProducerIDMapping, 12, wire.InvalidProducerIDMapping, false},
		{wire.CoordinatorLoadInProgress, 12, wire.NotEnoughReplicas, true},
		{wire.CoordinatorNotAvailable, 9, wire.NotEnoughReplicas, true},
		{wire.NotCoordinator, 13, wire.NotEnoughReplicas, true},
		{wire.ConcurrentTransactions, 11, wire.NotEnoughReplicas, true},
		{wire.ConcurrentTransactions, 12, wire.ConcurrentTransactions, false},
	} {
		b, f := withTransactions(t)
		f.codes[1] = c.code
		got := b.produceTxn(c.from, b.transactional(0, 0, "a"), b.transactional(0, 0, "b"))
		what := c.code.Name() + " in version " + itoa(int(c.from))
		wantCode(t, what+", other partition", got[0].ErrorCode, wire.None)
		wantCode(t, what, got[1].ErrorCode, c.want)
		wantEqual(t, what+": has message", got[1].ErrorMessage != nil, c.message && c.from >= 8)
		wantEqual(t, what+": offset", got[1].BaseOffset, -1)
		wantEqual(t, what+": log end offset", b.offsets(1).LogEndOffset, 0)
	}
}

func TestProduceAfterTheEndIsRefused(t *testing.T) {
	b, f := withTransactions(t)
	f.before = func() { b.endTxn(0, false) } // between the coordinator's word and the append
	wantCode(t, "late batch", b.produceTxn(11, b.transactional(0, 0, "a"))[0].ErrorCode, wire.InvalidTxnState)
	wantEqual(t, "log end offset", b.offsets(0).LogEndOffset, 1)
	b.endTxn(3, false)
	f.before = nil
	wantCode(t, "old epoch", b.produceTxn(11, b.transactional(2, 0, "a"))[0].ErrorCode, wire.InvalidProducerEpoch)
	wantEqual(t, "asked about an old epoch", len(f.take()), 1)
}

func TestProduceOfTwoProducersInATransactionIsRefused(t *testing.T) {
	b, f := withTransactions(t)
	for i, p := range b.produceTxn(12, b.transactional(0, 0, "a"), b.transactional(1, 0, "b")) {
		wantCode(t, "partition "+itoa(i), p.ErrorCode, wire.InvalidProducerIDMapping)
	}
	wantEqual(t, "asked", len(f.take()), 0)
	// Batches that are not transactional may go with a transactional ID.
	wantCode(t, "plain batch", b.produceTxn(12, b.batch("a"))[0].ErrorCode, wire.None)
	wantEqual(t, "asked about a plain batch", len(f.take()), 0)
}

func TestVerificationCanBeSwitchedOff(t *testing.T) {
	b, f := withTransactions(t, "transaction.partition.verification.enable", "false")
	wantCode(t, "version 11", b.produceTxn(11, b.transactional(0, 0, "a"))[0].ErrorCode, wire.None)
	wantEqual(t, "asked", len(f.take()), 0)
	b.endTxn(0, true)
	wantCode(t, "version 12", b.produceTxn(12, b.transactional(1, 0, "a"))[0].ErrorCode, wire.None)
	wantEqual(t, "asked", len(f.take()), 1) // the partition must be added
}

// BenchmarkProduceInTransaction is a batch of an ongoing transaction without its log.
func BenchmarkProduceInTransaction(b *testing.B) {
	broker := onIdleLogs(b)
	broker.dispatcher.transactions = &fakeTransactions{}
	message := broker.produceRequest(11, "t", broker.transactional(0, 0, string(make([]byte, 100))))
	message.TransactionID = new("tx")
	req := broker.asRequest(message)
	b.ReportAllocs()
	for b.Loop() {
		broker.handle(req)
	}
}

func (p *idlePartition) Verify(int64, int16, int32, bool) (logstore.Verification, bool, error) {
	return 0, true, nil
}
