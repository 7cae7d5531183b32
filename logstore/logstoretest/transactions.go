package logstoretest

import (
	"errors"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// Marker describes a control batch that ends a transaction.
type Marker struct {
	ProducerID       int64
	ProducerEpoch    int16
	CoordinatorEpoch int32
	Aborts           bool
	Timestamp        int64
	// TransactionVersion is told to the log and not in the batch.
	TransactionVersion int16
}

// Build makes the control batch.
func (m Marker) Build(tb testing.TB) record.Batch {
	tb.Helper()
	end := record.EndTransactionMarker{Type: record.ControlCommit, CoordinatorEpoch: m.CoordinatorEpoch}
	if m.Aborts {
		end.Type = record.ControlAbort
	}
	b, err := record.NewMarkerBatch(end, m.ProducerID, m.ProducerEpoch, m.Timestamp)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// options are those that a coordinator appends the marker with.
func (m Marker) options() logstore.AppendOptions {
	return logstore.AppendOptions{Now: nowMs(), Origin: logstore.Coordinator, TransactionVersion: m.TransactionVersion}
}

// appendWith appends and waits.
func appendWith(tb testing.TB, p logstore.Partition, batch []byte, opts logstore.AppendOptions) logstore.AppendResult {
	tb.Helper()
	ticket, err := p.Append(batch, opts)
	if err != nil {
		tb.Fatalf("append: %v", err)
	}
	result, err := ticket.Wait(tb.Context())
	if err != nil {
		tb.Fatalf("commit: %v", err)
	}
	return result
}

// end appends a marker and waits.
func end(tb testing.TB, p logstore.Partition, m Marker) {
	tb.Helper()
	appendWith(tb, p, m.Build(tb), m.options())
}

// begin appends the first batch of a transaction as after the coordinator's consent, and waits.
func begin(tb testing.TB, p logstore.Partition, b Batch) {
	tb.Helper()
	b.Transactional = true
	v, ongoing, err := p.Verify(b.ProducerID, b.ProducerEpoch, b.BaseSequence, false)
	if err != nil || ongoing {
		tb.Fatalf("verify: ongoing %v, %v", ongoing, err)
	}
	appendWith(tb, p, b.Build(tb), logstore.AppendOptions{Now: nowMs(), Verification: v})
}

// wantStable checks the last stable offset, where everything is durable.
func wantStable(tb testing.TB, p logstore.Partition, want int64) {
	tb.Helper()
	o := p.Offsets()
	if o.HighWatermark != o.LogEndOffset || o.LastStableOffset != want {
		tb.Errorf("last stable offset is not %d: %+v", want, o)
	}
}

func testTransactionsAreRefused(t *testing.T, b Backend) {
	t.Helper()
	p := open(t, b, Config()).partition(0)
	_, err := p.Append(Batch{ProducerID: 7, Transactional: true}.Build(t), logstore.AppendOptions{})
	if !errors.Is(err, logstore.ErrInvalidTxnState) {
		t.Errorf("transactional batch without a transaction: %v", err)
	}
	if err := p.Maintain(t.Context(), logstore.ExpireProducers); err != nil {
		t.Error(err)
	}
	opts := logstore.AppendOptions{Verification: logstore.VerificationOff}
	appendWith(t, p, Batch{ProducerID: 7, Transactional: true}.Build(t), opts)
}

func testTransactionsNeedVerification(t *testing.T, b Backend) {
	t.Helper()
	p := open(t, b, Config()).partition(0)
	first := Batch{ProducerID: 7, Transactional: true}
	v, ongoing, err := p.Verify(7, 0, 0, false)
	if err != nil || ongoing {
		t.Fatalf("verify: ongoing %v, %v", ongoing, err)
	}
	appendWith(t, p, first.Build(t), logstore.AppendOptions{Verification: v})
	if _, ongoing, err = p.Verify(7, 0, 1, false); err != nil || !ongoing {
		t.Errorf("verify in the transaction: ongoing %v, %v", ongoing, err)
	}
	second := Batch{ProducerID: 7, Transactional: true, BaseSequence: 1}
	appendWith(t, p, second.Build(t), logstore.AppendOptions{})
	end(t, p, Marker{ProducerID: 7})
	third := Batch{ProducerID: 7, Transactional: true, BaseSequence: 2}
	for _, stale := range []logstore.Verification{v, logstore.Unverified} {
		if _, err := p.Append(third.Build(t), logstore.AppendOptions{Verification: stale}); !errors.Is(err, logstore.ErrInvalidTxnState) {
			t.Errorf("late batch: %v", err)
		}
	}
	if r := appendWith(t, p, first.Build(t), logstore.AppendOptions{}); !r.Duplicate || r.BaseOffset != 0 {
		t.Errorf("repeated batch: %+v", r)
	}
	// A marker between the question and the batch makes the answer worthless.
	if v, _, err = p.Verify(7, 0, 2, false); err != nil {
		t.Fatal(err)
	}
	end(t, p, Marker{ProducerID: 7, Aborts: true})
	if _, err := p.Append(third.Build(t), logstore.AppendOptions{Verification: v}); !errors.Is(err, logstore.ErrInvalidTxnState) {
		t.Errorf("batch after its transaction has ended: %v", err)
	}
	if _, _, err := p.Verify(7, -1, 0, false); !errors.Is(err, logstore.ErrInvalidProducerEpoch) {
		t.Errorf("old epoch: %v", err)
	}
}

func testMarkersAreOfCoordinators(t *testing.T, b Backend) {
	t.Helper()
	p := open(t, b, Config()).partition(0)
	marker := Marker{ProducerID: 7, ProducerEpoch: 3, CoordinatorEpoch: 5}
	if _, err := p.Append(marker.Build(t), logstore.AppendOptions{}); !errors.Is(err, record.ErrInvalidMarker) {
		t.Errorf("marker of a client: %v", err)
	}
	begin(t, p, Batch{ProducerID: 7, ProducerEpoch: 3})
	for _, c := range []struct {
		name   string
		marker Marker
		want   error
	}{
		{"old epoch", Marker{ProducerID: 7, ProducerEpoch: 2}, logstore.ErrInvalidProducerEpoch},
		{"epoch of the transaction where it must be raised", Marker{ProducerID: 7, ProducerEpoch: 3, TransactionVersion: 2}, logstore.ErrInvalidProducerEpoch},
	} {
		if _, err := p.Append(c.marker.Build(t), c.marker.options()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	wantStable(t, p, 0)
	end(t, p, marker)
	wantStable(t, p, 2)
	old := marker
	old.CoordinatorEpoch--
	if _, err := p.Append(old.Build(t), old.options()); !errors.Is(err, logstore.ErrCoordinatorFenced) {
		t.Errorf("marker of an old coordinator: %v", err)
	}
	end(t, p, marker) // repeated
	wantStable(t, p, 3)
	end(t, p, Marker{ProducerID: 8, Aborts: true}) // of a producer that wrote nothing
	wantStable(t, p, 4)
}

func testMarkersMoveTheLastStableOffset(t *testing.T, b Backend) {
	t.Helper()
	p := open(t, b, Config()).partition(0)
	appendBatch(t, p, Batch{Records: 2}.Build(t))         // 0, 1
	begin(t, p, Batch{Records: 3, ProducerID: 7, Tag: 1}) // 2 to 4
	begin(t, p, Batch{Records: 3, ProducerID: 8, Tag: 2}) // 5 to 7
	wantStable(t, p, 2)
	if _, f := read(t, p, 2, logstore.ReadOptions{MaxBytes: 1 << 20, Isolation: logstore.ReadCommitted}); f.More || f.Offsets.LastStableOffset != 2 {
		t.Errorf("read at the last stable offset: %+v", f)
	}
	w := logstore.NewWaiter()
	p.Watch(w)
	end(t, p, Marker{ProducerID: 8, Aborts: true}) // 8
	if !woken(w) {
		t.Error("nobody was woken by a marker")
	}
	wantStable(t, p, 2)
	end(t, p, Marker{ProducerID: 7}) // 9
	wantStable(t, p, 10)
	content, f := read(t, p, 0, logstore.ReadOptions{MaxBytes: 1 << 20, Isolation: logstore.ReadCommitted})
	if got := len(split(t, content)); got != 5 {
		t.Errorf("%d batches", got)
	}
	if want := []logstore.AbortedTransaction{{ProducerID: 8, FirstOffset: 5}}; !slices.Equal(f.Aborted, want) {
		t.Errorf("aborted %v, want %v", f.Aborted, want)
	}
	if _, f = read(t, p, 0, logstore.ReadOptions{MaxBytes: 1 << 20}); f.Aborted != nil {
		t.Errorf("aborted transactions for a reader of everything: %v", f.Aborted)
	}
}
