package coordinator

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// pendingPair is a record of a transaction that has not ended.
type pendingPair struct {
	producerID int64
	pair
}

func (p *pairs) ReplayTransactional(offset, producerID int64, r pair) error {
	switch {
	case offset <= p.last:
		return errors.New("offset goes back")
	case r.key == "nonsense":
		return errRefusedRecord
	}
	p.last = offset
	p.pending = append(p.pending, pendingPair{producerID, r})
	return nil
}

func (p *pairs) ReplayEndTransaction(producerID int64, _ int16, commit bool) {
	var left []pendingPair
	for _, r := range p.pending {
		switch {
		case r.producerID != producerID:
			left = append(left, r)
		case commit && r.deleted:
			delete(p.values, r.key)
		case commit:
			p.values[r.key] = r.value
		}
	}
	p.pending = left
}

// in submits a command that writes records in a transaction.
func (r *testRuntime) in(t *Transaction, key string, records ...pair) *outcome {
	o := &outcome{done: make(chan struct{})}
	r.Submit(key, Command[*pairs, pair]{
		Key: key, Shared: true,
		Decide: func(p *pairs) Decision[pair] {
			o.saw = p.values[key]
			return Decision[pair]{Records: records, Transaction: t, Answer: o.finish}
		},
		Refused: func(err error) {
			o.refused = true
			o.finish(err)
		},
	})
	return o
}

// sets writes a value in the transaction of a producer.
func (r *testRuntime) sets(producerID int64, epoch int16, key, value string) *outcome {
	t := &Transaction{ProducerID: producerID, ProducerEpoch: epoch, Verification: logstore.VerificationOff}
	return r.in(t, key, pair{key: key, value: value})
}

// ends ends the transaction of a producer.
func (r *testRuntime) ends(producerID int64, epoch int16, coordinatorEpoch int32, commit bool) *outcome {
	return r.in(&Transaction{ProducerID: producerID, ProducerEpoch: epoch, End: &TransactionEnd{Commit: commit, CoordinatorEpoch: coordinatorEpoch}}, "")
}

// batchesOf is what the batches of a partition are, in short.
func batchesOf(t *testing.T, topic *testTopic) string {
	t.Helper()
	p, err := topic.Partition(0)
	if err != nil {
		t.Fatal(err)
	}
	var batches []string
	coordinatortest.EachBatch(t, p, new(int64), func(b record.Batch) { batches = append(batches, batchText(t, b)) })
	return strings.Join(batches, " | ")
}

func batchText(t *testing.T, b record.Batch) string {
	t.Helper()
	var words []string
	if b.Attributes().IsTransactional() {
		words = append(words, fmt.Sprintf("%d/%d:", b.ProducerID(), b.ProducerEpoch()))
	}
	if b.Attributes().IsControl() {
		m, err := b.Marker()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(append(words, m.Type.String()), " ")
	}
	for r, err := range b.Records(record.DefaultLimit(len(b))) {
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, string(r.Key)+"="+string(r.Value))
	}
	return strings.Join(words, " ")
}

func TestProducersNeverShareABatch(t *testing.T) {
	gated(t, func(r *testRuntime, g *gate) {
		all := []*outcome{r.set("a", "1")}
		synctest.Wait()
		all = append(
			all, r.do("b", true, pair{key: "b", value: "1"}), r.sets(7, 0, "c", "1"), r.sets(7, 0, "d", "1"), r.sets(8, 3, "c", "2"),
			r.do("b", true, pair{key: "b", value: "2"}), r.do("e", true, pair{key: "e", value: "2"}), r.ends(7, 0, 0, true),
			r.do("b", true, pair{key: "b", value: "3"}), r.ends(8, 3, 0, false),
		)
		synctest.Wait()
		topic := r.options.Topic.(*testTopic)
		// A transaction waits for no commit: only the order counts.
		wantValue(t, "log", batchesOf(t, topic), "a=1 | b=1 | 7/0: c=1 | 7/0: d=1 | 8/3: c=2 | b=2 e=2 | 7/0: COMMIT | b=3 | 8/3: ABORT")
		reader := r.do("x", false)
		synctest.Wait()
		if reader.told() || all[0].told() {
			t.Error("told before the end of a transaction is durable")
		}
		for range 9 {
			g.release(nil)
		}
		wantErr(t, reader, nil)
		for _, o := range all {
			wantErr(t, o, nil)
		}
		wantValue(t, "b", r.get("b"), "3")
		wantValue(t, "c", r.get("c"), "1")
		wantValue(t, "d", r.get("d"), "1")
	})
}

