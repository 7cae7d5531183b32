package local

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// faultRun does the same work on every disk, goes on after errors, and notes what was acknowledged.
type faultRun struct {
	t     *testing.T
	rule  *vfs.Rule
	store *Store
	topic logstore.TopicPartitions
	logs  []*logstoretest.Log
	// ackedAfter is what was acknowledged after a failure.
	ackedAfter int
	// firedBefore is 1 if the failure was before the store was opened, which makes it a new process.
	firedBefore int64
	opened      bool
}

func (r *faultRun) append(partition int32, b logstoretest.Batch) {
	p, err := r.store.Partition(r.topic.ID, partition)
	if err != nil {
		r.t.Fatal(err)
	}
	batch := b.Build(r.t)
	fired := r.rule.Fired() > r.firedBefore
	ticket, err := p.Append(batch, logstore.AppendOptions{Now: 1})
	m := r.logs[partition]
	if err == nil {
		m.Append(batch)
		_, err = ticket.Wait(context.Background())
	}
	if err == nil {
		m.Acked = len(m.Batches)
		if fired {
			r.ackedAfter++
		}
	} else if !errors.Is(err, logstore.ErrOffline) && !errors.Is(err, logstore.ErrDiskFull) {
		r.t.Fatalf("append: %v", err)
	}
}

// work appends, rolls, deletes and restarts.
func (r *faultRun) work(fsys vfs.FS) {
	open := func() bool {
		s, err := Open(context.Background(), Options{Dirs: []vfs.FS{fsys}, NodeID: 1, ClusterID: "test", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			if r.rule.Fired() == 0 {
				r.t.Fatal(err)
			}
			return false
		}
		r.store, r.opened, r.firedBefore = s, true, r.rule.Fired()
		if err := s.Create(r.topic); err != nil {
			r.t.Fatal(err)
		}
		return true
	}
	if !open() {
		return
	}
	for i := range 24 {
		// Of a batch that a full disk refused the next one has the sequence; it may be let in, after a while.
		sequence := int32(len(r.logs[i%2].Batches))
		r.append(int32(i%2), logstoretest.Batch{Size: 150, Tag: i, ProducerID: int64(1 + i%2), BaseSequence: sequence, Timestamp: time.Now().UnixMilli()})
	}
	p, _ := r.store.Partition(r.topic.ID, 0)
	r.logs[0].Deleting = 5
	if _, err := p.DeleteBefore(context.Background(), 5); err == nil {
		r.logs[0].Start = 5
	}
	_ = p.Maintain(context.Background(), logstore.Retention)
	if r.store.Close(context.Background()) != nil || !open() {
		return
	}
	for i := range 6 {
		r.append(int32(i%2), logstoretest.Batch{Size: 150, Tag: i, Timestamp: time.Now().UnixMilli()})
	}
	_ = r.store.Close(context.Background())
}

func newFaultRun(t *testing.T, rule *vfs.Rule) *faultRun {
	t.Helper()
	config := logstoretest.Config()
	config.SegmentBytes, config.IndexIntervalBytes = 900, 200
	return &faultRun{
		t: t, rule: rule, logs: []*logstoretest.Log{logstoretest.NewLog(), logstoretest.NewLog()},
		topic: logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 2, Config: config},
	}
}

// survives opens the disk without faults and compares.
func (r *faultRun) survives(disk vfs.FS) {
	r.t.Helper()
	s := openStore(r.t, disk)
	for i, p := range create(r.t, s, r.topic) {
		r.logs[i].Clone().Recover(r.t, p)
		if ticket, err := p.Append(logstoretest.Batch{}.Build(r.t), logstore.AppendOptions{}); err != nil {
			r.t.Fatal(err)
		} else if _, err := ticket.Wait(context.Background()); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := s.Close(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

// TestNthFailureLosesNothing fails the n-th operation of each kind, for all n: nothing is acknowledged by a directory that
// failed, and nothing that was acknowledged is lost, whether the process ends or the power.
func TestNthFailureLosesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ops  vfs.Op
		err  error
		// final says that the directory takes nothing more afterwards.
		final bool
	}{
		{"write", vfs.OpWrite, syscall.EIO, true},
		{"sync", vfs.OpSync, syscall.EIO, true},
		{"sync without space", vfs.OpSync, syscall.ENOSPC, true},
		{"sync of a folder", vfs.OpSyncDir, syscall.EIO, true},
		{"create", vfs.OpCreate, syscall.EIO, true},
		{"rename", vfs.OpRename, syscall.EIO, true},
		{"mkdir", vfs.OpMkdirAll, syscall.EIO, true},
		{"truncate", vfs.OpTruncate, syscall.EIO, false},
		{"remove", vfs.OpRemove, syscall.EIO, false},
		{"write without space", vfs.OpWrite, syscall.ENOSPC, false},
		{"create without space", vfs.OpCreate, syscall.ENOSPC, false},
		{"open", vfs.OpOpen, syscall.EIO, false},
		{"read", vfs.OpRead, syscall.EIO, false},
		{"list", vfs.OpList, syscall.EIO, false},
		{"stat", vfs.OpStat, syscall.EIO, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			seed := logstoretest.Seed(t)
			for n := int64(1); ; n++ {
				rule := &vfs.Rule{Ops: c.ops, Nth: n, Err: c.err, ShortWrite: 10}
				memory := vfs.NewMemory()
				r := newFaultRun(t, rule)
				r.work(vfs.Inject(memory, rule))
				if rule.Fired() == 0 {
					if n == 1 {
						t.Fatal("there is no such operation")
					}
					return
				}
				if c.final && r.opened && r.ackedAfter > 0 {
					t.Fatalf("operation %d failed, and %d appends were acknowledged after it", n, r.ackedAfter)
				}
				random := rand.New(rand.NewPCG(seed, uint64(n)))
				r.survives(memory.CrashClone(random))
				r.survives(memory)
			}
		})
	}
}

