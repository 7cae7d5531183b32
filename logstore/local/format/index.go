package format

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"
)

// Sizes of index entries in bytes.
const (
	OffsetEntrySize = 8
	TimeEntrySize   = 12
)

// NoTimestamp stands for no timestamp, in milliseconds.
const NoTimestamp int64 = -1

// OffsetEntry says where in the segment file the batch lies whose last offset is Offset.
type OffsetEntry struct {
	Offset   int64
	Position int32 // byte in the segment file
}

// TimeEntry says that no record up to Offset has a greater timestamp.
type TimeEntry struct {
	Timestamp int64 // ms since 1970
	Offset    int64
}

// relative is an offset as an index of a segment stores it.
func relative(offset, baseOffset int64) (uint32, error) {
	if offset < baseOffset || offset-baseOffset > math.MaxInt32 {
		return 0, fmt.Errorf("%w: %d in the segment at %d", ErrIndexOverflow, offset, baseOffset)
	}
	return uint32(offset - baseOffset), nil
}

// AppendTo appends the entry to dst, for the index of the segment at baseOffset. Error: [ErrIndexOverflow].
func (e OffsetEntry) AppendTo(dst []byte, baseOffset int64) ([]byte, error) {
	offset, err := relative(e.Offset, baseOffset)
	if err != nil {
		return dst, err
	}
	dst = binary.BigEndian.AppendUint32(dst, offset)
	return binary.BigEndian.AppendUint32(dst, uint32(e.Position)), nil
}

// AppendTo appends the entry to dst, for the time index of the segment at baseOffset. Error: [ErrIndexOverflow].
func (e TimeEntry) AppendTo(dst []byte, baseOffset int64) ([]byte, error) {
	offset, err := relative(e.Offset, baseOffset)
	if err != nil {
		return dst, err
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Timestamp))
	return binary.BigEndian.AppendUint32(dst, offset), nil
}

// OffsetIndex is the content of an offset index, or a run of entries of one. An entry that was cut off
// at the end is not seen. It is a view: lookups read the bytes where they are, as many as a
// binary search needs.
type OffsetIndex []byte

// Len is the number of entries.
func (x OffsetIndex) Len() int { return len(x) / OffsetEntrySize }

// At is an entry; i is from 0 to Len()-1.
func (x OffsetIndex) At(i int, baseOffset int64) OffsetEntry {
	e := x[i*OffsetEntrySize:]
	return OffsetEntry{
		Offset:   baseOffset + int64(int32(binary.BigEndian.Uint32(e))),
		Position: int32(binary.BigEndian.Uint32(e[4:])),
	}
}

// Lookup is the last entry whose offset isn't above offset, or the begin of the segment.
func (x OffsetIndex) Lookup(offset, baseOffset int64) OffsetEntry {
	above := sort.Search(x.Len(), func(i int) bool { return x.At(i, baseOffset).Offset > offset })
	if above == 0 {
		return OffsetEntry{Offset: baseOffset}
	}
	return x.At(above-1, baseOffset)
}

// UpperBound is the first entry whose position isn't below position, if there is one.
func (x OffsetIndex) UpperBound(position int32, baseOffset int64) (e OffsetEntry, ok bool) {
	at := sort.Search(x.Len(), func(i int) bool { return x.At(i, baseOffset).Position >= position })
	if at == x.Len() {
		return OffsetEntry{}, false
	}
	return x.At(at, baseOffset), true
}

// Before is the entries with offsets below offset, for a segment that was cut there.
func (x OffsetIndex) Before(offset, baseOffset int64) OffsetIndex {
	kept := sort.Search(x.Len(), func(i int) bool { return x.At(i, baseOffset).Offset >= offset })
	return x[:kept*OffsetEntrySize]
}

