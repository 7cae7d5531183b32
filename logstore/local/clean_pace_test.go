package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

func TestCleanerRestsWhileRequestsAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests traffic
		p := newPacer(&requests)
		// rest works for some time, and returns how long the rest was after it.
		rest := func(work time.Duration, bytes int) time.Duration {
			time.Sleep(work)
			began := time.Now()
			if err := p.rest(t.Context(), bytes); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		want := func(what string, got, want time.Duration) {
			t.Helper()
			if got != want {
				t.Errorf("%s: rested %v, want %v", what, got, want)
			}
		}
		want("without requests", rest(paceQuiet, paceBytes), 0)
		if got := p.pieceBytes(1 << 20); got != 1<<20 {
			t.Errorf("without requests, %d bytes are written at a time", got)
		}
		requests.note()
		want("after a slice", rest(2*time.Millisecond, paceBytes), 6*time.Millisecond)
		want("in a slice", rest(paceSlice-1, paceBytes), 0)
		want("at its end", rest(1, paceBytes), 3*paceSlice)
		want("between two looks at the clock", rest(time.Millisecond, paceBytes-1), 0)
		want("at the second", rest(time.Millisecond, 1), 6*time.Millisecond)
		want("after a batch that took long", rest(200*time.Millisecond, 1<<20), maxPaceRest)
		if got := p.pieceBytes(1 << 20); got != paceWrite {
			t.Errorf("beside requests, %d bytes are written at a time", got)
		}
		if got := p.pieceBytes(4096); got != 4096 {
			t.Errorf("%d bytes are written at a time with a smaller buffer", got)
		}
		want("a second after the last request", rest(paceQuiet, paceBytes), 0)
		requests.note()
		want("after the next request", rest(time.Millisecond, paceBytes), 3*time.Millisecond)
		requests.note()
		want("after a minute's work at once", rest(paceHurry, paceBytes), maxPaceRest)
		requests.note()
		want("after a minute", rest(paceHurrySlice, paceBytes), paceHurrySlice)
		want("in a slice after a minute", rest(paceHurrySlice-1, paceBytes), 0)
	})
}

func TestRestOfCleanerEndsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests traffic
		requests.note()
		p := newPacer(&requests)
		ctx, cancel := context.WithCancel(t.Context())
		time.Sleep(time.Second - time.Millisecond)
		time.AfterFunc(time.Millisecond, cancel)
		began := time.Now()
		if err := p.rest(ctx, paceBytes); err == nil || time.Since(began) != time.Millisecond {
			t.Errorf("rested %v, %v", time.Since(began), err)
		}
	})
}

// TestCleaningBesideRequestsTakesFourTimesAsLong has a disk that takes a millisecond for each read of the cleaner, and nothing else take time.
func TestCleaningBesideRequestsTakesFourTimesAsLong(t *testing.T) {
	clean := func(t *testing.T, requests bool) (took time.Duration) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			disk := vfs.Inject(vfs.NewMemory())
			o := on(disk)
			o.Cleaner = func() CleanerConfig {
				c := DefaultCleanerConfig()
				c.Disabled, c.IOBufferBytes = true, 64<<10
				return c
			}
			config := logstoretest.CompactConfig()
			config.SegmentBytes = 1 << 20
			f := newFixture(t, o, 1, config)
			defer f.close()
			value := strings.Repeat("x", 20_000)
			for i := range 200 {
				logAppend(t, f.log(0), logstoretest.KeyedBatch{Records: []string{fmt.Sprintf("k%d=%s", i%50, value)}}.Build(t))
			}
			disk.SetRules(&vfs.Rule{Ops: vfs.OpRead, Path: "*.log", Before: func(vfs.Call) error {
				time.Sleep(time.Millisecond)
				return nil
			}})
			var group sync.WaitGroup
			defer group.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f.store.traffic.seen.Store(false)
			began := time.Now()
			if requests {
				group.Go(func() {
					for ctx.Err() == nil {
						f.store.traffic.note()
						time.Sleep(10 * time.Millisecond)
					}
				})
				synctest.Wait()
			}
			if err := f.log(0).Maintain(ctx, logstore.Compaction); err != nil {
				t.Fatal(err)
			}
			took = time.Since(began)
		})
		return took
	}
	alone, beside := clean(t, false), clean(t, true)
	if alone < 100*time.Millisecond || beside < 3*alone || beside > 5*alone {
		t.Errorf("alone it takes %v, beside requests %v", alone, beside)
	}
}

// TestFailedWritebackOfACleaningIsFinal has the system tell of a failed write where it may tell nobody else.
func TestFailedWritebackOfACleaningIsFinal(t *testing.T) {
	failing := &vfs.Rule{Ops: vfs.OpWriteBack, Path: "*.cleaned", Nth: 1, Err: syscall.EIO}
	disk := vfs.Inject(vfs.NewMemory(), failing)
	d := newDirtyLog(t, on(disk), rand.New(rand.NewPCG(1, 1)))
	d.add(100, 5)
	err := d.log(0).Maintain(context.Background(), logstore.Compaction)
	if failing.Fired() == 0 {
		t.Fatal("nothing was written back")
	}
	if err == nil || d.store.Health() == nil {
		t.Errorf("compaction: %v, health: %v", err, d.store.Health())
	}
	_ = d.store.Close(context.Background()) // which tells of it as well
}
