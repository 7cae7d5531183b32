package local

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// world is what a store should hold: the catalog's topics and the model of each partition. The lock is because
// crash clones are taken on the syncer's goroutine.
type world struct {
	mu     sync.Mutex
	topics []*worldTopic
}

type worldTopic struct {
	logstore.TopicPartitions
	logs []*logstoretest.Log
}

func (w *world) clone() *world {
	c := &world{}
	for _, t := range w.topics {
		x := &worldTopic{TopicPartitions: t.TopicPartitions}
		for _, m := range t.logs {
			x.logs = append(x.logs, m.Clone())
		}
		c.topics = append(c.topics, x)
	}
	return c
}

// snapshot is a disk after a crash, and the world at that moment: of each log, what was acknowledged must be
// there, and what was begun may.
type snapshot struct {
	disk   *vfs.Memory
	before *world
	what   string
}

// crasher takes crash clones in the middle of operations.
type crasher struct {
	random *rand.Rand
	memory *vfs.Memory
	world  *world
	share  float64
	taken  []snapshot
	most   int
}

// strike is called before and after operations.
func (c *crasher) strike(call vfs.Call) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if len(c.taken) >= c.most || c.random.Float64() >= c.share {
		return
	}
	before := c.world.clone()
	c.taken = append(c.taken, snapshot{disk: c.memory.CrashClone(c.random), before: before, what: call.Op.String() + " " + call.Path})
}

// crashRun drives one store and takes clones of its disk.
type crashRun struct {
	t       *testing.T
	random  *rand.Rand
	store   *Store
	fs      vfs.FS
	world   *world
	pending []crashPending
	ids     byte
	tag     int
}

type crashPending struct {
	log    *logstoretest.Log
	count  int
	ticket logstore.Ticket
}

func crashConfig(random *rand.Rand) *logstore.Config {
	config := logstoretest.Config()
	config.SegmentBytes = int32(600 + random.IntN(6000))
	config.IndexIntervalBytes = int32(random.IntN(900))
	config.FileDeleteDelayMs = int64(random.IntN(3))
	if random.IntN(3) == 0 {
		config.FlushMessages = math.MaxInt64 // the page cache is good enough
	}
	return config
}

