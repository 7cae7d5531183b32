package txn

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

const (
	crashProducers  = 8
	crashPartitions = 3
)

// crashWorld is a coordinator over real logs: those of its own topic, and those that producers write to.
type crashWorld struct {
	t    *testing.T
	log  *testLog
	c    *Coordinator
	data [crashPartitions]logstore.Partition
	// syncing are those who wait for markers.
	syncing sync.WaitGroup
}

var dataTopicID = logstore.TopicID{2}

func newCrashWorld(t *testing.T, disk vfs.FS, ids *testIDs, delay time.Duration) *crashWorld {
	t.Helper()
	w := &crashWorld{t: t, log: openLog(t, disk, 4)}
	err := w.log.Store.Create(logstore.TopicPartitions{ID: dataTopicID, Topic: "t", Partitions: crashPartitions, Config: logstoretest.Config()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.data {
		if w.data[i], err = w.log.Store.Partition(dataTopicID, int32(i)); err != nil {
			t.Fatal(err)
		}
	}
	o := testOptions(w.log)
	o.Markers, o.ProducerIDs, o.CompleteDelay = w, ids, delay
	o.Config = func() Config {
		c := testConfig()
		c.PatienceMs = 60_000
		return c
	}
	w.c = New(o)
	w.c.Load()
	return w
}

func (w *crashWorld) close() {
	stop(w.t, w.c)
	w.syncing.Wait()
	w.log.Close(w.t)
}

// Write implements [Markers].
func (w *crashWorld) Write(m Marker, partitions []TopicPartition, waiter MarkerWaiter) {
	end := record.EndTransactionMarker{Type: record.ControlAbort, CoordinatorEpoch: m.CoordinatorEpoch}
	if m.Commit {
		end.Type = record.ControlCommit
	}
	for i, p := range partitions {
		batch, err := record.NewMarkerBatch(end, m.ProducerID, m.ProducerEpoch, time.Now().UnixMilli())
		if err != nil {
			w.t.Error(err)
		}
		ticket, err := w.data[p.Partition].Append(batch, logstore.AppendOptions{
			Now: time.Now().UnixMilli(), Origin: logstore.Coordinator, TransactionVersion: m.TransactionVersion,
		})
		if err != nil {
			waiter.Written(i, err)
			continue
		}
		w.syncing.Go(func() {
			_, err := ticket.Wait(w.t.Context())
			waiter.Written(i, err)
		})
	}
}

// crashProducer is one producer over all crashes.
type crashProducer struct {
	id       string
	bumps    bool // of transaction version 2
	pid      int64
	epoch    int16
	sequence [crashPartitions]int32
	next     int // transaction

	mu sync.Mutex
	// acked are the transactions whose end was acknowledged, and how.
	acked map[int]bool
	last  *kmsg.EndTxnRequest // with the answer that it got
	resp  kmsg.EndTxnResponse
}

func (p *crashProducer) acknowledged() (acked map[int]bool, last *kmsg.EndTxnRequest, resp kmsg.EndTxnResponse) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.acked), p.last, p.resp
}

// begin fences what was before.
func (p *crashProducer) begin(w *crashWorld) {
	w.t.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = 5, &p.id, 60_000, -1, -1
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		resp := w.c.InitProducerID(w.t.Context(), req)
		switch code := wire.ErrorCode(resp.ErrorCode); code {
		case wire.None:
			if resp.ProducerID == p.pid && resp.ProducerEpoch <= p.epoch {
				w.t.Errorf("%s: epoch %d after %d", p.id, resp.ProducerEpoch, p.epoch)
			}
			p.pid, p.epoch, p.sequence = resp.ProducerID, resp.ProducerEpoch, [crashPartitions]int32{}
			return
		case wire.ConcurrentTransactions, wire.CoordinatorLoadInProgress:
		default:
			w.t.Fatalf("%s: %s", p.id, code)
		}
		if time.Since(began) > 20*time.Second {
			w.t.Fatalf("%s: its transaction doesn't end", p.id)
		}
	}
}

