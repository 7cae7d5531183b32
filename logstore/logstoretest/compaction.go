package logstoretest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// CompactConfig is a configuration for compaction in small steps: every segment has a few batches, and tombstones may go with the
// second cleaning.
func CompactConfig() *logstore.Config {
	config := Config()
	config.CleanupPolicy = logstore.CleanupCompact
	config.SegmentBytes, config.IndexIntervalBytes = 1500, 300
	config.DeleteRetentionMs, config.FileDeleteDelayMs = 0, 0
	return config
}

// KeyedBatch describes a batch with keys.
type KeyedBatch struct {
	// Records are "key=value", or "key" for a tombstone.
	Records    []string
	Timestamp  int64
	Codec      record.Codec
	ProducerID int64 // 0: none
	Sequence   int32
}

// Build makes the batch.
func (b KeyedBatch) Build(tb testing.TB) record.Batch {
	tb.Helper()
	r := record.NewBuilder()
	r.Codec = b.Codec
	if b.ProducerID > 0 {
		r.ProducerID, r.ProducerEpoch, r.BaseSequence = b.ProducerID, 0, b.Sequence
	}
	for i, text := range b.Records {
		key, value := []byte(text), []byte(nil)
		for at := range key {
			if key[at] == '=' {
				key, value = key[:at:at], key[at+1:]
				break
			}
		}
		r.Append(b.Timestamp+int64(i), key, value)
	}
	batch, err := r.Build(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return batch
}

// RandomKeyedBatch is a batch with some of a few keys.
func RandomKeyedBatch(random *rand.Rand, tag, keys int) KeyedBatch {
	b := KeyedBatch{Codec: record.Codec(random.IntN(5)), Timestamp: nowMs() + int64(tag)}
	if random.IntN(2) == 0 {
		b.Codec = record.None
	}
	for i := range 1 + random.IntN(5) {
		text := fmt.Sprintf("k%d", random.IntN(keys))
		if random.IntN(4) > 0 {
			text += fmt.Sprintf("=%d/%d %*d", tag, i, random.IntN(150), tag)
		}
		b.Records = append(b.Records, text)
	}
	return b
}

func compact(tb testing.TB, p logstore.Partition) {
	tb.Helper()
	if err := p.Maintain(context.Background(), logstore.Compaction); err != nil {
		tb.Fatalf("compact: %v", err)
	}
}

func testCompactionKeepsTheLastValue(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, CompactConfig())
	p, m := o.partition(0), NewCompactedLog()
	for i := range 200 {
		batch := KeyedBatch{Records: []string{fmt.Sprintf("k%d=%d", i%7, i), fmt.Sprintf("only%d=1", i/10)}, Timestamp: int64(i + 1)}.Build(t)
		appendBatch(t, p, batch)
		m.Append(t, batch)
	}
	before := m.Check(t, p, 1000)
	size := p.Size()
	compact(t, p)
	after := m.Check(t, p, 1000)
	// The active segment isn't compacted: it has a few dozen records at most.
	if after > 100 || before != 400 || p.Size() >= size/2 {
		t.Errorf("%d of %d records, %d of %d bytes", after, before, p.Size(), size)
	}
	if got := p.Offsets(); got.LogStartOffset != 0 || got.LogEndOffset != 400 || got.HighWatermark != 400 {
		t.Errorf("after compaction: %+v", got)
	}
	compact(t, p)
	m.Check(t, p, 1<<20)
	o.reopen(b)
	m.Check(t, o.partition(0), 1000)
}

func testCompactionDropsTombstonesLater(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, CompactConfig())
	p, m := o.partition(0), NewCompactedLog()
	add := func(records ...string) {
		batch := KeyedBatch{Records: records, Timestamp: nowMs()}.Build(t)
		appendBatch(t, p, batch)
		m.Append(t, batch)
	}
	fill := func(n int) {
		for i := range n {
			add(fmt.Sprintf("fill%d=%d %0100d", i%2, i, 0))
		}
	}
	add("gone=1", "stays=1")
	fill(20)
	add("gone")
	fill(20)
	compact(t, p)
	tombstones := func() (n int) {
		for _, b := range readAll(t, p, 0, 1<<20) {
			for r, err := range b.Records(1 << 20) {
				if err != nil {
					t.Fatal(err)
				}
				if r.Value == nil {
					n++
				}
			}
		}
		return n
	}
	if n := tombstones(); n != 1 {
		t.Errorf("%d tombstones after the cleaning that first saw one", n)
	}
	fill(40)
	compact(t, p)
	if n := tombstones(); n != 0 {
		t.Errorf("%d tombstones after the second cleaning", n)
	}
	m.Check(t, p, 1000)
}

func testCompactionKeepsProducers(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, CompactConfig())
	p, m := o.partition(0), NewCompactedLog()
	add := func(producerID int64, n int) {
		t.Helper()
		for i := range n {
			k := KeyedBatch{Records: []string{fmt.Sprintf("k=%d %050d", i, 0), "l=1"}, Timestamp: nowMs(), ProducerID: producerID}
			k.Sequence = m.Sequences[producerID]
			batch := k.Build(t)
			if r := appendBatch(t, p, batch); r.Duplicate {
				t.Fatalf("a new batch is a duplicate: %+v", r)
			}
			m.Append(t, batch)
		}
	}
	add(1, 3) // and then never again
	add(2, 40)
	add(0, 40)
	compact(t, p)
	add(0, 40)
	compact(t, p)
	m.Check(t, p, 1000)
	for range 2 {
		// Both go on where they were, as far as the store knows; and as far as the log tells.
		add(1, 1)
		add(2, 1)
		o.reopen(b)
		p = o.partition(0)
		m.Check(t, p, 1000)
	}
}

