package logstoretest

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// Log is what one partition should be: a slice of batches. It is the reference model that a store is
// compared with.
type Log struct {
	Batches []record.Batch // as they are in the log
	// Acked is how many of them are known to be durable.
	Acked int
	Start int64
	// Deleting is where the log will start after a deletion that is under way.
	Deleting int64
	// sequences are the next sequence numbers by producer.
	sequences map[int64]int32
}

// NewLog is an empty log.
func NewLog() *Log { return &Log{sequences: map[int64]int32{}} }

// Clone is a copy that shares the batches.
func (m *Log) Clone() *Log {
	return &Log{
		Batches: slices.Clip(m.Batches), Acked: m.Acked, Start: m.Start, Deleting: m.Deleting, sequences: maps.Clone(m.sequences),
	}
}

// NextSequence is the sequence number that a producer goes on with.
func (m *Log) NextSequence(producerID int64) int32 { return m.sequences[producerID] }

// End is the log end offset. A log that lost its last batches in a crash ends where it starts at least.
func (m *Log) End() int64 {
	if len(m.Batches) == 0 {
		return m.Start
	}
	return max(m.Batches[len(m.Batches)-1].NextOffset(), m.Start)
}

// Append notes a batch that was appended.
func (m *Log) Append(batch record.Batch) {
	m.Batches = append(m.Batches, bytes.Clone(batch))
	if id := batch.ProducerID(); id >= 0 {
		m.sequences[id] = batch.LastSequence() + 1
	}
}

// Cut forgets all batches but the first n, after a crash.
func (m *Log) Cut(n int) {
	m.Batches = m.Batches[:n:n] // clones share what is behind
	m.Acked = n
	m.sequences = map[int64]int32{}
	for _, b := range m.Batches {
		if id := b.ProducerID(); id >= 0 {
			m.sequences[id] = b.LastSequence() + 1
		}
	}
}

// at is the index of the batch that contains an offset.
func (m *Log) at(offset int64) int {
	for i, b := range m.Batches {
		if b.LastOffset() >= offset {
			return i
		}
	}
	return len(m.Batches)
}

// Check compares a partition with the model: offsets, and every byte that can be read.
func (m *Log) Check(tb testing.TB, p logstore.Partition, maxBytes int) {
	tb.Helper()
	o := p.Offsets()
	if o.LogEndOffset != m.End() || o.LogStartOffset != m.Start {
		tb.Fatalf("log from %d to %d, want %d to %d", o.LogStartOffset, o.LogEndOffset, m.Start, m.End())
	}
	got := readAll(tb, p, m.Start, maxBytes)
	want := m.Batches[m.at(m.Start):m.at(o.HighWatermark)]
	for i := range min(len(got), len(want)) {
		if got[i].BaseOffset() != want[i].BaseOffset() {
			tb.Fatalf("batch %d of %d is at offset %d, want one of %d at %d", i, len(got), got[i].BaseOffset(), len(want), want[i].BaseOffset())
		}
	}
	if len(got) != len(want) {
		tb.Fatalf("%d batches from %d to %d, want %d", len(got), m.Start, o.HighWatermark, len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			tb.Fatalf("batch %d at offset %d differs:\n%x\n%x", i, want[i].BaseOffset(), got[i][:min(len(got[i]), 80)], want[i][:min(len(want[i]), 80)])
		}
	}
}

// Recover compares a partition with the model after a crash and adopts what survived: everything that
// was acknowledged, and maybe more, but nothing that wasn't appended, and nothing in another order.
func (m *Log) Recover(tb testing.TB, p logstore.Partition) {
	tb.Helper()
	o := p.Offsets()
	if o.LogStartOffset < m.Start {
		tb.Fatalf("log starts at %d, but was deleted up to %d", o.LogStartOffset, m.Start)
	}
	survived := len(m.Batches)
	for survived > 0 && m.Batches[survived-1].NextOffset() > o.LogEndOffset {
		survived--
	}
	if survived < m.Acked {
		tb.Fatalf("log ends at %d, but %d was acknowledged", o.LogEndOffset, m.Batches[m.Acked-1].NextOffset())
	}
	acked := m.Acked
	m.Cut(survived)
	// Records may have been deleted before they were durable; then the log may be empty behind them.
	if m.End() != o.LogEndOffset && o.LogStartOffset != o.LogEndOffset {
		tb.Fatalf("log ends at %d, the last batch at %d", o.LogEndOffset, m.End())
	}
	// A log of which nothing was acknowledged may have lost its beginning.
	if o.LogStartOffset > max(m.Start, m.Deleting) && acked > 0 {
		tb.Fatalf("log starts at %d, but was deleted up to %d", o.LogStartOffset, m.Start)
	}
	if o.HighWatermark != o.LogEndOffset {
		tb.Fatalf("after recovery: %+v", o)
	}
	m.Start = o.LogStartOffset
	m.Check(tb, p, 10_000)
	m.checkSequences(tb, p)
}

