package faults

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/load"
	"github.com/clatterhq/clatter/compat-tests/faults/proxy"
)

// TestLostProduceAnswersMakeNoDuplicates is the short form of bar R13: one produce in ten loses its answer after the
// broker has appended it, one in ten is slow and split, one in ten is sent twice. The client asks again and must be told the first offset; it must never be told
// OUT_OF_ORDER_SEQUENCE. These are anomalies A2 (idem-5inflight) and A5 too; with transactions they are in exactlyonce. FAULT_PROXY_TIME sets how long (10s by default).
func TestLostProduceAnswersMakeNoDuplicates(t *testing.T) {
	duration := proxyTime(t)
	history := loseAnswers(t, duration, load.Settings{Topic: "proxied"})
	for _, anomaly := range load.Check(history, 20) {
		t.Error(anomaly)
	}
}

// proxyTime is how long producers suffer.
func proxyTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("FAULT_PROXY_TIME")
	if text == "" {
		return 10 * time.Second
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("FAULT_PROXY_TIME: %v", err)
	}
	return duration
}

// TestLostAnswersWithoutIdempotenceMakeDuplicates is the negative control: the same faults must show in the checker when the
// producer isn't idempotent.
func TestLostAnswersWithoutIdempotenceMakeDuplicates(t *testing.T) {
	history := loseAnswers(t, 3*time.Second, load.Settings{Topic: "doubled", NotIdempotent: true})
	for _, anomaly := range load.Check(history, 1_000_000) {
		if anomaly.Kind == load.Duplicated {
			return
		}
	}
	t.Error("no duplicate: the faults don't reach the broker, or the checker is blind")
}

// loseAnswers runs a load through a proxy that loses and delays answers of Produce.
func loseAnswers(t *testing.T, duration time.Duration, s load.Settings) load.History {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), duration+2*time.Minute)
	defer cancel()
	p := behindProxy(t, proxy.Faults{LoseShare: 0.1, SlowShare: 0.1, MaxDelay: 50 * time.Millisecond, TwinShare: 0.1, Seed: 1})
	s.Addr, s.Partitions, s.Workers, s.ValueBytes, s.Rate = p.Addr(), 8, 4, 200, 400
	l, err := load.Start(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	wait(ctx, t, duration)
	history, err := l.Finish(ctx)
	if err != nil {
		t.Errorf("load: %v", err)
	}
	if p.Lost() == 0 || len(history.Acked) == 0 {
		t.Errorf("%d answers lost, %d records acknowledged: nothing was tested", p.Lost(), len(history.Acked))
	}
	t.Logf("%d records acknowledged, %d answers lost", len(history.Acked), p.Lost())
	return history
}

// behindProxy starts a broker that clients find behind a proxy only. Of the faults, produces suffer.
func behindProxy(t *testing.T, faults proxy.Faults) *proxy.Proxy {
	t.Helper()
	p, err := proxy.Start(faults)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("proxy: %v", err)
		}
	})
	broker := brokertest.Start(t, map[string]string{"advertised.listeners": "PLAINTEXT://" + p.Addr()})
	p.SetTarget(broker.Addr())
	return p
}
