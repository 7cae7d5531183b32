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

// largeSegments is a log on a disk of which some segments of 4 MiB may go. Their files are removed a second after that.
func largeSegments(t *testing.T, disk vfs.FS) *fixture {
	t.Helper()
	config := logstoretest.Config()
	config.SegmentBytes, config.FileDeleteDelayMs = 4<<20, 1000
	f := newFixture(t, on(disk), 1, config)
	for range 13 {
		logAppend(t, f.log(0), logstoretest.Batch{Size: 1 << 20}.Build(t))
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

func TestFilesOfDeletedSegmentsAreFreedInPiecesBesideRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := vfs.NewMemory()
		truncations := &vfs.Rule{Ops: vfs.OpTruncate, Path: "*" + deletedSuffix, Before: func(vfs.Call) error {
			time.Sleep(time.Millisecond)
			return nil
		}}
		f := largeSegments(t, vfs.Inject(memory, truncations))
		deleteAll(t, f)
		deleted := countSuffix(t, memory, "t-0", logSuffix+deletedSuffix)
		ctx, cancel := context.WithCancel(t.Context())
		var requests sync.WaitGroup
		defer requests.Wait()
		defer cancel()
		requests.Go(func() {
			for ctx.Err() == nil {
				f.store.traffic.note()
				time.Sleep(10 * time.Millisecond)
			}
		})
		time.Sleep(time.Second)
		began := time.Now()
		for countSuffix(t, memory, "t-0", deletedSuffix) > 0 {
			time.Sleep(time.Millisecond)
		}
		took, pieces := time.Since(began), truncations.Seen()
		if want := int64(deleted) * (4<<20/shrinkBytes - 2); deleted < 3 || pieces < want {
			t.Errorf("%d files are freed in %d pieces, want at least %d", deleted, pieces, want)
		}
		if want := time.Duration(pieces) * (1 + paceRest) * time.Millisecond; took < want-20*time.Millisecond || took > want+20*time.Millisecond {
			t.Errorf("%d pieces take %v beside requests, want %v", pieces, took, want)
		}
		cancel()
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
			fetched, err := f.log(0).Read(0, logstore.ReadOptions{MaxBytes: 8 << 20, Isolation: logstore.ReadUncommitted})
			if err != nil {
				t.Fatal(err)
			}
			if err := remove(f); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if n, err := fetched.Records.WriteTo(io.Discard); err != nil || n < 3<<20 {
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
