package faults

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/load"
)

// TestHealthyBrokerStaysHealthy is bar R21: nothing is broken, and for FAULT_HEALTHY_SECONDS (10 by default, 3,600 before a release) no
// reader waits 10 s while there is something to read, memory and open files don't grow, and nothing is logged after the start.
//
// Negative control: a build that keeps each produced frame shows as growth of memory within a minute.
func TestHealthyBrokerStaysHealthy(t *testing.T) {
	seconds := long(t, "FAULT_HEALTHY_SECONDS", 10)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second+5*time.Minute)
	defer cancel()
	broker := brokertest.Start(t, map[string]string{"log.segment.bytes": "16777216"})
	l, err := load.Start(ctx, load.Settings{Addr: broker.Addr(), Topic: "healthy", Partitions: 16, Workers: 5, ValueBytes: 1024, Rate: 200})
	if err != nil {
		t.Fatal(err)
	}
	if !until(ctx, 30*time.Second, func() bool { return l.Tailed() > 5000 }) {
		t.Fatal("the load doesn't run")
	}
	started := broker.Log()
	first := take(t, broker.PID())
	last, quietest, progress := first, time.Duration(0), time.Now()
	for end, tailed := time.Now().Add(time.Duration(seconds)*time.Second), l.Tailed(); time.Now().Before(end); {
		wait(ctx, t, time.Second)
		switch now := l.Tailed(); {
		case now != tailed || now >= l.Acknowledged():
			tailed, progress = now, time.Now()
		default:
			quietest = max(quietest, time.Since(progress))
		}
		if quietest > 10*time.Second {
			t.Fatalf("the reader was shown nothing for %s, %d records behind", quietest, l.Acknowledged()-tailed)
		}
		if last = take(t, broker.PID()); time.Until(end) > time.Duration(seconds)*time.Second*3/4 {
			first = last // the first quarter is for warming up
		}
	}
	t.Logf("%d s: %s at first, %s at last; the reader waited %s at most", seconds, first, last, quietest.Round(time.Second))
	// Garbage comes and goes; what grows with the number of requests is far above this after minutes.
	if last.resident > first.resident+first.resident/2+(8<<20) {
		t.Errorf("memory has grown: %s, then %s", first, last)
	}
	if perFile := 3 * seconds / 10; last.files > first.files+perFile+16 { // a log that grows has more segments
		t.Errorf("open files have grown: %s, then %s", first, last)
	}
	if last.threads > first.threads+16 {
		t.Errorf("threads have grown: %s, then %s", first, last)
	}
	if now := broker.Log(); now != started {
		t.Errorf("a healthy broker logs:\n%s", now[len(started):])
	}
	judge(ctx, t, l)
}

// usage is what a process holds.
type usage struct {
	resident       int64 // bytes
	files, threads int
}

func (u usage) String() string {
	return fmt.Sprintf("%d MiB, %d files, %d threads", u.resident>>20, u.files, u.threads)
}

func take(t *testing.T, pid int) usage {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	return usage{resident: statusBytes(t, pid, "VmRSS:"), files: len(files), threads: len(threads)}
}