// transaction writes to two partitions, and ends that.
func (p *crashProducer) transaction(w *crashWorld, random *rand.Rand) {
	n := p.next
	p.next++
	first := random.IntN(crashPartitions)
	for _, partition := range []int{first, (first + 1) % crashPartitions} {
		p.write(w, int32(partition), n)
	}
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = p.id, p.pid, p.epoch, random.IntN(3) > 0
	req.Version = 4
	if p.bumps {
		req.Version = 5
	}
	resp := w.c.EndTxn(w.t.Context(), req)
	if resp.ErrorCode != 0 {
		w.t.Errorf("%s: end: %s", p.id, wire.ErrorCode(resp.ErrorCode))
		return
	}
	if p.bumps {
		p.pid, p.epoch, p.sequence = resp.ProducerID, resp.ProducerEpoch, [crashPartitions]int32{}
	}
	p.mu.Lock()
	p.acked[n], p.last, p.resp = req.Commit, req, *resp
	p.mu.Unlock()
}

// write makes the partition part of the transaction, and appends a record.
func (p *crashProducer) write(w *crashWorld, partition int32, n int) {
	where := []TopicPartition{{"t", partition}}
	if !p.bumps {
		req := kmsg.NewPtrAddPartitionsToTxnRequest()
		req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch = 3, p.id, p.pid, p.epoch
		req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "t", Partitions: []int32{partition}}}
		resp := w.c.AddPartitionsToTxn(w.t.Context(), req)
		if code := resp.Topics[0].Partitions[0].ErrorCode; code != 0 {
			w.t.Errorf("%s: add: %s", p.id, wire.ErrorCode(code))
		}
	}
	log := w.data[partition]
	v, ongoing, err := log.Verify(p.pid, p.epoch, p.sequence[partition], p.bumps)
	if err == nil && !ongoing {
		if codes := w.c.Verify(w.t.Context(), p.id, p.pid, p.epoch, where, p.bumps); codes[0] != wire.None {
			err = fmt.Errorf("verification: %s", codes[0])
		}
	}
	b := record.NewBuilder()
	b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = p.pid, p.epoch, p.sequence[partition], true
	p.sequence[partition]++
	b.Append(time.Now().UnixMilli(), []byte(p.id), []byte(strconv.Itoa(n)))
	batch, buildErr := b.Build(nil)
	if err == nil {
		err = buildErr
	}
	if err == nil {
		var ticket logstore.Ticket
		if ticket, err = log.Append(batch, logstore.AppendOptions{Now: time.Now().UnixMilli(), Verification: v}); err == nil {
			_, err = ticket.Wait(w.t.Context())
		}
	}
	if err != nil {
		w.t.Errorf("%s: write: %v", p.id, err)
	}
}

// repeat asks once more for the last end whose answer came: it must be the same.
func (p *crashProducer) repeat(w *crashWorld, last *kmsg.EndTxnRequest, want kmsg.EndTxnResponse) {
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		resp := w.c.EndTxn(w.t.Context(), last)
		code := wire.ErrorCode(resp.ErrorCode)
		switch {
		case code == wire.None && resp.ProducerID == want.ProducerID && resp.ProducerEpoch == want.ProducerEpoch:
			return
		case code == wire.ConcurrentTransactions || code == wire.CoordinatorLoadInProgress:
		case code == wire.ProducerFenced, code == wire.InvalidProducerIDMapping:
			return // The next transaction has begun, or ended, maybe under another ID: the question is about that now.
		default:
			w.t.Errorf("%s: end again: %s %d/%d", p.id, code, resp.ProducerID, resp.ProducerEpoch)
			return
		}
		if time.Since(began) > 20*time.Second {
			w.t.Errorf("%s: end again: %s", p.id, code)
			return
		}
	}
}

