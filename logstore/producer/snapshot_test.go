package producer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
	"testing"
)

// sealed gives a snapshot a CRC that fits, so that what comes after the CRC is tested.
func sealed(p []byte) []byte {
	p = slices.Clone(p)
	binary.BigEndian.PutUint32(p[snapshotCRCAt:], crc32.Checksum(p[snapshotCountAt:], castagnoli))
	return p
}

func sampleLog(t *testing.T) *log {
	t.Helper()
	l := &log{T: t}
	l.accepts(data(5, 1, 0, 10).at(100))
	l.accepts(data(5, 1, 10, 3).at(200))
	l.accepts(data(3, 7, maxSequence, 2).verified().at(300))
	l.accepts(data(8, 0, 0, 1).verified().at(400))
	l.ends(marker(8, 1, 44, true).at(500))
	return l
}

func TestSnapshotKeepsTheLastBatchesOfEachProducer(t *testing.T) {
	l := sampleLog(t)
	content := l.table.AppendSnapshot([]byte("before"))[len("before"):]
	loaded := log{T: t, next: l.next}
	if err := loaded.table.LoadSnapshot(content, 1000, 10_000); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(loaded.table.States(), l.table.States()) {
		t.Errorf("got %+v\nwant %+v", loaded.table.States(), l.table.States())
	}
	if !slices.Equal(loaded.table.OpenTransactions(), l.table.OpenTransactions()) {
		t.Errorf("open %v", loaded.table.OpenTransactions())
	}
	if !bytes.Equal(loaded.table.AppendSnapshot(nil), content) {
		t.Error("encoded again it differs")
	}
	loaded.knows(10, data(5, 1, 10, 3))
	loaded.knows(0, data(5, 1, 0, 10)) // one of five, not the last
	loaded.accepts(data(5, 1, 13, 1))
	loaded.accepts(data(3, 7, 1, 1).transactional())
	loaded.accepts(data(8, 1, 0, 1).verified())
	if done, ok := loaded.ends(marker(3, 7, 0, true)); !ok || done.FirstOffset != 13 {
		t.Errorf("transaction of the snapshot: %+v, %v", done, ok)
	}
}

// TestSnapshotBytes compares with the schema, written out by hand.
func TestSnapshotBytes(t *testing.T) {
	var table Table
	table.Update(BatchInfo{
		ProducerID: 0x0102, ProducerEpoch: 3, BaseSequence: 4, LastSequence: 6,
		BaseOffset: 0x10, LastOffset: 0x12, MaxTimestamp: 0x20, Transactional: true,
	})
	want := []byte{
		0, 1, // version
		0, 0, 0, 0, // CRC
		0, 0, 0, 1, // count
		0, 0, 0, 0, 0, 0, 1, 2, // producer ID
		0, 3, // epoch
		0, 0, 0, 6, // last sequence
		0, 0, 0, 0, 0, 0, 0, 0x12, // last offset
		0, 0, 0, 2, // offset delta
		0, 0, 0, 0, 0, 0, 0, 0x20, // timestamp
		0xff, 0xff, 0xff, 0xff, // coordinator epoch
		0, 0, 0, 0, 0, 0, 0, 0x10, // transaction first offset
	}
	if got := table.AppendSnapshot(nil); !bytes.Equal(got, sealed(want)) {
		t.Errorf("got  %x\nwant %x", got, sealed(want))
	}
	wantEntries := []SnapshotEntry{{
		ProducerID: 0x0102, ProducerEpoch: 3, LastSequence: 6, LastOffset: 0x12, OffsetDelta: 2,
		Timestamp: 0x20, CoordinatorEpoch: -1, TransactionFirstOffset: 0x10,
	}}
	if got, err := DecodeSnapshot(sealed(want)); err != nil || !slices.Equal(got, wantEntries) {
		t.Errorf("got %+v, %v", got, err)
	}
	empty := sealed(make([]byte, snapshotHeaderSize))
	empty[1] = snapshotVersion
	if got := new(Table).AppendSnapshot(nil); !bytes.Equal(got, empty) {
		t.Errorf("empty: got %x, want %x", got, empty)
	}
}

