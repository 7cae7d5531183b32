package logstoretest

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// txnBatch is one batch of a log in the model of transactions.
type txnBatch struct {
	base, last    int64
	producerID    int64 // 0: none
	epoch         int16
	baseSequence  int32
	transactional bool
	marker        bool
	aborts        bool
	pairs         map[string]string // records of keys, each once
}

// txnProducer is what a full scan of the log says of a producer.
type txnProducer struct {
	epoch int16
	next  int32 // sequence number
	first int64 // offset of the open transaction, -1 without one
}

// txnLog is the model of one partition: its batches, from which all else is computed anew by a full scan.
type txnLog struct {
	batches []txnBatch
	acked   int // batches that are known to be durable
}

func (l *txnLog) end() int64 {
	if len(l.batches) == 0 {
		return 0
	}
	return l.batches[len(l.batches)-1].last + 1
}

// scan reads the log from its start: producers, the aborted transactions by first offset, and which batches
// readers of committed records see below a last stable offset.
func (l *txnLog) scan() (producers map[int64]*txnProducer, stable int64, committed []txnBatch) {
	producers = map[int64]*txnProducer{}
	waiting := map[int64][]int{} // batches of open transactions
	visible := make([]bool, len(l.batches))
	for i, b := range l.batches {
		if b.producerID == 0 {
			visible[i] = true
			continue
		}
		p := producers[b.producerID]
		if p == nil {
			p = &txnProducer{first: -1}
			producers[b.producerID] = p
		}
		if p.epoch != b.epoch {
			p.epoch, p.next = b.epoch, 0
		}
		switch {
		case b.marker:
			for _, j := range waiting[b.producerID] {
				visible[j] = !b.aborts
			}
			delete(waiting, b.producerID)
			p.first = -1
		case b.transactional:
			if p.first < 0 {
				p.first = b.base
			}
			waiting[b.producerID] = append(waiting[b.producerID], i)
			p.next = b.baseSequence + int32(b.last-b.base) + 1
		default:
			visible[i] = true
			p.next = b.baseSequence + int32(b.last-b.base) + 1
		}
	}
	stable = l.end()
	for _, p := range producers {
		if p.first >= 0 {
			stable = min(stable, p.first)
		}
	}
	for i, b := range l.batches {
		if visible[i] && b.base < stable {
			committed = append(committed, b)
		}
	}
	return producers, stable, committed
}

// fold is the last value of each key.
func fold(batches []txnBatch) map[string]string {
	pairs := map[string]string{}
	for _, b := range batches {
		maps.Copy(pairs, b.pairs)
	}
	return pairs
}

// txnRun drives a store and models of its partitions with transactions.
type txnRun struct {
	driven
	logs     []*txnLog
	tag      int
	compacts bool
}

func newTxnRun(t *testing.T, b Backend, config *logstore.Config) *txnRun {
	t.Helper()
	r := &txnRun{driven: drive(t, b, config), compacts: config.CleanupPolicy.Has(logstore.CleanupCompact)}
	for range r.topic.Partitions {
		r.logs = append(r.logs, &txnLog{})
	}
	return r
}

func (r *txnRun) pick() (logstore.Partition, *txnLog) {
	i := r.random.IntN(len(r.logs))
	return r.partition(int32(i)), r.logs[i]
}

// write appends a batch of the model.
func (r *txnRun) write(p logstore.Partition, l *txnLog, b txnBatch, batch record.Batch, opts logstore.AppendOptions) {
	r.t.Helper()
	opts.Now = nowMs()
	ticket, err := p.Append(batch, opts)
	if err != nil {
		r.t.Fatalf("append of %+v: %v", b, err)
	}
	if ticket.Result.BaseOffset != l.end() || ticket.Result.Duplicate {
		r.t.Fatalf("append at %d: %+v", l.end(), ticket.Result)
	}
	b.base, b.last = ticket.Result.BaseOffset, ticket.Result.LastOffset
	l.batches = append(l.batches, b)
	count := len(l.batches)
	r.pending = append(r.pending, pendingAppend{ticket, func() { l.acked = max(l.acked, count) }})
}