// check looks at everything that readers of committed records see: whole transactions, those that were acknowledged among them.
func (w *crashWorld) check(producers []*crashProducer, acked []map[int]bool) {
	w.t.Helper()
	seen := map[string]map[int]int{}
	for i, log := range w.data {
		for began := time.Now(); log.Offsets().LastStableOffset < log.Offsets().HighWatermark; time.Sleep(time.Millisecond) {
			if time.Since(began) > 20*time.Second {
				w.t.Fatalf("partition %d: %+v at rest", i, log.Offsets())
			}
		}
		last := map[string]int{}
		for _, r := range committedOf(w.t, log) {
			n, err := strconv.Atoi(r[1])
			if err != nil {
				w.t.Fatal(err)
			}
			if before, ok := last[r[0]]; ok && n <= before {
				w.t.Errorf("partition %d: transaction %d of %s behind %d", i, n, r[0], before)
			}
			last[r[0]] = n
			if seen[r[0]] == nil {
				seen[r[0]] = map[int]int{}
			}
			seen[r[0]][n]++
		}
	}
	for i, p := range producers {
		for n := range p.next {
			commit, known := acked[i][n]
			switch count := seen[p.id][n]; {
			case count != 0 && count != 2:
				w.t.Errorf("%s: transaction %d is torn: %d of 2 records", p.id, n, count)
			case known && commit != (count == 2):
				w.t.Errorf("%s: transaction %d: %d records, acknowledged commit %v", p.id, n, count, commit)
			}
		}
	}
}

// committedOf are the keys and values of committed records.
func committedOf(t *testing.T, log logstore.Partition) (records [][2]string) {
	t.Helper()
	for offset := int64(0); offset < log.Offsets().LastStableOffset; {
		fetched, err := log.Read(offset, logstore.ReadOptions{MaxBytes: 1 << 20, AtLeast1: true, Isolation: logstore.ReadCommitted})
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		_, err = fetched.Records.WriteTo(&buf)
		fetched.Records.Release()
		if err != nil {
			t.Fatal(err)
		}
		aborted := map[int64]bool{}
		for b := buf.Bytes(); len(b) > 0; {
			batch, err := record.First(b)
			if err != nil {
				t.Fatal(err)
			}
			b, offset = b[len(batch):], batch.NextOffset()
			for ; len(fetched.Aborted) > 0 && fetched.Aborted[0].FirstOffset <= batch.BaseOffset(); fetched.Aborted = fetched.Aborted[1:] {
				aborted[fetched.Aborted[0].ProducerID] = true
			}
			if batch.Attributes().IsControl() {
				delete(aborted, batch.ProducerID())
				continue
			}
			for r, err := range batch.Records(record.DefaultLimit(len(batch))) {
				if err != nil {
					t.Fatal(err)
				}
				if !aborted[batch.ProducerID()] {
					records = append(records, [2]string{string(r.Key), string(r.Value)})
				}
			}
		}
	}
	return records
}

// crashPoint takes the disk as a power cut leaves it just before one of its changes, and what was acknowledged by then.
type crashPoint struct {
	disk      *vfs.Memory
	random    *rand.Rand
	producers []*crashProducer
	left      atomic.Int64  // changes until then
	delay     time.Duration // of Complete records

	hit   atomic.Bool
	after *vfs.Memory
	ends  []crashProducer
	path  string // of the file
}

// before is told of each change of the disk.
func (c *crashPoint) before(call vfs.Call) error {
	if c.left.Load() != forever && c.left.Add(-1) == 0 {
		c.take(call.Path)
	}
	return nil
}

func (c *crashPoint) take(path string) {
	c.ends = make([]crashProducer, len(c.producers))
	for i, p := range c.producers {
		c.ends[i].acked, c.ends[i].last, c.ends[i].resp = p.acknowledged()
	}
	c.after, c.path = c.disk.CrashClone(c.random), path
	c.hit.Store(true)
}

// forever is so many changes that none of them is the last.
const forever = math.MaxInt64 / 2

// crashLives is how many crashes a disk goes through before it is replaced by an empty one.
const crashLives = 10

// newCrashDisk is a disk with producers that have few epochs left, so that they run out of them sooner or later (KIP-890, KAFKA-20357).
func newCrashDisk(t *testing.T, random *rand.Rand, ids *testIDs) (*vfs.Memory, []*crashProducer) {
	t.Helper()
	disk := vfs.NewMemory()
	log := openLog(t, disk, 4)
	defer log.Close(t)
	producers := make([]*crashProducer, crashProducers)
	for i := range producers {
		p := &crashProducer{id: fmt.Sprint("p", i), bumps: i%2 == 0, pid: -1, acked: map[int]bool{}}
		producers[i] = p
		m := newMetadata(ids.last.Add(1))
		m.ProducerEpoch, m.TimeoutMs = lastEpoch-int16(random.IntN(20)), 60_000
		appendRecords(t, log, coordinator.ShardOf(p.id, 4), int16(1+i%2), Record{ID: p.id, Metadata: m})
	}
	return disk, producers
}

