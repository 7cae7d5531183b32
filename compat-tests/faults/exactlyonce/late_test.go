package exactlyonce

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/proxy"
	"github.com/clatterhq/clatter/compat-tests/faults/txnclient"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// lateWork is what came of transactions whose requests arrive late and twice.
type lateWork struct {
	ledger    *ledger
	fenced    int64
	slow      []*kerr.Error // codes of those that were too slow
	codes     *txnclient.Codes
	anomalies []string
}

// workLate has producers of one version write, while a tenth of the requests with these keys is held back for up to hold after the client has
// lost its connection, a tenth comes a second time after up to hold, and some answers are lost. In the end nothing may stay open.
func workLate(t *testing.T, version int, duration, hold time.Duration, keys ...int16) lateWork {
	t.Helper()
	const topic, partitions = "late", 4
	ctx, cancel := context.WithTimeout(t.Context(), duration+2*hold+3*time.Minute)
	defer cancel()
	random := chance(t)
	var faults []proxy.Faults
	for _, key := range keys {
		faults = append(faults, proxy.Faults{Key: key, LoseShare: 0.05, HoldShare: 0.1, EchoShare: 0.1, MaxHold: hold, Seed: random.Uint64()})
	}
	// Answers of the others are lost: what they are about is done, and asked for again.
	for _, key := range []int16{keyInit, keyEnd} {
		faults = append(faults, proxy.Faults{Key: key, LoseShare: 0.1})
	}
	front, err := proxy.Start(faults...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := front.Close(); err != nil {
			t.Errorf("proxy: %v", err)
		}
	}()
	broker := brokertest.StartWith(t, launch.Options{Kind: brokertest.Kind(), Overrides: settings(nil)})
	front.SetTarget(broker.Addr())
	client := newClient(t, broker.Addr())
	prepare(ctx, t, client, topic, partitions, nil)

	codes := &txnclient.Codes{}
	w := &writers{
		topic: topic, partitions: partitions, ledger: newLedger(), codes: codes, patience: 5 * time.Millisecond,
		pace: 20 * time.Millisecond, // Ports of connections that were cut stay in use for a minute: there must be some left.
	}
	w.start(ctx, front.Addr(), 8, random, version)
	wait(ctx, duration)
	for began := time.Now(); w.ledger.count(committed) < leastLate && time.Since(began) < time.Minute; {
		wait(ctx, 100*time.Millisecond) // A busy machine gets less done.
	}
	w.stop()
	wait(ctx, hold) // What is still held back comes now, when nobody uses the transactional ids.
	took := awaitRest(ctx, t, client, writersTimeout+30*time.Second, topic)
	awaitTerminal(ctx, t, client, writersTimeout+30*time.Second)
	t.Logf("version %d: %d committed, %d aborted, %d unknown; %d requests late, %d answers lost, %d producers fenced; at rest after %s", version,
		w.ledger.count(committed), w.ledger.count(aborted), w.ledger.count(unknown), front.Late(), front.Lost(), w.fenced.Load(), took.Round(time.Millisecond))
	t.Logf("answers: %s", codes)
	if front.Late() == 0 || w.ledger.count(committed) == 0 {
		t.Error("nothing was late, or nothing committed: nothing was tested")
	}
	return lateWork{ledger: w.ledger, slow: w.slow(), fenced: w.fenced.Load(), codes: codes, anomalies: w.ledger.check(readTopic(ctx, t, broker.Addr(), topic, true))}
}

// leastLate is how many transactions must be committed before a test may end.
const leastLate = 100

// lateTimes are how long producers suffer, and how late a request may be.
func lateTimes(t *testing.T) (duration, hold time.Duration) {
	t.Helper()
	return time.Duration(brokertest.Setting(t, "FAULT_LATE_TIME", 4)) * time.Second, time.Duration(brokertest.Setting(t, "FAULT_LATE_BY", 2)) * time.Second
}

// TestLateRequestsTearNoTransaction is bar R16 and anomaly A9 (delayed-endtxn): requests that arrive late, and those that arrive twice, must not
// commit, abort, tear or keep open a later transaction. Each end has an epoch of its own in version 2, so that everything late is
// refused. In version 1 a late EndTxn can't be told from one in time, in Kafka as here: what is late there are produces, which verification
// keeps out, and partitions that are added. FAULT_LATE_TIME and FAULT_LATE_BY (seconds) set for how long and by how much.
//
// Negative control: TestLateEndsTearTransactionsOfVersion1, and a build that doesn't verify produces.
func TestLateRequestsTearNoTransaction(t *testing.T) {
	duration, hold := lateTimes(t)
	t.Run("version 2", func(t *testing.T) {
		t.Parallel()
		work := workLate(t, 2, duration, hold, keyEnd, keyProduce, keyAddPartitions)
		complain(t, work.anomalies)
		if work.fenced > 0 && work.slow == nil {
			t.Errorf("%d times a late request got in the way of a producer", work.fenced)
		}
		noSurprises(t, work.codes, work.slow...)
	})
	t.Run("version 1", func(t *testing.T) {
		t.Parallel()
		if brokertest.Kind() == launch.Kafka {
			t.Skip("Apache Kafka answers OUT_OF_ORDER_SEQUENCE_NUMBER to the next batch behind one that came twice")
		}
		work := workLate(t, 1, duration, hold, keyProduce, keyAddPartitions)
		complain(t, work.anomalies)
		// Who gives up a transaction that has not begun is told so.
		for _, code := range work.codes.Surprises(append(work.slow, kerr.InvalidTxnState)...) {
			t.Errorf("a producer was told %s", code)
		}
	})
}

// TestLateEndsTearTransactionsOfVersion1 is the negative control: what version 2 was made for must show in the checker.
func TestLateEndsTearTransactionsOfVersion1(t *testing.T) {
	t.Parallel()
	for range 5 {
		if work := workLate(t, 1, 3*time.Second, time.Second, keyEnd); len(work.anomalies) > 0 {
			t.Logf("%d anomalies, as it must be: %s", len(work.anomalies), work.anomalies[0])
			return
		}
	}
	t.Error("no transaction is torn: the faults don't reach the broker, or the checker is blind")
}
