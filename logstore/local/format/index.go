package format

import "encoding/binary"

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

// AppendTo appends the entry to dst, for the index of the segment at baseOffset, which the offset is at most math.MaxInt32 behind.
func (e OffsetEntry) AppendTo(dst []byte, baseOffset int64) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.Offset-baseOffset))
	return binary.BigEndian.AppendUint32(dst, uint32(e.Position))
}

// AppendTo appends the entry to dst, for the time index of the segment at baseOffset, which the offset is at most math.MaxInt32 behind.
func (e TimeEntry) AppendTo(dst []byte, baseOffset int64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Timestamp))
	return binary.BigEndian.AppendUint32(dst, uint32(e.Offset-baseOffset))
}

// OffsetIndex is the content of an offset index, or a run of entries of one. An entry that was cut off
// at the end is not seen.
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