// Valid is the entries up to the first that can't be: offsets and positions must rise, and lie within a
// segment of segmentBytes. Kafka preallocates indexes, so zeros after the last entry mean the end, which no
// entry is: the first batch of a segment has none.
func (x OffsetIndex) Valid(baseOffset, segmentBytes int64) OffsetIndex {
	previous := OffsetEntry{Offset: baseOffset - 1}
	for i := range x.Len() {
		e := x.At(i, baseOffset)
		if e.Offset <= previous.Offset || e.Position <= previous.Position || int64(e.Position) >= segmentBytes {
			return x[:i*OffsetEntrySize]
		}
		previous = e
	}
	return x[:x.Len()*OffsetEntrySize]
}

// Check reports the first entry that can't be, by the rules of Valid. Bytes after the last entry, zeros of a
// preallocated file included, are an error too. Error: [ErrCorruptIndex].
func (x OffsetIndex) Check(baseOffset, segmentBytes int64) error {
	return checkAll("offset index", len(x), len(x.Valid(baseOffset, segmentBytes)), OffsetEntrySize)
}

// TimeIndex is the content of a time index, or a run of entries of one. An entry that was cut off
// at the end is not seen.
type TimeIndex []byte

// Len is the number of entries.
func (x TimeIndex) Len() int { return len(x) / TimeEntrySize }

// At is an entry; i is from 0 to Len()-1.
func (x TimeIndex) At(i int, baseOffset int64) TimeEntry {
	e := x[i*TimeEntrySize:]
	return TimeEntry{
		Timestamp: int64(binary.BigEndian.Uint64(e)),
		Offset:    baseOffset + int64(int32(binary.BigEndian.Uint32(e[8:]))),
	}
}

// Lookup is the last entry whose timestamp isn't above timestamp, or [NoTimestamp] at the begin of the
// segment. A search for the first record at or after a time begins at its offset.
func (x TimeIndex) Lookup(timestamp, baseOffset int64) TimeEntry {
	above := sort.Search(x.Len(), func(i int) bool { return x.At(i, baseOffset).Timestamp > timestamp })
	if above == 0 {
		return TimeEntry{Timestamp: NoTimestamp, Offset: baseOffset}
	}
	return x.At(above-1, baseOffset)
}

// Last is the entry with the greatest timestamp, or [NoTimestamp] at the begin of the segment.
func (x TimeIndex) Last(baseOffset int64) TimeEntry { return x.Lookup(math.MaxInt64, baseOffset) }

// Before is the entries with offsets below offset, for a segment that was cut there.
func (x TimeIndex) Before(offset, baseOffset int64) TimeIndex {
	kept := sort.Search(x.Len(), func(i int) bool { return x.At(i, baseOffset).Offset >= offset })
	return x[:kept*TimeEntrySize]
}

// Valid is the entries up to the first that can't be: timestamps must rise, offsets too, and not lie at or beyond
// nextOffset. Zeros after the last entry mean the end; but a first entry of zeros is one if it isn't followed by
// zeros, since a record may be from 1970.
func (x TimeIndex) Valid(baseOffset, nextOffset int64) TimeIndex {
	previous := TimeEntry{Timestamp: NoTimestamp, Offset: baseOffset - 1}
	zero := TimeEntry{Offset: baseOffset}
	for i := range x.Len() {
		e := x.At(i, baseOffset)
		if i == 0 && e == zero && x.Len() > 1 && x.At(1, baseOffset) == zero {
			return x[:0]
		}
		if e.Timestamp <= previous.Timestamp || e.Offset <= previous.Offset || e.Offset >= nextOffset {
			return x[:i*TimeEntrySize]
		}
		previous = e
	}
	return x[:x.Len()*TimeEntrySize]
}

// Check reports the first entry that can't be, by the rules of Valid. Bytes after the last entry, zeros of a
// preallocated file included, are an error too. Error: [ErrCorruptIndex].
func (x TimeIndex) Check(baseOffset, nextOffset int64) error {
	return checkAll("time index", len(x), len(x.Valid(baseOffset, nextOffset)), TimeEntrySize)
}

func checkAll(what string, size, validSize, entrySize int) error {
	if size != validSize {
		return fmt.Errorf("%w: %s of %d bytes: entry %d", ErrCorruptIndex, what, size, validSize/entrySize)
	}
	return nil
}
