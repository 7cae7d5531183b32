package record

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

var varintBoundaries = []int64{
	0, 1, -1, 63, 64, -64, -65, 8191, 8192, -8192, -8193, 1<<20 - 1, 1 << 20, 1<<27 - 1, 1 << 27,
	math.MaxInt32, math.MinInt32, 1 << 34, -1 << 34, 1 << 55, math.MaxInt64, math.MinInt64,
}

func TestVarintsAgreeWithEncodingBinary(t *testing.T) {
	for _, v := range varintBoundaries {
		want := binary.AppendVarint(nil, v)
		got := appendVarint(nil, v)
		if !bytes.Equal(got, want) {
			t.Errorf("%d: encoded as %x, want %x", v, got, want)
		}
		if varintSize(v) != len(want) {
			t.Errorf("%d: size %d, want %d", v, varintSize(v), len(want))
		}
		if back, next := varlong(got, 0); back != v || next != len(want) {
			t.Errorf("%d: read as %d up to %d", v, back, next)
		}
		if v != int64(int32(v)) {
			continue
		}
		if back, next := varint(got, 0); int64(back) != v || next != len(want) {
			t.Errorf("%d: read as 32 bits %d up to %d", v, back, next)
		}
		word := binary.LittleEndian.Uint32(append(got, 0xff, 0xff, 0xff, 0xff))
		if back, size := takeVarint(word); len(want) <= 3 && (int64(back) != v || size != len(want)) {
			t.Errorf("%d: taken as %d of %d bytes", v, back, size)
		}
	}
}

func TestVarintsAreRefusedWhenCutOrEndless(t *testing.T) {
	for n := range 12 {
		cut := bytes.Repeat([]byte{0x80}, n)
		if _, next := varint(cut, 0); next != -1 {
			t.Errorf("32 bits: %d continued bytes and the end: %d", n, next)
		}
		if _, next := varlong(cut, 0); next != -1 {
			t.Errorf("64 bits: %d continued bytes and the end: %d", n, next)
		}
		whole := append(bytes.Clone(cut), 1)
		if _, next := varint(whole, 0); (next == n+1) != (n < 5) {
			t.Errorf("32 bits: %d continued bytes and one: %d", n, next)
		}
		if _, next := varlong(whole, 0); (next == n+1) != (n < 10) {
			t.Errorf("64 bits: %d continued bytes and one: %d", n, next)
		}
	}
	if _, next := varint([]byte{0}, 5); next != -1 {
		t.Error("a position behind the end is read")
	}
}

func TestTakeVarintMarksLongOnes(t *testing.T) {
	for _, w := range []uint32{0x808080, 0xffffffff, 0x00808080, 0x7f808080} {
		if v, size := takeVarint(w); v != longVarintValue || size != 0 {
			t.Errorf("%#x: %d, %d", w, v, size)
		}
	}
}