// TestFullDiskPasses fills the disk: appends are refused and everything else goes on, until there is space.
func TestFullDiskPasses(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMemory()
	s := openStore(t, memory)
	defer s.Close(context.Background())
	config := logstoretest.Config()
	config.SegmentBytes, config.FileDeleteDelayMs = 3000, 0
	topic := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 2, Config: config}
	p := create(t, s, topic)[0]
	m := logstoretest.NewLog()
	add := func() error {
		batch := logstoretest.Batch{Size: 500}.Build(t)
		ticket, err := p.Append(batch, logstore.AppendOptions{Now: 1})
		if err != nil {
			return err
		}
		if _, err := ticket.Wait(context.Background()); err != nil {
			t.Fatalf("commit: %v", err)
		}
		m.Append(batch)
		return nil
	}
	for range 20 {
		if err := add(); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 10 {
		memory.SetCapacity(memory.Used() + int64(round*53%700))
		var err error
		for err == nil {
			err = add()
		}
		if !errors.Is(err, logstore.ErrDiskFull) {
			t.Fatalf("round %d: %v", round, err)
		}
		memory.SetCapacity(memory.Used())
		if err := add(); !errors.Is(err, logstore.ErrDiskFull) {
			t.Fatalf("round %d: %v", round, err)
		}
		m.Check(t, p, 2000)
		start := min(p.Offsets().LogStartOffset+3, p.Offsets().HighWatermark)
		if _, err := p.DeleteBefore(context.Background(), start); err != nil {
			t.Fatalf("round %d: records can't be deleted: %v", round, err)
		}
		m.Start = start
		if err := p.Maintain(context.Background(), logstore.Retention); err != nil {
			t.Fatalf("round %d: retention: %v", round, err)
		}
		if err := s.Health(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		memory.SetCapacity(0)
		for add() != nil { // The next try is some milliseconds away.
			// A transaction that begins asks before it appends, which must not take the place of the try.
			if _, _, err := p.Verify(7, 0, 0, true); err != nil {
				t.Fatal(err)
			}
		}
		m.Check(t, p, 2000)
	}
	memory.SetCapacity(memory.Used())
	other, _ := s.Partition(topic.ID, 1)
	if _, err := other.Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrDiskFull) {
		t.Errorf("first append to a partition: %v", err)
	}
	if err := s.Delete(context.Background(), topic); err != nil {
		t.Errorf("topic can't be deleted: %v", err)
	}
}