func testOnlyCompactedTopicsAreCompacted(t *testing.T, b Backend) {
	t.Helper()
	config := CompactConfig()
	config.CleanupPolicy = logstore.CleanupDelete
	o := open(t, b, config)
	p, m := o.partition(0), NewCompactedLog()
	for i := range 100 {
		batch := KeyedBatch{Records: []string{fmt.Sprintf("k=%d", i)}, Timestamp: nowMs()}.Build(t)
		appendBatch(t, p, batch)
		m.Append(t, batch)
	}
	compact(t, p)
	if n := m.Check(t, p, 1000); n != 100 {
		t.Errorf("%d of 100 records", n)
	}
	both := *CompactConfig()
	both.CleanupPolicy, both.RetentionBytes = logstore.CleanupDelete|logstore.CleanupCompact, 0
	if err := o.store.Configure(o.topic.ID, &both); err != nil {
		t.Fatal(err)
	}
	compact(t, p)
	if n := m.Check(t, p, 1000); n >= 50 {
		t.Errorf("%d of 100 records", n)
	}
	if err := p.Maintain(context.Background(), logstore.Retention); err != nil {
		t.Fatal(err)
	}
	if got := p.Offsets(); got.LogStartOffset != 100 {
		t.Errorf("after retention: %+v", got)
	}
}

func testMinCompactionLag(t *testing.T, b Backend) {
	t.Helper()
	config := CompactConfig()
	config.MinCompactionLagMs = 3_600_000
	o := open(t, b, config)
	p, m := o.partition(0), NewCompactedLog()
	for i := range 100 {
		timestamp := int64(1)
		if i >= 50 {
			timestamp = nowMs()
		}
		batch := KeyedBatch{Records: []string{fmt.Sprintf("k=%d %050d", i, 0)}, Timestamp: timestamp}.Build(t)
		appendBatch(t, p, batch)
		m.Append(t, batch)
	}
	compact(t, p)
	if n := m.Check(t, p, 1000); n < 50 || n > 65 {
		t.Errorf("%d records, of which 50 are young", n)
	}
}

func testMaxCompactionLagRolls(t *testing.T, b Backend) {
	t.Helper()
	config := CompactConfig()
	config.MaxCompactionLagMs = 1
	o := open(t, b, config)
	p, m := o.partition(0), NewCompactedLog()
	for i := range 5 {
		batch := KeyedBatch{Records: []string{fmt.Sprintf("k=%d", i)}, Timestamp: 1}.Build(t)
		appendBatch(t, p, batch)
		m.Append(t, batch)
	}
	compact(t, p)
	if n := m.Check(t, p, 1000); n != 1 {
		t.Errorf("%d records of one key", n)
	}
}

// compactRun drives a store and models of its partitions with the same random steps.
type compactRun struct {
	driven
	logs []*CompactedLog
	tag  int
}

func (r *compactRun) append(i int32) {
	m := r.logs[i]
	r.tag++
	k := RandomKeyedBatch(r.random, r.tag, 20)
	if r.random.IntN(3) == 0 {
		k.ProducerID = 1 + int64(r.random.IntN(3))
		k.Sequence = m.Sequences[k.ProducerID]
	}
	batch := k.Build(r.t)
	ticket, err := r.partition(i).Append(batch, logstore.AppendOptions{Now: nowMs()})
	if err != nil || ticket.Result.BaseOffset != m.End() || ticket.Result.Duplicate {
		r.t.Fatalf("append at %d: %+v, %v", m.End(), ticket.Result, err)
	}
	m.Append(r.t, batch)
	end := m.End()
	r.pending = append(r.pending, pendingAppend{ticket, func() { m.Acked = max(m.Acked, end) }})
}

func (r *compactRun) delete(i int32) {
	r.settle(true)
	p, m := r.partition(i), r.logs[i]
	o := p.Offsets()
	start, err := p.DeleteBefore(context.Background(), o.LogStartOffset+r.random.Int64N((o.HighWatermark-o.LogStartOffset)/4+1))
	if err != nil {
		r.t.Fatal(err)
	}
	m.Start, m.Deleting = start, start
	if err := p.Maintain(context.Background(), logstore.Retention); err != nil {
		r.t.Fatal(err)
	}
}

func (r *compactRun) crash() {
	r.cut()
	for i, m := range r.logs {
		p := r.partition(int32(i))
		m.Recover(r.t, p, 1000)
		m.Sequences = map[int64]int32{}
		for _, s := range p.Producers() {
			m.Sequences[s.ProducerID] = s.LastSequence + 1
		}
	}
}

func (r *compactRun) step(crashes bool) {
	i := int32(r.random.IntN(len(r.logs)))
	switch n := r.random.IntN(100); {
	case n < 80:
		r.append(i)
	case n < 86:
		r.settle(true)
	case n < 91:
		compact(r.t, r.partition(i))
	case n < 94:
		r.settle(true)
		r.logs[i].Check(r.t, r.partition(i), 1+r.random.IntN(3000))
	case n < 96:
		r.delete(i)
	case n < 97:
		r.settle(true)
		r.reopen(r.backend)
	case n < 99 && crashes:
		r.settle(true)
		r.crash()
	}
}

func testCompactionModel(t *testing.T, b Backend) {
	t.Helper()
	crashes := b.Crash(rand.New(rand.NewPCG(1, 1))) != nil
	config := CompactConfig()
	r := &compactRun{driven: drive(t, b, config)}
	for range r.topic.Partitions {
		r.logs = append(r.logs, NewCompactedLog())
	}
	for range 1500 {
		r.step(crashes)
	}
	r.settle(true)
	for i, m := range r.logs {
		p := r.partition(int32(i))
		compact(t, p)
		m.Check(t, p, 1<<20)
	}
}
