package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// dirtyLog is a log of a compacted topic with its model.
type dirtyLog struct {
	*fixture
	random *rand.Rand
	model  *logstoretest.CompactedLog
	tag    int
	// companion, if there is one, shares most commits, which go into the journal then.
	companion logstore.Partition
}

func newDirtyLog(t *testing.T, o Options, random *rand.Rand) *dirtyLog {
	t.Helper()
	config := logstoretest.CompactConfig()
	config.FileDeleteDelayMs = int64(random.IntN(2)) * 60_000
	config.SegmentBytes = int32(700 + random.IntN(2000))
	return &dirtyLog{fixture: newFixture(t, o, 1, config), random: random, model: logstoretest.NewCompactedLog()}
}

// accompany makes the companion.
func (d *dirtyLog) accompany() {
	d.t.Helper()
	other := logstore.TopicPartitions{ID: logstore.TopicID{2}, Topic: "other", Partitions: 1, Config: logstoretest.Config()}
	err := d.store.Create(other)
	if err == nil {
		d.companion, err = d.store.Partition(other.ID, 0)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// add appends batches, durably.
func (d *dirtyLog) add(batches, keys int) {
	d.t.Helper()
	for range batches {
		d.tag++
		k := logstoretest.RandomKeyedBatch(d.random, d.tag, keys)
		if d.random.IntN(3) == 0 {
			k.ProducerID = 1 + int64(d.random.IntN(3))
			k.Sequence = d.model.Sequences[k.ProducerID]
		}
		batch := k.Build(d.t)
		d.model.Append(d.t, batch)
		if d.companion != nil && d.random.IntN(8) > 0 {
			_, err := d.companion.Append(logstoretest.KeyedBatch{Records: []string{"other=1"}}.Build(d.t), logstore.AppendOptions{DeferCommit: true})
			if err != nil {
				d.t.Fatal(err)
			}
		}
		logAppend(d.t, d.log(0), batch)
		d.model.Acked = d.model.End()
	}
}

func (d *dirtyLog) compact() {
	d.t.Helper()
	if err := d.log(0).Maintain(context.Background(), logstore.Compaction); err != nil {
		d.t.Fatal(err)
	}
}

// survivesOn opens a disk on which the log was, compares it with the model, goes on with it and opens it again.
func (d *dirtyLog) survivesOn(t *testing.T, disk vfs.FS) {
	t.Helper()
	model := d.model.Clone()
	for range 2 {
		s := openStore(t, disk)
		p := create(t, s, d.topic)[0]
		model.Recover(t, p, 700)
		for _, name := range list(t, disk) {
			if strings.HasSuffix(name, cleanedSuffix) || strings.HasSuffix(name, swapSuffix) {
				t.Fatalf("%s is left behind", name)
			}
		}
		for i := range 4 {
			batch := logstoretest.KeyedBatch{Records: []string{fmt.Sprintf("k%d=after", i), "new=1"}}.Build(t)
			model.Append(t, batch)
			logAppend(t, p, batch)
			model.Acked = model.End()
		}
		if err := p.Maintain(context.Background(), logstore.Compaction); err != nil {
			t.Fatal(err)
		}
		model.Check(t, p, 1<<20)
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		wantWhole(t, "compacted", disk)
	}
}

// list lists the folder of the log.
func list(t *testing.T, disk vfs.FS) []string {
	t.Helper()
	names, err := disk.List("t-0")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return names
}

// TestCrashAtEveryStepOfACleaning cuts the power before and after every change of the disk while a log is compacted. FAULT_CRASH_CLONES
// sets of how many disks at least (700 or so by default, 10,000 before a release).
func TestCrashAtEveryStepOfACleaning(t *testing.T) {
	t.Parallel()
	seed := logstoretest.Seed(t)
	rounds := 2
	if testing.Short() || raceDetector {
		rounds = 1
	}
	atLeast := 0
	if text := os.Getenv("FAULT_CRASH_CLONES"); text != "" {
		var err error
		if atLeast, err = strconv.Atoi(text); err != nil {
			t.Fatalf("FAULT_CRASH_CLONES: %v", err)
		}
	}
	clones := 0
	for round := 0; round < rounds || clones < atLeast; round++ {
		random := rand.New(rand.NewPCG(seed, uint64(round)))
		memory := vfs.NewMemory()
		injected := vfs.Inject(memory)
		d := newDirtyLog(t, on(injected), random)
		d.accompany()
		d.add(40+random.IntN(40), 6)
		if round%2 == 0 {
			d.compact()
			d.add(40, 6)
		}
		type crash struct {
			disk *vfs.Memory
			what string
		}
		var mu sync.Mutex
		var crashes []crash
		clone := func(call vfs.Call) {
			mu.Lock()
			defer mu.Unlock()
			crashes = append(crashes, crash{memory.CrashClone(random), call.Op.String() + " " + call.Path})
		}
		injected.SetRules(&vfs.Rule{Ops: vfs.OpsChange, Before: func(call vfs.Call) error { clone(call); return nil }, After: clone})
		d.compact()
		injected.SetRules()
		d.model.Check(t, d.log(0), 1000)
		for _, c := range crashes {
			clones++
			disk := c.disk
			if random.IntN(3) == 0 {
				disk = interrupted(t, disk, random, d.topic)
			}
			if !t.Run("", func(t *testing.T) { d.survivesOn(t, disk) }) {
				t.Fatalf("after a crash at %s", c.what)
			}
		}
		d.close()
	}
	t.Logf("%d crashes", clones)
}

// interrupted is a disk on which the power was cut again while the store started.
func interrupted(t *testing.T, disk *vfs.Memory, random *rand.Rand, topic logstore.TopicPartitions) *vfs.Memory {
	t.Helper()
	var again *vfs.Memory
	rule := &vfs.Rule{Ops: vfs.OpsChange, Nth: 1 + int64(random.IntN(25)), Before: func(vfs.Call) error {
		again = disk.CrashClone(random)
		return nil
	}}
	store := openStore(t, vfs.Inject(disk, rule))
	if err := store.Create(topic); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if again == nil {
		return disk
	}
	return again
}

// TestNthFailureOfACleaningLosesNothing fails every change of the disk while a log is compacted, once and for good, and looks at what
// is left: in the process, after a kill, and after the disk is in order again.
func TestNthFailureOfACleaningLosesNothing(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{syscall.EIO, syscall.ENOSPC} {
		for _, count := range []int64{1, -1} {
			step := int64(1)
			if testing.Short() || raceDetector {
				step = 7
			}
			for n := int64(1); ; n += step {
				if !failCleaning(t, failure, n, count) {
					break
				}
			}
		}
	}
}

func failCleaning(t *testing.T, failure error, nth, count int64) (fired bool) {
	t.Helper()
	memory := vfs.NewMemory()
	injected := vfs.Inject(memory)
	d := newDirtyLog(t, on(injected), rand.New(rand.NewPCG(uint64(nth), 7)))
	d.topic.Config.FileDeleteDelayMs = 60_000
	d.add(60, 6)
	rule := &vfs.Rule{Ops: vfs.OpsChange, Nth: nth, Count: count, Err: failure}
	injected.SetRules(rule)
	err := d.log(0).Maintain(context.Background(), logstore.Compaction)
	injected.SetRules()
	what := fmt.Sprintf("%v at change %d, %d times: %v", failure, nth, count, err)
	if err != nil && !errors.Is(err, logstore.ErrOffline) && !vfs.IsNoSpace(err) && !errors.Is(err, logstore.ErrDiskFull) {
		t.Fatal(what)
	}
	if d.log(0).view.load().segments[0].folder.dir.offline() == nil {
		d.model.Check(t, d.log(0), 1000)
		if vfs.IsNoSpace(failure) {
			d.compact() // there is room again
			d.model.Check(t, d.log(0), 1000)
		}
	}
	if !t.Run("", func(t *testing.T) { d.survivesOn(t, copyDisk(t, memory)) }) {
		t.Fatal(what)
	}
	_ = d.store.Close(context.Background())
	return rule.Fired() > 0
}

// TestCleaningInManyPasses has far more keys than the memory of the cleaner.
func TestCleaningInManyPasses(t *testing.T) {
	t.Parallel()
	o := on(vfs.NewMemory())
	config := DefaultCleanerConfig()
	config.DedupeBufferBytes, config.LoadFactor, config.IOBufferBytes = 50*24, 1, 0
	o.Cleaner = func() CleanerConfig { return config }
	d := newDirtyLog(t, o, rand.New(rand.NewPCG(1, 1)))
	for round := range 2 {
		d.add(400, 300)
		d.compact()
		if n := d.model.Check(t, d.log(0), 1000); n > 400 {
			t.Errorf("round %d: %d records of 300 keys", round, n)
		}
	}
	config.DedupeBufferBytes = 1
	d.add(40, 30)
	if err := d.log(0).Maintain(context.Background(), logstore.Compaction); err == nil || !isUnfit(err) {
		t.Errorf("a cleaning without memory for a single key: %v", err)
	}
	d.model.Check(t, d.log(0), 1000)
}

// rawLog is a disk on which an Apache Kafka might have left a log of batches, in segments of a few batches each.
func rawLog(t *testing.T, segments map[int64][]record.Batch) *vfs.Memory {
	t.Helper()
	disk := vfs.NewMemory()
	if err := disk.MkdirAll("t-0"); err != nil {
		t.Fatal(err)
	}
	id := format.UUID{1}
	if err := writeFile(disk, "t-0/"+format.PartitionMetadataFile, format.AppendPartitionMetadata(nil, id)); err != nil {
		t.Fatal(err)
	}
	for base, batches := range segments {
		if err := writeFile(disk, "t-0/"+fileName(base, logSuffix), bytes.Join(asBytes(batches), nil)); err != nil {
			t.Fatal(err)
		}
	}
	return disk
}

func asBytes(batches []record.Batch) [][]byte {
	p := make([][]byte, len(batches))
	for i, b := range batches {
		p[i] = b
	}
	return p
}

// TestOffsetGapsBeyondTwoBillion has segments that are small enough to become one, but for their offsets.
func TestOffsetGapsBeyondTwoBillion(t *testing.T) {
	segments := map[int64][]record.Batch{}
	at := func(offset int64, records ...string) {
		b := logstoretest.KeyedBatch{Records: records, Timestamp: 1}.Build(t)
		b.SetBaseOffset(offset)
		b.SetPartitionLeaderEpoch(0)
		segments[offset] = append(segments[offset], b)
	}
	const gap = math.MaxInt32
	at(0, "a=1", "b=1", "x=1")
	at(10, "a=2")
	at(gap-3, "a=3", "b=2") // ends at 2^31-2
	at(gap, "c=1")          // its last offset is 2^31-1 behind the first
	at(gap+1, "a=4")
	at(3*gap, "b=3")
	at(3*gap+1, "b=4", "d=1")
	at(5*gap, "e=1")
	disk := rawLog(t, segments)
	config := logstoretest.CompactConfig()
	config.SegmentBytes = 1 << 20
	f := newFixture(t, on(disk), 1, config)
	l := f.log(0)
	for range 2 {
		if err := l.Maintain(context.Background(), logstore.Compaction); err != nil {
			t.Fatal(err)
		}
		var got []string
		for at := int64(0); at < l.Offsets().HighWatermark; {
			content, _ := readRun(t, l, at, logstore.ReadUncommitted)
			for _, b := range split(t, content) {
				for r, err := range b.Records(1 << 20) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, fmt.Sprintf("%d:%s=%s", b.RecordOffset(r), r.Key, r.Value))
				}
				at = b.NextOffset()
			}
		}
		want := []string{
			"2:x=1", fmt.Sprint(int64(gap), ":c=1"), fmt.Sprint(gap+1, ":a=4"),
			fmt.Sprint(int64(3*gap+1), ":b=4"), fmt.Sprint(int64(3*gap+2), ":d=1"), fmt.Sprint(int64(5*gap), ":e=1"),
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	// As in Kafka, a segment counts as ending where the next one begins.
	if got, want := bases(l), []int64{0, gap + 1, 3 * gap, 3*gap + 1, 5 * gap}; !slices.Equal(got, want) {
		t.Errorf("segments at %v, want %v", got, want)
	}
	// Searches by offset and time go through the indexes of the merged segments.
	if at, ok, err := l.OffsetForTime(1, logstore.ReadUncommitted); err != nil || !ok || at.Offset != 2 {
		t.Errorf("%+v, %v, %v", at, ok, err)
	}
}

// TestReadersOfOldSegmentsGoOn appends, reads, deletes and compacts at once.
func TestReadersOfOldSegmentsGoOn(t *testing.T) {
	t.Parallel()
	o := on(vfs.NewOS(syncedDir(t)))
	o.MaxOpenFiles = 8 // so that files are opened again and again
	config := logstoretest.CompactConfig()
	config.SegmentBytes = 4000
	f := newFixture(t, o, 1, config)
	l := f.log(0)
	const enoughReads, enoughCleanings = 2000, 4 // A cleaner that makes way for requests is slow.
	var group sync.WaitGroup
	var appends, reads, cleanings atomic.Int64
	deadline := time.Now().Add(time.Minute)
	running := func() bool {
		return (reads.Load() < enoughReads || cleanings.Load() < enoughCleanings) && time.Now().Before(deadline) && !t.Failed()
	}
	for seed := range uint64(3) {
		group.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1))
			for tag := 1; running(); tag++ {
				k := logstoretest.RandomKeyedBatch(random, tag, 20)
				if ticket, err := l.Append(k.Build(t), logstore.AppendOptions{}); err != nil {
					t.Errorf("append: %v", err)
				} else if _, err := ticket.Wait(context.Background()); err != nil {
					t.Errorf("commit: %v", err)
				}
				appends.Add(1)
			}
		})
		group.Go(func() {
			random := rand.New(rand.NewPCG(seed, 2))
			for running() {
				at := l.Offsets().LogStartOffset
				at += random.Int64N(l.Offsets().HighWatermark - at + 1)
				for range 20 {
					next, err := readNext(l, at, 1+random.IntN(3000))
					if err != nil && !errors.Is(err, logstore.ErrOffsetOutOfRange) {
						t.Errorf("read at %d: %v", at, err)
						return
					}
					if next > at {
						reads.Add(1)
					}
					at = next
				}
				if _, _, err := l.OffsetForTime(time.Now().UnixMilli()+random.Int64N(1000), logstore.ReadUncommitted); err != nil {
					t.Errorf("search by time: %v", err)
				}
				if _, _, err := l.MaxTimestamp(); err != nil {
					t.Errorf("max timestamp: %v", err)
				}
			}
		})
	}
	group.Go(func() {
		for seen := int64(0); running(); {
			n := appends.Load()
			if n == seen {
				runtime.Gosched()
				continue
			}
			seen = n
			if err := l.Maintain(context.Background(), logstore.Compaction); err != nil && isUnfit(err) {
				t.Errorf("compact: %v", err)
			}
			cleanings.Add(1)
		}
	})
	group.Go(func() {
		random := rand.New(rand.NewPCG(9, 9))
		for running() {
			o := l.Offsets()
			if _, err := l.DeleteBefore(context.Background(), o.LogStartOffset+random.Int64N((o.HighWatermark-o.LogStartOffset)/8+1)); err != nil {
				t.Errorf("delete: %v", err)
			}
			if err := l.Maintain(context.Background(), logstore.Retention); err != nil {
				t.Errorf("retain: %v", err)
			}
			time.Sleep(20 * time.Millisecond) // so that there is something left to compact
		}
	})
	group.Wait()
	t.Logf("%d reads, %d cleanings", reads.Load(), cleanings.Load())
	if reads.Load() < enoughReads || cleanings.Load() < enoughCleanings {
		t.Error("too little was read or compacted: nothing was tested")
	}
}

