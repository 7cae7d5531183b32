package record

// extent is what a walk over the records of a batch learns besides that they are sound.
type extent struct {
	minDelta, maxDelta int64 // of the timestamps
	nullKey            bool  // a record has no key
}

// walkRecords checks that p holds exactly count records with offset deltas 0, 1, 2 ...
// and nothing else. It accepts what readRecord accepts (a fuzz test holds them together) but touches
// only the lengths: two cache lines a record however large keys and values are. It
// returns the index of the flawed record, if there is one.
//
// This is the loop that every produced record passes through, hence the fast path for fields
// that fit their usual width, and positions instead of slices.
func walkRecords(p []byte, count int32) (e extent, index int32, f flaw) {
	e = extent{minDelta: 1<<63 - 1, maxDelta: -1 << 63}
	at := 0
	for index = range count {
		if at >= len(p) {
			return e, index, flawCut
		}
		size, i := varint(p, at)
		if i < 0 {
			return e, index, flawVarint
		}
		if size < 1 || int(size) > len(p)-i {
			return e, index, flawLength
		}
		at = i + int(size)
		body := p[:at]
		timestamp, i := varlong(body, i+1)
		if i < 0 {
			return e, index, flawVarint
		}
		e.minDelta, e.maxDelta = min(e.minDelta, timestamp), max(e.maxDelta, timestamp)
		offset, i := varint(body, i)
		if i < 0 {
			return e, index, flawVarint
		}
		if offset != index {
			return e, index, flawOffset
		}
		key, i := varint(body, i)
		if i < 0 || int(key) > len(body)-i {
			return e, index, flawKey
		}
		if key < 0 {
			e.nullKey = true
		} else {
			i += int(key)
		}
		value, i := varint(body, i)
		if i < 0 || int(value) > len(body)-i {
			return e, index, flawValue
		}
		if i += max(int(value), 0); i == len(body)-1 && body[i] == 0 {
			continue // no headers, the usual end
		}
		if f := walkHeaders(body, i); f != flawNone {
			return e, index, f
		}
	}
	if at != len(p) {
		return e, count, flawTrailing
	}
	return e, count, flawNone
}

// walkHeaders checks the headers at body[i:], which have to end where body does.
func walkHeaders(body []byte, i int) flaw {
	var r Record
	_, f := readHeaders(body, i, &r)
	return f
}
