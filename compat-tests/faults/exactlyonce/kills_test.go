package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/txnclient"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// killer kills a broker while chosen requests are under way.
type killer struct {
	armed  atomic.Bool
	losing atomic.Bool // It is the answer that the killer waits for, and nobody gets to know it.
	keys   []int16
	target chan struct{}
	dead   chan struct{} // takes one for each lost answer, once the broker that gave it is dead
}

func newKiller(keys ...int16) *killer {
	return &killer{keys: keys, target: make(chan struct{}, 1), dead: make(chan struct{}, 1)}
}

// sent is told of every request that leaves.
func (k *killer) sent(key int16) {
	if !k.losing.Load() && slices.Contains(k.keys, key) && k.armed.CompareAndSwap(true, false) {
		k.target <- struct{}{}
	}
}

// lose is told of every answer that comes. Only one that says that the request was carried out is worth losing.
func (k *killer) lose(resp kmsg.Response) bool {
	code := int16(-1)
	switch r := resp.(type) {
	case *kmsg.InitProducerIDResponse:
		code = r.ErrorCode
	case *kmsg.EndTxnResponse:
		code = r.ErrorCode
	}
	if code != 0 || !k.losing.Load() || !k.armed.CompareAndSwap(true, false) {
		return false
	}
	k.target <- struct{}{}
	<-k.dead
	return true
}

// strike kills the broker within a few milliseconds after one of the requests has left, and starts it again.
func (k *killer) strike(ctx context.Context, t *testing.T, broker *launch.Broker, random *rand.Rand) {
	t.Helper()
	k.armed.Store(true)
	select {
	case <-k.target:
	case <-time.After(2 * time.Minute):
		t.Fatal("for two minutes none of the requests was sent: producers are stuck")
	case <-ctx.Done():
		t.Fatalf("out of time: %v", context.Cause(ctx))
	}
	wait(ctx, time.Duration(random.IntN(3000))*time.Microsecond)
	crash(ctx, t, broker)
}

// TestKillsInsideTransactionsLeaveNothingOpen is bar R17 with a real process, anomalies A22 (no-stuck-txn) and A3 (err-taxonomy): kill -9 while
// InitProducerId, Produce or EndTxn are under way. Every transaction must be whole or not there, acknowledged ends must stand, what was decided must end within
// 5 s of the last start and what was left open within its timeout and 30 s, no producer id may be given out twice, and no producer may
// be told anything but success and what it tries again with; that includes OUT_OF_ORDER_SEQUENCE_NUMBER (A2, A5). FAULT_KILLS sets how often
// (10 by default, 100 before a release). The other 900 kills of R17 are in TestTransactionsSurviveCrashes of coordinator/txn.
//
// Negative control: a build that answers EndTxn before it is durable, and one that hands out producer ids before their block is.
func TestKillsInsideTransactionsLeaveNothingOpen(t *testing.T) {
	t.Parallel()
	needsMarkersAfterKills(t)
	const topic, partitions = "killed", 4
	kills := brokertest.Setting(t, "FAULT_KILLS", 10)
	ctx, cancel := context.WithTimeout(t.Context(), patience(time.Duration(kills)*10*time.Second+2*time.Minute))
	defer cancel()
	random := chance(t)
	broker := startBroker(t, nil)
	client := newClient(t, broker.Addr())
	prepare(ctx, t, client, topic, partitions, nil)
	k := newKiller(keyInit, keyEnd, keyEnd, keyProduce)
	codes := &txnclient.Codes{}
	w := &writers{topic: topic, partitions: partitions, ledger: newLedger(), codes: codes, renames: 5, leaves: true, sent: k.sent}
	w.start(ctx, broker.Addr(), 8, random, 1, 2)
	for range kills {
		wait(ctx, time.Duration(random.IntN(100))*time.Millisecond)
		k.strike(ctx, t, broker, random)
	}
	decided := awaitProgress(ctx, t, w)
	w.stop()
	took := awaitRest(ctx, t, client, 5*time.Second+30*time.Second, topic)
	awaitTerminal(ctx, t, client, 30*time.Second)
	t.Logf("%d kills: %d committed, %d aborted, %d unknown, %d producer ids, %d producers fenced; decided ends %s after the last start, at rest after %s, slowest transaction %s",
		kills, w.ledger.count(committed), w.ledger.count(aborted), w.ledger.count(unknown), len(w.ledger.owners), w.fenced.Load(),
		decided.Round(time.Millisecond), took.Round(time.Millisecond), time.Duration(w.slowest.Load()).Round(time.Millisecond))
	if w.ledger.count(committed) < kills || len(w.ledger.owners) < kills/2 {
		t.Error("producers did next to nothing between the kills")
	}
	complain(t, w.ledger.check(readTopic(ctx, t, broker.Addr(), topic, true)))
	noSurprises(t, codes, w.slow()...)
}

// awaitProgress waits until producers have ended transactions since the last start, which they can only begin when the ones before have ended.
func awaitProgress(ctx context.Context, t *testing.T, w *writers) time.Duration {
	t.Helper()
	before := w.ledger.count(committed)
	return await(ctx, t, decidedWithin(), "producers go on", func() error {
		if n := w.ledger.count(committed) - before; n < 8 {
			return fmt.Errorf("%d transactions since the last start", n)
		}
		return nil
	})
}

// lastEpoch is the last one that a producer may have: the next is for whoever fences it.
const lastEpoch = 32766

