package local

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// fixture is a store with one topic, "t".
type fixture struct {
	t     *testing.T
	store *Store
	topic logstore.TopicPartitions
}

// newFixture opens a store that is closed at the end of the test.
func newFixture(t *testing.T, o Options, partitions int32, config *logstore.Config) *fixture {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, store: s, topic: logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: partitions, Config: config}}
	if err := s.Create(f.topic); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil && !errors.Is(err, logstore.ErrClosed) {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) log(i int32) *log {
	f.t.Helper()
	p, err := f.store.Partition(f.topic.ID, i)
	if err != nil {
		f.t.Fatal(err)
	}
	return p.(*log)
}

func (f *fixture) close() {
	f.t.Helper()
	if err := f.store.Close(context.Background()); err != nil {
		f.t.Fatal(err)
	}
}

func on(dirs ...vfs.FS) Options { return Options{Dirs: dirs, NodeID: 1, ClusterID: "test"} }

func bases(l *log) (offsets []int64) {
	for _, s := range l.view.load().segments {
		offsets = append(offsets, s.baseOffset)
	}
	return offsets
}

func TestOpenFilesStayBelowLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const limit, partitions = 24, 150
	o := on(vfs.NewOS(dir))
	o.MaxOpenFiles = limit
	f := newFixture(t, o, partitions, logstoretest.Config())
	most := 0
	for round := range 3 {
		for i := range int32(partitions) {
			p := f.log(i)
			if _, err := p.Append(logstoretest.Batch{Tag: int(i)}.Build(t), logstore.AppendOptions{}); err != nil {
				t.Fatal(err)
			}
			open := 0
			entries, err := os.ReadDir("/proc/self/fd")
			if err != nil {
				t.Skip("no /proc")
			}
			for _, entry := range entries {
				if name, _ := os.Readlink("/proc/self/fd/" + entry.Name()); strings.HasPrefix(name, dir) && strings.HasSuffix(name, logSuffix) {
					open++
				}
			}
			most = max(most, open)
		}
		for i := range int32(partitions) {
			p := f.log(i)
			if err := p.flush(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got, _ := readRun(t, p, 0, logstore.ReadUncommitted); len(split(t, got)) != round+1 {
				t.Fatalf("partition %d: %d bytes", i, len(got))
			}
		}
	}
	// An appender and a commit at most are beyond.
	if most > limit+2 {
		t.Errorf("%d segments were open at once, the limit is %d", most, limit)
	}
}

func split(t *testing.T, p []byte) (batches []record.Batch) {
	t.Helper()
	for len(p) > 0 {
		b, err := record.First(p)
		if err != nil {
			t.Fatal(err)
		}
		batches, p = append(batches, b), p[len(b):]
	}
	return batches
}

