package format

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore"
)

func someMarks(count int) []PartitionMark {
	marks := make([]PartitionMark, count)
	for i := range marks {
		marks[i] = PartitionMark{
			TopicID: logstore.TopicID{1, 2, byte(i >> 16), byte(i >> 8), byte(i)}, Partition: int32(i), LeaderEpoch: int32(i % 7),
			LogStartOffset: int64(i), LogEndOffset: int64(i) * 1000, LastStableOffset: int64(i) * 999, LogBytes: 1 << 40,
			ActiveBaseOffset: int64(i) * 900, ActiveBytes: 1 << 30, OldestTimestamp: int64(i) - 1, Slot: int32(i) - 1,
			HasProducers: i%2 == 0, HasDeleted: i%3 == 0,
		}
	}
	return marks
}

// resealed gives a marker a CRC that fits.
func resealed(p []byte) []byte {
	p = slices.Clone(p)
	if len(p) >= markerHeaderSize {
		binary.BigEndian.PutUint32(p[markerCRCAt:], frameCRC(p))
	}
	return p
}

func TestMarkerRoundTrip(t *testing.T) {
	for _, count := range []int{0, 1, 100} {
		want := someMarks(count)
		content := AppendShutdown([]byte("x"), someID, want)[1:]
		if len(content) != markerHeaderSize+count*partitionMarkSize {
			t.Errorf("%d bytes for %d partitions", len(content), count)
		}
		if got, err := DecodeShutdown(content, someID); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d partitions: got %+v, %v", count, got, err)
		}
	}
}

func TestDamagedMarkerIsRefused(t *testing.T) {
	good := AppendShutdown(nil, someID, someMarks(2))
	for at := range good {
		for _, bit := range []byte{1, 0x80} {
			flipped := slices.Clone(good)
			flipped[at] ^= bit
			want := ErrCorruptMarker
			if at == 10 || at == 11 {
				want = ErrUnknownVersion
			}
			if marks, err := DecodeShutdown(flipped, someID); !errors.Is(err, want) || marks != nil {
				t.Fatalf("bit flipped in byte %d: %v", at, err)
			}
		}
		if _, err := DecodeShutdown(good[:at], someID); err == nil {
			t.Fatalf("cut at byte %d", at)
		}
	}
	if _, err := DecodeShutdown(append(slices.Clone(good), 0), someID); !errors.Is(err, ErrCorruptMarker) {
		t.Errorf("a byte more: %v", err)
	}
	if _, err := DecodeShutdown(good, UUID{1}); !errors.Is(err, ErrCorruptMarker) {
		t.Errorf("marker of another directory: %v", err)
	}
	huge := slices.Clone(good)
	copy(huge[28:], []byte{0xff, 0xff, 0xff, 0xff})
	if _, err := DecodeShutdown(resealed(huge), someID); !errors.Is(err, ErrCorruptMarker) {
		t.Errorf("huge count: %v", err)
	}
	flags := slices.Clone(good)
	flags[len(flags)-1] = 4
	if _, err := DecodeShutdown(resealed(flags), someID); !errors.Is(err, ErrCorruptMarker) {
		t.Errorf("unknown flag: %v", err)
	}
}

func TestImplausibleMarkerIsRefused(t *testing.T) {
	for name, change := range map[string]func(m *PartitionMark){
		"partition":        func(m *PartitionMark) { m.Partition = -1 },
		"leader epoch":     func(m *PartitionMark) { m.LeaderEpoch = -2 },
		"log start":        func(m *PartitionMark) { m.LogStartOffset = -1 },
		"log start > end":  func(m *PartitionMark) { m.LogStartOffset = m.LogEndOffset + 1 },
		"last stable":      func(m *PartitionMark) { m.LastStableOffset = m.LogEndOffset + 1 },
		"active base":      func(m *PartitionMark) { m.ActiveBaseOffset = m.LogEndOffset + 1 },
		"active bytes":     func(m *PartitionMark) { m.ActiveBytes = m.LogBytes + 1 },
		"negative bytes":   func(m *PartitionMark) { m.ActiveBytes = -1 },
		"slot":             func(m *PartitionMark) { m.Slot = -2 },
		"negative log end": func(m *PartitionMark) { m.LogStartOffset, m.LogEndOffset = -5, -5 },
	} {
		marks := someMarks(3)
		change(&marks[1])
		if _, err := DecodeShutdown(AppendShutdown(nil, someID, marks), someID); !errors.Is(err, ErrCorruptMarker) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMarkerOfTenThousandPartitionsAllocatesItsEntriesOnly(t *testing.T) {
	marks := someMarks(10_000)
	content := AppendShutdown(nil, someID, marks)
	dst := make([]byte, 0, len(content))
	if encode := testing.AllocsPerRun(5, func() { AppendShutdown(dst, someID, marks) }); encode != 0 {
		t.Errorf("encoding: %v allocations", encode)
	}
	decode := testing.AllocsPerRun(5, func() {
		if _, err := DecodeShutdown(content, someID); err != nil {
			t.Fatal(err)
		}
	})
	if decode != 1 {
		t.Errorf("decoding: %v allocations", decode)
	}
}

func BenchmarkMarker(b *testing.B) {
	marks := someMarks(10_000)
	content := AppendShutdown(nil, someID, marks)
	b.Run("encode", func(b *testing.B) {
		dst := make([]byte, 0, len(content))
		for b.Loop() {
			AppendShutdown(dst, someID, marks)
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := DecodeShutdown(content, someID); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func FuzzMarker(f *testing.F) {
	f.Add(AppendShutdown(nil, someID, someMarks(2)))
	f.Add(AppendShutdown(nil, someID, nil))
	random := rand.New(rand.NewPCG(1, 1))
	noise := AppendShutdown(nil, someID, someMarks(1))
	for i := markerHeaderSize; i < len(noise); i++ {
		noise[i] = byte(random.Uint32())
	}
	f.Add(noise)
	f.Fuzz(func(t *testing.T, p []byte) {
		p = resealed(p)
		if marks, err := DecodeShutdown(p, someID); err == nil {
			if again := AppendShutdown(nil, someID, marks); !slices.Equal(again, p) {
				t.Fatal("encoded again it differs")
			}
		} else if !errors.Is(err, ErrCorruptMarker) && !errors.Is(err, ErrUnknownVersion) {
			t.Fatal(err)
		}
	})
}
