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

// TestHealthyBrokerStaysHealthy is bar R21 and anomaly A8 (healthy-long): nothing is broken, and for FAULT_HEALTHY_SECONDS (10 by default, 3,600 before a release) no
// reader and no group waits 10 s while there is something to read, memory and open files don't grow, and nothing is logged after the start.
//
// Negative control: a build that keeps each produced frame shows as growth of memory within a minute.
func TestHealthyBrokerStaysHealthy(t *testing.T) {
	seconds := brokertest.Setting(t, "FAULT_HEALTHY_SECONDS", 10)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second+5*time.Minute)
	defer cancel()
	broker := brokertest.Start(t, map[string]string{"log.segment.bytes": "16777216", "group.initial.rebalance.delay.ms": "0"})
	l, err := load.Start(ctx, load.Settings{Addr: broker.Addr(), Topic: "healthy", Partitions: 16, Workers: 5, ValueBytes: 1024, Rate: 200, Members: 4, Copiers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if !until(ctx, time.Minute, func() bool { return l.Tailed() > 5000 }) {
		t.Fatal("the load doesn't run")
	}
	awaitGroups(ctx, t, l)
	started := broker.Log()
	first := take(t, broker.PID())
	last, readers := first, []*watched{
		watch("the reader", l.Tailed, l.Acknowledged), watch("the group", l.Grouped, l.Acknowledged),
		watch("copiers", l.Copied, l.Acknowledged), watch("the reader of copies", l.CopiesTailed, l.Copied),
	}
	for begin, eighths := time.Now(), 0; time.Since(begin) < time.Duration(seconds)*time.Second; {
		wait(ctx, t, time.Second)
		for _, reader := range readers {
			if reader.look(); reader.longest > 10*time.Second {
				t.Fatalf("%s was shown nothing for %s, %d records behind", reader.name, reader.longest, reader.written()-reader.shown())
			}
		}
		last = take(t, broker.PID())
		if now := int(time.Since(begin).Seconds()) * 8 / seconds; now > eighths {
			eighths = now
			t.Logf("after %d/8: %s", now, last)
			if now == 2 {
				first = last // the first quarter is for warming up
			}
		}
	}
	t.Logf("%d s: %s at first, %s at last", seconds, first, last)
	for _, reader := range readers {
		t.Logf("%s waited %s at most", reader.name, reader.longest.Round(time.Second))
	}
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

// watched is a reader that must not wait while there is something to read.
type watched struct {
	name           string
	shown, written func() int64
	last           int64
	progress       time.Time
	longest        time.Duration
}

func watch(name string, shown, written func() int64) *watched {
	return &watched{name: name, shown: shown, written: written, last: shown(), progress: time.Now()}
}

// look notes whether the reader has come further.
func (w *watched) look() {
	if now := w.shown(); now != w.last || now >= w.written() {
		w.last, w.progress = now, time.Now()
		return
	}
	w.longest = max(w.longest, time.Since(w.progress))
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
