package producer

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

func marker(producerID int64, epoch int16, coordinatorEpoch int32, aborts bool) BatchInfo {
	return BatchInfo{
		ProducerID: producerID, ProducerEpoch: epoch, BaseSequence: -1, LastSequence: -1, MaxTimestamp: 2000,
		Origin: logstore.Coordinator, Transactional: true, Marker: true, Aborts: aborts, CoordinatorEpoch: coordinatorEpoch,
	}
}

func (b BatchInfo) version(transactionVersion int16) BatchInfo {
	b.TransactionVersion = transactionVersion
	return b
}

// ends appends a marker and returns what it completed.
func (l *log) ends(b BatchInfo) (CompletedTransaction, bool) {
	l.Helper()
	b = l.place([]BatchInfo{b})[0]
	if _, err := l.table.Check(b); err != nil {
		l.Fatal(err)
	}
	l.next = b.LastOffset + 1
	return l.table.Update(b)
}

func (l *log) stableAt(want, highWatermark int64) {
	l.Helper()
	if got := l.table.LastStableOffset(0, highWatermark); got != want {
		l.Fatalf("last stable offset %d at high watermark %d, want %d", got, highWatermark, want)
	}
}

func TestTransactionalBatchNeedsAnOpenTransaction(t *testing.T) {
	l := log{T: t}
	l.refuses(logstore.ErrInvalidTxnState, data(1, 0, 0, 1).transactional())
	l.accepts(data(1, 0, 0, 1).verified())
	l.accepts(data(1, 0, 1, 1).transactional()) // open now
	l.knows(0, data(1, 0, 0, 1).transactional())
	l.refuses(logstore.ErrInvalidTxnState, data(1, 0, 2, 1)) // not while it is open
	l.refuses(logstore.ErrInvalidTxnState, data(1, 1, 0, 1).transactional())
	l.ends(marker(1, 0, 0, false))
	l.refuses(logstore.ErrInvalidTxnState, data(1, 0, 2, 1).transactional()) // late: it has ended
	l.refuses(logstore.ErrInvalidTxnState, data(1, 0, 2, 1).transactional().from(logstore.Coordinator))
	l.accepts(data(1, 0, 2, 1).verified()) // the next transaction goes on with the numbers
}

func TestLateBatchOfAnOldEpochGetsTheEpochError(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 5, 0, 1).verified())
	l.ends(marker(1, 6, 0, true))
	l.refuses(logstore.ErrInvalidProducerEpoch, data(1, 5, 1, 1).transactional())
	l.refuses(logstore.ErrInvalidProducerEpoch, data(1, 5, 1, 1).verified())
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 6, 1, 1).verified()) // the epoch is known, its numbers begin with 0
	l.accepts(data(1, 6, 0, 1).verified())
}

func TestMarkersOfOldCoordinatorsAndEpochsAreRefused(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 5, 0, 1).verified())
	l.refuses(logstore.ErrInvalidProducerEpoch, marker(1, 4, 9, true))
	l.refuses(logstore.ErrInvalidProducerEpoch, marker(1, 5, 9, true).version(2)) // of the transaction before
	l.accepts(marker(1, 6, 9, true).version(2))
	l.accepts(marker(1, 6, 9, true).version(2)) // repeated: its answer was lost
	l.refuses(logstore.ErrCoordinatorFenced, marker(1, 6, 8, true))
	l.accepts(data(1, 6, 0, 1).verified())
	l.accepts(marker(1, 6, 10, false).version(1))
	l.accepts(marker(2, 0, 0, false)) // of a producer that wrote nothing here
}

func TestMarkerEndsTheTransactionOfItsProducerOnly(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 0, 0, 10).verified()) // 0 to 9
	l.accepts(data(2, 0, 0, 10).verified()) // 10 to 19
	l.accepts(data(1, 0, 10, 5).transactional())
	want := CompletedTransaction{ProducerID: 1, FirstOffset: 0, LastOffset: 25, LastStableOffset: 10, Aborted: true}
	if done, ok := l.ends(marker(1, 0, 0, true)); !ok || done != want {
		t.Errorf("got %+v, %v", done, ok)
	}
	want = CompletedTransaction{ProducerID: 2, FirstOffset: 10, LastOffset: 26, LastStableOffset: 27}
	if done, ok := l.ends(marker(2, 0, 0, false)); !ok || done != want {
		t.Errorf("got %+v, %v", done, ok)
	}
	if done, ok := l.ends(marker(2, 0, 0, false)); ok {
		t.Errorf("an empty transaction completed %+v", done)
	}
	if open := l.table.OpenTransactions(); len(open) != 0 {
		t.Errorf("open %v", open)
	}
}

func TestLastStableOffsetWaitsForTheMarkerToBeDurable(t *testing.T) {
	l := log{T: t}
	l.stableAt(7, 7)                          // no transactions at all
	l.accepts(data(9, 0, 0, 5))               // 0 to 4
	l.accepts(data(1, 0, 0, 5).verified())    // 5 to 9
	l.accepts(data(2, 0, 0, 5).verified())    // 10 to 14
	l.accepts(data(9, 0, 5, 5))               // 15 to 19
	l.stableAt(3, 3)                          // durable less than stable
	l.stableAt(5, 20)                         // held by 1
	l.ends(marker(1, 0, 0, false))            // 20
	l.stableAt(5, 20)                         // decided, but a power cut may undo it
	l.stableAt(10, 21)                        // held by 2
	l.ends(marker(2, 0, 0, true))             // 21
	l.accepts(data(3, 0, 0, 5).verified())    // 22 to 26
	l.stableAt(10, 21)                        //
	l.stableAt(22, 22)                        //
	l.stableAt(22, 27)                        // held by 3
	l.ends(marker(3, 0, 0, false).version(0)) // 27
	l.stableAt(28, 28)
	if l.table.transactions.open != nil && len(l.table.transactions.open)+len(l.table.transactions.decided) > 0 {
		t.Error("transactions are left")
	}
}

