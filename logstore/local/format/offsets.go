package format

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/clatterhq/clatter/logstore"
)

// OffsetsFile is our own file in a log directory with what must be known of every partition after a
// crash. Kafka ignores it.
const OffsetsFile = "clatter-offsets"

// The offsets file has a header and then a slot for each partition that has files, big endian:
//
//	header   magic "\x89CLTOFFS" (8 bytes), version uint16 = 1, zeros
//	slot     two copies, written in turn: the valid one with the higher sequence counts
//	copy     crc              uint32  CRC-32C of the other 60 bytes
//	         sequence         uint32
//	         partition        int32
//	         leader epoch     int32
//	         topic ID         16 bytes, zero if the slot is free
//	         durable end      int64   everything below was synced
//	         log start offset int64
//	         zeros
//
// It is written in place and doesn't grow for a partition that it knows. So it can be written when the disk is
// full, one partition costs 64 bytes of writing however many there are, and a copy that a crash tore leaves
// the other one. Rewriting a file of all partitions each time, as Kafka does with its
// checkpoints, would be simpler, and as slow as there are partitions.
const (
	// OffsetsHeaderSize, SlotSize and SlotCopySize are in bytes.
	OffsetsHeaderSize = 64
	SlotSize          = 128
	SlotCopySize      = 64

	offsetsMagic   = "\x89CLTOFFS"
	offsetsVersion = 1
)

// Kept is what is kept of a partition in a slot. The zero Kept is that of a free one.
type Kept struct {
	TopicID        logstore.TopicID
	Partition      int32
	LeaderEpoch    int32 // the latest
	DurableEnd     int64 // everything below was synced: damage there isn't a torn tail
	LogStartOffset int64
}

// IsFree reports whether the slot belongs to no partition.
func (k *Kept) IsFree() bool { return k.TopicID == logstore.TopicID{} }

// OffsetsHeader is the header of the file.
func OffsetsHeader() []byte {
	header := make([]byte, OffsetsHeaderSize)
	copy(header, offsetsMagic)
	binary.BigEndian.PutUint16(header[len(offsetsMagic):], offsetsVersion)
	return header
}

// CheckOffsetsHeader checks the header, whose size p has. Errors: [ErrCorruptMarker], which says nothing about the slots, since these
// have checksums of their own; [ErrUnknownVersion].
func CheckOffsetsHeader(p []byte) error {
	if string(p[:len(offsetsMagic)]) != offsetsMagic {
		return fmt.Errorf("%w: header of the offsets file", ErrCorruptMarker)
	}
	switch version := binary.BigEndian.Uint16(p[len(offsetsMagic):]); version {
	case offsetsVersion:
		return nil
	case 0: // cut off while it was written
		return fmt.Errorf("%w: header of the offsets file", ErrCorruptMarker)
	default:
		return fmt.Errorf("%w: offsets file has %d, want %d", ErrUnknownVersion, version, offsetsVersion)
	}
}

// SlotCopyAt is where in the file the copy with a sequence number lies.
func SlotCopyAt(slot int32, sequence uint32) int64 {
	return OffsetsHeaderSize + int64(slot)*SlotSize + int64(sequence%2)*SlotCopySize
}

// Encode makes one copy of a slot.
func (k *Kept) Encode(sequence uint32) (p [SlotCopySize]byte) {
	big := binary.BigEndian
	big.PutUint32(p[4:], sequence)
	big.PutUint32(p[8:], uint32(k.Partition))
	big.PutUint32(p[12:], uint32(k.LeaderEpoch))
	copy(p[16:], k.TopicID[:])
	big.PutUint64(p[32:], uint64(k.DurableEnd))
	big.PutUint64(p[40:], uint64(k.LogStartOffset))
	big.PutUint32(p[:], crc32.Checksum(p[4:], castagnoli))
	return p
}

// DecodeSlot reads a slot of [SlotSize] bytes: its newer valid copy. ok is false if there is none, as in a slot that
// was never written.
func DecodeSlot(p []byte) (k Kept, sequence uint32, ok bool) {
	for i := range 2 {
		c, s, valid := decodeSlotCopy(p[i*SlotCopySize:][:SlotCopySize])
		// Sequences wrap, so the newer one is a little ahead, not greater.
		if valid && (!ok || int32(s-sequence) > 0) {
			k, sequence, ok = c, s, true
		}
	}
	return k, sequence, ok
}

func decodeSlotCopy(p []byte) (k Kept, sequence uint32, ok bool) {
	big := binary.BigEndian
	if big.Uint32(p) != crc32.Checksum(p[4:], castagnoli) {
		return Kept{}, 0, false
	}
	k = Kept{
		TopicID: logstore.TopicID(p[16:32]), Partition: int32(big.Uint32(p[8:])), LeaderEpoch: int32(big.Uint32(p[12:])),
		DurableEnd: int64(big.Uint64(p[32:])), LogStartOffset: int64(big.Uint64(p[40:])),
	}
	return k, big.Uint32(p[4:]), k.Partition >= 0 && k.LeaderEpoch >= -1 && k.DurableEnd >= 0 && k.LogStartOffset >= 0
}
