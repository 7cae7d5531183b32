package local

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
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

// told collects what a store logs and lets tests wait for it.
type told struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{}
}

func newTold() *told { return &told{wrote: make(chan struct{}, 1)} }

func (w *told) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.wrote <- struct{}{}:
	default:
	}
	return w.text.Write(p)
}

func (w *told) count(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.text.String(), what)
}

// await waits until something was logged.
func (w *told) await(t *testing.T, what string) {
	t.Helper()
	timeout := time.After(time.Minute)
	for w.count(what) == 0 {
		select {
		case <-w.wrote:
		case <-timeout:
			t.Fatalf("%q was not logged:\n%s", what, &w.text)
		}
	}
}

// quick are the options of a store whose cleaner rests hardly at all.
func quick(disk vfs.FS) (Options, *told) {
	o, w := on(disk), newTold()
	o.Log = slog.New(slog.NewTextHandler(w, nil))
	o.Cleaner = func() CleanerConfig {
		c := DefaultCleanerConfig()
		c.BackoffMs = 1
		return c
	}
	return o, w
}

func TestCleanerRunsByItself(t *testing.T) {
	disk := vfs.NewMemory()
	o, log := quick(disk)
	d := newDirtyLog(t, o, rand.New(rand.NewPCG(1, 1)))
	d.add(100, 5)
	log.await(t, "compacted a log")
	d.model.Check(t, d.log(0), 1000)
	d.close()
	checkpoint := string(content(t, disk, format.CleanerOffsetFile))
	if !strings.HasPrefix(checkpoint, "0\n1\nt 0 ") {
		t.Errorf("checkpoint: %q", checkpoint)
	}
	// A new process knows what is clean.
	o, log = quick(disk)
	d.fixture = newFixture(t, o, 1, d.topic.Config)
	before := d.log(0).Size()
	d.compact()
	if d.log(0).Size() > before || log.count("compacted a log") > 1 {
		t.Errorf("cleaned again:\n%s", &log.text)
	}
}

// TestMaxCompactionLagNeedsNoFurtherAppend has a topic that nobody writes to any more.
func TestMaxCompactionLagNeedsNoFurtherAppend(t *testing.T) {
	o, log := quick(vfs.NewMemory())
	config := logstoretest.CompactConfig()
	config.SegmentBytes, config.SegmentMs, config.MaxCompactionLagMs = 1<<20, 500, 100
	f := newFixture(t, o, 1, config)
	for i := range 3 {
		logAppend(t, f.log(0), logstoretest.KeyedBatch{Records: []string{fmt.Sprintf("k=%d", i)}, Timestamp: time.Now().UnixMilli()}.Build(t))
	}
	log.await(t, "compacted a log")
	run, _ := readRun(t, f.log(0), 0, logstore.ReadUncommitted)
	if b := split(t, run); len(b) != 1 || b[0].BaseOffset() != 2 {
		t.Errorf("%d batches", len(b))
	}
}

func TestCleanerLooksAtLeftLogs(t *testing.T) {
	disk := vfs.NewMemory()
	o := on(disk)
	o.Cleaner = func() CleanerConfig { return CleanerConfig{Disabled: true} }
	d := newDirtyLog(t, o, rand.New(rand.NewPCG(1, 1)))
	d.add(100, 5)
	d.close()
	o, log := quick(disk)
	d.fixture = newFixture(t, o, 1, d.topic.Config)
	log.await(t, "compacted a log")
	d.model.Check(t, d.log(0), 1000)
}

