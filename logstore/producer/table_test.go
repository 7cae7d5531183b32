package producer

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore"
)

const maxSequence = math.MaxInt32

// log is a partition in a test: it assigns offsets, and applies what passes the check.
type log struct {
	*testing.T
	table Table
	next  int64
}

// data is a batch of records with the sequence numbers from first on.
func data(producerID int64, epoch int16, first, count int32) BatchInfo {
	return BatchInfo{
		ProducerID: producerID, ProducerEpoch: epoch, MaxTimestamp: 1000,
		BaseSequence: first, LastSequence: int32((int64(first) + int64(count) - 1) & maxSequence),
		LastOffset: int64(count) - 1, // until it is appended
	}
}

func (b BatchInfo) at(timestamp int64) BatchInfo {
	b.MaxTimestamp = timestamp
	return b
}

func (b BatchInfo) verified() BatchInfo {
	b.Transactional, b.Verification = true, logstore.VerificationOff
	return b
}

func (b BatchInfo) transactional() BatchInfo {
	b.Transactional = true
	return b
}

func (b BatchInfo) from(origin logstore.Origin) BatchInfo {
	b.Origin = origin
	return b
}

// place gives batches the next offsets.
func (l *log) place(batches []BatchInfo) []BatchInfo {
	next := l.next
	placed := slices.Clone(batches)
	for i := range placed {
		count := placed[i].LastOffset - placed[i].BaseOffset + 1
		placed[i].BaseOffset, placed[i].LastOffset = next, next+count-1
		next += count
	}
	return placed
}

func (l *log) append(batches ...BatchInfo) (*BatchMeta, error) {
	batches = l.place(batches)
	duplicate, err := l.table.Check(batches...)
	if duplicate != nil || err != nil {
		return duplicate, err
	}
	for _, b := range batches {
		l.table.Update(b)
		l.next = b.LastOffset + 1
	}
	return nil, nil
}

func (l *log) accepts(batches ...BatchInfo) {
	l.Helper()
	if duplicate, err := l.append(batches...); err != nil || duplicate != nil {
		l.Fatalf("%+v: duplicate %v, %v", batches, duplicate, err)
	}
}

func (l *log) refuses(want error, batches ...BatchInfo) {
	l.Helper()
	before, next := l.table.AppendSnapshot(nil), l.next
	if _, err := l.append(batches...); !errors.Is(err, want) {
		l.Fatalf("%+v: got %v, want %v", batches, err, want)
	}
	if after := l.table.AppendSnapshot(nil); !slices.Equal(before, after) || next != l.next {
		l.Fatal("a refused append changed the table")
	}
}

func (l *log) knows(baseOffset int64, b BatchInfo) {
	l.Helper()
	duplicate, err := l.append(b)
	if err != nil || duplicate == nil {
		l.Fatalf("%+v: duplicate %v, %v", b, duplicate, err)
	}
	if duplicate.BaseOffset() != baseOffset {
		l.Fatalf("%+v: duplicate of offset %d, want %d", b, duplicate.BaseOffset(), baseOffset)
	}
}

func TestBatchesOfAnEpochFollowWithoutGaps(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 0, 0, 10))
	l.accepts(data(1, 0, 10, 1))
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 0, 12, 1))
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 0, 5, 1)) // within a batch, not all of it
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 0, 0, 9))
	l.accepts(data(1, 0, 11, 1))
	l.accepts(data(2, 0, 0, 1)) // other producers don't matter
	l.accepts(data(1, 0, 12, 1))
}

func TestNonIdempotentBatchesLeaveNoTrace(t *testing.T) {
	l := log{T: t}
	none := BatchInfo{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, LastSequence: -1}
	l.accepts(none)
	l.accepts(none, none)
	if l.table.Len() != 0 || l.table.producers != nil {
		t.Errorf("%d producers", l.table.Len())
	}
}

func TestUnknownProducerMayBeginWithAnySequence(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 7, 12345, 10))
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 7, 12356, 1))
	l.accepts(data(1, 7, 12355, 1))
}

func TestExpiredProducerMayGoOn(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 0, 0, 10).at(1000))
	l.accepts(data(2, 0, 0, 10).at(2000))
	if expired := l.table.Expire(6000, 5000); expired != 1 || l.table.Len() != 1 {
		t.Fatalf("expired %d, left %d", expired, l.table.Len())
	}
	l.accepts(data(1, 0, 55, 1))
	l.refuses(logstore.ErrOutOfOrderSequence, data(2, 0, 55, 1))
}

func TestExpiryKeepsOpenTransactionsAndSurvivesOddTimestamps(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 0, 0, 1).verified().at(-1))
	l.accepts(data(2, 0, 0, 1).at(-1))
	l.accepts(data(3, 0, 0, 1).at(math.MaxInt64))
	l.accepts(data(4, 0, 0, 1).at(math.MinInt64))
	if l.table.Expire(1000, math.MaxInt64) != 1 { // only the one before all time
		t.Error("expired by an endless expiration")
	}
	l.table.Expire(1_000_000, 10)
	var left []int64
	for _, s := range l.table.States() {
		left = append(left, s.ProducerID)
	}
	if !slices.Equal(left, []int64{1, 3}) {
		t.Errorf("left %v", left)
	}
}