// readNext reads once and returns the offset behind what it read, after it has looked at every byte.
func readNext(l *log, at int64, maxBytes int) (int64, error) {
	fetched, err := l.Read(at, logstore.ReadOptions{MaxBytes: maxBytes, AtLeast1: true})
	if err != nil || fetched.Records == nil {
		return at, err
	}
	defer fetched.Records.Release()
	var content bytes.Buffer
	if _, err := fetched.Records.WriteTo(&content); err != nil {
		return at, err
	}
	for rest := content.Bytes(); len(rest) > 0; {
		b, err := record.First(rest)
		if err == nil {
			err = b.VerifyCRC()
		}
		if err == nil && b.LastOffset() < at {
			err = fmt.Errorf("batch at %d to %d", b.BaseOffset(), b.LastOffset())
		}
		if err != nil {
			return at, fmt.Errorf("%d of %d bytes before the end: %w", len(rest), content.Len(), err)
		}
		rest = rest[len(b):]
		at = b.NextOffset()
	}
	return at, nil
}

// TestInterruptedSwaps has every state in which a swap of the segments at 0, 10 and 20 into one may be found.
func TestInterruptedSwaps(t *testing.T) {
	at := func(offset int64, records ...string) record.Batch {
		b := logstoretest.KeyedBatch{Records: records, Timestamp: 1}.Build(t)
		b.SetBaseOffset(offset)
		b.SetPartitionLeaderEpoch(0)
		return b
	}
	old := map[string][]byte{
		fileName(0, logSuffix):  slices.Concat(at(0, "a=1", "b=1"), at(2, "a=2", "c=1", "c=2", "c=3", "c=4", "c=5", "c=6", "c=7")),
		fileName(10, logSuffix): at(10, "b=2", "b=3", "b=4", "b=5", "b=6", "b=7", "b=8", "b=9", "b=10", "b=11"),
		fileName(20, logSuffix): at(20, "a=3"),
	}
	const active = "d=1"
	next := slices.Concat(at(2, "-"), record.AppendEmpty(nil, at(20, "-").Header())) // stands for what is left
	for name, c := range map[string]struct {
		files map[string][]byte
		gone  []string
		want  []string // .log files besides the active one
	}{
		"being written": {map[string][]byte{fileName(0, logSuffix+cleanedSuffix): next[:70]}, nil, []string{"0 old", "10 old", "20 old"}},
		"written":       {map[string][]byte{fileName(0, logSuffix+cleanedSuffix): next, fileName(0, indexSuffix+cleanedSuffix): {}}, nil, []string{"0 old", "10 old", "20 old"}},
		"half renamed": {
			map[string][]byte{fileName(0, logSuffix+swapSuffix): next, fileName(0, indexSuffix+cleanedSuffix): {}}, nil, []string{"0 old", "10 old", "20 old"},
		},
		"renamed": {map[string][]byte{fileName(0, logSuffix+swapSuffix): next}, nil, []string{"0 new"}},
		"some old ones are gone": {
			map[string][]byte{fileName(0, logSuffix+swapSuffix): next, fileName(10, logSuffix+deletedSuffix): {}}, []string{fileName(10, logSuffix)}, []string{"0 new"},
		},
		"all old ones are gone": {
			map[string][]byte{fileName(0, logSuffix+swapSuffix): next, fileName(0, timeIndexSuffix+swapSuffix): {}},
			[]string{fileName(0, logSuffix), fileName(10, logSuffix), fileName(20, logSuffix)},
			[]string{"0 new"},
		},
		"the batches have their name": {
			map[string][]byte{fileName(0, logSuffix): next, fileName(0, timeIndexSuffix+swapSuffix): {}},
			[]string{fileName(10, logSuffix), fileName(20, logSuffix)},
			[]string{"0 new"},
		},
		"nothing is left": {map[string][]byte{fileName(10, logSuffix+swapSuffix): {}}, nil, []string{"0 old", "10 new", "20 old"}},
	} {
		t.Run(name, func(t *testing.T) {
			disk := rawLog(t, map[int64][]record.Batch{21: {at(21, active)}})
			for name, p := range old {
				if !slices.Contains(c.gone, name) {
					if err := writeFile(disk, "t-0/"+name, p); err != nil {
						t.Fatal(err)
					}
				}
			}
			for name, p := range c.files {
				if err := writeFile(disk, "t-0/"+name, p); err != nil {
					t.Fatal(err)
				}
			}
			config := logstoretest.CompactConfig()
			config.FileDeleteDelayMs = 60_000
			f := newFixture(t, on(disk), 1, config)
			readRun(t, f.log(0), 21, logstore.ReadUncommitted)
			var got []string
			for _, name := range list(t, disk) {
				base, suffix, stage, ok := format.ParseSegmentName(name)
				if !ok || suffix != format.LogSuffix || base == 21 || stage == format.Deleted {
					continue
				}
				is := "new"
				if bytes.Equal(content(t, disk, "t-0/"+name), old[name]) {
					is = "old"
				}
				got = append(got, fmt.Sprint(base, " ", is, stage))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q; %q", got, c.want, list(t, disk))
			}
			for _, name := range list(t, disk) {
				if strings.HasSuffix(name, cleanedSuffix) || strings.HasSuffix(name, swapSuffix) {
					t.Errorf("%s is left", name)
				}
			}
		})
	}
}

