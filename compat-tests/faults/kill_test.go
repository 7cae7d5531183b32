package faults

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/load"
)

// TestKillUnderLoadLosesNothing is bar R1: kill -9 at random moments under load. FAULT_KILLS sets how often (20 by default, 200
// before a release).
//
// Negative control: load.TestCheckNamesEveryAnomaly feeds the checker each anomaly; a build whose produce handler answers
// before it appends fails here with "lost" on the first kill.
func TestKillUnderLoadLosesNothing(t *testing.T) {
	kills := brokertest.Setting(t, "FAULT_KILLS", 20)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(kills)*10*time.Second+2*time.Minute)
	defer cancel()
	broker := brokertest.Start(t, map[string]string{"log.segment.bytes": "1048576", "group.initial.rebalance.delay.ms": "0"})
	l, err := load.Start(ctx, load.Settings{Addr: broker.Addr(), Topic: "killed", Partitions: 8, Workers: 5, ValueBytes: 1024, Rate: 800, Members: 4, Copiers: 2})
	if err != nil {
		t.Fatal(err)
	}
	awaitGroups(ctx, t, l)
	then := progress(l)
	for kill := range kills {
		if kill%10 == 9 {
			awaitProgress(ctx, t, l, then)
			then = progress(l)
		}
		before := l.Acknowledged()
		wait(ctx, t, time.Duration(200+random.IntN(800))*time.Millisecond)
		// A kill without progress since the last would prove less.
		if !until(ctx, time.Minute, func() bool { return l.Acknowledged() > before }) {
			t.Errorf("nothing is acknowledged after kill %d", kill)
			break
		}
		if err := broker.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := broker.Restart(ctx); err != nil {
			t.Fatalf("restart after kill %d: %v", kill, err)
		}
	}
	judge(ctx, t, l)
}

// wait lets the load run.
func wait(ctx context.Context, t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-ctx.Done():
		t.Fatalf("out of time: %v", context.Cause(ctx))
	}
}

// awaitGroups waits for the first commits of the group and of the copiers: members that are still joining when the faults begin would prove less.
func awaitGroups(ctx context.Context, t *testing.T, l *load.Load) {
	t.Helper()
	if !until(ctx, time.Minute, func() bool { return l.Committed() > 0 && l.Copied() > 0 }) {
		t.Fatalf("%d commits of the group, %d records copied", l.Committed(), l.Copied())
	}
}

// far is how far a load has come.
type far struct{ acknowledged, committed, copied int64 }

func progress(l *load.Load) far {
	return far{acknowledged: l.Acknowledged(), committed: l.Committed(), copied: l.Copied()}
}

// beyond reports whether producers, group and copiers have come further, producers by so many records.
func (f far) beyond(before far, records int64) bool {
	return f.acknowledged > before.acknowledged+records && f.committed > before.committed && f.copied > before.copied
}

// awaitProgress waits until group and copiers are at work again: kills that find them idle would prove less.
func awaitProgress(ctx context.Context, t *testing.T, l *load.Load, since far) {
	t.Helper()
	if !until(ctx, time.Minute, func() bool { return progress(l).beyond(since, 0) }) {
		t.Fatalf("there were %+v, and a while later %+v", since, progress(l))
	}
}

// judge ends the load and reports every anomaly.
func judge(ctx context.Context, t *testing.T, l *load.Load) {
	t.Helper()
	history, err := l.Finish(ctx)
	if err != nil {
		t.Errorf("load: %v", err)
	}
	if history.Unread {
		t.Fatal("what is left can't be read, so there is no verdict")
	}
	for _, anomaly := range load.Check(history, 20) {
		t.Error(anomaly)
	}
	t.Logf("%d records acknowledged, %d read by the tailing reader", len(history.Acked), l.Tailed())
	if len(history.Commits) > 0 {
		t.Logf("%d commits acknowledged, %d records shown to the group", l.Committed(), l.Grouped())
	}
	if len(history.Transactions) > 0 {
		outcomes := map[load.Outcome]int{}
		for _, transaction := range history.Transactions {
			outcomes[transaction.Outcome]++
		}
		t.Logf("%d transactions committed, %d aborted, %d unknown; %d records copied, %d of them read by the tailing reader",
			outcomes[load.Committed], outcomes[load.Aborted], outcomes[load.Unknown], l.Copied(), l.CopiesTailed())
	}
	if len(history.Acked) == 0 || l.Tailed() == 0 {
		t.Error("the load did nothing")
	}
}