// life is what happens between two crashes: every producer repeats its last request and begins anew, what was committed is compared with
// what was acknowledged, and then all write until the disk is taken away.
func (c *crashPoint) life(t *testing.T, ids *testIDs) {
	t.Helper()
	w := newCrashWorld(t, vfs.Inject(c.disk, &vfs.Rule{Ops: vfs.OpsChange, Before: c.before}), ids, c.delay)
	defer w.close()
	acked := make([]map[int]bool, len(c.producers))
	for i, p := range c.producers {
		// Without a bump the question would be about the transaction that has begun since: it would end that one half done.
		if _, last, resp := p.acknowledged(); last != nil && p.bumps {
			p.repeat(w, last, resp)
		}
		p.begin(w)
		acked[i], _, _ = p.acknowledged()
	}
	w.check(c.producers, acked)
	if c.left.Load() == forever || t.Failed() {
		return
	}
	var all sync.WaitGroup
	own := c.random.Uint64()
	for i, p := range c.producers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(own, uint64(i)))
			for range 14 {
				if c.hit.Load() {
					return
				}
				p.transaction(w, random)
			}
		})
	}
	all.Wait()
}

// TestTransactionsSurviveCrashes is bar R17, anomalies A21 (epoch-exhaust) and A22 (no-stuck-txn): it takes the disk as a power cut leaves it just before any
// of its changes (records of the coordinator, data, markers), in the midst of the transactions of many producers of both versions that run out of epochs: each
// transaction is whole or not at all, an acknowledged end stands and is answered again, nothing stays open. TXN_SEED and TXN_CRASHES
// (20 by default, 1,000 before a release) repeat and extend it.
//
// Negative control: a coordinator that answers EndTxn before its record is durable.
func TestTransactionsSurviveCrashes(t *testing.T) {
	seed, crashes := rand.Uint64(), 20
	for name, value := range map[string]any{"TXN_SEED": &seed, "TXN_CRASHES": &crashes} {
		if text := os.Getenv(name); text != "" {
			if _, err := fmt.Sscan(text, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("TXN_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	ids := &testIDs{}
	var disk *vfs.Memory
	var producers []*crashProducer
	where := map[string]int{}
	for n := range crashes {
		if n%crashLives == 0 {
			look(t, disk, producers, ids)
			disk, producers = newCrashDisk(t, random, ids)
		}
		c := &crashPoint{disk: disk, random: random, producers: producers, delay: time.Duration(random.IntN(3)) * 5 * time.Millisecond}
		c.left.Store(1 + random.Int64N(400))
		c.life(t, ids)
		if !c.hit.Load() {
			c.take("")
		}
		if t.Failed() {
			t.Logf("crash %d", n)
			return
		}
		if c.path != "" {
			where[strings.TrimRight(path.Dir(c.path), "0123456789")]++
		}
		for i, p := range producers {
			// Those who were answered after the crash never were, and the producer that comes next knows nothing.
			p.acked, p.last, p.resp = c.ends[i].acked, c.ends[i].last, c.ends[i].resp
			p.pid, p.epoch = -1, -1
		}
		disk = c.after
	}
	look(t, disk, producers, ids)
	t.Logf("crashes by folder: %v; %d producer ids for %d transactional ids", where, ids.last.Load(), (crashes+crashLives-1)/crashLives*crashProducers)
}

// look compares what the last crash of a disk has left with what was acknowledged.
func look(t *testing.T, disk *vfs.Memory, producers []*crashProducer, ids *testIDs) {
	t.Helper()
	if disk == nil {
		return
	}
	c := &crashPoint{disk: disk, producers: producers}
	c.left.Store(forever)
	c.life(t, ids)
}
