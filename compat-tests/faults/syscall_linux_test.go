package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/disk"
	"github.com/clatterhq/clatter/compat-tests/faults/load"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// failing is one kind of system call that fails at its n-th time. Files are written by pwrite64 alone: write is for sockets and
// for temporary files, which rename stands for.
type failing struct {
	calls, errno string
	// frequent says that every load makes such calls.
	frequent bool
	// passes says that the broker may go on: a write without room is refused and nothing else.
	passes bool
	// journal says that it fails for the journal of commits alone.
	journal bool
}

func (f failing) String() string {
	name := strings.Split(f.calls, ",")[0] + "_" + f.errno
	if f.journal {
		name = "journal_" + name
	}
	return name
}

// wrapper is what makes it fail in a broker.
func (f failing) wrapper(broker *launch.Broker, n int) ([]string, error) {
	if !f.journal {
		return disk.Failing(f.calls, f.errno, n)
	}
	path := filepath.Join(broker.DataDir(), journalFile)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600) // an empty one is as good as none
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return disk.FailingOn(path, f.calls, f.errno, n)
}

// renames are the system calls that rename.
const renames = "rename,renameat,renameat2"

var failures = []failing{
	{calls: "fsync,fdatasync", errno: "EIO", frequent: true},
	{calls: "fsync,fdatasync", errno: "ENOSPC", frequent: true},
	{calls: "pwrite64", errno: "EIO", frequent: true},
	{calls: "pwrite64", errno: "ENOSPC", frequent: true, passes: true},
	{calls: renames, errno: "EIO"},
	{calls: renames, errno: "ENOSPC", passes: true},
	{calls: "ftruncate", errno: "EIO"},
	{calls: "ftruncate", errno: "ENOSPC", passes: true},
	{calls: "sync_file_range", errno: "EIO"},
	{calls: "fsync,fdatasync", errno: "EIO", frequent: true, journal: true},
	{calls: "fsync,fdatasync", errno: "ENOSPC", journal: true},
	{calls: "pwrite64", errno: "EIO", frequent: true, journal: true},
	{calls: "pwrite64", errno: "ENOSPC", passes: true, journal: true},
	{calls: "ftruncate", errno: "EIO", journal: true},
}

// TestFailedSystemCallEndsAcknowledgements is bar R6: the n-th sync, write, rename or truncation of the broker fails, or that of its journal. Its operator is
// told in one line, nothing is acknowledged from then on (but for a full disk, which passes), and a new start has all that was
// acknowledged. FAULT_SYSCALLS=50 tries n from 1 to 50 for each kind, as before a release; by default a few n of each are picked.
//
// Negative control: a build that goes on after a failed sync acknowledges here.
func TestFailedSystemCallEndsAcknowledgements(t *testing.T) {
	most := brokertest.Setting(t, "FAULT_SYSCALLS", 0)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, failure := range failures {
		// The first ones hit the start and the making of a topic, the later ones the load.
		times := []int{1, 2}
		if failure.frequent {
			times = []int{1 + random.IntN(6), 8 + random.IntN(30)}
		}
		if most > 0 {
			times = slices.Collect(func(yield func(int) bool) {
				for n := 1; n <= most && yield(n); n++ {
				}
			})
		}
		tried, shown := false, false
		for _, n := range times {
			t.Run(fmt.Sprintf("%s_%d", failure, n), func(t *testing.T) {
				tried = true
				shown = failOnce(t, failure, n) || shown
			})
		}
		if tried && !shown && failure.frequent {
			t.Errorf("no failure of %s reached the broker", failure)
		}
	}
}