func TestSegmentsRoll(t *testing.T) {
	add := func(l *log, timestamp, now int64, size int) {
		t.Helper()
		if _, err := l.Append(logstoretest.Batch{Timestamp: timestamp, Size: size}.Build(t), logstore.AppendOptions{Now: now}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*logstore.Config)
		fill   func(l *log)
		want   []int64
	}{
		{"by size", func(c *logstore.Config) { c.SegmentBytes = 1000 }, func(l *log) {
			for range 6 {
				add(l, 1, 1, 400)
			}
		}, []int64{0, 2, 4}},
		{"a batch larger than a segment", func(c *logstore.Config) { c.SegmentBytes = 1000 }, func(l *log) {
			add(l, 1, 1, 3000)
			add(l, 1, 1, 3000)
		}, []int64{0, 1}},
		{"by the time of the first batch", func(c *logstore.Config) { c.SegmentMs = 1000 }, func(l *log) {
			add(l, 5000, 1, 1)
			add(l, 6000, 1, 1)
			add(l, 4000, 1_000_000, 1)
			add(l, 6001, 1, 1)
			add(l, 6002, 1, 1)
		}, []int64{0, 3}},
		{"by the clock without timestamps", func(c *logstore.Config) { c.SegmentMs = 1000 }, func(l *log) {
			add(l, -1, 5000, 1)
			add(l, -1, 6000, 1)
			add(l, -1, 6001, 1)
		}, []int64{0, 2}},
		{"by a full index", func(c *logstore.Config) { c.IndexIntervalBytes, c.SegmentIndexBytes = 1, 3*offsetEntrySize }, func(l *log) {
			for i := range int64(9) {
				add(l, -1, i, 100)
			}
		}, []int64{0, 4, 8}},
		{"by a full time index", func(c *logstore.Config) { c.IndexIntervalBytes, c.SegmentIndexBytes = 1, 3*timeEntrySize }, func(l *log) {
			for i := range int64(9) {
				add(l, i, i, 100)
			}
		}, []int64{0, 3, 6}},
		{"by the distance of offsets", func(*logstore.Config) {}, func(l *log) {
			far := record.NewBuilder()
			far.Append(1, nil, nil)
			far.LastOffset = math.MaxInt32
			b, err := far.Build(nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := l.Append(bytes.Clone(b), logstore.AppendOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			add(l, 1, 1, 1)
		}, []int64{0, math.MaxInt32 + 1, 2 * (math.MaxInt32 + 1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := logstoretest.Config()
			config.FlushMessages = math.MaxInt64
			c.change(config)
			memory := vfs.NewMemory()
			f := newFixture(t, on(memory), 1, config)
			l := f.log(0)
			c.fill(l)
			if got := bases(l); !slices.Equal(got, c.want) {
				t.Errorf("segments at %v, want %v", got, c.want)
			}
			end := l.Offsets().LogEndOffset
			f.close()
			f = newFixture(t, on(memory), 1, config)
			if got := f.log(0).Offsets().LogEndOffset; got != end {
				t.Errorf("log ends at %d after a restart, want %d", got, end)
			}
			f.log(0).Producers() // loads it
			if got := bases(f.log(0)); !slices.Equal(got, c.want) {
				t.Errorf("segments at %v after a restart", got)
			}
		})
	}
}

func TestJitterRollsEarlier(t *testing.T) {
	config := logstoretest.Config()
	config.SegmentMs, config.SegmentJitterMs = 1000, 900
	f := newFixture(t, on(vfs.NewMemory()), 40, config)
	drawn := map[int64]bool{}
	for i := range int32(40) {
		logAppend(t, f.log(i), logstoretest.Batch{}.Build(t))
		jitter := f.log(i).mu.writer.jitterMs
		if jitter < 0 || jitter >= 900 {
			t.Errorf("jitter of %d ms", jitter)
		}
		drawn[jitter] = true
	}
	if len(drawn) < 20 {
		t.Errorf("40 segments have %d different jitters", len(drawn))
	}
}

// TestJitterIsAlteredInUse alters segment.jitter.ms between appends. As in Kafka (LogSegment.rollJitterMs), a segment keeps what was
// drawn for it when it began, and the next one draws anew.
func TestJitterIsAlteredInUse(t *testing.T) {
	const segmentMs, partitions = 10_000, 40
	configured := func(jitterMs int64) *logstore.Config {
		config := logstoretest.Config()
		config.SegmentMs, config.SegmentJitterMs = segmentMs, jitterMs
		return config
	}
	f := newFixture(t, on(vfs.NewMemory()), partitions, configured(0))
	now := int64(1_000_000)
	appendAll := func() (rolled int) {
		for i := range int32(partitions) {
			before := len(bases(f.log(i)))
			ticket, err := f.log(i).Append(logstoretest.Batch{Timestamp: now}.Build(t), logstore.AppendOptions{Now: now})
			if err == nil {
				_, err = ticket.Wait(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			rolled += len(bases(f.log(i))) - before
		}
		return rolled
	}
	step := func(what string, jitterMs, after int64, least, most int) {
		if err := f.store.Configure(f.topic.ID, configured(jitterMs)); err != nil {
			t.Fatal(err)
		}
		now += after
		if rolled := appendAll(); rolled < least || rolled > most {
			t.Errorf("%s: %d of %d segments rolled, want %d to %d", what, rolled, partitions, least, most)
		}
	}
	appendAll()
	step("altered, too young", 9000, segmentMs-1, 0, 0)
	step("altered, old enough", 9000, 2, partitions, partitions)
	step("drawn with jitter, half the age", 9000, segmentMs/2, 5, partitions-5)
	step("drawn with jitter, full age", 0, segmentMs/2+2, 1, partitions)
	step("without jitter again", 0, segmentMs, 0, partitions)
	step("all of them without", 0, segmentMs+1, partitions, partitions)
	step("and too young", 0, segmentMs-1, 0, 0)
}

// sender takes bytes from a file, as a socket does.
type sender struct {
	bytes.Buffer
	from *os.File
}

func (s *sender) SendFile(f *os.File, offset, n int64) (int64, error) {
	s.from = f
	return io.Copy(&s.Buffer, io.NewSectionReader(f, offset, n))
}

func TestRecordsAreSentFromTheFile(t *testing.T) {
	f := newFixture(t, on(vfs.NewOS(t.TempDir())), 1, logstoretest.Config())
	batch := logstoretest.Batch{Records: 3}.Build(t)
	logAppendInPlace(t, f.log(0), batch)
	fetched, err := f.log(0).Read(0, logstore.ReadOptions{MaxBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer fetched.Records.Release()
	var s sender
	if n, err := fetched.Records.WriteTo(&s); err != nil || n != int64(len(batch)) || s.from == nil || !bytes.Equal(s.Bytes(), batch) {
		t.Errorf("%d bytes from %v, %v", n, s.from, err)
	}
}

func TestFlushMessagesSyncsEveryNMessages(t *testing.T) {
	memory := vfs.NewMemory()
	syncs := &vfs.Rule{Ops: vfs.OpSync, Path: "*.log"}
	config := logstoretest.Config()
	config.FlushMessages = 5
	f := newFixture(t, on(vfs.Inject(memory, syncs)), 1, config)
	for i := range 20 {
		ticket, err := f.log(0).Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := ticket.Commit != nil, i%5 == 4; got != want {
			t.Errorf("append %d waits for a sync: %v", i, got)
		}
		if got := f.log(0).Offsets().HighWatermark; got != int64(i+1) {
			t.Errorf("append %d: high watermark %d", i, got)
		}
		if _, err := ticket.Wait(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if got := syncs.Seen(); got != 4 {
		t.Errorf("%d syncs", got)
	}
}

func TestConfigureMovesWatermark(t *testing.T) {
	memory := vfs.NewMemory()
	hang := make(chan struct{})
	rule := &vfs.Rule{Ops: vfs.OpSync, Path: "*.log", Before: func(vfs.Call) error { <-hang; return nil }}
	f := newFixture(t, on(vfs.Inject(memory, rule)), 1, logstoretest.Config())
	ticket, err := f.log(0).Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if o := f.log(0).Offsets(); o.HighWatermark != 0 || o.LogEndOffset != 1 {
		t.Errorf("before the sync: %+v", o)
	}
	w := logstore.NewWaiter()
	f.log(0).Watch(w)
	config := logstoretest.Config()
	config.FlushMessages = math.MaxInt64
	if err := f.store.Configure(f.topic.ID, config); err != nil {
		t.Fatal(err)
	}
	<-w.C()
	if o := f.log(0).Offsets(); o.HighWatermark != 1 {
		t.Errorf("left to the page cache: %+v", o)
	}
	close(hang)
	if _, err := ticket.Wait(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestFlushMsSyncsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		syncs := &vfs.Rule{Ops: vfs.OpSync, Path: "*.log"}
		config := logstoretest.Config()
		config.FlushMessages, config.FlushMs = math.MaxInt64, 1000
		f := newFixture(t, on(vfs.Inject(vfs.NewMemory(), syncs)), 1, config)
		for range 3 {
			if _, err := f.log(0).Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		if got := syncs.Seen(); got != 0 {
			t.Errorf("%d syncs before flush.ms", got)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if got := syncs.Seen(); got != 1 {
			t.Errorf("%d syncs after flush.ms", got)
		}
		f.close()
	})
}

func TestRetentionRunsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := vfs.NewMemory()
		config := logstoretest.Config()
		config.SegmentBytes, config.RetentionMs, config.FileDeleteDelayMs = 1000, 3_600_000, 60_000
		o := on(memory)
		o.RetentionCheckIntervalMs = 300_000
		f := newFixture(t, o, 2, config)
		for range 4 {
			logAppend(t, f.log(0), logstoretest.Batch{Size: 700, Timestamp: time.Now().UnixMilli()}.Build(t))
		}
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if got := f.log(0).Offsets().LogStartOffset; got != 0 {
			t.Errorf("log starts at %d before its time", got)
		}
		time.Sleep(time.Minute + 30*time.Second)
		synctest.Wait()
		if o := f.log(0).Offsets(); o.LogStartOffset != 4 || o.HighWatermark != 4 {
			t.Errorf("after retention.ms and a check: %+v", o)
		}
		if n := countSuffix(t, memory, "t-0", deletedSuffix); n == 0 {
			t.Error("the files are gone before file.delete.delay.ms")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := countSuffix(t, memory, "t-0", deletedSuffix); n != 0 {
			t.Errorf("%d files are left after file.delete.delay.ms", n)
		}
		// What is left is due never; nothing ticks.
		time.Sleep(time.Hour)
		synctest.Wait()
		f.store.timers.mu.Lock()
		if n := len(f.store.timers.mu.queue); n != 0 {
			t.Errorf("%d tasks are scheduled in an idle store", n)
		}
		f.store.timers.mu.Unlock()
		f.close()
	})
}

func countSuffix(t *testing.T, disk vfs.FS, dir, suffix string) (n int) {
	t.Helper()
	names, err := disk.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, suffix) {
			n++
		}
	}
	return n
}

func TestDeletedFilesAreRemovedAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := vfs.NewMemory()
		config := logstoretest.Config()
		config.SegmentBytes, config.FileDeleteDelayMs = 1000, 600_000
		f := newFixture(t, on(memory), 2, config)
		for range 4 {
			for i := range int32(2) {
				logAppend(t, f.log(i), logstoretest.Batch{Size: 700}.Build(t))
			}
		}
		if _, err := f.log(0).DeleteBefore(t.Context(), -1); err != nil {
			t.Fatal(err)
		}
		if err := f.log(0).Maintain(t.Context(), logstore.Retention); err != nil {
			t.Fatal(err)
		}
		other := logstore.TopicPartitions{ID: logstore.TopicID{2}, Topic: "other", Partitions: 1, Config: config}
		p := create(t, f.store, other)[0]
		logAppend(t, p, logstoretest.Batch{}.Build(t))
		if err := f.store.Delete(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		f.close()
		if countSuffix(t, memory, "t-0", deletedSuffix) == 0 || countSuffix(t, memory, "", "-delete") != 1 {
			t.Fatal("the files are gone already")
		}
		f = newFixture(t, on(memory), 2, config)
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if n := countSuffix(t, memory, "t-0", deletedSuffix); n != 0 {
			t.Errorf("%d files of deleted segments are left", n)
		}
		if n := countSuffix(t, memory, "", "-delete"); n != 0 {
			t.Error("the folder of the deleted topic is left")
		}
		f.close()
	})
}

func TestSilentProducersAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := on(vfs.NewMemory())
		o.ProducerIDExpirationMs = func() int64 { return 3_600_000 }
		f := newFixture(t, o, 1, logstoretest.Config())
		logAppend(t, f.log(0), logstoretest.Batch{ProducerID: 4, Timestamp: time.Now().UnixMilli()}.Build(t))
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if n := len(f.log(0).Producers()); n != 1 {
			t.Errorf("%d producers before their time", n)
		}
		time.Sleep(12 * time.Minute)
		synctest.Wait()
		if n := len(f.log(0).Producers()); n != 0 {
			t.Errorf("%d producers after their time", n)
		}
		// It may come back with whatever sequence number it has.
		logAppend(t, f.log(0), logstoretest.Batch{ProducerID: 4, BaseSequence: 17, Timestamp: time.Now().UnixMilli()}.Build(t))
		f.close()
	})
}

func TestHungSyncShowsInHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		rule := &vfs.Rule{Ops: vfs.OpSync, Path: "*.log", Before: func(vfs.Call) error { <-hang; return nil }}
		f := newFixture(t, on(vfs.Inject(vfs.NewMemory(), rule)), 1, logstoretest.Config())
		ticket, err := f.log(0).Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if err := f.store.Health(); err != nil {
			t.Errorf("after 10 s: %v", err)
		}
		time.Sleep(15 * time.Second)
		if err := f.store.Health(); err == nil || !strings.Contains(err.Error(), "hangs") {
			t.Errorf("after 25 s: %v", err)
		}
		if dirs, err := f.store.LogDirs(t.Context()); err != nil || dirs[0].Err == nil {
			t.Errorf("directories after 25 s: %+v, %v", dirs, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := ticket.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("acknowledged before the sync: %v", err)
		}
		if err := f.store.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close while the disk hangs: %v", err)
		}
		close(hang)
		if _, err := ticket.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if err := f.store.Health(); err != nil {
			t.Errorf("after the sync: %v", err)
		}
	})
}

