package faults

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/faults/disk"
	"github.com/clatterhq/clatter/compat-tests/faults/load"
)

// TestSlowSyncDelaysAcknowledgements is the short form of bar R35: every sync takes two seconds more. Acknowledgements take
// as long, memory stays where it is, and a power cut in the middle of a sync takes nothing that was acknowledged.
// FAULT_SLOW_SYNC sets how many seconds are spent so (3 by default, 60 before a release).
//
// Negative control: a build that answers before the commit is done has acknowledgements faster than a sync.
func TestSlowSyncDelaysAcknowledgements(t *testing.T) {
	const delay = 2 * time.Second
	seconds := long(t, "FAULT_SLOW_SYNC", 3)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second+time.Minute)
	defer cancel()
	m := ext4(t, 512<<20+int64(seconds)<<20)
	broker := on(t, m, nil)
	l, err := load.Start(ctx, load.Settings{Addr: broker.Addr(), Topic: "slow", Partitions: 8, Workers: 4, ValueBytes: 1024, Rate: 800})
	if err != nil {
		t.Fatal(err)
	}
	if !until(ctx, 20*time.Second, func() bool { return l.Acknowledged() > 1000 }) {
		t.Fatal("the load doesn't run")
	}
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