// TestLogIsCleanedOnceEnoughOfItIsDirty is min.cleanable.dirty.ratio: what a cleaning would read must be dirty by more than that share.
func TestLogIsCleanedOnceEnoughOfItIsDirty(t *testing.T) {
	o := on(vfs.NewMemory())
	o.Cleaner = func() CleanerConfig {
		c := DefaultCleanerConfig()
		c.Disabled = true // The test cleans.
		return c
	}
	config := logstoretest.CompactConfig()
	config.SegmentBytes, config.MinCleanableDirtyRatio = 1000, 0.5
	f := newFixture(t, o, 1, config)
	l, key := f.log(0), 0
	add := func(bytes int64) { // No key comes again, so that a cleaning leaves everything.
		for before := l.Size(); l.Size() < before+bytes; key++ {
			logAppend(t, l, logstoretest.KeyedBatch{Records: []string{fmt.Sprintf("%06d=1", key)}}.Build(t))
		}
	}
	cleans := func() bool {
		result, err := l.clean(t.Context(), &f.store.cleaner, false)
		if err != nil {
			t.Fatal(err)
		}
		return result.to > result.from
	}
	add(50_000)
	if !cleans() {
		t.Fatal("a log that is all dirty is left alone")
	}
	// The active segment doesn't count, so that a share is known but for that.
	if add(40_000); cleans() {
		t.Error("a log that is dirty by less than a half is cleaned")
	}
	if add(15_000); !cleans() {
		t.Error("a log that is dirty by more than a half is left alone")
	}
	if add(15_000); cleans() {
		t.Error("what was cleaned counts as dirty")
	}
}

// TestCleanerRestsWhileNothingIsDirty waits for timers that must not be there.
func TestCleanerRestsWhileNothingIsDirty(t *testing.T) {
	o, log := quick(vfs.NewMemory())
	d := newDirtyLog(t, o, rand.New(rand.NewPCG(1, 1)))
	d.topic.Config.FileDeleteDelayMs = 60_000
	d.add(100, 5)
	log.await(t, "compacted a log")
	c := &d.store.cleaner
	rests := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return !c.mu.running && c.schedule.at.Load() == 0
	}
	for deadline := time.Now().Add(time.Minute); !rests(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never rests")
		}
	}
	if s := d.store.Cleaning(); s.Uncleanable != 0 {
		t.Errorf("%+v", s)
	}
}

func TestDamagedLogIsLeftOutAndOthersGoOn(t *testing.T) {
	disk := vfs.NewMemory()
	o := on(disk)
	o.Cleaner = func() CleanerConfig { return CleanerConfig{Disabled: true} }
	config := logstoretest.CompactConfig()
	f := newFixture(t, o, 2, config)
	for i := range 100 {
		for partition := range int32(2) {
			logAppend(t, f.log(partition), logstoretest.KeyedBatch{Records: []string{fmt.Sprintf("k%d=%d", i%3, i)}, Timestamp: 5}.Build(t))
		}
	}
	f.close()
	flip(t, disk, "t-0/"+fileName(0, logSuffix), 200, 1)
	o, log := quick(disk)
	f = newFixture(t, o, 2, config)
	log.await(t, "compacted a log")
	log.await(t, "log can't be compacted")
	f.store.cleaner.group.Wait()
	if n := log.count("log can't be compacted"); n != 1 || f.store.Cleaning().Uncleanable != 1 {
		t.Errorf("%d lines, %+v:\n%s", n, f.store.Cleaning(), &log.text)
	}
	if age := f.store.Cleaning().DirtyAge; age < 365*24*time.Hour { // of the records above, in the log that is left as it is
		t.Errorf("the oldest record that waits is %s old", age)
	}
	if bases(f.log(1))[0] != 0 || f.log(1).Size() > 2500 || f.log(0).Size() < 5000 {
		t.Errorf("%d and %d bytes", f.log(0).Size(), f.log(1).Size())
	}
	if len(list(t, disk)) == 0 || slices.ContainsFunc(list(t, disk), func(name string) bool { return strings.Contains(name, ".cleaned") }) {
		t.Errorf("%v", list(t, disk))
	}
}

