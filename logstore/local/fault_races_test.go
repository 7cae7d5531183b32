package local

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// TestSyncThatWasCoveredByAFailedOneFails has a sync that finds nothing to do, because one that fails took it along.
func TestSyncThatWasCoveredByAFailedOneFails(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	hang := &vfs.Rule{Ops: vfs.OpSync, Path: format.OffsetsFile, Nth: 1, Err: syscall.EIO, Before: func(vfs.Call) error {
		close(entered)
		<-release
		return nil
	}}
	disk := vfs.Inject(vfs.NewMemory())
	f := newFixture(t, on(disk), 1, logstoretest.Config())
	logAppend(t, f.log(0), logstoretest.Batch{}.Build(t))
	o := &f.store.dirs[0].offsets
	disk.SetRules(hang)
	if err := o.write(0, format.Kept{TopicID: f.topic.ID}); err != nil {
		t.Fatal(err)
	}
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- o.sync() }()
	<-entered
	go func() { second <- o.sync() }()
	close(release)
	if err := <-first; err == nil {
		t.Error("the first sync succeeded")
	}
	if err := <-second; err == nil {
		t.Error("the second sync, whose writes were part of the first, succeeded")
	}
	_ = f.store.Close(context.Background())
}

func TestTopicIsDeletedWithoutRoomForLongerNames(t *testing.T) {
	memory := vfs.NewMemory()
	disk := vfs.Inject(memory)
	f := newFixture(t, on(disk), 2, logstoretest.Config())
	for i := range int32(2) {
		logAppend(t, f.log(i), logstoretest.Batch{}.Build(t))
	}
	disk.SetRules(&vfs.Rule{Ops: vfs.OpRename, Path: "*-delete", Err: syscall.ENOSPC})
	if err := f.store.Delete(context.Background(), f.topic); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"t-0", "t-1"} {
		if _, err := memory.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", folder, err)
		}
	}
	f.topic.ID = logstore.TopicID{2}
	if err := f.store.Create(f.topic); err != nil {
		t.Fatal(err)
	}
	logAppend(t, f.log(0), logstoretest.Batch{}.Build(t))
	if err := f.store.Health(); err != nil {
		t.Error(err)
	}
}

func TestRetentionWorksWithoutRoomForLongerNames(t *testing.T) {
	noRoom := &vfs.Rule{Ops: vfs.OpRename, Path: "*" + deletedSuffix, Err: syscall.ENOSPC}
	memory := vfs.NewMemory()
	disk := vfs.Inject(memory)
	config := logstoretest.Config()
	config.SegmentBytes = 1000
	f := newFixture(t, on(disk), 1, config)
	for range 3 {
		logAppend(t, f.log(0), logstoretest.Batch{Size: 700}.Build(t))
	}
	disk.SetRules(noRoom)
	if _, err := f.log(0).DeleteBefore(context.Background(), 2); err != nil {
		t.Fatal(err)
	}
	if err := f.log(0).Maintain(context.Background(), logstore.Retention); err != nil {
		t.Error(err)
	}
	if n := countSuffix(t, memory, "t-0", logSuffix); n != 1 {
		t.Errorf("%d segments are left", n)
	}
}

func TestFullDiskAtARollPasses(t *testing.T) {
	full := &vfs.Rule{Ops: vfs.OpWrite | vfs.OpTruncate | vfs.OpCreate, Path: "*" + txnIndexSuffix, Err: syscall.ENOSPC}
	disk := vfs.Inject(vfs.NewMemory())
	config := logstoretest.Config()
	f := newFixture(t, on(disk), 1, config)
	l := f.log(0)
	logAppend(t, l, logstoretest.Batch{}.Build(t))
	l.mu.Lock()
	w := l.mu.writer
	w.abortedDirty = true
	disk.SetRules(full)
	for range 2 {
		err := l.rollLocked(config, w, 1, time.Now().UnixMilli())
		if err == nil || !vfs.IsNoSpace(err) {
			t.Errorf("roll on a full disk: %v", err)
		}
	}
	disk.SetRules()
	if err := l.rollLocked(config, w, 1, time.Now().UnixMilli()); err != nil {
		t.Errorf("roll when there is room again: %v", err)
	}
	l.mu.Unlock()
}

