package local

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// again deletes the topic and makes another one of its name, whose first log gets a record.
func (f *fixture) again() error {
	if err := f.store.Delete(context.Background(), f.topic); err != nil {
		return err
	}
	f.topic.ID = logstore.TopicID{2}
	if err := f.store.Create(f.topic); err != nil {
		return err
	}
	p, err := f.store.Partition(f.topic.ID, 0)
	if err != nil {
		return err
	}
	ticket, err := p.Append(logstoretest.Batch{Tag: 77}.Build(f.t), logstore.AppendOptions{Now: 1})
	if err != nil {
		return err
	}
	_, err = ticket.Wait(context.Background())
	return err
}

// TestFlushOfADeletedLogTouchesNothing has flush.ms come when the topic is gone.
func TestFlushOfADeletedLogTouchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := logstoretest.Config()
		config.FlushMessages, config.FlushMs = 1000, 1000
		f := newFixture(t, on(vfs.NewMemory()), 1, config)
		defer f.close()
		logAppendInPlace(t, f.log(0), logstoretest.Batch{}.Build(t))
		if err := f.store.Delete(context.Background(), f.topic); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if err := f.store.Health(); err != nil {
			t.Error(err)
		}
	})
}

// TestRetentionLeavesTheNextTopicOfTheNameAlone deletes a topic, and makes one of its name, while retention renames files of the first one.
func TestRetentionLeavesTheNextTopicOfTheNameAlone(t *testing.T) {
	config := logstoretest.Config()
	config.SegmentBytes, config.RetentionBytes = 1000, 0
	disk := vfs.Inject(vfs.NewMemory())
	f := newFixture(t, on(disk), 1, config)
	for range 5 {
		logAppend(t, f.log(0), logstoretest.Batch{Size: 700}.Build(t))
	}
	l, deleted := f.log(0), make(chan error, 1)
	var once sync.Once
	disk.SetRules(&vfs.Rule{Ops: vfs.OpRename, Path: "*" + logSuffix + deletedSuffix, Before: func(vfs.Call) error {
		once.Do(func() {
			done := make(chan struct{})
			go func() {
				defer close(done)
				deleted <- f.again()
			}()
			select {
			case <-done: // It should wait for the one that it finds here.
			case <-time.After(200 * time.Millisecond):
			}
		})
		return nil
	}})
	if err := l.Maintain(context.Background(), logstore.Retention); err != nil && !isEnded(err) {
		t.Fatal(err)
	}
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	if err := f.store.Health(); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Stat("t-0/" + fileName(0, logSuffix)); err != nil {
		t.Errorf("segment of the second topic: %v", err)
	}
	if got, _ := readRun(t, f.log(0), 0, logstore.ReadUncommitted); len(got) == 0 {
		t.Error("the second topic has no record")
	}
}

