package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// awayDisks are two disks with four partitions that have a record each, in turn, and two that have none.
func awayDisks(t *testing.T) []*vfs.Injected {
	t.Helper()
	disks := []*vfs.Injected{vfs.Inject(vfs.NewMemory()), vfs.Inject(vfs.NewMemory())}
	f := newFixture(t, on(disks[0], disks[1]), 6, logstoretest.Config())
	for i := range int32(4) {
		logAppend(t, f.log(i), logstoretest.Batch{}.Build(t))
	}
	f.close()
	return disks
}

// refusals are the operations without which a directory can't be opened.
var refusals = []*vfs.Rule{
	{Ops: vfs.OpMkdirAll, Err: syscall.ENOTDIR},
	{Ops: vfs.OpLock, Err: syscall.EACCES},
	{Ops: vfs.OpList, Err: syscall.EIO},
	{Ops: vfs.OpOpen, Path: "meta.properties", Err: syscall.EIO},
	{Ops: vfs.OpOpen, Path: "clatter-offsets", Err: syscall.EIO},
	{Ops: vfs.OpRemove, Err: syscall.EROFS},
}

// TestDirectoryThatCantBeOpenedIsOffline starts with one of two directories unusable. Partitions in the other go on, new topics go there, and
// whatever may have records in the lost one answers that it is offline and gives no offset out a second time.
func TestDirectoryThatCantBeOpenedIsOffline(t *testing.T) {
	for _, refusal := range refusals {
		t.Run(fmt.Sprint(refusal.Ops, refusal.Path), func(t *testing.T) {
			disks := awayDisks(t)
			disks[1].SetRules(refusal)
			var logged bytes.Buffer
			var told []string
			o := on(disks[0], disks[1])
			o.Log = slog.New(slog.NewTextHandler(&logged, nil))
			o.Offline = func(dir, left int, err error) {
				told = append(told, fmt.Sprintf("%d %d %t", dir, left, errors.Is(err, refusal.Err)))
			}
			s, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			old := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 6, Config: logstoretest.Config(), Existing: true}
			if err := s.Create(old); err != nil {
				t.Fatal(err)
			}
			f := &fixture{t: t, store: s, topic: old}
			for i := range int32(6) {
				// Nobody has touched it, then somebody has.
				for range 2 {
					if led := s.LeaderEpoch(old.ID, i) >= 0; led != (i == 0 || i == 2) {
						t.Errorf("partition %d led: %t", i, led)
					}
					_, err := f.log(i).Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{})
					if want := i != 0 && i != 2; errors.Is(err, logstore.ErrOffline) != want || (err != nil) != want {
						t.Errorf("append to %d: %v", i, err)
					}
				}
			}
			if _, err := f.log(1).Read(0, logstore.ReadOptions{MaxBytes: 100}); !errors.Is(err, logstore.ErrOffline) {
				t.Errorf("read: %v", err)
			}
			dirs, err := s.LogDirs(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if dirs[0].Err != nil || !errors.Is(dirs[1].Err, refusal.Err) || len(dirs[0].Partitions) != 2 || len(dirs[1].Partitions) != 4 {
				t.Errorf("directories: %+v", dirs)
			}
			if want := "[1 1 true]"; fmt.Sprint(told) != want || strings.Count(logged.String(), "level=ERROR") != 1 {
				t.Errorf("told %q and\n%s", told, &logged)
			}
			f.goesOnWithout(old)
		})
	}
}

// goesOnWithout makes partitions and a topic while a directory is away, deletes the old topic, and stops.
func (f *fixture) goesOnWithout(old logstore.TopicPartitions) {
	f.t.Helper()
	old.Partitions, old.Existing = 7, false
	fresh := logstore.TopicPartitions{ID: logstore.TopicID{2}, Topic: "fresh", Partitions: 2, Config: logstoretest.Config()}
	if err := f.store.Create(old, fresh); err != nil {
		f.t.Fatal(err)
	}
	logAppend(f.t, f.log(6), logstoretest.Batch{}.Build(f.t))
	f.topic = fresh
	logAppend(f.t, f.log(1), logstoretest.Batch{}.Build(f.t))
	if err := f.store.Delete(f.t.Context(), old); !errors.Is(err, logstore.ErrOffline) {
		f.t.Errorf("delete: %v", err)
	}
	if err := f.store.Close(context.Background()); !errors.Is(err, logstore.ErrOffline) {
		f.t.Errorf("close: %v", err)
	}
}