// failOnce runs a load over one failure and a start after it. It reports whether the failure showed.
func failOnce(t *testing.T, failure failing, n int) (shown bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	broker := brokertest.Start(t, map[string]string{"log.segment.bytes": "1048576", "group.initial.rebalance.delay.ms": "0"})
	if err := broker.Stop(); err != nil {
		t.Fatal(err)
	}
	wrapper, err := failure.wrapper(broker, n)
	needs(t, err)
	broker.SetWrapper(wrapper...)
	before := len(broker.Log())
	started := broker.Restart(ctx)
	var l *load.Load
	settings := load.Settings{Addr: broker.Addr(), Topic: "failing", Partitions: 2, Workers: 2, ValueBytes: 8192, Rate: 200, Members: 1}
	if failure.journal { // which takes commits of several logs
		settings.Partitions, settings.ValueBytes = 8, 512
	}
	if started == nil {
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		// A topic that can't be made is an answer as well; then there is nothing to load.
		if err := load.CreateTopic(short, settings); err != nil {
			t.Logf("topic: %v", err)
		} else if l, err = load.Start(ctx, settings); err != nil {
			t.Logf("load: %v", err)
		}
	}
	shown = failureIsFinal(ctx, t, broker, l, before, failure)
	if started == nil && broker.PID() != 0 {
		// Most files that are replaced by renaming are written at the end, and the journal is emptied then: a marker that lies would lose records.
		if failure.calls == renames || failure.journal && failure.calls == "ftruncate" {
			t.Logf("stop: %v", broker.Stop())
		} else if err := broker.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	broker.SetWrapper()
	if err := broker.Restart(ctx); err != nil {
		t.Fatalf("start after the failure: %v", err)
	}
	if l == nil {
		if l, err = load.Start(ctx, settings); err != nil {
			t.Fatal(err)
		}
	}
	acknowledged := l.Acknowledged()
	if !until(ctx, time.Minute, func() bool { return l.Acknowledged() > acknowledged }) {
		t.Error("nothing is acknowledged after a new start")
	}
	until(ctx, time.Minute, func() bool { return l.Tailed() > 0 }) // the reader that runs along finds the broker again in its own time
	judge(ctx, t, l)
	return shown
}

// endsAlone waits for the end of a broker whose only log directory is offline. What is acknowledged until then may have been under way, on
// a busy machine for long, and nothing tells it from what was acknowledged after the failure; what lives on would go on with it.
func endsAlone(ctx context.Context, t *testing.T, broker *launch.Broker, l *load.Load, from int) {
	t.Helper()
	acknowledged := l.Acknowledged()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	code, err := broker.Await(ctx)
	switch {
	case err != nil:
		t.Errorf("%v; %d records acknowledged after a failure:\n%s", err, l.Acknowledged()-acknowledged, broker.Log()[from:])
	case code != 1:
		t.Errorf("exit code %d of a broker without a log directory", code)
	}
}

// failureIsFinal waits for the line that tells the operator and looks for acknowledgements after it.
func failureIsFinal(ctx context.Context, t *testing.T, broker *launch.Broker, l *load.Load, from int, failure failing) bool {
	t.Helper()
	told := func() int { return strings.Count(broker.Log()[from:], "level=ERROR") }
	limit := 1500 * time.Millisecond
	if failure.frequent { // It comes for certain, on a busy machine in its own time.
		limit = 10 * time.Second
	}
	if !until(ctx, limit, func() bool { return told() > 0 }) {
		// The broker doesn't make that many such calls, or one whose failure changes nothing.
		t.Log("the failure did not show")
		return false
	}
	// The catalog may fail alone: then topics stay as they are, and their logs go on.
	if l != nil && !failure.passes && strings.Contains(broker.Log()[from:], "log directory is offline") {
		endsAlone(ctx, t, broker, l, from)
	}
	if n := told(); n > 2 && !failure.passes { // what passes may fail once in every thread
		t.Errorf("%d lines of errors for one failure:\n%s", n, broker.Log()[from:])
	}
	for line := range strings.Lines(broker.Log()[from:]) {
		if strings.Contains(line, "level=ERROR") {
			t.Log(strings.TrimSpace(line))
		}
	}
	return true
}