// checkSequences compares what the store knows of producers.
func (m *Log) checkSequences(tb testing.TB, p logstore.Partition) {
	tb.Helper()
	known := map[int64]int32{}
	for _, s := range p.Producers() {
		known[s.ProducerID] = s.LastSequence + 1
	}
	for id, next := range m.sequences {
		if got, ok := known[id]; !ok || got != next {
			// Deleted records may take the knowledge of their producer with them.
			if m.Start == 0 {
				tb.Fatalf("producer %d goes on at %d, want %d", id, got, next)
			}
		}
	}
}

// Seed is the seed of a random test: fresh, or CLATTER_SEED. It is printed if the test fails.
func Seed(tb testing.TB) uint64 {
	tb.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("CLATTER_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			tb.Fatalf("CLATTER_SEED: %v", err)
		}
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("repeat with CLATTER_SEED=%d", seed)
		}
	})
	return seed
}

// run drives a store and models of its partitions with the same random steps.
type run struct {
	driven
	logs []*Log
	tag  int
}

func newRun(t *testing.T, b Backend, config *logstore.Config) *run {
	t.Helper()
	r := &run{driven: drive(t, b, config)}
	for range r.topic.Partitions {
		r.logs = append(r.logs, NewLog())
	}
	return r
}

// pick chooses a partition and its model.
func (r *run) pick() (logstore.Partition, *Log) {
	i := r.random.IntN(len(r.logs))
	return r.partition(int32(i)), r.logs[i]
}

func (r *run) append() {
	p, m := r.pick()
	r.tag++
	b := Batch{
		Records: 1 + r.random.IntN(5), Size: r.random.IntN(300), Timestamp: nowMs() + int64(r.tag), Tag: r.tag,
		Codec: record.Codec(r.random.IntN(5)),
	}
	if r.random.IntN(2) == 0 {
		b.ProducerID = int64(1 + r.random.IntN(3))
		b.BaseSequence = m.sequences[b.ProducerID]
	}
	batch := b.Build(r.t)
	ticket, err := p.Append(batch, logstore.AppendOptions{Now: nowMs()})
	if err != nil {
		r.t.Fatalf("append: %v", err)
	}
	if ticket.Result.BaseOffset != m.End() || ticket.Result.Duplicate {
		r.t.Fatalf("append at %d: %+v", m.End(), ticket.Result)
	}
	m.Append(batch)
	count := len(m.Batches)
	r.pending = append(r.pending, pendingAppend{ticket, func() { m.Acked = max(m.Acked, count) }})
}

func (r *run) repeat() {
	p, m := r.pick()
	// One of the last batches of some producer, as a client sends it again.
	for _, b := range slices.Backward(m.Batches) {
		if b.ProducerID() < 0 || b.LastSequence()+1 != m.sequences[b.ProducerID()] {
			continue
		}
		again := bytes.Clone(b)
		ticket, err := p.Append(again, logstore.AppendOptions{Now: nowMs()})
		if err != nil || !ticket.Result.Duplicate || ticket.Result.BaseOffset != b.BaseOffset() {
			r.t.Fatalf("batch at %d repeated: %+v, %v", b.BaseOffset(), ticket.Result, err)
		}
		return
	}
}