func TestLastStableOffsetIsNotBelowTheLogStart(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 0, 0, 5).verified())
	if got := l.table.LastStableOffset(3, 5); got != 3 {
		t.Errorf("got %d", got)
	}
	if got := l.table.LastStableOffset(5, 5); got != 5 {
		t.Errorf("got %d", got)
	}
}

func TestReplayTakesWhatTheCheckWouldRefuse(t *testing.T) {
	var table Table
	table.Update(BatchInfo{ProducerID: 1, ProducerEpoch: 5, BaseSequence: 100, LastSequence: 104, LastOffset: 4, Transactional: true})
	table.Update(BatchInfo{ProducerID: 1, ProducerEpoch: 5, BaseSequence: 300, LastSequence: 300, BaseOffset: 5, LastOffset: 5})
	table.Update(BatchInfo{ProducerID: 1, ProducerEpoch: 2, BaseSequence: 7, LastSequence: 7, BaseOffset: 6, LastOffset: 6, Transactional: true})
	want := []logstore.ProducerState{{
		ProducerID: 1, ProducerEpoch: 2, LastSequence: 7, CoordinatorEpoch: -1, CurrentTxnStartOffset: 0,
	}}
	if got := table.States(); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestInfoOfReadsDataAndMarkers(t *testing.T) {
	build := record.NewBuilder()
	build.BaseOffset, build.ProducerID, build.ProducerEpoch, build.BaseSequence = 100, 7, 3, maxSequence
	build.Transactional = true
	build.Append(50, nil, []byte("a"))
	build.Append(40, nil, []byte("b"))
	batch, err := build.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := BatchInfo{
		ProducerID: 7, ProducerEpoch: 3, BaseOffset: 100, LastOffset: 101, MaxTimestamp: 50,
		BaseSequence: maxSequence, LastSequence: 0, Transactional: true,
	}
	if got, err := InfoOf(batch); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}

	for _, controlType := range []record.ControlType{record.ControlAbort, record.ControlCommit} {
		end := record.EndTransactionMarker{Type: controlType, CoordinatorEpoch: 12}
		batch, err := record.NewMarkerBatch(end, 7, 3, 60)
		if err != nil {
			t.Fatal(err)
		}
		batch.SetBaseOffset(102)
		want := BatchInfo{
			ProducerID: 7, ProducerEpoch: 3, BaseOffset: 102, LastOffset: 102, MaxTimestamp: 60,
			BaseSequence: -1, LastSequence: -1, Transactional: true,
			Marker: true, Aborts: controlType == record.ControlAbort, CoordinatorEpoch: 12,
		}
		if got, err := InfoOf(batch); err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestInfoOfSkipsCleanedMarkersAndRefusesForeignOnes(t *testing.T) {
	end := record.EndTransactionMarker{Type: record.ControlAbort}
	batch, err := record.NewMarkerBatch(end, 7, 3, 60)
	if err != nil {
		t.Fatal(err)
	}
	cleaned := slices.Clone(batch[:record.HeaderSize])
	copy(cleaned[57:61], []byte{0, 0, 0, 0}) // no records
	if got, err := InfoOf(cleaned); err != nil || got.ProducerID >= 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	broken := slices.Clone(batch)
	if _, err := InfoOf(broken[:len(broken)-3]); !errors.Is(err, record.ErrInvalidRecord) {
		t.Errorf("cut marker: %v", err)
	}
	build := record.NewBuilder()
	build.ProducerID, build.ProducerEpoch, build.Control = 7, 3, true
	build.Append(60, []byte{0, 0, 0, 2}, nil)
	leaderChange, err := build.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := InfoOf(leaderChange); !errors.Is(err, record.ErrInvalidMarker) {
		t.Errorf("control record of another type: %v", err)
	}
}

// TestAbortedTransactionsMatchAFullScan writes random transactions, and asks for
// random ranges both the index and all that was written.
func TestAbortedTransactionsMatchAFullScan(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 9))
		l := log{T: t}
		var content []byte
		var all []CompletedTransaction
		open := map[int64]bool{}
		sequences := map[int64]int32{}
		for range 300 {
			id := random.Int64N(6)
			if open[id] && random.IntN(3) == 0 {
				done, _ := l.ends(marker(id, 0, 0, random.IntN(2) == 0))
				all = append(all, done)
				if done.Aborted {
					content = done.Entry().AppendTo(content)
				}
				open[id] = false
				continue
			}
			count := 1 + random.Int32N(5)
			l.accepts(data(id, 0, sequences[id], count).verified())
			sequences[id] += count
			open[id] = true
		}
		entries, err := DecodeTxnIndex(content, 0)
		if err != nil {
			t.Fatal(err)
		}
		stable := l.table.LastStableOffset(0, l.next)
		for range 100 {
			from := random.Int64N(stable + 1)
			end := from + random.Int64N(stable-from+1)
			var want []logstore.AbortedTransaction
			for _, done := range all {
				if done.Aborted && done.LastOffset >= from && done.FirstOffset < end {
					want = append(want, logstore.AbortedTransaction{ProducerID: done.ProducerID, FirstOffset: done.FirstOffset})
				}
			}
			SortAborted(want)
			got, _ := CollectAborted(nil, entries, from, end)
			SortAborted(got)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: %d to %d: got %v, want %v", seed, from, end, got, want)
			}
		}
	}
}
