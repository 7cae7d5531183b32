package epoch

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore/checkpoint"
)

// cacheOf assigns epochs to offsets, in pairs.
func cacheOf(t *testing.T, pairs ...int64) Cache {
	t.Helper()
	var c Cache
	for i := 0; i < len(pairs); i += 2 {
		c, _ = c.Assign(int32(pairs[i]), pairs[i+1])
	}
	return c
}

func wantEntries(t *testing.T, what string, c Cache, pairs ...int64) {
	t.Helper()
	var want []Entry
	for i := 0; i < len(pairs); i += 2 {
		want = append(want, Entry{int32(pairs[i]), pairs[i+1]})
	}
	if !slices.Equal(c.Entries(), want) {
		t.Errorf("%s: got %v, want %v", what, c.Entries(), want)
	}
}

func TestAssignAppendsRisingEpochs(t *testing.T) {
	c := cacheOf(t, 0, 0, 3, 10, 5, 20)
	wantEntries(t, "rising", c, 0, 0, 3, 10, 5, 20)
	for _, same := range [][2]int64{{5, 20}, {5, 25}, {-1, 30}, {6, -1}} {
		if again, changed := c.Assign(int32(same[0]), same[1]); changed || again.Len() != 3 {
			t.Errorf("assign %v changed something", same)
		}
	}
	if latest, ok := c.Latest(); !ok || latest != (Entry{5, 20}) {
		t.Errorf("latest %v, %v", latest, ok)
	}
	if earliest, ok := c.Earliest(); !ok || earliest != (Entry{0, 0}) {
		t.Errorf("earliest %v, %v", earliest, ok)
	}
	if _, ok := (Cache{}).Latest(); ok {
		t.Error("an empty cache has a latest entry")
	}
	if _, ok := (Cache{}).Earliest(); ok {
		t.Error("an empty cache has an earliest entry")
	}
}

func TestAssignRemovesWhatContradicts(t *testing.T) {
	base := []int64{1, 10, 2, 20, 3, 30}
	for _, c := range []struct {
		name        string
		epoch       int32
		startOffset int64
		want        []int64
	}{
		{"empty epoch is replaced", 4, 30, []int64{1, 10, 2, 20, 4, 30}},
		{"larger epoch, earlier offset", 4, 15, []int64{1, 10, 4, 15}},
		{"smaller epoch, later offset", 2, 40, []int64{1, 10, 2, 40}},
		{"same epoch, earlier offset", 3, 25, []int64{1, 10, 2, 20, 3, 25}},
		{"before all", 0, 0, []int64{0, 0}},
	} {
		before := cacheOf(t, base...)
		after, changed := before.Assign(c.epoch, c.startOffset)
		if !changed {
			t.Errorf("%s: nothing changed", c.name)
		}
		wantEntries(t, c.name, after, c.want...)
		wantEntries(t, c.name+": old value", before, base...)
	}
}

func TestEndOffsetForFollowsTheProtocol(t *testing.T) {
	c := cacheOf(t, 2, 10, 5, 20, 7, 30)
	const logEnd = 99
	for _, q := range []struct {
		requested int32
		epoch     int32
		end       int64
	}{
		{7, 7, 99},             // the latest goes on to the end of the log
		{5, 5, 30}, {6, 5, 30}, // ended where the next began
		{2, 2, 20}, {3, 2, 20}, //
		{0, 0, 10}, {1, 1, 10}, // below all: as asked, up to the first known
		{8, -1, -1}, {-1, -1, -1}, // above all, and none
		{math.MinInt32, -1, -1}, //
		{math.MaxInt32, -1, -1}, //
	} {
		if epoch, end := c.EndOffsetFor(q.requested, logEnd); epoch != q.epoch || end != q.end {
			t.Errorf("epoch %d: got %d, %d; want %d, %d", q.requested, epoch, end, q.epoch, q.end)
		}
	}
	for _, requested := range []int32{-1, 0, 5} {
		if epoch, end := (Cache{}).EndOffsetFor(requested, logEnd); epoch != Unknown || end != UnknownOffset {
			t.Errorf("empty cache, epoch %d: got %d, %d", requested, epoch, end)
		}
	}
}

func TestEpochAtFindsTheEpochOfARecord(t *testing.T) {
	c := cacheOf(t, 2, 10, 5, 20)
	for offset, want := range map[int64]int32{10: 2, 19: 2, 20: 5, 1000: 5} {
		if got, ok := c.EpochAt(offset); !ok || got != want {
			t.Errorf("offset %d: got %d, %v", offset, got, ok)
		}
	}
	if got, ok := c.EpochAt(9); ok || got != Unknown {
		t.Errorf("below all: got %d, %v", got, ok)
	}
}

func TestTruncateEndForgetsLaterEpochs(t *testing.T) {
	for _, c := range []struct {
		end     int64
		changed bool
		want    []int64
	}{
		{-1, false, []int64{1, 10, 2, 20, 3, 30}},
		{31, false, []int64{1, 10, 2, 20, 3, 30}},
		{30, true, []int64{1, 10, 2, 20}},
		{15, true, []int64{1, 10}},
		{0, true, nil},
	} {
		got, changed := cacheOf(t, 1, 10, 2, 20, 3, 30).TruncateEnd(c.end)
		if changed != c.changed {
			t.Errorf("end %d: changed %v", c.end, changed)
		}
		wantEntries(t, "truncated", got, c.want...)
	}
	// Appending to a truncated value must not write into the one it came from.
	whole := cacheOf(t, 1, 10, 2, 20, 3, 30)
	cut, _ := whole.TruncateEnd(20)
	cut, _ = cut.Assign(9, 25)
	wantEntries(t, "cut", cut, 1, 10, 9, 25)
	wantEntries(t, "whole", whole, 1, 10, 2, 20, 3, 30)
}