// TestDirectoryComesBackAfterAStartWithoutIt looks for what was in a directory that was away for one start.
func TestDirectoryComesBackAfterAStartWithoutIt(t *testing.T) {
	disks := awayDisks(t)
	disks[1].SetRules(&vfs.Rule{Ops: vfs.OpLock, Err: syscall.EIO})
	old := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 6, Config: logstoretest.Config(), Existing: true}
	for _, ends := range [][]int64{{2, 0, 2, 0, 0, 0}, {3, 2, 3, 2, 1, 1}} {
		s, err := Open(t.Context(), on(disks[0], disks[1]))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Create(old); err != nil {
			t.Fatal(err)
		}
		f := &fixture{t: t, store: s, topic: old}
		for i, want := range ends {
			ticket, err := f.log(int32(i)).Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{})
			if err == nil {
				_, err = ticket.Wait(t.Context())
			}
			if got := f.log(int32(i)).Offsets().HighWatermark; (err == nil) != (want > 0) || got != want {
				t.Errorf("partition %d ends at %d, want %d: %v", i, got, want, err)
			}
		}
		if err := s.Close(context.Background()); err != nil && !errors.Is(err, logstore.ErrOffline) {
			t.Fatal(err)
		}
		disks[1].SetRules()
	}
}

// TestStartEndsWithoutWhatItNeeds has a start end: without the first directory, without any, where all have to be there, and where one is
// another's.
func TestStartEndsWithoutWhatItNeeds(t *testing.T) {
	disks := awayDisks(t)
	broken := &vfs.Rule{Ops: vfs.OpLock, Err: syscall.EIO}
	disks[1].SetRules(broken)
	whole := on(disks[0], disks[1])
	whole.Whole = true
	elsewhere := on(vfs.NewMemory())
	elsewhere.NodeID = 2
	foreign, err := Open(t.Context(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if err := foreign.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"first": on(disks[1], disks[0]), "all": on(disks[1]), "whole": whole, "foreign": on(disks[0], elsewhere.Dirs[0]),
	} {
		if s, err := Open(t.Context(), o); err == nil {
			t.Errorf("%s: opened", name)
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	disks[1].SetRules()
	s, err := Open(t.Context(), on(disks[0], disks[1]))
	if err != nil {
		t.Fatalf("a start that ended left something locked: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestEmptyDirectoryInPlaceOfOneWithLogsIsOffline starts without the disk that was mounted where a directory is. Nothing is given the offset of what
// is on that disk; the disk may come back, or be given up by a line of a file.
func TestEmptyDirectoryInPlaceOfOneWithLogsIsOffline(t *testing.T) {
	root := t.TempDir()
	paths := []string{filepath.Join(root, "first"), filepath.Join(root, "second")}
	topic := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 2, Config: logstoretest.Config(), Existing: true}
	// appends opens a store, appends to both partitions, and tells where they end, or -1 of one that is offline.
	appends := func() (ends []int64) {
		t.Helper()
		s, err := Open(t.Context(), on(vfs.NewOS(paths[0]), vfs.NewOS(paths[1])))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Create(topic); err != nil {
			t.Fatal(err)
		}
		f := &fixture{t: t, store: s, topic: topic}
		for i := range int32(2) {
			end := int64(-1)
			ticket, err := f.log(i).Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{})
			if err == nil {
				_, err = ticket.Wait(t.Context())
			}
			if err == nil {
				end = f.log(i).Offsets().LogEndOffset
			} else if !errors.Is(err, logstore.ErrOffline) {
				t.Error(err)
			}
			ends = append(ends, end)
		}
		if err := s.Close(t.Context()); err != nil && !errors.Is(err, errEmptied) {
			t.Error(err)
		}
		return ends
	}
	expect := func(what string, want ...int64) {
		t.Helper()
		if got := appends(); !slices.Equal(got, want) {
			t.Errorf("%s: logs end at %v, want %v", what, got, want)
		}
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	expect("new", 1, 1)
	move(paths[1], paths[1]+"-away")
	expect("not mounted", 2, -1)
	expect("still not mounted", 3, -1)
	if err := os.RemoveAll(paths[1]); err != nil {
		t.Fatal(err)
	}
	move(paths[1]+"-away", paths[1])
	expect("mounted again", 4, 2)
	if err := os.RemoveAll(paths[1]); err != nil {
		t.Fatal(err)
	}
	expect("lost", 5, -1)
	if err := os.WriteFile(filepath.Join(paths[0], KnownDirsFile), []byte("\x00 damaged\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("given up", 6, 1)
	expect("both", 7, 2)
}