func TestSequenceNumbersWrap(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 0, maxSequence-4, 5))
	l.accepts(data(1, 0, 0, 3))
	l.accepts(data(1, 0, 3, 1))
	l.knows(5, data(1, 0, 0, 3))

	l.accepts(data(2, 0, maxSequence-4, 10)) // within one batch
	l.refuses(logstore.ErrOutOfOrderSequence, data(2, 0, 6, 1))
	l.accepts(data(2, 0, 5, 1))
	l.knows(9, data(2, 0, maxSequence-4, 10))
}

func TestLastFiveBatchesAreKnown(t *testing.T) {
	l := log{T: t}
	for i := range int32(8) {
		l.accepts(data(1, 0, i*10, 10).at(int64(i)))
	}
	for i := range int32(3) {
		l.refuses(logstore.ErrOutOfOrderSequence, data(1, 0, i*10, 10))
	}
	for i := int32(3); i < 8; i++ {
		l.knows(int64(i)*10, data(1, 0, i*10, 10))
	}
	duplicate, err := l.append(data(1, 0, 40, 10))
	if err != nil || *duplicate != (BatchMeta{LastOffset: 49, Timestamp: 4, LastSequence: 49, OffsetDelta: 9}) {
		t.Errorf("duplicate %+v, %v", duplicate, err)
	}
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 0, 40, 5)) // a known one, but cut otherwise
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 0, 40, 20))
	l.accepts(data(1, 0, 80, 1))
}

func TestNewEpochBeginsWithZero(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 3, 0, 10))
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 4, 10, 1))
	l.accepts(data(1, 4, 0, 10))
	l.knows(10, data(1, 4, 0, 10)) // not the one of the old epoch with the same numbers
	l.refuses(logstore.ErrInvalidProducerEpoch, data(1, 3, 10, 1))
	l.refuses(logstore.ErrInvalidProducerEpoch, data(1, 3, 0, 10))
	l.accepts(data(1, math.MaxInt16, 0, 1))
	l.refuses(logstore.ErrInvalidProducerEpoch, data(1, 5, 0, 1))
}

func TestAppendOfSeveralBatchesIsCheckedAsAWhole(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 0, 0, 1), data(2, 0, 0, 1), data(1, 0, 1, 1), data(1, 1, 0, 5), data(2, 0, 1, 1))
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 1, 5, 1), data(1, 1, 7, 1))
	l.refuses(logstore.ErrInvalidProducerEpoch, data(1, 1, 5, 1), data(1, 2, 0, 1), data(1, 1, 6, 1))
	l.refuses(logstore.ErrOutOfOrderSequence, data(9, 0, 5, 1), data(9, 0, 7, 1)) // unknown, but then not
	l.accepts(data(1, 1, 5, 1), BatchInfo{ProducerID: -1}, data(1, 2, 0, 1))

	duplicate, err := l.append(data(3, 0, 0, 1), data(1, 2, 0, 1))
	if err != nil || duplicate == nil {
		t.Fatalf("duplicate %v, %v", duplicate, err)
	}
	if l.table.producers[3] != nil {
		t.Error("part of an append with a duplicate was applied")
	}
}

func TestCoordinatorsHaveNoSequences(t *testing.T) {
	l := log{T: t}
	offsets := BatchInfo{
		ProducerID: 1, ProducerEpoch: 4, BaseSequence: -1, LastSequence: -1,
		Origin: logstore.Coordinator, Transactional: true, Verification: logstore.VerificationOff,
	}
	l.accepts(offsets)
	l.accepts(offsets)
	offsets.ProducerEpoch = 3
	l.refuses(logstore.ErrInvalidProducerEpoch, offsets)
}

func TestStatesAreSortedByProducer(t *testing.T) {
	l := log{T: t}
	l.accepts(data(30, 1, 0, 5).at(111))
	l.accepts(data(4, 2, 0, 1).verified().at(222))
	l.accepts(data(20, 3, 7, 1).verified().at(333))
	l.accepts(marker(20, 3, 9, true).at(444))
	l.accepts(data(20, 4, 0, 1).verified().at(500))
	l.accepts(marker(20, 5, 10, true).at(555)) // a new epoch without a batch yet
	want := []logstore.ProducerState{
		{ProducerID: 4, ProducerEpoch: 2, LastSequence: 0, LastTimestamp: 222, CoordinatorEpoch: -1, CurrentTxnStartOffset: 5},
		{ProducerID: 20, ProducerEpoch: 5, LastSequence: -1, LastTimestamp: 555, CoordinatorEpoch: 10, CurrentTxnStartOffset: -1},
		{ProducerID: 30, ProducerEpoch: 1, LastSequence: 4, LastTimestamp: 111, CoordinatorEpoch: -1, CurrentTxnStartOffset: -1},
	}
	if got := l.table.States(); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := new(Table).States(); len(got) != 0 {
		t.Errorf("empty table has %v", got)
	}
}

