package vfs

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// TestRecycledMemoryReadsAsZeros writes with gaps into files whose memory others had before.
func TestRecycledMemoryReadsAsZeros(t *testing.T) {
	disk := NewMemory(Volatile())
	random := rand.New(rand.NewPCG(1, 2))
	const size = 5 * largeChunkBytes
	for round := range 200 {
		f, err := disk.Create("f")
		if err != nil {
			t.Fatal(err)
		}
		want := make([]byte, 0, size)
		for range 1 + random.IntN(12) {
			at := random.IntN(size - 1)
			p := bytes.Repeat([]byte{byte(1 + random.IntN(255))}, 1+random.IntN(min(size-at, 2*largeChunkBytes)))
			p = p[:min(len(p), size-at)]
			if _, err := f.WriteAt(p, int64(at)); err != nil {
				t.Fatal(err)
			}
			if grown := at + len(p); grown > len(want) {
				want = want[:grown] // It was zero, or is cut below.
			}
			copy(want[at:], p)
			if random.IntN(4) == 0 {
				cut := random.IntN(len(want))
				if err := f.Truncate(int64(cut)); err != nil {
					t.Fatal(err)
				}
				clear(want[cut:])
				want = want[:cut]
			}
		}
		got := make([]byte, len(want))
		if n, err := f.ReadAt(got, 0); n < len(got) && !errors.Is(err, io.EOF) || !bytes.Equal(got, want) {
			t.Fatalf("round %d: %d bytes, %v", round, n, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := disk.Remove("f"); err != nil {
			t.Fatal(err)
		}
	}
	if regions := len(disk.arena.regions.all); regions > 1 {
		t.Errorf("%d regions for one file of five chunks", regions)
	}
	if disk.Used() != 0 {
		t.Errorf("%d bytes are in use on an empty disk", disk.Used())
	}
}

// TestFreeMemoryGoesBack removes more than an arena keeps warm.
func TestFreeMemoryGoesBack(t *testing.T) {
	disk := NewMemory(Volatile())
	fill := func() {
		f, err := disk.Create("f")
		if err != nil {
			t.Fatal(err)
		}
		p := bytes.Repeat([]byte{7}, largeChunkBytes)
		for i := range int64(warmChunks + 100) {
			if _, err := f.WriteAt(p, i*largeChunkBytes); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := disk.Remove("f"); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	regions := len(disk.arena.regions.all)
	if warm, cold := len(disk.arena.mu.warm), len(disk.arena.mu.cold); warm != warmChunks || cold == 0 {
		t.Errorf("%d warm and %d cold chunks", warm, cold)
	}
	fill()
	if now := len(disk.arena.regions.all); now != regions {
		t.Errorf("%d regions, then %d for the same", regions, now)
	}
}