func TestDirectoryOfAnotherIsRefused(t *testing.T) {
	memory := vfs.NewMemory()
	f := newFixture(t, on(memory), 1, logstoretest.Config())
	logAppend(t, f.log(0), logstoretest.Batch{}.Build(t))
	if _, err := Open(t.Context(), on(memory)); !errors.Is(err, logstore.ErrLocked) {
		t.Errorf("second process: %v", err)
	}
	f.close()
	before, _ := memory.List("")
	for _, o := range []Options{
		{Dirs: []vfs.FS{memory}, NodeID: 2, ClusterID: "test"},
		{Dirs: []vfs.FS{memory}, NodeID: 1, ClusterID: "other"},
	} {
		if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "belongs to") {
			t.Errorf("node %d of cluster %s: %v", o.NodeID, o.ClusterID, err)
		}
	}
	if _, err := Open(t.Context(), Options{}); err == nil {
		t.Error("opened without a directory")
	}
	if after, _ := memory.List(""); !slices.Equal(before, after) {
		t.Errorf("refused, but changed from %v to %v", before, after)
	}
	f = newFixture(t, on(memory), 1, logstoretest.Config())
	if got := f.log(0).Offsets().LogEndOffset; got != 1 {
		t.Errorf("log ends at %d", got)
	}
}