func openStore(tb testing.TB, fs ...vfs.FS) *Store {
	tb.Helper()
	s, err := Open(context.Background(), Options{Dirs: fs, NodeID: 1, ClusterID: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// create creates a topic in a store, and returns its logs.
func create(tb testing.TB, s *Store, topic logstore.TopicPartitions) []logstore.Partition {
	tb.Helper()
	if err := s.Create(topic); err != nil {
		tb.Fatal(err)
	}
	logs := make([]logstore.Partition, topic.Partitions)
	for i := range logs {
		var err error
		if logs[i], err = s.Partition(topic.ID, int32(i)); err != nil {
			tb.Fatal(err)
		}
	}
	return logs
}

// shortJournal has the journal begin anew all the time, or hardly ever.
func (r *crashRun) shortJournal() {
	if r.random.IntN(2) == 0 {
		r.store.dirs[0].syncer.journal.limit = int64(r.random.IntN(4000))
	}
}

func (r *crashRun) create(name string) {
	r.ids++
	topic := &worldTopic{TopicPartitions: logstore.TopicPartitions{
		ID: logstore.TopicID{1, r.ids}, Topic: name, Partitions: 2, Config: crashConfig(r.random),
	}}
	for range topic.Partitions {
		topic.logs = append(topic.logs, logstoretest.NewLog())
	}
	r.world.mu.Lock()
	r.world.topics = append(r.world.topics, topic)
	r.world.mu.Unlock()
	if err := r.store.Create(topic.TopicPartitions); err != nil {
		r.t.Fatal(err)
	}
}

func (r *crashRun) pick() (logstore.Partition, *logstoretest.Log) {
	topic := r.world.topics[r.random.IntN(len(r.world.topics))]
	i := r.random.IntN(len(topic.logs))
	p, err := r.store.Partition(topic.ID, int32(i))
	if err != nil {
		r.t.Fatal(err)
	}
	return p, topic.logs[i]
}

func (r *crashRun) append() {
	p, m := r.pick()
	r.tag++
	b := logstoretest.Batch{Records: 1 + r.random.IntN(3), Size: r.random.IntN(400), Tag: r.tag, Timestamp: time.Now().UnixMilli()}
	if r.random.IntN(3) == 0 {
		b.ProducerID = 1 + int64(r.random.IntN(2))
		b.BaseSequence = m.NextSequence(b.ProducerID)
	}
	batch := b.Build(r.t)
	// What may be on the disk is noted before it is, with the place that it will have.
	expected := bytes.Clone(batch)
	record.Batch(expected).SetBaseOffset(m.End())
	record.Batch(expected).SetPartitionLeaderEpoch(p.Offsets().LeaderEpoch)
	r.world.mu.Lock()
	m.Append(expected)
	count := len(m.Batches)
	r.world.mu.Unlock()
	ticket, err := p.Append(batch, logstore.AppendOptions{Now: time.Now().UnixMilli()})
	if err != nil {
		r.t.Fatal(err)
	}
	if !bytes.Equal(batch, expected) {
		r.t.Fatalf("appended at %d, epoch %d", batch.BaseOffset(), batch.PartitionLeaderEpoch())
	}
	r.pending = append(r.pending, crashPending{m, count, ticket})
}

func (r *crashRun) settle() {
	for _, x := range r.pending {
		if _, err := x.ticket.Wait(context.Background()); err != nil {
			r.t.Fatal(err)
		}
		if x.ticket.Commit == nil {
			continue // told to the client, but not durable
		}
		r.world.mu.Lock()
		x.log.Acked = max(x.log.Acked, x.count)
		r.world.mu.Unlock()
	}
	r.pending = r.pending[:0]
}

func (r *crashRun) deleteRecords() {
	p, m := r.pick()
	o := p.Offsets()
	start := o.LogStartOffset + r.random.Int64N((o.HighWatermark-o.LogStartOffset)/3+1)
	r.world.mu.Lock()
	m.Deleting = start
	r.world.mu.Unlock()
	if _, err := p.DeleteBefore(context.Background(), start); err != nil {
		r.t.Fatal(err)
	}
	r.world.mu.Lock()
	m.Start = start
	r.world.mu.Unlock()
	if err := p.Maintain(context.Background(), logstore.Retention); err != nil {
		r.t.Fatal(err)
	}
}

func (r *crashRun) flush() {
	p, m := r.pick()
	count := len(m.Batches)
	if err := p.Maintain(context.Background(), logstore.Flush); err != nil {
		r.t.Fatal(err)
	}
	r.world.mu.Lock()
	m.Acked = max(m.Acked, count)
	r.world.mu.Unlock()
}

func (r *crashRun) deleteTopic() {
	i := r.random.IntN(len(r.world.topics))
	topic := r.world.topics[i]
	r.settle()
	// As in a broker, the catalog forgets the topic first.
	r.world.mu.Lock()
	r.world.topics = append(append([]*worldTopic(nil), r.world.topics[:i]...), r.world.topics[i+1:]...)
	r.world.mu.Unlock()
	if err := r.store.Delete(context.Background(), topic.TopicPartitions); err != nil {
		r.t.Fatal(err)
	}
	r.create(topic.Topic)
}

func (r *crashRun) restart() {
	r.settle()
	if err := r.store.Close(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	r.store = openStore(r.t, r.fs)
	r.shortJournal()
	for _, topic := range r.world.topics {
		if err := r.store.Create(topic.TopicPartitions); err != nil {
			r.t.Fatal(err)
		}
	}
}

// verify opens a disk after a crash and compares it with what was acknowledged.
func (s *snapshot) verify(t *testing.T, random *rand.Rand) {
	t.Helper()
	if random.IntN(3) == 0 {
		s.interruptRecovery(t, random)
	}
	s.isVerified(t)
	store := openStore(t, s.disk)
	for _, topic := range s.before.topics {
		if err := store.Create(topic.TopicPartitions); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 2 {
		for _, topic := range s.before.topics {
			for i, m := range topic.logs {
				p, err := store.Partition(topic.ID, int32(i))
				if err != nil {
					t.Fatal(err)
				}
				if round == 0 {
					m.Recover(t, p)
				} else {
					m.Check(t, p, 700)
				}
				// It can be written to.
				batch := logstoretest.Batch{Size: 50}.Build(t)
				ticket, err := p.Append(batch, logstore.AppendOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := ticket.Wait(context.Background()); err != nil {
					t.Fatal(err)
				}
				m.Append(batch)
				m.Check(t, p, 1<<20)
			}
		}
		if err := store.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			store = openStore(t, s.disk)
			for _, topic := range s.before.topics {
				if err := store.Create(topic.TopicPartitions); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// isVerified looks at a disk before anybody recovers it: nothing that was acknowledged is reported as lost.
func (s *snapshot) isVerified(t *testing.T) {
	t.Helper()
	for _, d := range verified(t, s.disk) {
		for _, topic := range s.before.topics {
			for i, m := range topic.logs {
				if d.Offset < 0 || m.Acked == 0 || path.Dir(d.Path) != format.PartitionDir(topic.Topic, int32(i)) {
					continue
				}
				if d.NextOffset > m.Start && d.Offset < m.Batches[m.Acked-1].NextOffset() {
					t.Errorf("offsets below %d were acknowledged: %s", m.Batches[m.Acked-1].NextOffset(), d.String())
				}
			}
		}
	}
}

// interruptRecovery cuts the power again while the store recovers.
func (s *snapshot) interruptRecovery(t *testing.T, random *rand.Rand) {
	t.Helper()
	var again *vfs.Memory
	rule := &vfs.Rule{Ops: vfs.OpsChange, Nth: 1 + int64(random.IntN(20)), Before: func(vfs.Call) error {
		again = s.disk.CrashClone(random)
		return nil
	}}
	store := openStore(t, vfs.Inject(s.disk, rule))
	if err := store.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if again != nil {
		s.disk = again
	}
}

// work does what brokers do with their logs, and ends with a clean stop.
func (r *crashRun) work() {
	for range 250 {
		switch n := r.random.IntN(100); {
		case n < 80:
			r.append()
		case n < 90:
			r.settle()
		case n < 92:
			r.flush()
		case n < 96:
			r.deleteRecords()
		case n < 98:
			r.deleteTopic()
		default:
			r.restart()
		}
	}
	r.settle()
	if err := r.store.Close(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

// newCrashRun opens a store on a disk with rules, with two topics. The same seed does the same work.
func newCrashRun(t *testing.T, w *world, seed, round uint64, memory *vfs.Memory, rules ...*vfs.Rule) *crashRun {
	t.Helper()
	r := &crashRun{t: t, random: rand.New(rand.NewPCG(seed, round+1<<32)), world: w, fs: vfs.Inject(memory, rules...)}
	r.store = openStore(t, r.fs)
	r.shortJournal()
	r.create("a")
	r.create("b")
	return r
}

// point is a place in the code where it changes a kind of file: a failpoint with a name.
type point struct {
	op   vfs.Op
	path string // a pattern
}

// pointOf names the place of an operation.
func pointOf(call vfs.Call) point {
	name := path.Base(call.Path)
	switch extension := path.Ext(name); {
	case strings.HasSuffix(name, "-delete"):
		name = "*-delete"
	case strings.Trim(name, "0123456789") == extension && extension != "": // of an offset
		name = "*" + extension
	case extension == "" && len(name) == len("a-0"): // a partition's folder
		name = "[ab]-[01]"
	}
	return point{op: call.Op, path: name}
}

// TestCrashAtNamedPoints cuts the power before and after the first, second and fifth time that the store does each thing that it does to
// each kind of file: creates, writes, syncs, renames, cuts, removes.
func TestCrashAtNamedPoints(t *testing.T) {
	t.Parallel()
	seed := logstoretest.Seed(t)
	var mu sync.Mutex
	points := map[point]int{}
	count := &vfs.Rule{Ops: vfs.OpsChange, After: func(call vfs.Call) {
		mu.Lock()
		defer mu.Unlock()
		points[pointOf(call)]++
	}}
	newCrashRun(t, &world{}, seed, 0, vfs.NewMemory(), count).work()
	if len(points) < 20 {
		t.Errorf("only %d points: %v", len(points), points)
	}
	crashes, which := 0, []int{1, 2, 5}
	if testing.Short() || raceDetector {
		which = which[:1]
	}
	for p, hits := range points {
		for _, nth := range which {
			if nth > hits {
				continue
			}
			random := rand.New(rand.NewPCG(seed, uint64(nth)))
			memory, w := vfs.NewMemory(), &world{}
			c := &crasher{random: random, memory: memory, world: w, share: 1, most: 2}
			rule := &vfs.Rule{
				Ops: p.op, Path: p.path, Nth: int64(nth), After: c.strike,
				Before: func(call vfs.Call) error { c.strike(call); return nil },
			}
			newCrashRun(t, w, seed, 0, memory, rule).work()
			crashes += len(c.taken)
			for i := range c.taken {
				c.taken[i].verify(t, random)
			}
			if t.Failed() {
				t.Fatalf("after a crash at %s %s #%d", p.op, p.path, nth)
			}
		}
	}
	t.Logf("%d crashes at %d points", crashes, len(points))
}

// TestCrashAtEverySync cuts the power at changes of the disk, mostly at syncs, and looks at what is left. FAULT_CRASH_CLONES
// sets of how many disks at least (600 by default, 10,000 before a release).
func TestCrashAtEverySync(t *testing.T) {
	t.Parallel()
	seed := logstoretest.Seed(t)
	rounds, most := 10, 60
	if testing.Short() || raceDetector {
		rounds = 3
	}
	atLeast := 0
	if text := os.Getenv("FAULT_CRASH_CLONES"); text != "" {
		var err error
		if atLeast, err = strconv.Atoi(text); err != nil {
			t.Fatalf("FAULT_CRASH_CLONES: %v", err)
		}
	}
	clones, what := 0, ""
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("after a crash at %s", what)
		}
	})
	for round := 0; round < rounds || clones < atLeast; round++ {
		random := rand.New(rand.NewPCG(seed, uint64(round)))
		memory := vfs.NewMemory()
		w := &world{}
		c := &crasher{random: random, memory: memory, world: w, share: 0.2, most: most}
		syncs := &vfs.Rule{Ops: vfs.OpsSync, Before: func(call vfs.Call) error { c.strike(call); return nil }, After: c.strike}
		newCrashRun(t, w, seed, uint64(round), memory, syncs).work()
		clones += len(c.taken)
		for i := range c.taken {
			what = c.taken[i].what
			c.taken[i].verify(t, random)
		}
	}
	t.Logf("%d crashes", clones)
}