// TestCleanerReadsBatchesAcrossEveryEndOfABuffer cuts a run of batches at every byte: what is whole is read, and the rest is left for the next buffer.
func TestCleanerReadsBatchesAcrossEveryEndOfABuffer(t *testing.T) {
	f := newFixture(t, on(vfs.NewMemory()), 1, logstoretest.Config())
	var run []byte
	ends := []int{0}
	for i := range 5 {
		b := logstoretest.Batch{Records: i + 1}.Build(t)
		b.SetBaseOffset(int64(i * 10))
		run = append(run, b...)
		ends = append(ends, len(run))
	}
	logAppend(t, f.log(0), logstoretest.Batch{}.Build(t))
	s := f.log(0).view.load().segments[0]
	for cut := record.HeaderSize; cut <= len(run); cut++ {
		var seen []int64
		used, done, err := s.inBuffer(run[:cut:cut], 0, func(_ record.Batch, at int64) (bool, error) {
			seen = append(seen, at)
			return false, nil
		})
		want, _ := slices.BinarySearch(ends, cut+1)
		if err != nil || done || used != ends[want-1] || len(seen) != want-1 {
			t.Fatalf("%d bytes of %v: %d used, batches at %v: %v", cut, ends, used, seen, err)
		}
	}
	// Zeros in place of a batch are damage.
	if _, _, err := s.inBuffer(append(slices.Clip(run), make([]byte, record.HeaderSize)...), 0, func(record.Batch, int64) (bool, error) { return false, nil }); err == nil {
		t.Error("zeros passed for the end of the log")
	}
}