func (r *run) read() {
	p, m := r.pick()
	o := p.Offsets()
	if o.HighWatermark == o.LogStartOffset {
		return
	}
	offset := o.LogStartOffset + r.random.Int64N(o.HighWatermark-o.LogStartOffset)
	opts := logstore.ReadOptions{MaxBytes: r.random.IntN(3000), AtLeast1: r.random.IntN(2) == 0, Isolation: logstore.Isolation(r.random.IntN(2))}
	content, _ := read(r.t, p, offset, opts)
	i := m.at(offset)
	for _, b := range split(r.t, content) {
		if !bytes.Equal(b, m.Batches[i]) {
			r.t.Fatalf("read at %d: batch at %d differs from that at %d", offset, b.BaseOffset(), m.Batches[i].BaseOffset())
		}
		i++
	}
	if len(content) == 0 && (opts.AtLeast1 || len(m.Batches[i]) <= opts.MaxBytes) {
		r.t.Fatalf("read at %d with %+v: nothing, the batch has %d bytes", offset, opts, len(m.Batches[i]))
	}
	if len(content) > opts.MaxBytes && i > m.at(offset)+1 {
		r.t.Fatalf("read at %d with %+v: %d bytes in %d batches", offset, opts, len(content), i-m.at(offset))
	}
}

func (r *run) deleteRecords() {
	p, m := r.pick()
	o := p.Offsets()
	offset := o.LogStartOffset + r.random.Int64N((o.HighWatermark-o.LogStartOffset)/4+1)
	start, err := p.DeleteBefore(r.t.Context(), offset)
	if err != nil || start != offset {
		r.t.Fatalf("delete before %d: %d, %v", offset, start, err)
	}
	m.Start = offset
	if r.random.IntN(2) == 0 {
		if err := p.Maintain(r.t.Context(), logstore.Retention); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *run) outOfRange() {
	p, m := r.pick()
	for _, offset := range []int64{m.Start - 1, m.End() + 1} {
		if _, err := p.Read(offset, logstore.ReadOptions{MaxBytes: 1}); !errors.Is(err, logstore.ErrOffsetOutOfRange) {
			r.t.Fatalf("read at %d of a log from %d to %d: %v", offset, m.Start, m.End(), err)
		}
	}
}

func (r *run) flush() {
	p, m := r.pick()
	if err := p.Maintain(r.t.Context(), logstore.Flush); err != nil {
		r.t.Fatal(err)
	}
	m.Acked = len(m.Batches)
}

func (r *run) restart() {
	r.settle(true)
	r.reopen(r.backend)
	for i, m := range r.logs {
		m.Acked = len(m.Batches)
		m.Check(r.t, r.partition(int32(i)), 1+r.random.IntN(5000))
		m.checkSequences(r.t, r.partition(int32(i)))
	}
}

// crash cuts the power and goes on with what is left.
func (r *run) crash() {
	r.settle(false)
	r.cut()
	for i, m := range r.logs {
		m.Recover(r.t, r.partition(int32(i)))
	}
}

// weights are how often each kind of step is chosen.
type weights struct{ append, repeat, read, delete, outOfRange, flush, settle, restart, crash int }

func (r *run) play(n int, w weights) {
	r.t.Helper()
	r.steps(
		n, step{w.append, r.append}, step{w.repeat, r.repeat}, step{w.read, r.read}, step{w.delete, r.deleteRecords},
		step{w.outOfRange, r.outOfRange}, step{w.flush, r.flush}, step{w.settle, func() { r.settle(r.random.IntN(2) == 0) }},
		step{w.restart, r.restart}, step{w.crash, r.crash},
	)
	r.settle(true)
	for i, m := range r.logs {
		m.Check(r.t, r.partition(int32(i)), 5000)
	}
}

func modelConfig() *logstore.Config {
	config := Config()
	config.SegmentBytes, config.IndexIntervalBytes, config.SegmentIndexBytes = 5000, 500, 80
	config.RetentionMs = -1
	return config
}

func testModel(t *testing.T, b Backend) {
	t.Helper()
	r := newRun(t, b, modelConfig())
	r.play(4000, weights{append: 60, repeat: 5, read: 40, delete: 1, outOfRange: 2, settle: 10, restart: 1})
}

func testModelPageCache(t *testing.T, b Backend) {
	t.Helper()
	config := modelConfig()
	config.FlushMessages = math.MaxInt64
	r := newRun(t, b, config)
	r.play(4000, weights{append: 60, repeat: 5, read: 40, delete: 1, outOfRange: 2, flush: 2, restart: 1})
}

func testModelWithCrashes(t *testing.T, b Backend) {
	t.Helper()
	if b.Crash(rand.New(rand.NewPCG(1, 1))) == nil {
		t.Skip("this storage can't be cut off")
	}
	r := newRun(t, b, modelConfig())
	r.play(3000, weights{append: 60, repeat: 5, read: 20, delete: 1, outOfRange: 1, settle: 10, restart: 1, crash: 2})
}
