package format

import (
	"bytes"
	"math"
	"testing"
)

func offsetIndex(t *testing.T, base int64, entries ...OffsetEntry) OffsetIndex {
	t.Helper()
	var x OffsetIndex
	for _, e := range entries {
		x = e.AppendTo(x, base)
	}
	return x
}

func timeIndex(t *testing.T, base int64, entries ...TimeEntry) TimeIndex {
	t.Helper()
	var x TimeIndex
	for _, e := range entries {
		x = e.AppendTo(x, base)
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
	const base = 5_000_000_000
	last := OffsetEntry{base + math.MaxInt32, math.MaxInt32}
	if got := offsetIndex(t, base, last).At(0, base); got != last {
		t.Errorf("got %+v", got)
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
	}
	if got := TimeIndex(make([]byte, 120)).Valid(0, 1000); got.Len() != 0 {
		t.Errorf("preallocated and empty: %d entries", got.Len())
	}
	epoch := timeIndex(t, 0, TimeEntry{0, 0}, TimeEntry{5, 3})
	if n := epoch.Valid(0, 10).Len(); n != 2 {
		t.Errorf("records of 1970: %d entries", n)
	}
}

func FuzzOffsetIndex(f *testing.F) {
	good := OffsetEntry{120, 8192}.AppendTo(OffsetEntry{110, 4096}.AppendTo(nil, 100), 100)
	f.Add(good, int64(100), int64(10_000))
	f.Add(append(good, make([]byte, 64)...), int64(100), int64(10_000))
	f.Add(good[:11], int64(math.MaxInt64), int64(0))
	f.Fuzz(func(t *testing.T, p []byte, base, size int64) {
		base &= 1<<62 - 1
		valid := OffsetIndex(p).Valid(base, size)
		if again := valid.Valid(base, size); len(again) != len(valid) {
			t.Fatal("what is valid isn't")
		}
		for i := range valid.Len() {
			if e := valid.At(i, base); e.Offset < base || e.Position < 0 || int64(e.Position) >= size {
				t.Fatalf("entry %d: %+v", i, e)
			}
		}
	})
}

func FuzzTimeIndex(f *testing.F) {
	good := TimeEntry{2000, 120}.AppendTo(TimeEntry{1000, 110}.AppendTo(nil, 100), 100)
	f.Add(good, int64(100), int64(200))
	f.Add(append(good, make([]byte, 48)...), int64(100), int64(200))
	f.Add(good[:13], int64(math.MaxInt64), int64(0))
	f.Fuzz(func(t *testing.T, p []byte, base, next int64) {
		base &= 1<<62 - 1
		valid := TimeIndex(p).Valid(base, next)
		if again := valid.Valid(base, next); len(again) != len(valid) {
			t.Fatal("what is valid isn't")
		}
		for i := range valid.Len() {
			if e := valid.At(i, base); e.Timestamp < 0 || e.Offset < base || e.Offset >= next {
				t.Fatalf("entry %d: %+v", i, e)
			}
		}
	})
}