func TestUnknownThingsAreLeftAlone(t *testing.T) {
	for _, clean := range []bool{true, false} {
		memory := vfs.NewMemory()
		f := newFixture(t, on(memory), 1, logstoretest.Config())
		logAppend(t, f.log(0), logstoretest.Batch{}.Build(t))
		disk := memory
		if clean {
			f.close()
		} else {
			disk = copyDisk(t, memory)
		}
		foreign := []string{"lost+found/x", "notes.txt", "__cluster_metadata-0/00000000000000000000.log", "u-0.00-future/x", "t-0/notes.txt", "t-0/00000000000000000000.log.bak"}
		for _, name := range foreign {
			if dir, _, ok := strings.Cut(name, "/"); ok {
				if err := disk.MkdirAll(dir); err != nil {
					t.Fatal(err)
				}
			}
			if err := writeFile(disk, name, []byte("foreign")); err != nil {
				t.Fatal(err)
			}
		}
		var logged bytes.Buffer
		o := on(disk)
		o.Log = slog.New(slog.NewTextHandler(&logged, nil))
		f = newFixture(t, o, 1, logstoretest.Config())
		logAppend(t, f.log(0), logstoretest.Batch{}.Build(t))
		if got := f.log(0).Offsets().LogEndOffset; got != 2 {
			t.Errorf("log ends at %d", got)
		}
		f.close()
		for _, name := range foreign {
			if got := content(t, disk, name); string(got) != "foreign" {
				t.Errorf("%s was changed to %q", name, got)
			}
		}
		for _, what := range []string{"log directory has things that are not known", "files in the folder of a log are not known"} {
			if n := strings.Count(logged.String(), what); n == 0 || n > 2 {
				t.Errorf("clean stop %v: %d warnings that %s:\n%s", clean, n, what, &logged)
			}
		}
	}
}

