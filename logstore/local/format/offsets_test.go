package format

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore"
)

// slotOf is a slot with the copies of two sequences.
func slotOf(first, second Kept, sequence uint32) []byte {
	slot := make([]byte, SlotSize)
	for i, k := range []Kept{first, second} {
		c := k.Encode(sequence + uint32(i))
		copy(slot[SlotCopyAt(0, sequence+uint32(i))-OffsetsHeaderSize:], c[:])
	}
	return slot
}

func TestNewerCopyOfSlotCounts(t *testing.T) {
	older := Kept{TopicID: logstore.TopicID{1}, Partition: 3, LeaderEpoch: -1, DurableEnd: 5, LogStartOffset: 2}
	newer := Kept{TopicID: logstore.TopicID{1}, Partition: 3, LeaderEpoch: 2, DurableEnd: math.MaxInt64, LogStartOffset: math.MaxInt64}
	for _, sequence := range []uint32{0, 1, 7, math.MaxUint32} {
		slot := slotOf(older, newer, sequence)
		if k, s, ok := DecodeSlot(slot); !ok || k != newer || s != sequence+1 {
			t.Errorf("sequence %d: %+v, %d, %v", sequence, k, s, ok)
		}
	}
}

func TestTornSlotLeavesOtherCopy(t *testing.T) {
	older, newer := Kept{TopicID: logstore.TopicID{1}, DurableEnd: 5}, Kept{TopicID: logstore.TopicID{1}, DurableEnd: 6}
	good := slotOf(older, newer, 2)
	for at := range SlotCopySize {
		torn := slices.Clone(good)
		torn[SlotCopySize+at] ^= 0x10
		if k, s, ok := DecodeSlot(torn); !ok || k != older || s != 2 {
			t.Fatalf("byte %d: %+v, %d, %v", at, k, s, ok)
		}
	}
	if _, _, ok := DecodeSlot(make([]byte, SlotSize)); ok {
		t.Error("a slot that was never written is valid")
	}
}

func TestImplausibleSlotIsRefused(t *testing.T) {
	for _, bad := range []Kept{{Partition: -1}, {LeaderEpoch: -2}, {DurableEnd: -1}, {LogStartOffset: -1}} {
		slot := slotOf(bad, bad, 0)
		if k, _, ok := DecodeSlot(slot); ok {
			t.Errorf("%+v", k)
		}
	}
}

func TestOffsetsHeader(t *testing.T) {
	header := OffsetsHeader()
	if err := CheckOffsetsHeader(header); err != nil {
		t.Error(err)
	}
	header[9]++
	if err := CheckOffsetsHeader(header); !errors.Is(err, ErrUnknownVersion) {
		t.Errorf("later version: %v", err)
	}
	header[8], header[9] = 0, 0
	if err := CheckOffsetsHeader(header); !errors.Is(err, ErrCorruptMarker) {
		t.Errorf("version 0: %v", err)
	}
	header[0]++
	if err := CheckOffsetsHeader(header); !errors.Is(err, ErrCorruptMarker) {
		t.Errorf("other magic: %v", err)
	}
}

func FuzzSlot(f *testing.F) {
	f.Add(slotOf(Kept{DurableEnd: 1}, Kept{DurableEnd: 2}, 4))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) != SlotSize {
			return
		}
		if k, sequence, ok := DecodeSlot(p); ok {
			again := k.Encode(sequence)
			if got, s, ok := decodeSlotCopy(again[:]); !ok || got != k || s != sequence {
				t.Fatalf("%+v, %d encoded again is %+v, %d", k, sequence, got, s)
			}
		}
	})
}