// TestExhaustedEpochSurvivesAKill is anomaly A21 (epoch-exhaust): the broker is killed while a producer with the last epoch is given a new
// producer id, by InitProducerId in version 1 and by EndTxn in version 2: in one round within 2 ms after the request has left, in the next
// when it was carried out and only the answer is lost. Whatever of it was there, the same request must be answered
// when it is repeated, with an id that nobody else has, and the producer must be able to go on. FAULT_EXHAUSTED sets how often for each version (4 by default).
//
// Negative control: Apache Kafka 4.4 with a lost answer in version 1. Its log doesn't keep the epoch that the last one came after, so that a
// coordinator that has been started again takes the repeated InitProducerId for that of a producer that was fenced (KAFKA-20357). Version 2 can't
// be asked there.
func TestExhaustedEpochSurvivesAKill(t *testing.T) {
	t.Parallel()
	const topic = "exhausted"
	rounds := brokertest.Setting(t, "FAULT_EXHAUSTED", 4)
	versions := []int{1, 2}
	if brokertest.Kind() == launch.Kafka {
		versions = versions[:1] // See needsMarkersAfterKills.
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rounds)*10*time.Second+8*time.Minute)
	defer cancel()
	random := chance(t)
	// Thirty thousand epochs are used up without waiting for the disk. From then on the broker syncs.
	broker := startBroker(t, map[string]string{"log.flush.interval.messages": "9223372036854775807"})
	prepare(ctx, t, newClient(t, broker.Addr()), topic, 1, nil)
	producers := map[int]*txnclient.Producer{}
	done := make(chan error, 2)
	k := newKiller(keyInit, keyEnd)
	codes := &txnclient.Codes{}
	for _, version := range versions {
		p := txnclient.New(txnclient.Settings{Addr: broker.Addr(), ID: []string{"", "one", "two"}[version], Version: version, Sent: k.sent, Lose: k.lose, Codes: codes})
		producers[version] = p
		go func() { done <- useUp(ctx, p) }()
	}
	for range producers {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if err := broker.Stop(); err != nil {
		t.Fatal(err)
	}
	broker.SetOverride("log.flush.interval.messages", "1")
	saved := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(saved, os.DirFS(broker.DataDir())); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		for version, p := range producers {
			if err := restore(broker.DataDir(), saved); err != nil {
				t.Fatal(err)
			}
			if err := broker.Restart(ctx); err != nil {
				t.Fatal(err)
			}
			exhaust(ctx, t, broker, random, k, p.Clone(), version, round)
			if err := broker.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if brokertest.Kind() == launch.Kafka {
		noSurprises(t, codes, kerr.ProducerFenced)
		return
	}
	noSurprises(t, codes)
}

// useUp takes all epochs but the last.
func useUp(ctx context.Context, p *txnclient.Producer) error {
	defer p.Close()
	err := p.Init(ctx)
	for err == nil {
		if _, epoch := p.ID(); epoch >= lastEpoch {
			return nil
		}
		err = p.Renew(ctx)
	}
	return err
}

func restore(dir, saved string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.CopyFS(dir, os.DirFS(saved))
}

// exhaust has a producer with the last epoch ask for the next one, and the broker killed meanwhile.
func exhaust(ctx context.Context, t *testing.T, broker *launch.Broker, random *rand.Rand, k *killer, p *txnclient.Producer, version, round int) {
	t.Helper()
	defer p.Close()
	before, _ := p.ID()
	const topic = "exhausted"
	if version == 2 {
		if err := p.Send(ctx, partition(topic, 0), txnclient.Record{Value: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	answered := make(chan error, 1)
	k.losing.Store(round%2 == 1)
	k.armed.Store(true)
	go func() {
		if version == 2 {
			answered <- p.Commit(ctx)
			return
		}
		answered <- p.Renew(ctx)
	}()
	<-k.target
	wait(ctx, time.Duration(random.IntN(2000))*time.Microsecond)
	crash(ctx, t, broker)
	if k.losing.Load() {
		k.dead <- struct{}{}
	}
	err := <-answered
	if brokertest.Kind() == launch.Kafka && version == 1 && k.losing.Load() {
		if !errors.Is(err, kerr.ProducerFenced) {
			t.Errorf("Apache Kafka answers %v instead of PRODUCER_FENCED: it was mended, or the faults don't reach it", err)
		}
		return
	}
	if err != nil {
		t.Errorf("version %d, round %d: %v", version, round, err)
		return
	}
	id, epoch := p.ID()
	t.Logf("version %d, answer lost: %t: %d/%d came after %d/%d", version, k.losing.Load(), id, epoch, before, lastEpoch)
	if id == before || epoch != 0 {
		t.Errorf("version %d, round %d: the producer has %d/%d after %d/%d", version, round, id, epoch, before, lastEpoch)
	}
	fresh := txnclient.New(txnclient.Settings{Addr: broker.Addr(), ID: "another", Version: 2})
	defer fresh.Close()
	if err := fresh.Init(ctx); err != nil {
		t.Error(err)
	}
	if other, _ := fresh.ID(); other == id || other == before {
		t.Errorf("producer id %d was given to somebody else", other)
	}
	if err := p.Send(ctx, partition(topic, 0), txnclient.Record{Value: "b"}); err != nil {
		t.Errorf("version %d, round %d: the producer can't go on: %v", version, round, err)
		return
	}
	if err := p.Commit(ctx); err != nil {
		t.Errorf("version %d, round %d: the producer can't go on: %v", version, round, err)
	}
	awaitRest(ctx, t, newClient(t, broker.Addr()), decidedWithin(), topic)
}