// TestWhatOnlyKafkaCanReadIsOffline has logs that nothing may be taken away from.
func TestWhatOnlyKafkaCanReadIsOffline(t *testing.T) {
	old := make([]byte, 12+14+20)
	binary.BigEndian.PutUint32(old[8:], uint32(len(old)-12))
	old[16] = 1
	binary.BigEndian.PutUint32(old[12:], crc32.ChecksumIEEE(old[16:]))
	for name, files := range map[string]map[string][]byte{
		"messages of magic 1":    {fileName(0, logSuffix): slices.Concat(old, []byte{1, 2, 3})},
		"interrupted compaction": {fileName(0, logSuffix+deletedSuffix): []byte("x"), fileName(0, logSuffix+".swap"): []byte("y")},
	} {
		t.Run(name, func(t *testing.T) {
			disk := fuzzDisk(t, nil, nil, nil, -1)
			if err := disk.Remove("t-0/" + fileName(0, logSuffix)); err != nil {
				t.Fatal(err)
			}
			for name, p := range files {
				if err := writeFile(disk, "t-0/"+name, p); err != nil {
					t.Fatal(err)
				}
			}
			f := newFixture(t, on(disk), 1, logstoretest.Config())
			if _, err := f.log(0).Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrOffline) {
				t.Errorf("append: %v", err)
			}
			if _, err := f.log(0).Read(0, logstore.ReadOptions{MaxBytes: 1}); !errors.Is(err, logstore.ErrOffline) {
				t.Errorf("read: %v", err)
			}
			f.close()
			for name, want := range files {
				if got := content(t, disk, "t-0/"+name); !bytes.Equal(got, want) {
					t.Errorf("%s was changed to %x", name, got)
				}
			}
		})
	}
}