// data appends records: of nobody, of an idempotent producer or in a transaction.
func (r *txnRun) data() {
	p, l := r.pick()
	r.tag++
	id := int64(r.random.IntN(6))
	b := txnBatch{pairs: map[string]string{}, producerID: id, transactional: id > 1}
	build := record.NewBuilder()
	var opts logstore.AppendOptions
	if id > 0 {
		producers, _, _ := l.scan()
		if known := producers[id]; known != nil {
			b.epoch, b.baseSequence = known.epoch, known.next
		}
		build.ProducerID, build.ProducerEpoch, build.BaseSequence, build.Transactional = id, b.epoch, b.baseSequence, b.transactional
		if b.transactional {
			v, ongoing, err := p.Verify(id, b.epoch, b.baseSequence, r.random.IntN(2) == 0)
			if open := producers[id] != nil && producers[id].first >= 0; err != nil || ongoing != open {
				r.t.Fatalf("verify producer %d: ongoing %v, want %v, %v", id, ongoing, open, err)
			}
			opts.Verification = v
		}
	}
	for i := range 1 + r.random.IntN(4) {
		// Producers have keys of their own, since what counts is the order of records and not that of markers.
		key, value := fmt.Sprintf("%d/%d/%d", id, i, r.random.IntN(3)), fmt.Sprintf("%d %0*d", r.tag, r.random.IntN(100), 7)
		b.pairs[key] = value
		build.Append(nowMs(), []byte(key), []byte(value))
	}
	batch, err := build.Build(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(p, l, b, batch, opts)
}

// mark ends a transaction, most often one that is open; with or without a new epoch.
func (r *txnRun) mark() {
	p, l := r.pick()
	producers, _, _ := l.scan()
	id := int64(2 + r.random.IntN(4))
	known := producers[id]
	if known == nil || known.first < 0 && r.random.IntN(10) > 0 {
		return
	}
	r.end(p, l, id, known.epoch)
}

func (r *txnRun) end(p logstore.Partition, l *txnLog, id int64, epoch int16) {
	r.t.Helper()
	m := Marker{ProducerID: id, ProducerEpoch: epoch, Aborts: r.random.IntN(2) == 0, Timestamp: nowMs()}
	if r.random.IntN(2) == 0 {
		m.TransactionVersion, m.ProducerEpoch = 2, epoch+1
	}
	r.write(p, l, txnBatch{producerID: id, epoch: m.ProducerEpoch, marker: true, aborts: m.Aborts}, m.Build(r.t), m.options())
}

// consume reads like a consumer of committed records, from an offset to the last stable offset, and returns what it hands to
// its user: by offset. It believes the list of aborted transactions as Kafka's Fetcher does.
func (r *txnRun) consume(p logstore.Partition, from int64, maxBytes int) map[int64][2]string {
	r.t.Helper()
	got := map[int64][2]string{}
	stable := p.Offsets().LastStableOffset
	for at := from; at < stable; {
		opts := logstore.ReadOptions{MaxBytes: maxBytes, AtLeast1: true, Isolation: logstore.ReadCommitted}
		content, f := read(r.t, p, at, opts)
		if len(content) == 0 {
			if !r.compacts {
				r.t.Fatalf("nothing at offset %d below the last stable offset %d", at, stable)
			}
			break // All that was behind it is compacted away.
		}
		if !slices.IsSortedFunc(f.Aborted, func(a, b logstore.AbortedTransaction) int { return int(a.FirstOffset - b.FirstOffset) }) {
			r.t.Fatalf("aborted transactions are not in order: %v", f.Aborted)
		}
		aborted, left := map[int64]bool{}, f.Aborted
		for _, b := range split(r.t, content) {
			for len(left) > 0 && left[0].FirstOffset <= b.LastOffset() {
				aborted[left[0].ProducerID], left = true, left[1:]
			}
			at = b.NextOffset()
			if b.BaseOffset() >= stable && b.BaseOffset() >= f.Offsets.LastStableOffset {
				r.t.Fatalf("batch at %d is beyond the last stable offset %d", b.BaseOffset(), stable)
			}
			r.hand(got, b, aborted, from)
		}
	}
	return got
}

// hand is what the consumer does with one batch.
func (r *txnRun) hand(got map[int64][2]string, b record.Batch, aborted map[int64]bool, from int64) {
	r.t.Helper()
	if b.Attributes().IsControl() {
		if b.Count() == 0 {
			return
		}
		m, err := b.Marker()
		if err != nil {
			r.t.Fatal(err)
		}
		if m.Type == record.ControlAbort {
			delete(aborted, b.ProducerID())
		}
		return
	}
	if b.Attributes().IsTransactional() && aborted[b.ProducerID()] {
		return
	}
	for x, err := range b.Records(1 << 20) {
		if err != nil {
			r.t.Fatal(err)
		}
		if offset := b.BaseOffset() + int64(x.OffsetDelta); offset >= from {
			got[offset] = [2]string{string(x.Key), string(x.Value)}
		}
	}
}

// check compares what a consumer gets with a full scan of the model, where everything is durable.
func (r *txnRun) check(p logstore.Partition, l *txnLog) {
	r.t.Helper()
	producers, stable, committed := l.scan()
	o := p.Offsets()
	if o.LogEndOffset != l.end() || o.HighWatermark != o.LogEndOffset || o.LastStableOffset != stable {
		r.t.Fatalf("%+v, want end %d and last stable offset %d", o, l.end(), stable)
	}
	from := int64(0)
	if stable > 0 && r.random.IntN(3) > 0 {
		from = r.random.Int64N(stable)
	}
	got := r.consume(p, from, 1+r.random.IntN(3000))
	n := 0
	for _, b := range committed {
		for offset := max(b.base, from); offset <= b.last; offset++ {
			if x, ok := got[offset]; !ok && !r.compacts || ok && b.pairs[x[0]] != x[1] {
				r.t.Fatalf("consumer got %q at offset %d of batch %+v", x, offset, b)
			} else if ok {
				n++
			}
		}
	}
	if n != len(got) {
		r.t.Fatalf("consumer got %d records, of which %d are of committed transactions", len(got), n)
	}
	if r.compacts {
		r.checkPairs(p, committed)
	}
	for _, s := range p.Producers() {
		want := producers[s.ProducerID]
		if want == nil || want.epoch != s.ProducerEpoch || want.first != s.CurrentTxnStartOffset || want.next != s.LastSequence+1 {
			r.t.Fatalf("producer %+v, want %+v", s, want)
		}
	}
}

// checkPairs compares the last value of each key.
func (r *txnRun) checkPairs(p logstore.Partition, committed []txnBatch) {
	r.t.Helper()
	got := map[string]string{}
	all := r.consume(p, 0, 5000)
	for _, offset := range slices.Sorted(maps.Keys(all)) {
		got[all[offset][0]] = all[offset][1]
	}
	if want := fold(committed); !maps.Equal(got, want) {
		r.t.Fatalf("values %v, want %v", got, want)
	}
}

func (r *txnRun) checkAll() {
	r.t.Helper()
	r.settle(true)
	for i, l := range r.logs {
		r.check(r.partition(int32(i)), l)
	}
}

func (r *txnRun) compact() {
	r.settle(true)
	p, l := r.pick()
	if err := p.Maintain(r.t.Context(), logstore.Compaction); err != nil {
		r.t.Fatal(err)
	}
	r.check(p, l)
}

func (r *txnRun) restart() {
	r.settle(true)
	r.reopen(r.backend)
	for _, l := range r.logs {
		l.acked = len(l.batches)
	}
	r.checkAll()
}

// crash cuts the power and goes on with what is left, which is a beginning of what there was.
func (r *txnRun) crash() {
	r.settle(false)
	r.cut()
	for i, l := range r.logs {
		end := r.partition(int32(i)).Offsets().LogEndOffset
		survived := len(l.batches)
		for survived > 0 && l.batches[survived-1].last >= end {
			survived--
		}
		if survived < l.acked {
			r.t.Fatalf("partition %d ends at %d, but %d batches were acknowledged, up to %d", i, end, l.acked, l.batches[l.acked-1].last)
		}
		l.batches = l.batches[:survived:survived]
		l.acked = survived
	}
	r.checkAll()
}

// txnWeights are how often each kind of step is chosen.
type txnWeights struct{ data, mark, settle, check, compact, restart, crash int }

// play does n random steps, then ends all transactions.
func (r *txnRun) play(n int, w txnWeights) {
	r.t.Helper()
	r.steps(
		n, step{w.data, r.data}, step{w.mark, r.mark}, step{w.settle, func() { r.settle(r.random.IntN(2) == 0) }}, step{w.check, r.checkAll},
		step{w.compact, r.compact}, step{w.restart, r.restart}, step{w.crash, r.crash},
	)
	for i, l := range r.logs {
		producers, _, _ := l.scan()
		for _, id := range slices.Sorted(maps.Keys(producers)) {
			if known := producers[id]; known.first >= 0 {
				r.end(r.partition(int32(i)), l, id, known.epoch)
			}
		}
	}
	r.checkAll()
	for i := range r.logs {
		if o := r.partition(int32(i)).Offsets(); o.LastStableOffset != o.HighWatermark {
			r.t.Errorf("partition %d at rest: %+v", i, o)
		}
	}
}

func testTransactionModel(t *testing.T, b Backend) {
	t.Helper()
	r := newTxnRun(t, b, modelConfig())
	r.play(1500, txnWeights{data: 60, mark: 30, settle: 5, check: 5, restart: 1})
}

func testTransactionModelPageCache(t *testing.T, b Backend) {
	t.Helper()
	config := modelConfig()
	config.FlushMessages = math.MaxInt64
	r := newTxnRun(t, b, config)
	r.play(1500, txnWeights{data: 60, mark: 30, check: 5, restart: 1})
}

func testTransactionModelWithCompaction(t *testing.T, b Backend) {
	t.Helper()
	config := modelConfig()
	config.CleanupPolicy, config.DeleteRetentionMs = logstore.CleanupCompact, 0
	config.SegmentBytes = 2000
	r := newTxnRun(t, b, config)
	r.play(800, txnWeights{data: 60, mark: 30, settle: 5, compact: 5, restart: 1})
}

func testTransactionModelWithCrashes(t *testing.T, b Backend) {
	t.Helper()
	if b.Crash(rand.New(rand.NewPCG(1, 1))) == nil {
		t.Skip("this storage can't be cut off")
	}
	r := newTxnRun(t, b, modelConfig())
	r.play(1200, txnWeights{data: 60, mark: 30, settle: 10, restart: 1, crash: 3})
}

// testTransactionsCrashAfterEveryAppend cuts the power after each single append.
func testTransactionsCrashAfterEveryAppend(t *testing.T, b Backend) {
	t.Helper()
	if b.Crash(rand.New(rand.NewPCG(1, 1))) == nil {
		t.Skip("this storage can't be cut off")
	}
	config := modelConfig()
	config.SegmentBytes = 1200
	r := newTxnRun(t, b, config)
	for range 120 {
		if r.random.IntN(3) == 0 {
			r.mark()
		} else {
			r.data()
		}
		if r.random.IntN(2) == 0 {
			r.settle(true)
		}
		r.crash()
	}
}