// TestDeletionStopsACleaning deletes a topic whose cleaning would take hours.
func TestDeletionStopsACleaning(t *testing.T) {
	for _, end := range []string{"delete", "close"} {
		disk := vfs.NewMemory()
		o := on(disk)
		slow := DefaultCleanerConfig()
		slow.MaxBytesPerSecond, slow.IOBufferBytes, slow.Disabled = 10, 0, true // Nobody else cleans.
		o.Cleaner = func() CleanerConfig { return slow }
		d := newDirtyLog(t, o, rand.New(rand.NewPCG(1, 1)))
		d.add(200, 5)
		l := d.log(0)
		done := make(chan error)
		go func() { done <- l.Maintain(context.Background(), logstore.Compaction) }()
		throttle := &d.store.cleaner.throttle
		for began := false; !began; { // Before that it looks whether there is something to clean, and a log that has ended has nothing.
			throttle.mu.Lock()
			began = throttle.debt > 0
			throttle.mu.Unlock()
		}
		if end == "delete" {
			if err := d.store.Delete(context.Background(), d.topic); err != nil {
				t.Fatal(err)
			}
			if names := list(t, disk); len(names) > 0 {
				t.Errorf("%v is left", names)
			}
		} else {
			d.close()
		}
		if err := <-done; err == nil || isUnfit(err) {
			t.Errorf("%s: %v", end, err)
		}
	}
}

func TestThrottleBoundsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var x throttle
		var bits atomic.Uint64
		set := func(rate float64) { bits.Store(math.Float64bits(rate)) }
		current := func() float64 { return math.Float64frombits(bits.Load()) }
		set(100_000)
		took := func(times int) time.Duration {
			began := time.Now()
			for range times {
				if err := x.wait(t.Context(), 1000, current); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(began)
		}
		if d := took(11); d < 99*time.Millisecond || d > 101*time.Millisecond {
			t.Errorf("11 kB at 100 kB/s took %v", d)
		}
		// Who waits at a low rate hears of a higher one.
		set(1)
		time.AfterFunc(time.Second, func() { set(1_000_000) })
		if d := took(3); d < time.Second || d > 1300*time.Millisecond {
			t.Errorf("3 kB took %v, a second of that at 1 B/s and the rest at 1 MB/s", d)
		}
		set(1)
		time.AfterFunc(time.Second, func() { set(math.MaxFloat64) })
		if d := took(3); d < time.Second || d > 1300*time.Millisecond {
			t.Errorf("3 kB took %v, a second of that at 1 B/s and the rest without a bound", d)
		}
		set(1)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, cancel)
		for range 2 {
			_ = x.wait(ctx, 1<<40, current)
		}
		if x.wait(ctx, 1, current) == nil {
			t.Error("a wait until the end of time ended")
		}
	})
}

// transactionalLog is a random log with transactions, in segments, and what a reader of committed records may end up with.
func transactionalLog(t *testing.T, random *rand.Rand) (segments map[int64][]record.Batch, want map[string]string) {
	t.Helper()
	segments, want = map[int64][]record.Batch{}, map[string]string{}
	open := map[int64]map[string]string{}
	var base, next int64
	add := func(b record.Batch) {
		b.SetBaseOffset(next)
		b.SetPartitionLeaderEpoch(0)
		segments[base] = append(segments[base], b)
		next = b.NextOffset()
		if random.IntN(8) == 0 {
			base = next
		}
	}
	sequences := map[int64]int32{}
	for tag := range 150 {
		id := 1 + int64(random.IntN(3))
		if changes := open[id]; changes != nil && random.IntN(3) == 0 {
			kind := record.ControlAbort
			if random.IntN(2) == 0 {
				kind = record.ControlCommit
				maps.Copy(want, changes)
			}
			marker, err := record.NewMarkerBatch(record.EndTransactionMarker{Type: kind}, id, 0, time.Now().UnixMilli())
			if err != nil {
				t.Fatal(err)
			}
			add(marker)
			delete(open, id)
			continue
		}
		b := record.NewBuilder()
		b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = id, 0, sequences[id], true
		if open[id] == nil {
			open[id] = map[string]string{}
		}
		for range 1 + random.IntN(3) {
			// Producers have keys of their own, since what counts is the order of records, not that of markers.
			key, value := fmt.Sprintf("%d/%d", id, random.IntN(4)), fmt.Sprint(tag)
			b.Append(time.Now().UnixMilli(), []byte(key), []byte(value))
			open[id][key] = value
		}
		sequences[id] += int32(b.Len())
		batch, err := b.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		add(batch)
	}
	if segments[base] == nil {
		segments[base] = []record.Batch{}
	}
	return segments, want
}

