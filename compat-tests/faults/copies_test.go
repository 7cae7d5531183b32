package faults

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/load"
)

// TestReaderOfUncommittedFindsAbortedReads is the negative control of copiers in every load: readers that ask for everything are shown
// what was aborted, and the checker must say so.
func TestReaderOfUncommittedFindsAbortedReads(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	broker := brokertest.Start(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	l, err := load.Start(ctx, load.Settings{
		Addr: broker.Addr(), Topic: "uncommitted", Partitions: 2, Workers: 1, ValueBytes: 16, Rate: 4000, Copiers: 2, ReadUncommitted: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	// What is under way is shown to such readers as well, so that a small lead would prove nothing.
	if !until(ctx, time.Minute, func() bool { return l.CopiesTailed() > l.Copied()+2000 }) {
		t.Fatalf("%d records copied, %d shown", l.Copied(), l.CopiesTailed())
	}
	history, err := l.Finish(ctx)
	if err != nil {
		t.Errorf("load: %v", err)
	}
	found := load.Check(history, 1_000_000)
	if !slices.ContainsFunc(found, func(a load.Anomaly) bool { return a.Kind == load.AbortedRead }) {
		t.Errorf("no aborted read in %d transactions: nothing was aborted, or the checker is blind: %v", len(history.Transactions), found)
	}
}