func TestHungCleanerDoesNotKeepCloseBeyondItsDeadline(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	hang := &vfs.Rule{Ops: vfs.OpSync, Path: "*.cleaned", Nth: 1, Before: func(vfs.Call) error {
		close(entered)
		<-release
		return nil
	}}
	disk := vfs.Inject(vfs.NewMemory(), hang)
	o, _ := quick(disk)
	config := logstoretest.CompactConfig()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	topic := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 1, Config: config}
	p := create(t, s, topic)[0]
	for range 20 {
		logAppend(t, p.(*log), logstoretest.KeyedBatch{Records: []string{"k=" + strings.Repeat("v", 500)}}.Build(t))
	}
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	closed := make(chan error, 1)
	go func() { closed <- s.Close(ctx) }()
	select {
	case err := <-closed:
		if err == nil {
			t.Error("a close without an end succeeded")
		}
	case <-time.After(10 * time.Second):
		t.Error("Close waits for a disk that hangs")
	}
	close(release)
}

// TestEndedLogLeavesItsSlotAlone has a deletion of records that is overtaken by one of the topic. Its slot may be another log's by then.
func TestEndedLogLeavesItsSlotAlone(t *testing.T) {
	f := newFixture(t, on(vfs.NewMemory()), 1, logstoretest.Config())
	l := f.log(0)
	logAppend(t, l, logstoretest.Batch{}.Build(t))
	v := *l.view.load()
	l.mu.Lock()
	w := l.mu.writer
	l.mu.Unlock()
	if err := f.store.Delete(context.Background(), f.topic); err != nil {
		t.Fatal(err)
	}
	v.LogStartOffset = 1
	if err := w.folder.dir.refuse("write", l.keepLogStart(w, &v)); !errors.Is(err, logstore.ErrUnknownPartition) {
		t.Errorf("a log start offset of a deleted log: %v", err)
	}
	if err := f.store.Health(); err != nil {
		t.Error(err)
	}
}

// A slot is worth something only if the file that it is in is found after a power cut.
func TestOffsetsFileThatHadNoRoomIsThereAfterAPowerCut(t *testing.T) {
	k := kill(t, 3, logstoretest.Config())
	if err := k.disk.Remove(format.OffsetsFile); err != nil {
		t.Fatal(err)
	}
	if err := k.disk.SyncDir(""); err != nil {
		t.Fatal(err)
	}
	disk := vfs.Inject(k.disk)
	full := &vfs.Rule{Ops: vfs.OpWrite, Path: format.OffsetsFile, Nth: 2, Err: syscall.ENOSPC} // The first one writes the header.
	disk.SetRules(full)
	s, p := k.open(t, disk)
	defer s.Close(context.Background())
	if full.Fired() == 0 {
		t.Fatal("there was room")
	}
	logAppend(t, p, logstoretest.Batch{}.Build(t))
	cut := (&journaled{memory: k.disk}).powerCut()
	if _, err := cut.Stat(format.OffsetsFile); err != nil {
		t.Error(err)
	}
}

// TestOffsetsOfAllLogsAreWrittenAgainAfterAFullDisk has the write of one log's offsets find no room. Those of the others follow, now or with the next append.
func TestOffsetsOfAllLogsAreWrittenAgainAfterAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.Inject(vfs.NewMemory())
		f := newFixture(t, on(disk), 3, logstoretest.Config())
		defer f.close()
		appendToAll := func() {
			for i := range int32(3) {
				logAppend(t, f.log(i), logstoretest.Batch{}.Build(t))
			}
			time.Sleep(offsetsDelay + 2*probeInterval) // also of the full disk
		}
		appendToAll()
		disk.SetRules(&vfs.Rule{Ops: vfs.OpWrite, Path: format.OffsetsFile, Nth: 1, Err: syscall.ENOSPC})
		appendToAll()
		disk.SetRules()
		appendToAll()
		kept := content(t, disk, format.OffsetsFile)[format.OffsetsHeaderSize:]
		for i := range int32(3) {
			slot := f.log(i).mu.writer.slot
			if k, _, ok := format.DecodeSlot(kept[slot*format.SlotSize:]); !ok || k.Partition != i || k.DurableEnd != 3 {
				t.Errorf("slot of log %d: %+v", i, k)
			}
		}
	})
}
