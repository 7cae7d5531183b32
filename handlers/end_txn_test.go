package handlers

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestEndTxnInEveryVersion(t *testing.T) {
	b := newTransactionBroker(t)
	for _, v := range versionsOf(t, wire.KeyEndTxn) {
		p := b.newProducer("tx-" + itoa(int(v)))
		wantCode(t, "nothing to commit", int16(p.end(v, true)), wire.InvalidTxnState)
		wantCode(t, "add", int16(p.add(0)), wire.None)
		wantCode(t, "produce", int16(p.produce(11, 0, p.id)), wire.None)
		before := *p
		wantCode(t, "commit", int16(p.end(v, true)), wire.None)
		wantEqual(t, "epoch", p.epoch, map[bool]int16{false: 0, true: 1}[v >= endTxnBumps])
		eventually(t, "end", func() bool { return p.state() == "CompleteCommit" })
		wantCode(t, "commit again", int16(before.end(v, true)), wire.None)
		wantEqual(t, "answer again", before.epoch, p.epoch)
		stale := *p
		stale.epoch = 17
		want := wire.ProducerFenced
		if v < 2 {
			want = wire.InvalidProducerEpoch
		}
		wantCode(t, "foreign epoch", int16(stale.end(v, true)), want)
		stale.pid = 99
		wantCode(t, "foreign producer", int16(stale.end(v, true)), wire.InvalidProducerIDMapping)
	}
	wantEqual(t, "values", fmt.Sprint(b.committed(0)), "[tx-0 tx-1 tx-2 tx-3 tx-4 tx-5]")
}

// endTxnBumps is the version that tells the producer its next epoch.
const endTxnBumps = 5

// TestTransactionsOfBothVersions: who reads committed records sees those of committed transactions, from clients that add partitions and from
// those that only write to them.
func TestTransactionsOfBothVersions(t *testing.T) {
	b := newTransactionBroker(t)
	older, newer := b.newProducer("older"), b.newProducer("newer")
	for i := range 6 {
		commit := i%2 == 0
		for partition := range int32(2) {
			wantCode(t, "add", int16(older.add(partition)), wire.None)
			wantCode(t, "older", int16(older.produce(11, partition, "older-"+itoa(i))), wire.None)
			wantCode(t, "newer", int16(newer.produce(12, partition, "newer-"+itoa(i))), wire.None)
		}
		wantCode(t, "end of older", int16(older.end(4, commit)), wire.None)
		wantCode(t, "end of newer", int16(newer.end(5, commit)), wire.None)
	}
	wantEqual(t, "epoch of older", older.epoch, 0)
	wantEqual(t, "epoch of newer", newer.epoch, 6)
	eventually(t, "end", func() bool { return older.state() == "CompleteAbort" && newer.state() == "CompleteAbort" })
	for partition := range int32(2) {
		wantEqual(t, "values", fmt.Sprint(b.committed(partition)), "[older-0 newer-0 older-2 newer-2 older-4 newer-4]")
		o := b.offsets(partition)
		wantEqual(t, "last stable offset", o.LastStableOffset, o.HighWatermark)
	}
}

// TestOffsetsInTransactions: they count when the transaction is committed.
func TestOffsetsInTransactions(t *testing.T) {
	b := newTransactionBroker(t)
	p := b.newProducer("tx")
	fetched := func() (offset int64, code wire.ErrorCode) {
		req := fetchOffsets(9, "g", topicID{})
		req.RequireStable = true
		f := ask[*kmsg.OffsetFetchResponse](b, req).Groups[0].Topics[0].Partitions[0]
		return f.Offset, wire.ErrorCode(f.ErrorCode)
	}
	for i, commit := range []bool{false, true} {
		for _, version := range []int16{4, 5} {
			if version == 4 {
				add := kmsg.NewPtrAddOffsetsToTxnRequest()
				add.Version, add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = 4, p.id, p.pid, p.epoch, "g"
				wantCode(t, "add offsets", ask[*kmsg.AddOffsetsToTxnResponse](b, add).ErrorCode, wire.None)
			}
			req := txnCommitRequest(version, "g", topicID{}, p.pid)
			req.TransactionalID, req.ProducerEpoch = p.id, p.epoch
			req.Topics[0].Partitions[0].Offset = int64(100*i) + int64(version)
			wantCode(t, "commit of offsets", ask[*kmsg.TxnOffsetCommitResponse](b, req).Topics[0].Partitions[0].ErrorCode, wire.None)
			_, code := fetched()
			wantEqual(t, "before the end", code, wire.UnstableOffsetCommit)
			wantCode(t, "end", int16(p.end(5, commit)), wire.None)
			var offset int64
			eventually(t, "stable offset", func() bool {
				offset, code = fetched()
				return code == wire.None
			})
			want := int64(-1)
			if commit {
				want = 100 + int64(version)
			}
			wantEqual(t, "offset", offset, want)
		}
	}
}

// TestProducerIsFencedByTheNext: with a transaction that nobody ends any more.
func TestProducerIsFencedByTheNext(t *testing.T) {
	b := newTransactionBroker(t)
	first := b.newProducer("tx")
	wantCode(t, "produce", int16(first.produce(12, 0, "lost")), wire.None)
	second := b.newProducer("tx")
	wantEqual(t, "producer", second.pid, first.pid)
	wantCode(t, "produce", int16(second.produce(12, 0, "kept")), wire.None)
	wantCode(t, "produce of the first", int16(first.produce(12, 0, "late")), wire.InvalidProducerEpoch)
	wantCode(t, "end of the first", int16(first.end(5, true)), wire.ProducerFenced)
	wantCode(t, "end", int16(second.end(5, true)), wire.None)
	eventually(t, "end", func() bool { return second.state() == "CompleteCommit" })
	wantEqual(t, "values", fmt.Sprint(b.committed(0)), "[kept]")
}
