package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

func TestPartitionsSpreadOverDirectories(t *testing.T) {
	disks := []vfs.FS{vfs.NewMemory(), vfs.NewMemory(), vfs.NewMemory()}
	f := newFixture(t, on(disks...), 9, logstoretest.Config())
	for i := range int32(9) {
		logAppend(t, f.log(i), logstoretest.Batch{Records: int(i) + 1}.Build(t))
	}
	dirs, err := f.store.LogDirs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if len(d.Partitions) != 3 {
			t.Errorf("%s has %d partitions", d.Path, len(d.Partitions))
		}
	}
	f.close()
	// The order of the directories may change.
	slices.Reverse(disks)
	f = newFixture(t, on(disks...), 9, logstoretest.Config())
	for i := range int32(9) {
		if got := f.log(i).Offsets().LogEndOffset; got != int64(i)+1 {
			t.Errorf("partition %d ends at %d", i, got)
		}
		logAppend(t, f.log(i), logstoretest.Batch{}.Build(t))
	}
}

func TestOfflineDirectoryLeavesOthersOnline(t *testing.T) {
	broken := vfs.Inject(vfs.NewMemory())
	f := newFixture(t, on(broken, vfs.NewMemory()), 4, logstoretest.Config())
	for i := range int32(2) {
		logAppend(t, f.log(i), logstoretest.Batch{}.Build(t))
	}
	broken.SetRules(&vfs.Rule{Ops: vfs.OpWrite, Err: errors.New("broken")})
	online := 0
	for i := range int32(4) {
		_, err := f.log(i).Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{})
		switch {
		case err == nil:
			online++
		case !errors.Is(err, logstore.ErrOffline):
			t.Errorf("partition %d: %v", i, err)
		}
	}
	// One is on the broken disk; those without files go to the other one.
	if online != 3 {
		t.Errorf("%d partitions are online", online)
	}
	if err := f.store.Health(); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("health: %v", err)
	}
	if err := f.store.Close(context.Background()); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("close: %v", err)
	}
}

// TestFailureOfOneDirectoryIsTold looks at what a broker hears of directories that fail, and at what it tells of who leads.
func TestFailureOfOneDirectoryIsTold(t *testing.T) {
	first, second := vfs.Inject(vfs.NewMemory()), vfs.Inject(vfs.NewMemory())
	var told []string
	o := on(first, second)
	o.Offline = func(dir, left int, err error) {
		if !errors.Is(err, logstore.ErrOffline) {
			t.Errorf("%v", err)
		}
		told = append(told, fmt.Sprintf("%d, %d left", dir, left))
	}
	f := newFixture(t, o, 6, logstoretest.Config())
	for i := range int32(4) { // on the directories in turn
		logAppend(t, f.log(i), logstoretest.Batch{}.Build(t))
	}
	leaders := func() (led []int32) {
		for i := range int32(6) {
			if f.store.LeaderEpoch(f.topic.ID, i) >= 0 {
				led = append(led, i)
			}
		}
		return led
	}
	if got := leaders(); len(got) != 6 {
		t.Errorf("led: %v", got)
	}
	second.SetRules(&vfs.Rule{Ops: vfs.OpSync, Err: syscall.EIO})
	ticket, err := f.log(1).Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{})
	if err == nil {
		_, err = ticket.Wait(t.Context())
	}
	if !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("append: %v", err)
	}
	if got := leaders(); !slices.Equal(got, []int32{0, 2, 4, 5}) {
		t.Errorf("led: %v", got)
	}
	if _, err := f.log(3).Read(0, logstore.ReadOptions{MaxBytes: 100}); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("read: %v", err)
	}
	// New partitions go where they can, though it has more.
	for _, i := range []int32{0, 4, 5} {
		logAppend(t, f.log(i), logstoretest.Batch{}.Build(t))
	}
	f.store.Fail(1, "again", syscall.EIO)
	f.store.Fail(0, "write of something else", syscall.EIO)
	if got := leaders(); len(got) != 0 {
		t.Errorf("led: %v", got)
	}
	if want := []string{"1, 1 left", "0, 0 left"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	if err := f.store.Close(context.Background()); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("close: %v", err)
	}
}

// TestTwinLogsAreOffline has a log in two directories: one was away while the broker went on without it.
func TestTwinLogsAreOffline(t *testing.T) {
	disks := []vfs.FS{vfs.NewMemory(), vfs.NewMemory()}
	for _, disk := range disks {
		f := newFixture(t, on(disk), 2, logstoretest.Config())
		logAppend(t, f.log(0), logstoretest.Batch{}.Build(t))
		f.close()
	}
	var logged bytes.Buffer
	o := on(disks...)
	o.Log = slog.New(slog.NewTextHandler(&logged, nil))
	f := newFixture(t, o, 2, logstoretest.Config())
	if _, err := f.log(0).Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("append: %v", err)
	}
	if _, err := f.log(0).Read(0, logstore.ReadOptions{MaxBytes: 1}); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("read: %v", err)
	}
	logAppend(t, f.log(1), logstoretest.Batch{}.Build(t))
	if strings.Count(logged.String(), "level=ERROR") != 1 {
		t.Errorf("%s", logged.String())
	}
}