// TestReaderOfADeletedLogIsGivenNoFileOfAnother has a segment of the first topic, as a reader may that was on its way.
func TestReaderOfADeletedLogIsGivenNoFileOfAnother(t *testing.T) {
	f := newFixture(t, on(vfs.NewMemory()), 1, logstoretest.Config())
	logAppend(t, f.log(0), logstoretest.Batch{Tag: 1}.Build(t))
	s := f.log(0).view.load().segments[0]
	if err := f.again(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.acquire(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a reader of the first topic opens a file: %v", err)
	}
}

// TestDeletedTopicGetsNoLog has somebody ask for a log of a topic that he found before it was deleted.
func TestDeletedTopicGetsNoLog(t *testing.T) {
	f := newFixture(t, on(vfs.NewMemory()), 1, logstoretest.Config())
	found, err := f.store.topic(f.topic.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.again(); err != nil {
		t.Fatal(err)
	}
	if l := found.first(0); l != nil {
		t.Errorf("the log is there, with status %d", l.view.load().status)
	}
}

// TestJournalIsForgottenByACommitThatIsUnderWay asks for that before the commit has written to it.
func TestJournalIsForgottenByACommitThatIsUnderWay(t *testing.T) {
	t.Parallel()
	j := newJournaled(t, 3)
	forgot := make(chan error, 1)
	early := false
	var once sync.Once
	j.disk.SetRules(&vfs.Rule{Ops: vfs.OpWrite, Path: format.JournalFile, Before: func(vfs.Call) error {
		once.Do(func() {
			go func() { forgot <- j.store.dirs[0].syncer.forget() }()
			select {
			case err := <-forgot:
				early = true
				forgot <- err
			case <-time.After(200 * time.Millisecond):
			}
		})
		return nil
	}})
	if err := j.commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-forgot; err != nil || early {
		t.Errorf("the journal is forgotten before it is written: %v, %v", early, err)
	}
	if size := j.journalSize(); size != 0 {
		t.Errorf("the journal has %d bytes", size)
	}
}

// TestCloseDoesNotWaitForRetentionOfAllLogs begins a close while retention is at work on the first of many logs.
func TestCloseDoesNotWaitForRetentionOfAllLogs(t *testing.T) {
	const logs = 20
	config := logstoretest.Config()
	config.SegmentBytes, config.RetentionBytes = 1000, -1
	disk := vfs.Inject(vfs.NewMemory())
	f := newFixture(t, on(disk), logs, config)
	for range 3 {
		for i := range int32(logs) {
			logAppend(t, f.log(i), logstoretest.Batch{Size: 700}.Build(t))
		}
	}
	less := *config
	less.RetentionBytes = 0
	found, err := f.store.topic(f.topic.ID)
	if err != nil {
		t.Fatal(err)
	}
	found.config.Store(&less)
	closing := make(chan error, 1)
	renames := &vfs.Rule{Ops: vfs.OpRename, Path: "*" + logSuffix + deletedSuffix, Before: func(vfs.Call) error {
		if !f.store.closed.Load() {
			go func() { closing <- f.store.Close(context.Background()) }()
		}
		for !f.store.closed.Load() {
			time.Sleep(time.Millisecond)
		}
		return nil
	}}
	disk.SetRules(renames)
	f.store.timers.after(0, f.store.retainAll)
	if err := <-closing; err != nil {
		t.Error(err)
	}
	if seen := renames.Seen(); seen == 0 || seen > 3 {
		t.Errorf("%d segments were deleted, want those of the first log", seen)
	}
}

// TestOffsetsFileRefusesWritesWhenClosed has a deletion come in when the store is closed already.
func TestOffsetsFileRefusesWritesWhenClosed(t *testing.T) {
	f := newFixture(t, on(vfs.NewMemory()), 1, logstoretest.Config())
	logAppend(t, f.log(0), logstoretest.Batch{}.Build(t))
	o := &f.store.dirs[0].offsets
	f.close()
	if err := errors.Join(o.write(0, format.Kept{}), o.release(0, partitionKey{})); !errors.Is(err, logstore.ErrClosed) {
		t.Errorf("a write to a closed file: %v", err)
	}
}

// TestScannerRefusesOffsetsThatOverflow: no checksum covers the base offset.
func TestScannerRefusesOffsetsThatOverflow(t *testing.T) {
	batch := logstoretest.Batch{}.Build(t)
	for _, base := range []int64{-1, 1<<63 - 1} {
		batch.SetBaseOffset(base)
		memory := vfs.NewMemory()
		if err := writeFile(memory, "x", batch); err != nil {
			t.Fatal(err)
		}
		file, err := memory.Open("x")
		if err != nil {
			t.Fatal(err)
		}
		s := &segment{folder: &folder{name: "t-0"}}
		scan := newScanner(file, s, 0, int64(len(batch)), lookupWindow)
		if h, err := scan.next(); !isCorrupt(err) {
			t.Errorf("base offset %d: last offset %d, %v", base, h.LastOffset(), err)
		}
		scan.close()
	}
}
