package faults

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/disk"
	"github.com/clatterhq/clatter/compat-tests/faults/load"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// TestPowerCutUnderLoadLosesNothing is bar R2: the disk loses power at random moments under load, the broker sees its writes fail
// and is killed, the disk comes back with what had been synced. FAULT_POWER_CUTS sets how often (5 by default, 200 before a release).
//
// Negative control: TestPowerCutWithoutSyncLosesRecords.
func TestPowerCutUnderLoadLosesNothing(t *testing.T) {
	cuts := brokertest.Setting(t, "FAULT_POWER_CUTS", 5)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(cuts)*10*time.Second+4*time.Minute)
	defer cancel()
	m := ext4(t, 512<<20+int64(cuts)*8<<20)
	broker := on(t, m, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	l, err := load.Start(ctx, load.Settings{Addr: broker.Addr(), Topic: "cut", Partitions: 8, Workers: 5, ValueBytes: 1024, Rate: 800, Members: 4, Copiers: 2})
	if err != nil {
		t.Fatal(err)
	}
	awaitGroups(ctx, t, l)
	cutUnderLoad(ctx, t, cuts, m, broker, l)
	judge(ctx, t, l)
}

// TestPowerCutWithoutSyncLosesRecords is the negative control: with Kafka's setting for the page cache, the same cut must show in
// the checker as a loss of acknowledged records.
func TestPowerCutWithoutSyncLosesRecords(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	m := ext4(t, 256<<20)
	broker := on(t, m, map[string]string{"log.flush.interval.messages": neverSync, "log.segment.bytes": "104857600"})
	l, err := load.Start(ctx, load.Settings{
		Addr: broker.Addr(), Topic: "unsynced", Partitions: 2, Workers: 2, ValueBytes: 200, Rate: 400, NotIdempotent: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	cutUnderLoad(ctx, t, 1, m, broker, l)
	// The reader that ran along is told that its offset is gone, as it must be; what counts is the checker.
	history, err := l.Finish(ctx)
	t.Logf("load: %v", err)
	for _, anomaly := range load.Check(history, 1_000_000) {
		if anomaly.Kind == load.Lost {
			return
		}
	}
	t.Error("nothing is lost: the cut doesn't reach what was not synced, or the checker is blind")
}

// cutUnderLoad cuts the power so many times.
func cutUnderLoad(ctx context.Context, t *testing.T, cuts int, m *disk.Mount, broker *launch.Broker, l *load.Load) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	then := progress(l)
	for cut := range cuts {
		if cut%10 == 9 {
			awaitProgress(ctx, t, l, then)
			then = progress(l)
		}
		before := l.Acknowledged()
		wait(ctx, t, time.Duration(200+random.IntN(600))*time.Millisecond)
		if !until(ctx, time.Minute, func() bool { return l.Acknowledged() > before }) {
			t.Fatalf("nothing was acknowledged since cut %d", cut)
		}
		stopAll(ctx, t, broker.PID())
		if err := m.Cut(); err != nil {
			t.Fatal(err)
		}
		// Sometimes the broker notices before it is gone, and must not acknowledge anything then either.
		if random.IntN(2) == 0 {
			if err := syscall.Kill(broker.PID(), syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			wait(ctx, t, time.Duration(random.IntN(60))*time.Millisecond)
		}
		powerOn(ctx, t, m, broker)
	}
}

// stopAll stops every thread of a process and waits until none is in a system call: see disk.Mount.Cut.
func stopAll(ctx context.Context, t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			t.Fatalf("threads of process %d: %v", pid, err)
		}
		return !slices.ContainsFunc(threads, func(thread string) bool {
			stat, err := os.ReadFile(thread)
			// The state follows the name, which is in parentheses.
			return err == nil && !bytes.Contains(stat, []byte(") T "))
		})
	}
	if !until(ctx, time.Minute, stopped) {
		t.Fatalf("process %d doesn't stop", pid)
	}
}

// powerOn ends the broker, brings the disk back and starts the broker on what is left on it.
func powerOn(ctx context.Context, t *testing.T, m *disk.Mount, broker *launch.Broker) {
	t.Helper()
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := m.PowerOn(); err != nil {
		t.Fatal(err)
	}
	if err := broker.Restart(ctx); err != nil {
		t.Fatalf("restart after a power cut: %v", err)
	}
}
