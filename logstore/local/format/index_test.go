package format

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func offsetIndex(t *testing.T, base int64, entries ...OffsetEntry) OffsetIndex {
	t.Helper()
	var x OffsetIndex
	for _, e := range entries {
		var err error
		if x, err = e.AppendTo(x, base); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func timeIndex(t *testing.T, base int64, entries ...TimeEntry) TimeIndex {
	t.Helper()
	var x TimeIndex
	for _, e := range entries {
		var err error
		if x, err = e.AppendTo(x, base); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func TestIndexEntriesAreKafkas(t *testing.T) {
	x := offsetIndex(t, 1000, OffsetEntry{1258, 0x01020304})
	if want := []byte{0, 0, 1, 2, 1, 2, 3, 4}; !bytes.Equal(x, want) {
		t.Errorf("offset index %x, want %x", []byte(x), want)
	}
	y := timeIndex(t, 1000, TimeEntry{0x0102030405060708, 1258})
	if want := []byte{1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 1, 2}; !bytes.Equal(y, want) {
		t.Errorf("time index %x, want %x", []byte(y), want)
	}
}

func TestOffsetsBeyondTheSegmentDoNotFit(t *testing.T) {
	const base = 5_000_000_000
	for _, offset := range []int64{base - 1, base + math.MaxInt32 + 1, math.MaxInt64, -1} {
		if dst, err := (OffsetEntry{Offset: offset}).AppendTo(nil, base); !errors.Is(err, ErrIndexOverflow) || len(dst) > 0 {
			t.Errorf("offset %d: %v", offset, err)
		}
		if dst, err := (TimeEntry{Offset: offset}).AppendTo(nil, base); !errors.Is(err, ErrIndexOverflow) || len(dst) > 0 {
			t.Errorf("offset %d: %v", offset, err)
		}
	}
	last := OffsetEntry{base + math.MaxInt32, math.MaxInt32}
	if got := offsetIndex(t, base, last).At(0, base); got != last {
		t.Errorf("got %+v", got)
	}
}

func TestOffsetLookup(t *testing.T) {
	x := offsetIndex(t, 100, OffsetEntry{110, 4096}, OffsetEntry{120, 8192}, OffsetEntry{200, 12288})
	for _, c := range []struct {
		offset int64
		want   OffsetEntry
	}{
		{0, OffsetEntry{100, 0}},
		{100, OffsetEntry{100, 0}},
		{109, OffsetEntry{100, 0}},
		{110, OffsetEntry{110, 4096}},
		{119, OffsetEntry{110, 4096}},
		{199, OffsetEntry{120, 8192}},
		{200, OffsetEntry{200, 12288}},
		{math.MaxInt64, OffsetEntry{200, 12288}},
	} {
		if got := x.Lookup(c.offset, 100); got != c.want {
			t.Errorf("offset %d: got %+v", c.offset, got)
		}
	}
	if got := (OffsetIndex{}).Lookup(7, 5); got != (OffsetEntry{5, 0}) {
		t.Errorf("empty: got %+v", got)
	}
	for position, want := range map[int32]int64{0: 110, 4096: 110, 4097: 120, 12288: 200} {
		if got, ok := x.UpperBound(position, 100); !ok || got.Offset != want {
			t.Errorf("position %d: got %+v, %v", position, got, ok)
		}
	}
	if _, ok := x.UpperBound(12289, 100); ok {
		t.Error("an upper bound beyond all")
	}
	for offset, want := range map[int64]int{100: 0, 110: 0, 111: 1, 120: 1, 200: 2, 201: 3} {
		if got := x.Before(offset, 100); got.Len() != want {
			t.Errorf("before %d: %d entries", offset, got.Len())
		}
	}
}

func TestTimeLookup(t *testing.T) {
	x := timeIndex(t, 100, TimeEntry{1000, 105}, TimeEntry{2000, 150}, TimeEntry{3000, 151})
	none := TimeEntry{NoTimestamp, 100}
	for _, c := range []struct {
		timestamp int64
		want      TimeEntry
	}{
		{-1, none},
		{999, none},
		{1000, TimeEntry{1000, 105}},
		{1999, TimeEntry{1000, 105}},
		{2500, TimeEntry{2000, 150}},
		{math.MaxInt64, TimeEntry{3000, 151}},
	} {
		if got := x.Lookup(c.timestamp, 100); got != c.want {
			t.Errorf("timestamp %d: got %+v", c.timestamp, got)
		}
	}
	if got := x.Last(100); got != (TimeEntry{3000, 151}) {
		t.Errorf("last %+v", got)
	}
	if got := (TimeIndex{}).Last(100); got != none {
		t.Errorf("last of an empty one %+v", got)
	}
	for offset, want := range map[int64]int{105: 0, 106: 1, 151: 2, 152: 3} {
		if got := x.Before(offset, 100); got.Len() != want {
			t.Errorf("before %d: %d entries", offset, got.Len())
		}
	}
}

func TestValidEndsAtTheFirstContradiction(t *testing.T) {
	good := []OffsetEntry{{110, 4096}, {120, 8192}}
	for name, c := range map[string]struct {
		more []byte
		want int
	}{
		"whole":            {nil, 2},
		"cut entry":        {[]byte{0, 0, 0}, 2},
		"preallocated":     {make([]byte, 80), 2},
		"same offset":      {offsetIndex(t, 100, OffsetEntry{120, 9000}), 2},
		"same position":    {offsetIndex(t, 100, OffsetEntry{130, 8192}), 2},
		"beyond the data":  {offsetIndex(t, 100, OffsetEntry{130, 20_000}), 2},
		"negative numbers": {bytes.Repeat([]byte{0xff}, 8), 2},
		"one more":         {offsetIndex(t, 100, OffsetEntry{130, 19_999}), 3},
	} {
		x := append(offsetIndex(t, 100, good...), c.more...)
		if got := x.Valid(100, 20_000).Len(); got != c.want {
			t.Errorf("%s: %d entries", name, got)
		}
		err := x.Check(100, 20_000)
		if whole := len(x) == c.want*OffsetEntrySize; whole != (err == nil) || (err != nil && !errors.Is(err, ErrCorruptIndex)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := OffsetIndex(make([]byte, 80)).Valid(0, 1000); got.Len() != 0 {
		t.Errorf("preallocated and empty: %d entries", got.Len())
	}
}

func TestValidTimesEndAtTheFirstContradiction(t *testing.T) {
	good := []TimeEntry{{1000, 105}, {2000, 150}}
	for name, c := range map[string]struct {
		more []byte
		want int
	}{
		"whole":            {nil, 2},
		"cut entry":        {[]byte{0, 0, 0}, 2},
		"preallocated":     {make([]byte, 120), 2},
		"same timestamp":   {timeIndex(t, 100, TimeEntry{2000, 160}), 2},
		"same offset":      {timeIndex(t, 100, TimeEntry{2001, 150}), 2},
		"beyond the data":  {timeIndex(t, 100, TimeEntry{2001, 200}), 2},
		"negative numbers": {bytes.Repeat([]byte{0xff}, 12), 2},
		"one more":         {timeIndex(t, 100, TimeEntry{2001, 199}), 3},
	} {
		x := append(timeIndex(t, 100, good...), c.more...)
		if got := x.Valid(100, 200).Len(); got != c.want {
			t.Errorf("%s: %d entries", name, got)
		}
		err := x.Check(100, 200)
		if whole := len(x) == c.want*TimeEntrySize; whole != (err == nil) || (err != nil && !errors.Is(err, ErrCorruptIndex)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := TimeIndex(make([]byte, 120)).Valid(0, 1000); got.Len() != 0 {
		t.Errorf("preallocated and empty: %d entries", got.Len())
	}
	epoch := timeIndex(t, 0, TimeEntry{0, 0}, TimeEntry{5, 3})
	if err := epoch.Check(0, 10); err != nil {
		t.Errorf("records of 1970: %v", err)
	}
}

func TestLookupMatchesALinearSearch(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 2))
		base := random.Int64N(1 << 40)
		var entries []OffsetEntry
		last := OffsetEntry{base, 0}
		for range random.IntN(50) {
			last = OffsetEntry{last.Offset + 1 + random.Int64N(100), last.Position + 1 + random.Int32N(5000)}
			entries = append(entries, last)
		}
		x := offsetIndex(t, base, entries...)
		for range 50 {
			offset := base + random.Int64N(last.Offset-base+10)
			want := OffsetEntry{base, 0}
			for _, e := range entries {
				if e.Offset <= offset {
					want = e
				}
			}
			if got := x.Lookup(offset, base); got != want {
				t.Fatalf("seed %d, offset %d: got %+v, want %+v", seed, offset, got, want)
			}
		}
	}
}

func FuzzOffsetIndex(f *testing.F) {
	good, _ := OffsetEntry{110, 4096}.AppendTo(nil, 100)
	good, _ = OffsetEntry{120, 8192}.AppendTo(good, 100)
	f.Add(good, int64(100), int64(10_000), int64(115))
	f.Add(append(good, make([]byte, 64)...), int64(100), int64(10_000), int64(115))
	f.Add(good[:11], int64(math.MaxInt64), int64(0), int64(0))
	f.Fuzz(func(t *testing.T, p []byte, base, size, offset int64) {
		base &= 1<<62 - 1
		x := OffsetIndex(p)
		valid := x.Valid(base, size)
		if err := valid.Check(base, size); err != nil {
			t.Fatal(err)
		}
		if again := valid.Valid(base, size); len(again) != len(valid) {
			t.Fatal("what is valid isn't")
		}
		if e := valid.Lookup(offset, base); e.Offset > max(offset, base) || e.Offset < base ||
			e.Position < 0 || int64(e.Position) >= max(size, 1) {
			t.Fatalf("lookup of %d: %+v", offset, e)
		}
		x.Lookup(offset, base) // must not panic, whatever it finds
		x.UpperBound(int32(offset), base)
		if cut := valid.Before(offset, base); cut.Len() > 0 && cut.At(cut.Len()-1, base).Offset >= offset {
			t.Fatal("entry at or behind the cut")
		}
	})
}

func FuzzTimeIndex(f *testing.F) {
	good, _ := TimeEntry{1000, 110}.AppendTo(nil, 100)
	good, _ = TimeEntry{2000, 120}.AppendTo(good, 100)
	f.Add(good, int64(100), int64(200), int64(1500))
	f.Add(append(good, make([]byte, 48)...), int64(100), int64(200), int64(0))
	f.Add(good[:13], int64(math.MaxInt64), int64(0), int64(-1))
	f.Fuzz(func(t *testing.T, p []byte, base, next, at int64) {
		base &= 1<<62 - 1
		x := TimeIndex(p)
		valid := x.Valid(base, next)
		if again := valid.Valid(base, next); len(again) != len(valid) {
			t.Fatal("what is valid isn't")
		}
		if e := valid.Lookup(at, base); e.Timestamp > max(at, NoTimestamp) || e.Offset < base || e.Offset >= max(next, base+1) {
			t.Fatalf("lookup of %d: %+v", at, e)
		}
		x.Last(base)
		if cut := valid.Before(at, base); cut.Len() > 0 && cut.At(cut.Len()-1, base).Offset >= at {
			t.Fatal("entry at or behind the cut")
		}
	})
}
