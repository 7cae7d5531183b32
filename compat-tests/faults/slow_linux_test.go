package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/disk"
	"github.com/clatterhq/clatter/compat-tests/faults/load"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// TestSlowSyncDelaysAcknowledgements is the short form of bar R35: every sync takes two seconds more. Acknowledgements take
// as long, memory stays where it is, and a power cut in the middle of a sync takes nothing that was acknowledged.
// FAULT_SLOW_SYNC sets how many seconds are spent so (3 by default, 60 before a release).
//
// Negative control: a build that answers before the commit is done has acknowledgements faster than a sync.
func TestSlowSyncDelaysAcknowledgements(t *testing.T) {
	const delay = 2 * time.Second
	seconds := brokertest.Setting(t, "FAULT_SLOW_SYNC", 3)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second+5*time.Minute)
	defer cancel()
	m := ext4(t, 512<<20+int64(seconds)<<20)
	broker := on(t, m, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	l, err := load.Start(ctx, load.Settings{Addr: broker.Addr(), Topic: "slow", Partitions: 8, Workers: 4, ValueBytes: 1024, Rate: 800, Members: 4, Copiers: 2})
	if err != nil {
		t.Fatal(err)
	}
	awaitGroups(ctx, t, l)
	before := statusBytes(t, broker.PID(), "VmRSS:")
	_, err = disk.Slow(ctx, broker.PID(), "fsync,fdatasync", int(delay.Microseconds()))
	needs(t, err)
	for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); {
		// A commit that began before the delay may still answer the first.
		if took := acknowledge(ctx, t, broker.Addr()); took < delay {
			t.Errorf("acknowledged after %s: no sync was that fast", took)
		}
	}
	if grown := statusBytes(t, broker.PID(), "VmRSS:") - before; grown > 64<<20 {
		t.Errorf("resident memory has grown by %d MiB while syncs were slow", grown>>20)
	} else {
		t.Logf("resident memory has grown by %d KiB from %d MiB", grown>>10, before>>20)
	}
	if err := m.Cut(); err != nil {
		t.Fatal(err)
	}
	powerOn(ctx, t, m, broker)
	judge(ctx, t, l)
}

// TestHungSyncTurnsHealthRed is the other half of bar R35: a sync that doesn't end is told by "clatter health" and by a line of the log
// within 30 s, and nothing is acknowledged.
//
// Negative control: health is asked before, and is good then.
func TestHungSyncTurnsHealthRed(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	broker := on(t, ext4(t, 256<<20), nil)
	binary, err := launch.ClatterBinary()
	if err != nil {
		t.Fatal(err)
	}
	healthy := func() bool {
		return exec.CommandContext(ctx, binary, "health", "--bootstrap-server", broker.Addr()).Run() == nil
	}
	acknowledge(ctx, t, broker.Addr())
	if !healthy() {
		t.Fatal("a broker that acknowledges is not healthy")
	}
	_, err = disk.Slow(ctx, broker.PID(), "fsync,fdatasync", int(time.Hour.Microseconds()))
	needs(t, err)
	client := brokertest.Client(t, broker.Addr(), kgo.DefaultProduceTopic("timed"))
	var acked atomic.Bool
	client.Produce(ctx, kgo.StringRecord("x"), func(_ *kgo.Record, err error) { acked.Store(err == nil) })
	began := time.Now()
	if !until(ctx, time.Minute, func() bool { return !healthy() }) {
		t.Fatal("health stays good while a sync hangs")
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("health was good for %s", took)
	}
	if acked.Load() {
		t.Error("acknowledged without a sync")
	}
	if !strings.Contains(broker.Log(), "a sync doesn't end") {
		t.Error("the log says nothing")
	}
}

// acknowledge produces one record to a topic of its own and says how long the answer took.
func acknowledge(ctx context.Context, t *testing.T, addr string) time.Duration {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("timed"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := client.ProduceSync(ctx, kgo.StringRecord("x")).FirstErr(); err != nil {
		t.Fatalf("produce while syncs are slow: %v", err)
	}
	return time.Since(began)
}

// statusBytes is one figure of a process's memory, as the kernel tells it: VmRSS is what is in use, VmHWM its peak.
func statusBytes(t *testing.T, pid int, figure string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, figure); ok {
			kib, err := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("no %s of process %d", figure, pid)
	return 0
}