// model keeps all batches of one producer, as a log does, and finds everything by
// looking at all of them.
type model struct {
	batches []BatchInfo
}

func (m *model) judge(b BatchInfo) (duplicate bool, err error) {
	last := BatchInfo{ProducerEpoch: -1}
	if len(m.batches) > 0 {
		last = m.batches[len(m.batches)-1]
	}
	known := 0
	for i := len(m.batches) - 1; i >= 0 && m.batches[i].ProducerEpoch == last.ProducerEpoch && known < 5; i-- {
		old := m.batches[i]
		if old.ProducerEpoch == b.ProducerEpoch && old.BaseSequence == b.BaseSequence && old.LastSequence == b.LastSequence {
			return true, nil
		}
		known++
	}
	switch {
	case b.ProducerEpoch < last.ProducerEpoch:
		return false, logstore.ErrInvalidProducerEpoch
	case len(m.batches) == 0:
		return false, nil
	case b.ProducerEpoch > last.ProducerEpoch && b.BaseSequence == 0:
		return false, nil
	case b.ProducerEpoch == last.ProducerEpoch && int64(b.BaseSequence) == (int64(last.LastSequence)+1)%(maxSequence+1):
		return false, nil
	}
	return false, logstore.ErrOutOfOrderSequence
}

func TestTableMatchesAModel(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		l := log{T: t}
		m := &model{}
		epoch, sequence := int16(1), int32(maxSequence-random.IntN(60))
		for step := range 100 {
			b := data(1, epoch, sequence, 1+random.Int32N(4))
			switch random.IntN(12) {
			case 0:
				b.ProducerEpoch++
			case 1:
				b = data(1, epoch+1, 0, 2)
			case 2:
				b.ProducerEpoch--
			case 3:
				b = data(1, epoch, sequence+1, 1)
			case 4, 5, 6:
				if len(m.batches) > 0 {
					old := m.batches[max(0, len(m.batches)-1-random.IntN(7))]
					b = data(1, old.ProducerEpoch, old.BaseSequence, int32(old.LastOffset-old.BaseOffset)+1)
				}
			}
			placed := l.place([]BatchInfo{b})[0]
			duplicate, wantErr := m.judge(placed)
			got, err := l.append(b)
			if (got != nil) != duplicate || !errors.Is(err, wantErr) {
				t.Fatalf("seed %d step %d: %+v: got %v, %v; want duplicate %v, %v", seed, step, b, got, err, duplicate, wantErr)
			}
			if got == nil && err == nil {
				m.batches = append(m.batches, placed)
				epoch, sequence = b.ProducerEpoch, int32((int64(b.LastSequence)+1)&maxSequence)
			}
		}
	}
}

func TestProducerWithOneBatchIsSmall(t *testing.T) {
	const producers = 100_000
	table := &Table{}
	before := heapBytes()
	for id := range int64(producers) {
		b := data(id, 0, 0, 1)
		b.BaseOffset, b.LastOffset = id, id
		table.Update(b)
	}
	each := (heapBytes() - before) / producers
	t.Logf("%d bytes per producer", each)
	if each > 200 {
		t.Errorf("%d bytes per producer", each)
	}
	// What is left after most of them expired doesn't hold the memory of all.
	for id := range int64(10) {
		table.Update(data(id, 0, 1, 1).at(1_000_000))
	}
	table.Expire(1_000_000, 10)
	if left := heapBytes() - before; table.Len() != 10 || left > 100_000 {
		t.Errorf("%d producers in %d bytes", table.Len(), left)
	}
	runtime.KeepAlive(table)
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestCheckAndUpdateOfAKnownProducerAllocateNothing(t *testing.T) {
	l := log{T: t}
	for i := range int32(6) {
		l.accepts(data(1, 0, i, 1))
	}
	sequence := int32(6)
	allocations := testing.AllocsPerRun(100, func() {
		b := data(1, 0, sequence, 1)
		if _, err := l.table.Check(b); err != nil {
			t.Fatal(err)
		}
		l.table.Update(b)
		sequence++
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func BenchmarkCheckAndUpdate(b *testing.B) {
	for _, producers := range []int64{1, 1000} {
		b.Run(fmt.Sprint(producers), func(b *testing.B) {
			table := &Table{}
			b.ReportAllocs()
			sequence, id := int32(0), int64(0)
			for b.Loop() {
				batch := data(id, 0, sequence, 1)
				if _, err := table.Check(batch); err != nil {
					b.Fatal(err)
				}
				table.Update(batch)
				if id++; id == producers {
					id, sequence = 0, sequence+1
				}
			}
		})
	}
}