// TestRestartOnFullDisk stops and starts while there is no space at all.
func TestRestartOnFullDisk(t *testing.T) {
	memory := vfs.NewMemory()
	for _, clean := range []bool{true, false} {
		s := openStore(t, memory)
		topic := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 1, Config: logstoretest.Config()}
		p := create(t, s, topic)[0]
		for range 5 {
			logAppend(t, p, logstoretest.Batch{ProducerID: -1}.Build(t))
		}
		want := p.Offsets().LogEndOffset
		memory.SetCapacity(memory.Used())
		disk := memory
		if clean {
			// The marker has no room, which costs the next start a recovery and nothing else.
			if err := s.Close(context.Background()); err != nil && !vfs.IsNoSpace(err) {
				t.Fatal(err)
			}
		} else {
			disk = memory.CrashClone(rand.New(rand.NewPCG(1, 2)))
			disk.SetCapacity(disk.Used())
			defer s.Close(context.Background())
		}
		s = openStore(t, disk)
		p = create(t, s, topic)[0]
		if got := p.Offsets().LogEndOffset; got != want {
			t.Errorf("log ends at %d, want %d", got, want)
		}
		if fetched, err := p.Read(0, logstore.ReadOptions{MaxBytes: 1, AtLeast1: true}); err != nil || fetched.Records == nil {
			t.Errorf("read: %v", err)
		} else {
			fetched.Records.Release()
		}
		disk.SetCapacity(0)
		logAppend(t, p, logstoretest.Batch{}.Build(t))
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func logAppend(tb testing.TB, p logstore.Partition, batch []byte) logstore.AppendResult {
	tb.Helper()
	ticket, err := p.Append(bytes.Clone(batch), logstore.AppendOptions{Now: 1})
	if err != nil {
		tb.Fatal(err)
	}
	result, err := ticket.Wait(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return result
}

// TestFailedSyncTakesDirectoryOffline spells out what one failed sync means.
func TestFailedSyncTakesDirectoryOffline(t *testing.T) {
	memory := vfs.NewMemory()
	disk := vfs.Inject(memory)
	var logged bytes.Buffer
	s, err := Open(context.Background(), Options{Dirs: []vfs.FS{disk}, NodeID: 1, ClusterID: "test", Log: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	topic := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 2, Config: logstoretest.Config()}
	p := create(t, s, topic)[0]
	logAppend(t, p, logstoretest.Batch{}.Build(t))
	disk.SetRules(&vfs.Rule{Ops: vfs.OpSync, Path: "*.log", Nth: 1, Err: syscall.EIO})
	ticket, err := p.Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ticket.Wait(context.Background()); !errors.Is(err, logstore.ErrOffline) || !errors.Is(err, syscall.EIO) {
		t.Errorf("commit: %v", err)
	}
	if o := p.Offsets(); o.HighWatermark != 1 {
		t.Errorf("%+v", o)
	}
	// The second sync would succeed, and prove nothing.
	if _, err := p.Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("append: %v", err)
	}
	other, _ := s.Partition(topic.ID, 1)
	if _, err := other.Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("append elsewhere: %v", err)
	}
	if _, err := p.Read(0, logstore.ReadOptions{MaxBytes: 1}); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("read: %v", err)
	}
	if _, err := p.DeleteBefore(context.Background(), 1); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("delete records: %v", err)
	}
	if err := s.Health(); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("health: %v", err)
	}
	dirs, err := s.LogDirs(context.Background())
	if err != nil || !errors.Is(dirs[0].Err, logstore.ErrOffline) {
		t.Errorf("log dirs: %+v, %v", dirs, err)
	}
	if n := bytes.Count(logged.Bytes(), []byte("log directory is offline")); n != 1 {
		t.Errorf("%d log lines", n)
	}
	if err := s.Close(context.Background()); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("close: %v", err)
	}
	if _, err := memory.Stat("clatter-clean-shutdown"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("clean marker after a failed sync: %v", err)
	}
	// What wasn't acknowledged was told not to be there, and isn't.
	s = openStore(t, memory)
	defer s.Close(context.Background())
	p = create(t, s, topic)[0]
	if o := p.Offsets(); o.LogEndOffset != 1 {
		t.Errorf("after a restart: %+v", o)
	}
}

// TestRaisedLogStartIsNotTakenBack lets the durable end of a log be written while a raise of its start waits for the sync of the same
// file: what DeleteRecords has confirmed must be there after a power cut.
func TestRaisedLogStartIsNotTakenBack(t *testing.T) {
	memory := vfs.NewMemory()
	disk := vfs.Inject(memory)
	s := openStore(t, disk)
	topic := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 1, Config: logstoretest.Config()}
	p := create(t, s, topic)[0]
	for range 3 {
		logAppend(t, p, logstoretest.Batch{}.Build(t))
	}
	raised := false
	disk.SetRules(&vfs.Rule{Ops: vfs.OpSync, Path: format.OffsetsFile, Before: func(vfs.Call) error {
		raised = true
		return p.(*log).writeOffsets()
	}})
	if _, err := p.DeleteBefore(context.Background(), 2); err != nil {
		t.Fatal(err)
	}
	disk.SetRules()
	if !raised {
		t.Fatal("the offsets file was not synced")
	}
	after := memory.CrashClone(rand.New(rand.NewPCG(1, 1)))
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, after)
	defer func() {
		if err := again.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	p = create(t, again, topic)[0]
	if start := p.Offsets().LogStartOffset; start != 2 {
		t.Errorf("the log begins at %d after a power cut, want 2", start)
	}
}
