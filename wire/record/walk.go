package record

import (
	"encoding/binary"
	"math"
)

// extent is what a walk over the records of a batch learns besides that they are sound.
type extent struct {
	minDelta, maxDelta int64 // of the timestamps
	nullKey            bool  // a record has no key
}

// walkRecords checks that p holds exactly count records with offset deltas 0, 1, 2 ...
// and nothing else. It touches only the lengths: two cache lines a record however large keys and
// values are. It returns the index of the flawed record, if there is one.
//
// This is the loop that every produced record passes through. It takes the usual record on
// a fast path, which decides nothing but that the record is sound: its fields are read from
// two or three words of 8 bytes without bounds checks, and one comparison at the end shows that they
// fit. Whatever is unusual goes to readRecord, which is the only judge of flaws.
func walkRecords(p []byte, count int32) (e extent, index int32, f flaw) {
	e = extent{minDelta: math.MaxInt64, maxDelta: math.MinInt64}
	at := 0
	var r Record
	for index = range count {
		if next, timestamp, keyed := usualRecord(p, at, index); next != 0 {
			at = next
			e.minDelta, e.maxDelta = min(e.minDelta, timestamp), max(e.maxDelta, timestamp)
			e.nullKey = e.nullKey || !keyed
			continue
		}
		if at, f = readRecord(p, at, &r); f != flawNone {
			return e, index, f
		}
		if r.OffsetDelta != index {
			return e, index, flawOffset
		}
		e.minDelta, e.maxDelta = min(e.minDelta, r.TimestampDelta), max(e.maxDelta, r.TimestampDelta)
		e.nullKey = e.nullKey || r.Key == nil
	}
	if at != len(p) {
		return e, count, flawTrailing
	}
	return e, count, flawNone
}

const word = 8

// usualRecord is the position behind the record at p[at:], or 0 if it takes a closer look: it has headers, a
// varint of more than three bytes, a flaw, or lies within the last bytes of p.
func usualRecord(p []byte, at int, index int32) (next int, timestamp int64, keyed bool) {
	if at+word > len(p) {
		return 0, 0, false
	}
	w := binary.LittleEndian.Uint64(p[at:])
	size, w, n := takeVarint(w)
	i := at + n
	end := i + int(size)
	ts, w, n := takeVarint(w >> 8) // behind the attributes
	i += 1 + n
	offset, _, n := takeVarint(w)
	i += n
	if i-at > word || offset != index || end > len(p) || i+word > len(p) {
		return 0, 0, false
	}
	key, w, n := takeVarint(binary.LittleEndian.Uint64(p[i:]))
	i += n
	if key > 0 {
		if i += int(key); i+word > len(p) {
			return 0, 0, false
		}
		w = binary.LittleEndian.Uint64(p[i:])
	}
	value, _, n := takeVarint(w)
	i += n + max(int(value), 0)
	// No length is negative from here on, so if the last field ends where the record does, no field
	// lies outside of it.
	if i != end-1 || p[i] != 0 {
		return 0, 0, false
	}
	return end, int64(ts), key >= 0
}

// takeVarint takes a varint of up to three bytes from the low end of w and
// returns it with the rest of w and its size: a size beyond every word for a longer one.
func takeVarint(w uint64) (v int32, rest uint64, size int) {
	switch {
	case w&0x80 == 0:
		return unzigzag32(uint32(w & 0x7f)), w >> 8, 1
	case w&0x8000 == 0:
		return unzigzag32(uint32(w&0x7f | w>>1&0x3f80)), w >> 16, 2
	case w&0x800000 == 0:
		return unzigzag32(uint32(w&0x7f | w>>1&0x3f80 | w>>2&0x1fc000)), w >> 24, 3
	}
	return 0, 0, 2 * word
}