func TestTruncateStartMovesTheFirstEntry(t *testing.T) {
	for _, c := range []struct {
		start   int64
		changed bool
		want    []int64
	}{
		{5, false, []int64{1, 10, 2, 20, 3, 30}},
		{10, false, []int64{1, 10, 2, 20, 3, 30}},
		{15, true, []int64{1, 15, 2, 20, 3, 30}},
		{20, true, []int64{2, 20, 3, 30}},
		{25, true, []int64{2, 25, 3, 30}},
		{99, true, []int64{3, 99}},
	} {
		whole := cacheOf(t, 1, 10, 2, 20, 3, 30)
		got, changed := whole.TruncateStart(c.start)
		if changed != c.changed {
			t.Errorf("start %d: changed %v", c.start, changed)
		}
		wantEntries(t, "truncated", got, c.want...)
		wantEntries(t, "old value", whole, 1, 10, 2, 20, 3, 30)
	}
	if _, changed := (Cache{}).TruncateStart(5); changed {
		t.Error("an empty cache changed")
	}
}

// TestCacheMatchesALogOfEpochs appends records under rising epochs, cuts both ends, and asks every
// record for its epoch.
func TestCacheMatchesALogOfEpochs(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 5))
		var c Cache
		var log []int32 // the epoch of each record
		start, epoch := 0, int32(0)
		for range 50 {
			switch random.IntN(5) {
			case 0:
				cut := start + random.IntN(len(log)-start+1)
				log = log[:cut]
				c, _ = c.TruncateEnd(int64(cut))
			case 1:
				start += random.IntN(len(log) - start + 1)
				c, _ = c.TruncateStart(int64(start))
			case 2:
				epoch += random.Int32N(3)
				fallthrough
			default:
				c, _ = c.Assign(epoch, int64(len(log)))
				for range random.IntN(6) {
					log = append(log, epoch)
				}
			}
			for offset := start; offset < len(log); offset++ {
				if got, ok := c.EpochAt(int64(offset)); !ok || got != log[offset] {
					t.Fatalf("seed %d: offset %d: got %d, %v; want %d of %v in %v", seed, offset, got, ok, log[offset], log, c.Entries())
				}
				_, end := c.EndOffsetFor(log[offset], int64(len(log)))
				if end <= int64(offset) || (end < int64(len(log)) && log[end] == log[offset]) {
					t.Fatalf("seed %d: epoch %d of offset %d ends at %d", seed, log[offset], offset, end)
				}
			}
		}
	}
}

func TestCheckpointIsKafkas(t *testing.T) {
	c := cacheOf(t, 0, 0, 4, 1234567890123)
	content := c.AppendTo([]byte("x"))[1:]
	if want := "0\n2\n0 0\n4 1234567890123\n"; string(content) != want {
		t.Errorf("got %q, want %q", content, want)
	}
	decoded, err := Decode(content)
	if err != nil {
		t.Fatal(err)
	}
	wantEntries(t, "decoded", decoded, 0, 0, 4, 1234567890123)
	if empty, err := Decode(nil); err != nil || empty.Len() != 0 {
		t.Errorf("empty file: %v, %v", empty, err)
	}
}

func TestDamagedCheckpointIsRefused(t *testing.T) {
	for _, content := range []string{
		"1\n0\n", "0\n1\n0 0 0\n", "0\n1\nx 0\n", "0\n1\n0 x\n", "0\n1\n-1 0\n", "0\n1\n0 -1\n",
		"0\n2\n1 5\n1 6\n", "0\n2\n1 5\n2 5\n", "0\n2\n2 5\n1 6\n", "0\n3\n1 5\n2 6\n", "0\n1\n4294967296 0\n",
	} {
		if c, err := Decode([]byte(content)); !errors.Is(err, checkpoint.ErrMalformed) || c.Len() != 0 {
			t.Errorf("%q: got %v, %v", content, c, err)
		}
	}
}

func FuzzEpochCache(f *testing.F) {
	f.Add([]byte("0\n2\n0 0\n4 1234\n"))
	f.Add([]byte("0\r\n1\r\n7 7\r\n"))
	f.Add([]byte("0\n2147483647\n0 0\n"))
	f.Add([]byte("0\n1\n2147483647 9223372036854775807\n"))
	f.Fuzz(func(t *testing.T, p []byte) {
		c, err := Decode(p)
		if err != nil {
			if !errors.Is(err, checkpoint.ErrMalformed) || c.Len() != 0 {
				t.Fatal(err)
			}
			return
		}
		content := c.AppendTo(nil)
		again, err := Decode(content)
		if err != nil || !bytes.Equal(again.AppendTo(nil), content) {
			t.Fatalf("%q decodes to %v, %v", content, again, err)
		}
		for _, e := range c.Entries() {
			if got, ok := c.EpochAt(e.StartOffset); !ok || got != e.LeaderEpoch {
				t.Fatalf("entry %v: got %d, %v", e, got, ok)
			}
			cut, _ := c.TruncateEnd(e.StartOffset)
			cut, _ = cut.TruncateStart(e.StartOffset)
			cut.EndOffsetFor(e.LeaderEpoch, e.StartOffset)
		}
	})
}