func TestFolderOfUnknownTopicIsSetAside(t *testing.T) {
	memory := vfs.NewMemory()
	f := newFixture(t, on(memory), 1, logstoretest.Config())
	logAppend(t, f.log(0), logstoretest.Batch{}.Build(t))
	f.close()
	// The catalog has another topic of that name; nobody said that the old one is deleted.
	s := openStore(t, memory)
	topic := f.topic
	topic.ID = logstore.TopicID{9}
	p := create(t, s, topic)[0]
	if got := logAppend(t, p, logstoretest.Batch{}.Build(t)); got.BaseOffset != 0 {
		t.Errorf("%+v", got)
	}
	if n := countSuffix(t, memory, "", string(format.StrayDir)); n != 1 {
		t.Errorf("%d folders were set aside", n)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestDeleteOfTopicOfWhichOnlyFilesAreLeft(t *testing.T) {
	memory := vfs.NewMemory()
	f := newFixture(t, on(memory), 2, logstoretest.Config())
	logAppend(t, f.log(0), logstoretest.Batch{}.Build(t))
	logAppend(t, f.log(1), logstoretest.Batch{}.Build(t))
	f.close()
	s := openStore(t, memory)
	for range 2 {
		if err := s.Delete(context.Background(), f.topic); err != nil {
			t.Fatal(err)
		}
	}
	names, _ := memory.List("")
	if n := countSuffix(t, memory, "", "-delete"); n != 2 {
		t.Errorf("folders: %v", names)
	}
	dirs, err := s.LogDirs(context.Background())
	if err != nil || len(dirs[0].Partitions) != 0 {
		t.Errorf("%+v, %v", dirs, err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	f = newFixture(t, on(memory), 2, logstoretest.Config())
	if got := f.log(0).Offsets().LogEndOffset; got != 0 {
		t.Errorf("a deleted topic is back, with %d records", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	config := logstoretest.Config()
	config.SegmentBytes, config.IndexIntervalBytes, config.FileDeleteDelayMs = 20_000, 500, 0
	o := on(vfs.NewOS(syncedDir(t)))
	o.MaxOpenFiles = 5
	const partitions = 3
	f := newFixture(t, o, partitions, config)
	// Each goes on until all have done their rounds, or one has failed.
	const kinds, rounds = 3, 25
	var users sync.WaitGroup
	var left atomic.Int32
	left.Store(kinds * partitions)
	start := func(fn func(l *log) error) {
		for i := range int32(partitions) {
			l := f.log(i)
			users.Go(func() {
				for n := 1; left.Load() > 0; n++ {
					if err := fn(l); err != nil {
						t.Errorf("partition %d: %v", i, err)
						left.Store(0)
						return
					}
					if n == rounds {
						left.Add(-1)
					}
				}
			})
		}
	}
	start(func(l *log) error {
		ticket, err := l.Append(testBatch(t, time.Now().UnixMilli(), 200), logstore.AppendOptions{})
		if err != nil {
			return err
		}
		_, err = ticket.Wait(context.Background())
		return err
	})
	start(func(l *log) error {
		v := l.Offsets()
		for at := v.LogStartOffset; at < v.HighWatermark; {
			fetched, err := l.Read(at, logstore.ReadOptions{MaxBytes: 3000, AtLeast1: true})
			if errors.Is(err, logstore.ErrOffsetOutOfRange) {
				return nil // deleted meanwhile
			}
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if _, err := fetched.Records.WriteTo(&b); err != nil {
				return err
			}
			fetched.Records.Release()
			for rest := b.Bytes(); len(rest) > 0; {
				batch, err := record.First(rest)
				if err != nil {
					return err
				}
				if batch.BaseOffset() != at || batch.VerifyCRC() != nil {
					return fmt.Errorf("read at %d: batch at %d, %w", at, batch.BaseOffset(), batch.VerifyCRC())
				}
				at, rest = batch.NextOffset(), rest[len(batch):]
			}
		}
		return nil
	})
	start(func(l *log) error {
		v := l.Offsets()
		if _, err := l.DeleteBefore(context.Background(), v.LogStartOffset+(v.HighWatermark-v.LogStartOffset)/2); err != nil {
			return err
		}
		_, _, err := l.OffsetForTime(time.Now().UnixMilli()-5, logstore.ReadUncommitted)
		if err == nil {
			_, _, err = l.MaxTimestamp()
		}
		return errors.Join(err, l.Maintain(context.Background(), logstore.Retention))
	})
	users.Wait()
}
