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
// a fast path, which decides nothing but that the record is sound. Whatever is unusual goes to
// readRecord, which is the only judge of flaws.
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

// usualHead is how much of a record the fast path reads up to its key length, in words that may
// reach one byte further each: three bytes of length, one of attributes, three of timestamp and
// of offset each, four of the key length's word.
const usualHead = 14

// usualRecord is the position behind the record at p[at:], or 0 if that takes a closer look: it has a varint
// of more than three bytes, a flaw, or lies within the last bytes of p. Slices of constant
// length are what the compiler turns into one load and one comparison.
func usualRecord(p []byte, at int, index int32) (next int, timestamp int64, keyed bool) {
	if at+usualHead > len(p) {
		return 0, 0, false
	}
	size, n := takeVarint(binary.LittleEndian.Uint32(p[at : at+4]))
	i := at + n
	end := i + size
	i++ // the attributes
	delta, n := takeVarint(binary.LittleEndian.Uint32(p[i : i+4]))
	i += n
	offset, n := takeVarint(binary.LittleEndian.Uint32(p[i : i+4]))
	i += n
	if offset != int(index) || end > len(p) {
		return 0, 0, false
	}
	key, n := takeVarint(binary.LittleEndian.Uint32(p[i : i+4]))
	i += n
	if key > 0 {
		i += key
	}
	if i+4 > len(p) {
		return 0, 0, false
	}
	value, n := takeVarint(binary.LittleEndian.Uint32(p[i : i+4]))
	i += n
	if value > 0 {
		i += value
	}
	// No field goes backwards, so if the last one ends where the record does, none lies outside of it.
	switch {
	case i == end-1 && p[i] == 0: // no headers
		return end, int64(delta), key >= 0
	case i < end-1 && value != longVarintValue && headersFlaw(p[:end], i) == flawNone:
		return end, int64(delta), key >= 0
	}
	return 0, 0, false
}

// headersFlaw checks the headers at body[i:], which have to end where body does.
func headersFlaw(body []byte, i int) flaw {
	var r Record
	_, f := readHeaders(body, i, &r)
	return f
}

// longVarintValue is what takeVarint makes of a varint that is too long for it.
const longVarintValue = math.MinInt32

// takeVarint reads a varint of up to three bytes from the low end of w. A longer one has no size: read
// again as the next field it is too long again, down to the last field, where it is noticed.
func takeVarint(w uint32) (v, size int) {
	u := w & 0x7f
	size = 1
	if w&0x80 != 0 {
		u |= w >> 1 & 0x3f80
		size = 2
		if w&0x8000 != 0 {
			u |= w >> 2 & 0x1fc000
			size = 3
			if w&0x800000 != 0 {
				return longVarintValue, 0
			}
		}
	}
	return int(u>>1) ^ -int(u&1), size
}