func TestSnapshotLeavesOutExpiredProducers(t *testing.T) {
	content := sampleLog(t).table.AppendSnapshot(nil)
	var table Table
	if err := table.LoadSnapshot(content, 1200, 1000); err != nil {
		t.Fatal(err)
	}
	var left []int64
	for _, s := range table.States() {
		left = append(left, s.ProducerID)
	}
	if !slices.Equal(left, []int64{3, 8}) { // 5 expired; 3 has an open transaction
		t.Errorf("left %v", left)
	}
}

func TestDamagedSnapshotIsRefused(t *testing.T) {
	good := sampleLog(t).table.AppendSnapshot(nil)
	change := func(at int, b ...byte) []byte {
		p := slices.Clone(good)
		copy(p[at:], b)
		return sealed(p)
	}
	const entry = snapshotHeaderSize
	cases := map[string][]byte{
		"empty":              {},
		"other version":      change(0, 0, 2),
		"count too large":    change(snapshotCountAt, 0, 0, 0, 4),
		"count huge":         change(snapshotCountAt, 0xff, 0xff, 0xff, 0xff),
		"count too small":    change(snapshotCountAt, 0, 0, 0, 2),
		"trailing bytes":     sealed(append(slices.Clone(good), 0)),
		"negative producer":  change(entry, 0xff),
		"negative sequence":  change(entry+10, 0x80),
		"negative delta":     change(entry+22, 0x80),
		"delta beyond log":   change(entry+22, 0x7f),
		"earlier: magic":     change(entry+3*snapshotEntrySize, 0),
		"earlier: count":     change(entry+3*snapshotEntrySize+earlierMagicSize+1, 9),
		"earlier: too many":  change(entry+3*snapshotEntrySize+earlierMagicSize+1, 2),
		"earlier: offset":    change(entry+3*snapshotEntrySize+earlierMagicSize+1+1+4, 0x7f),
		"earlier: delta":     change(entry+3*snapshotEntrySize+earlierMagicSize+1+1+12, 0x7f),
		"one producer twice": change(entry+snapshotEntrySize, good[entry:entry+8]...),
	}
	for at := range good {
		flipped := slices.Clone(good)
		flipped[at] ^= 1
		cases["flipped bit"] = flipped
		cases["cut"] = good[:at]
		for name, p := range cases {
			table := sampleLog(t).table
			if err := table.LoadSnapshot(p, 0, 0); !errors.Is(err, ErrCorruptSnapshot) {
				t.Fatalf("%s at %d: %v", name, at, err)
			}
			if table.Len() != 0 || table.transactions != nil {
				t.Fatalf("%s left %d producers", name, table.Len())
			}
		}
		clear(cases)
	}
}

func TestTxnIndexRoundTrip(t *testing.T) {
	want := []AbortedTransaction{
		{ProducerID: 1, FirstOffset: 5, LastOffset: 100, LastStableOffset: 20},
		{ProducerID: math.MaxInt64, FirstOffset: 20, LastOffset: 101, LastStableOffset: 102},
	}
	var content []byte
	for _, a := range want {
		content = a.AppendTo(content)
	}
	if len(content) != len(want)*TxnIndexEntrySize || !bytes.Equal(content[:10], []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) {
		t.Errorf("bytes %x", content)
	}
	got, err := DecodeTxnIndex(content, 100)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := DecodeTxnIndex(nil, 0); err != nil || len(got) != 0 {
		t.Errorf("empty: %v, %v", got, err)
	}
}

