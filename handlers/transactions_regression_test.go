package handlers

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// TestRegression33ProducersKnowHowATransactionEnded is about producers that came to doubt it with other brokers: an end that is asked for again has the
// answer that it had, another end doesn't, and timeouts above the maximum are refused in words of their own.
func TestRegression33ProducersKnowHowATransactionEnded(t *testing.T) {
	b := newTransactionBroker(t)
	for _, v := range versionsOf(t, wire.KeyEndTxn) {
		for _, commit := range []bool{true, false} {
			p := b.newProducer(fmt.Sprint("tx-", v, commit))
			wantCode(t, "add", int16(p.add(0)), wire.None)
			wantCode(t, "produce", int16(p.produce(11, 0, p.id)), wire.None)
			again, other := *p, *p
			wantCode(t, "end", int16(p.end(v, commit)), wire.None)
			code := wire.ConcurrentTransactions // While its markers are written.
			eventually(t, "the same end", func() bool {
				code = again.end(v, commit)
				return code != wire.ConcurrentTransactions
			})
			wantCode(t, "the same end", int16(code), wire.None)
			wantEqual(t, "producer and epoch", fmt.Sprint(again.pid, again.epoch), fmt.Sprint(p.pid, p.epoch))
			wantCode(t, "the other end", int16(other.end(v, !commit)), wire.InvalidTxnState)
		}
	}
	for _, v := range versionsOf(t, wire.KeyInitProducerID) {
		req := initRequest(v)
		id := "patient"
		req.TransactionalID, req.TransactionTimeoutMillis = &id, 900_001
		wantCode(t, "timeout above transaction.max.timeout.ms", ask[*kmsg.InitProducerIDResponse](b, req).ErrorCode, wire.InvalidTransactionTimeout)
	}
}

// TestRegression34FeatureComesWithItsVersions: who is told of transaction.version 2 uses the versions of requests that it stands for, and
// who uses one of them alone would mix two protocols.
func TestRegression34FeatureComesWithItsVersions(t *testing.T) {
	b := newTransactionBroker(t)
	level, _ := b.level()
	wantEqual(t, "transaction.version", level, 2)
	atLeast := map[int16]int16{wire.KeyProduce: 12, wire.KeyEndTxn: endTxnBumps, wire.KeyTxnOffsetCommit: 5, wire.KeyAddPartitionsToTxn: 5, wire.KeyInitProducerID: 5}
	for _, api := range ask[*kmsg.ApiVersionsResponse](b, apiVersionsRequest(4)).ApiKeys {
		if want, ok := atLeast[api.ApiKey]; ok && api.MaxVersion < want {
			t.Errorf("API %d is announced up to version %d, transaction.version 2 needs %d", api.ApiKey, api.MaxVersion, want)
		}
		delete(atLeast, api.ApiKey)
	}
	wantEqual(t, "APIs that aren't announced", len(atLeast), 0)
}

// TestRegression36RecreatedTopicHasNothingOfTheOld: a topic is deleted and created again under its name while a transaction is open in it.
func TestRegression36RecreatedTopicHasNothingOfTheOld(t *testing.T) {
	for _, versions := range [][2]int16{{11, 4}, {12, 5}} {
		produces, ends := versions[0], versions[1]
		t.Run(fmt.Sprint("Produce ", produces), func(t *testing.T) {
			b := newTransactionBroker(t)
			old, other := b.newProducer("old"), b.newProducer("other")
			for _, p := range []*testProducer{old, other} {
				wantCode(t, "add", int16(p.add(0)), wire.None)
				wantCode(t, "produce", int16(p.produce(produces, 0, "gone")), wire.None)
			}
			wantCode(t, "abort", int16(other.end(ends, false)), wire.None)
			wantCode(t, "delete", ask[*kmsg.DeleteTopicsResponse](b, deleteRequest(1, "t")).Topics[0].ErrorCode, wire.None)
			b.createTopic("t", 3)
			o := b.offsets(0)
			wantEqual(t, "last stable offset of the new topic", o.LastStableOffset, o.HighWatermark)
			committed := b.fetchRequest(12, "t", 0, o.LogStartOffset)
			committed.IsolationLevel = 1
			wantEqual(t, "aborted transactions of the new topic", len(fetchOne(b, committed).AbortedTransactions), 0)
			wantCode(t, "commit", int16(old.end(ends, true)), wire.None)
			eventually(t, "end", func() bool { return old.state() == "CompleteCommit" })
			next := b.newProducer("next")
			wantCode(t, "add", int16(next.add(0)), wire.None)
			wantCode(t, "produce", int16(next.produce(produces, 0, "new")), wire.None)
			wantCode(t, "commit", int16(next.end(ends, true)), wire.None)
			eventually(t, "end", func() bool { return next.state() == "CompleteCommit" })
			wantEqual(t, "values", fmt.Sprint(b.committed(0)), "[new]")
			o = b.offsets(0)
			wantEqual(t, "last stable offset", o.LastStableOffset, o.HighWatermark)
		})
	}
}