// committed is what a consumer of committed records makes of a log, as the Java client does it.
func committed(t *testing.T, l *log) (got map[string]string, records int) {
	t.Helper()
	got = map[string]string{}
	for at := int64(0); at < l.Offsets().LastStableOffset; {
		run, aborted := readRun(t, l, at, logstore.ReadCommitted)
		if len(run) == 0 {
			t.Fatalf("nothing at %d below %d", at, l.Offsets().LastStableOffset)
		}
		gone := map[int64]bool{}
		for _, b := range split(t, run) {
			at = b.NextOffset()
			for len(aborted) > 0 && aborted[0].FirstOffset <= b.LastOffset() {
				gone[aborted[0].ProducerID] = true
				aborted = aborted[1:]
			}
			if b.Attributes().IsControl() {
				if b.Count() > 0 {
					if m, err := b.Marker(); err != nil {
						t.Fatal(err)
					} else if m.Type == record.ControlAbort {
						delete(gone, b.ProducerID())
					}
				}
				continue
			}
			for r, err := range b.Records(1 << 20) {
				if err != nil {
					t.Fatal(err)
				}
				records++
				if !gone[b.ProducerID()] {
					got[string(r.Key)] = string(r.Value)
				}
			}
		}
	}
	return got, records
}

func TestTransactionsAreCompacted(t *testing.T) {
	seed := logstoretest.Seed(t)
	for round := range uint64(20) {
		segments, want := transactionalLog(t, rand.New(rand.NewPCG(seed, round)))
		config := logstoretest.CompactConfig()
		o := on(rawLog(t, segments))
		o.Cleaner = func() CleanerConfig {
			c := DefaultCleanerConfig()
			c.Disabled = true
			if round%3 == 0 {
				c.DedupeBufferBytes, c.LoadFactor = 4*24, 1 // more passes
			}
			return c
		}
		f := newFixture(t, o, 1, config)
		before := -1
		for cleaning := range 4 {
			if cleaning > 0 {
				f.store.dirs[0].cleaned.forget("t-0") // so that it counts as dirty
				if err := f.log(0).Maintain(context.Background(), logstore.Compaction); err != nil {
					t.Fatal(err)
				}
			}
			if cleaning == 3 {
				f.close()
				f = newFixture(t, o, 1, config)
			}
			stable := f.log(0).Offsets().LastStableOffset
			got, records := committed(t, f.log(0))
			// What is beyond the last stable offset is committed too, but not yet to be seen: the log is compared up to there.
			for key, value := range committedBefore(t, segments, stable) {
				if got[key] != value {
					t.Fatalf("round %d, cleaning %d: %s is %q, want %q", round, cleaning, key, got[key], value)
				}
			}
			for key := range got {
				if _, ok := want[key]; !ok {
					t.Fatalf("round %d, cleaning %d: %s was never committed", round, cleaning, key)
				}
			}
			if before >= 0 && records > before {
				t.Fatalf("round %d, cleaning %d: %d records of %d", round, cleaning, records, before)
			}
			before = records
		}
		f.close()
	}
}

// committedBefore are the values that the records before an offset leave, of transactions that were committed.
func committedBefore(t *testing.T, segments map[int64][]record.Batch, end int64) map[string]string {
	t.Helper()
	values := map[string]string{}
	open := map[int64][]record.Batch{}
	var all []record.Batch
	for _, batches := range segments {
		all = append(all, batches...)
	}
	slices.SortFunc(all, func(a, b record.Batch) int { return compareOffsets(a.BaseOffset(), b.BaseOffset()) })
	for _, b := range all {
		id := b.ProducerID()
		if !b.Attributes().IsControl() {
			open[id] = append(open[id], b)
			continue
		}
		m, err := b.Marker()
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range open[id] {
			for r, err := range data.Records(1 << 20) {
				if err != nil {
					t.Fatal(err)
				}
				if m.Type == record.ControlCommit && data.RecordOffset(r) < end {
					values[string(r.Key)] = string(r.Value)
				}
			}
		}
		delete(open, id)
	}
	return values
}
