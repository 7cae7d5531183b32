package local

import (
	"context"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// largeSegments is a log on a disk of which three segments of 20 MiB may go. Their files are removed a second after that.
func largeSegments(t *testing.T, disk vfs.FS) *fixture {
	t.Helper()
	config := logstoretest.Config()
	config.SegmentBytes, config.FileDeleteDelayMs = 20<<20, 1000
	f := newFixture(t, on(disk), 1, config)
	for range 7 {
		logAppend(t, f.log(0), logstoretest.Batch{Size: 9 << 20}.Build(t))
	}
	return f
}

// deleteAll has all segments deleted but the last.
func deleteAll(t *testing.T, f *fixture) {
	t.Helper()
	if _, err := f.log(0).DeleteBefore(context.Background(), -1); err != nil {
		t.Fatal(err)
	}
	if err := f.log(0).Maintain(context.Background(), logstore.Retention); err != nil {
		t.Fatal(err)
	}
}

func TestFilesOfDeletedSegmentsAreFreedInPieces(t *testing.T) {
	for name, test := range map[string]struct {
		requests, full, volatile bool
		rests                    int
	}{
		"beside requests":         {requests: true, rests: 54},
		"without requests":        {},
		"where there is no space": {requests: true, full: true},
		"in memory":               {requests: true, volatile: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var memory vfs.FS = vfs.NewMemory(vfs.Volatile())
				truncations := &vfs.Rule{Ops: vfs.OpTruncate, Path: "*" + deletedSuffix}
				if !test.volatile {
					memory = vfs.Inject(memory, truncations)
				}
				f := largeSegments(t, memory)
				time.Sleep(paceQuiet)
				f.store.dirs[0].full.full.Store(test.full)
				deleteAll(t, f)
				f.store.traffic.seen.Store(false)
				ctx, cancel := context.WithCancel(t.Context())
				var requests sync.WaitGroup
				defer requests.Wait()
				defer cancel()
				requests.Go(func() {
					for test.requests && ctx.Err() == nil {
						f.store.traffic.note()
						time.Sleep(10 * time.Millisecond)
					}
				})
				time.Sleep(time.Second - time.Microsecond)
				began := time.Now()
				for countSuffix(t, memory, "t-0", deletedSuffix) > 0 {
					time.Sleep(time.Millisecond)
				}
				if took, want := time.Since(began), time.Duration(test.rests)*shrinkRest; took < want-shrinkRest || took > want+time.Millisecond {
					t.Errorf("it takes %v to free 54 MiB, want %v", took, want)
				}
				if !test.volatile && truncations.Seen() != 3*18 {
					t.Errorf("a file is cut %d times before it is removed, want 18", truncations.Seen()/3)
				}
				synctest.Wait()
				if left := f.store.remover.backlog.Load(); left != 0 {
					t.Errorf("%d bytes seem to wait to be freed", left)
				}
				cancel()
				f.close()
			})
		})
	}
}

func TestRemovalLeavesTheNextTopicOfTheNameAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := vfs.NewMemory()
		f := largeSegments(t, memory)
		deleteAll(t, f)
		if err := f.store.Delete(t.Context(), f.topic); err != nil {
			t.Fatal(err)
		}
		const name = "t-0/00000000000000000000.log" + deletedSuffix
		if err := memory.MkdirAll("t-0"); err != nil {
			t.Fatal(err)
		}
		if err := writeFile(memory, name, []byte("of a topic that has the name now")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, err := memory.Stat(name); err != nil {
			t.Error(err)
		}
		if left := f.store.remover.backlog.Load(); left != 0 {
			t.Errorf("%d bytes seem to wait to be freed", left)
		}
		f.close()
	})
}

func TestWhatWaitsToBeFreedIsFreedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := largeSegments(t, vfs.NewMemory())
		r := &f.store.remover
		m := &removal{folder: f.log(0).mu.writer.folder}
		r.backlog.Store(100 << 30)
		began := time.Now()
		for r.backlog.Load() > 0 {
			f.store.traffic.note()
			r.freed(m, min(r.backlog.Load(), shrinkBytes))
		}
		// The last gigabyte is freed at the speed for small backlogs.
		if took := time.Since(began); took < removalTime || took > 10*removalTime {
			t.Errorf("100 GiB are freed in %v, want about %v", took, removalTime)
		}
		f.close()
	})
}

func TestReaderOfDeletedSegmentGetsAllOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, remove := range map[string]func(f *fixture) error{
			"segments": func(f *fixture) error { deleteAll(t, f); return nil },
			"topic":    func(f *fixture) error { return f.store.Delete(t.Context(), f.topic) },
		} {
			f := largeSegments(t, vfs.NewMemory())
			fetched, err := f.log(0).Read(0, logstore.ReadOptions{MaxBytes: 32 << 20, Isolation: logstore.ReadUncommitted})
			if err != nil {
				t.Fatal(err)
			}
			if err := remove(f); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if n, err := fetched.Records.WriteTo(io.Discard); err != nil || n < 6<<20 {
				t.Errorf("%s: the reader got %d bytes: %v", name, n, err)
			}
			fetched.Records.Release()
			f.close()
		}
	})
}

func TestCloseDoesNotWaitForFilesToBeFreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := vfs.NewMemory()
		first := make(chan struct{})
		var once sync.Once
		slow := &vfs.Rule{Ops: vfs.OpTruncate, Path: "*" + deletedSuffix, Before: func(vfs.Call) error {
			once.Do(func() { close(first) })
			time.Sleep(time.Minute)
			return nil
		}}
		f := largeSegments(t, vfs.Inject(memory, slow))
		deleteAll(t, f)
		f.store.traffic.note()
		<-first
		began := time.Now()
		f.close()
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("close took %v", took)
		}
		if countSuffix(t, memory, "t-0", deletedSuffix) == 0 {
			t.Fatal("nothing is left for the next start")
		}
		f = newFixture(t, on(memory), 1, logstoretest.Config())
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := countSuffix(t, memory, "t-0", deletedSuffix); n > 0 {
			t.Errorf("%d files are left after the next start", n)
		}
		f.close()
	})
}