func TestTransactionsComeBackAsTheyWere(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 1)
	defer topic.Close(t)
	r := newTestRuntime(t, topic)
	restart := func() {
		r.stop()
		r = newTestRuntime(t, topic)
	}
	wantDone := func(o *outcome) {
		t.Helper()
		if err := o.wait(); err != nil {
			t.Fatal(err)
		}
	}
	wantDone(r.set("a", "0"))
	wantDone(r.sets(1, 0, "a", "1"))
	wantDone(r.sets(2, 0, "b", "2"))
	wantDone(r.sets(3, 0, "c", "3"))
	restart()
	wantValue(t, "a of an open transaction", r.get("a"), "0")
	wantDone(r.ends(1, 0, 0, true))
	wantDone(r.ends(2, 0, 0, false))
	restart()
	wantValue(t, "a", r.get("a"), "1")
	wantValue(t, "b", r.get("b"), "")
	wantDone(r.sets(3, 0, "c", "4"))
	wantDone(r.sets(2, 0, "b", "5"))
	wantDone(r.ends(3, 0, 0, true))
	wantDone(r.ends(2, 0, 0, true))
	wantDone(r.ends(2, 0, 0, false)) // Repeated, as it were.
	restart()
	wantValue(t, "b", r.get("b"), "5")
	wantValue(t, "c", r.get("c"), "4")
	if r.Skipped() != 0 {
		t.Errorf("%d skipped", r.Skipped())
	}
	r.stop()
}

func TestWhatALogRefusesLeavesTheState(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 1)
	defer topic.Close(t)
	r := newTestRuntime(t, topic)
	defer r.stop()
	refused := func(o *outcome, want error) {
		t.Helper()
		if err := o.wait(); !errors.Is(err, want) || o.refused {
			t.Errorf("error %v, want %v", err, want)
		}
	}
	refused(r.sets(1, 5, "a", "1"), nil)
	refused(r.sets(1, 4, "a", "2"), logstore.ErrInvalidProducerEpoch)
	refused(r.ends(1, 4, 0, true), logstore.ErrInvalidProducerEpoch)
	refused(r.in(&Transaction{ProducerID: 2}, "a", pair{key: "a", value: "3"}), logstore.ErrInvalidTxnState)
	refused(r.ends(1, 5, 8, true), nil)
	refused(r.ends(1, 5, 7, true), logstore.ErrCoordinatorFenced)
	wantValue(t, "a", r.get("a"), "1")
	if len(r.machines) != 1 {
		t.Errorf("%d machines", len(r.machines))
	}
}

// plain is a machine that knows no transactions.
type plain struct{ pairs *pairs }

func (p plain) Replay(offset int64, r pair) error { return p.pairs.Replay(offset, r) }
func (p plain) Loaded()                           {}
func (p plain) Unloaded(error)                    {}

func TestMachinesWithoutTransactionsSkipThem(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 1)
	defer topic.Close(t)
	writer := newTestRuntime(t, topic)
	for _, o := range []*outcome{writer.sets(1, 0, "a", "1"), writer.set("b", "1"), writer.ends(1, 0, 0, true)} {
		if err := o.wait(); err != nil {
			t.Fatal(err)
		}
	}
	writer.stop()
	p := plain{&pairs{values: map[string]string{}, last: -1}}
	r := New(Options[plain, pair]{
		Topic: topic, Format: pairFormat{}, Log: slog.New(slog.DiscardHandler), New: func(int32, *Timers[plain, pair]) plain { return p },
	})
	told := make(chan error, 1)
	r.Submit("b", Command[plain, pair]{Decide: func(plain) Decision[pair] {
		return Decision[pair]{Transaction: &Transaction{End: &TransactionEnd{}}, Answer: func(err error) { told <- err }}
	}})
	if err := <-told; !errors.Is(err, ErrFailed) {
		t.Errorf("a transaction ends: %v", err)
	}
	if len(p.pairs.values) != 1 || r.Skipped() != 2 {
		t.Errorf("%v, %d skipped", p.pairs.values, r.Skipped())
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLoadingKnowsWhatIsLeftOfMarkers(t *testing.T) {
	in := func(b *record.Builder) { b.ProducerID, b.ProducerEpoch, b.Transactional = 1, 0, true }
	b := record.NewBuilder()
	in(b)
	b.Append(1, []byte("a"), []byte("1"))
	data, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	marker, err := record.NewMarkerBatch(record.EndTransactionMarker{Type: record.ControlCommit}, 1, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	marker.SetBaseOffset(1)
	empty := record.AppendEmpty(nil, marker.Header())
	in(b)
	b.Control, b.BaseOffset = true, 1
	b.Append(1, []byte("strange"), nil)
	strange, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what    string
		log     []byte
		from    int64
		want    string
		skipped int64
	}{
		{"a marker", slices.Concat(data, marker), 0, "1", 0},
		{"an empty one", slices.Concat(data, empty), 0, "", 0},
		{"one that makes no sense", slices.Concat(data, strange), 0, "", 1},
		{"its transaction was deleted", slices.Concat(data, marker), 1, "", 0},
	} {
		r := newTestRuntime(t, &testTopic{})
		m := &pairs{values: map[string]string{}, last: -1}
		l := loader[*pairs, pair]{shard: newShard(r.Runtime, 0), machine: m, offset: c.from}
		if err := l.replayAll(c.log); err != nil {
			t.Fatal(err)
		}
		if m.values["a"] != c.want || l.skipped != c.skipped {
			t.Errorf("%s: a is %q, %d skipped (%v)", c.what, m.values["a"], l.skipped, l.reason)
		}
	}
}