func TestDamagedTxnIndexIsRefused(t *testing.T) {
	good := AbortedTransaction{ProducerID: 1, FirstOffset: 5, LastOffset: 100, LastStableOffset: 20}
	bad := map[string][]byte{
		"cut":                 good.AppendTo(nil)[:33],
		"twice":               good.AppendTo(good.AppendTo(nil)),
		"other version":       append([]byte{0, 1}, good.AppendTo(nil)[2:]...),
		"negative producer":   AbortedTransaction{-1, 5, 100, 20}.AppendTo(nil),
		"negative first":      AbortedTransaction{1, -5, 100, 20}.AppendTo(nil),
		"negative stable":     AbortedTransaction{1, 5, 100, -20}.AppendTo(nil),
		"ends before begin":   AbortedTransaction{1, 100, 100, 20}.AppendTo(nil),
		"before this segment": AbortedTransaction{1, 5, 49, 20}.AppendTo(nil),
	}
	for name, p := range bad {
		if _, err := DecodeTxnIndex(p, 50); !errors.Is(err, ErrCorruptTxnIndex) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCollectStopsWhereNoLaterTransactionCanOverlap(t *testing.T) {
	entries := []AbortedTransaction{
		{ProducerID: 1, FirstOffset: 0, LastOffset: 10, LastStableOffset: 5},
		{ProducerID: 2, FirstOffset: 5, LastOffset: 20, LastStableOffset: 21},
		{ProducerID: 3, FirstOffset: 30, LastOffset: 40, LastStableOffset: 41},
	}
	for _, c := range []struct {
		from, end int64
		want      []int64
		more      bool
	}{
		{0, 3, []int64{1}, false},
		{0, 10, []int64{1, 2}, false},
		{11, 21, []int64{2}, false},
		{21, 30, nil, false},
		{21, 35, []int64{3}, false},
		{41, 50, nil, true},
		{0, 100, []int64{1, 2, 3}, true},
	} {
		found, more := CollectAborted(nil, entries, c.from, c.end)
		var got []int64
		for _, a := range found {
			got = append(got, a.ProducerID)
		}
		if !slices.Equal(got, c.want) || more != c.more {
			t.Errorf("%d to %d: got %v, %v; want %v, %v", c.from, c.end, got, more, c.want, c.more)
		}
	}
}

func FuzzProducerSnapshot(f *testing.F) {
	var table Table
	for id := range int64(3) {
		table.Update(BatchInfo{ProducerID: id, LastSequence: 4, LastOffset: 4, Transactional: id == 1})
		f.Add(table.AppendSnapshot(nil))
	}
	f.Add([]byte{0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, p []byte) {
		var table Table
		if len(p) >= snapshotHeaderSize {
			p = sealed(p)
		}
		if err := table.LoadSnapshot(p, math.MinInt64/2, 0); err != nil {
			if !errors.Is(err, ErrCorruptSnapshot) || table.Len() != 0 {
				t.Fatalf("%v, %d producers", err, table.Len())
			}
			return
		}
		if table.Len()*snapshotEntrySize+snapshotHeaderSize > len(p) {
			t.Fatalf("%d producers from %d bytes", table.Len(), len(p))
		}
		// What was loaded is written back and loaded alike; it takes batches and markers.
		var again Table
		if err := again.LoadSnapshot(table.AppendSnapshot(nil), math.MinInt64/2, 0); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(again.States(), table.States()) {
			t.Fatal("states differ")
		}
		for _, s := range table.States() {
			b := BatchInfo{ProducerID: s.ProducerID, ProducerEpoch: s.ProducerEpoch, Transactional: true}
			_, _ = table.Check(b, b)
			table.Update(b)
			b.Marker = true
			if _, ok := table.Update(b); !ok {
				t.Fatal("no transaction was open")
			}
		}
		table.LastStableOffset(0, math.MaxInt64)
	})
}

func FuzzTxnIndex(f *testing.F) {
	good := AbortedTransaction{ProducerID: 1, FirstOffset: 5, LastOffset: 100, LastStableOffset: 20}.AppendTo(nil)
	f.Add(good, int64(0))
	f.Add(AbortedTransaction{2, 50, 101, 102}.AppendTo(good), int64(100))
	f.Add(good[:20], int64(0))
	f.Fuzz(func(t *testing.T, p []byte, baseOffset int64) {
		entries, err := DecodeTxnIndex(p, baseOffset)
		if err != nil {
			if !errors.Is(err, ErrCorruptTxnIndex) || entries != nil {
				t.Fatal(err)
			}
			return
		}
		var again []byte
		for _, a := range entries {
			again = a.AppendTo(again)
		}
		if !bytes.Equal(again, p) {
			t.Fatal("encoded again it differs")
		}
		CollectAborted(nil, entries, baseOffset, baseOffset+100)
	})
}
