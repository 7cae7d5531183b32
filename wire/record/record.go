package record

import "iter"

// Record is one record of a batch (KIP-98). Key, Value and Headers are views of the
// payload it was read from.
type Record struct {
	Attributes     int8  // unused in the format so far
	TimestampDelta int64 // milliseconds from the batch's base timestamp, see [Batch.RecordTimestamp]
	OffsetDelta    int32 // from the batch's base offset, see [Batch.RecordOffset]
	Key            []byte
	Value          []byte // nil is null: in a compacted topic a tombstone
	Headers        Headers
}

// Headers are the headers of one record (KIP-82), still encoded: most readers want none
// of them, and a slice of decoded ones would cost twenty times its bytes. The zero value has none.
type Headers struct {
	raw   []byte
	count int32
}

// RecordHeader is one header of a record. Keys may repeat; a nil value is null.
type RecordHeader struct { //nolint:revive // Kafka's name for it; Header is that of a batch
	Key   string
	Value []byte
}

// NewHeaders encodes headers for a record that is to be built.
func NewHeaders(headers ...RecordHeader) Headers {
	var h Headers
	for _, x := range headers {
		h.raw = appendVarint(h.raw, int64(len(x.Key)))
		h.raw = append(h.raw, x.Key...)
		h.raw = appendBytes(h.raw, x.Value)
		h.count++
	}
	return h
}

// Len is the number of headers.
func (h Headers) Len() int { return int(h.count) }

// All yields key and value of each header in order, as views. A nil value is null.
func (h Headers) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		i := 0
		for range h.count {
			var key, value []byte
			key, i = varintBytes(h.raw, i)
			value, i = varintBytes(h.raw, i)
			// Headers are checked when they are read, so this only guards against a bug of ours.
			if i < 0 || !yield(key, value) {
				return
			}
		}
	}
}

// varintBytes reads a byte string with a varint length at p[i:], nil for a negative one. The
// position is -1 if p is too short for it.
func varintBytes(p []byte, i int) ([]byte, int) {
	if i < 0 {
		return nil, -1
	}
	n, i := varint(p, i)
	if i < 0 || int(n) > len(p)-i {
		return nil, -1
	}
	if n < 0 {
		return nil, i
	}
	end := i + int(n)
	return p[i:end:end], end
}

// flaw is what is wrong with a record: a number, so that finding none costs nothing.
type flaw uint8

const (
	flawNone flaw = iota
	flawCut
	flawLength
	flawVarint
	flawKey
	flawValue
	flawHeaderCount
	flawHeader
	flawEnd
	flawOffset
	flawTrailing
)

// String is the flaw in words that complete "record n: ...".
func (f flaw) String() string {
	switch f {
	case flawNone:
		return "sound"
	case flawCut:
		return "payload ends before it"
	case flawLength:
		return "length does not fit the payload"
	case flawVarint:
		return "varint is endless or cut short"
	case flawKey:
		return "key does not fit the record"
	case flawValue:
		return "value does not fit the record"
	case flawHeaderCount:
		return "header count does not fit the record"
	case flawHeader:
		return "header does not fit the record or has no key"
	case flawEnd:
		return "fields end before or behind its length"
	case flawOffset:
		return "offset delta is not its index"
	case flawTrailing:
		return "bytes follow the last record"
	}
	return "flaw"
}

// readRecord reads the record at p[i:] into r and returns the position behind it. It takes what Kafka's
// DefaultRecord.readFrom takes: fields may lie, but all of them lie within the record and fill it
// exactly. Nothing is copied, and no field is looked at beyond its length.
func readRecord(p []byte, i int, r *Record) (int, flaw) {
	if i >= len(p) {
		return i, flawCut
	}
	size, i := varint(p, i)
	if i < 0 {
		return i, flawVarint
	}
	if size < 1 || int(size) > len(p)-i {
		return i, flawLength
	}
	end := i + int(size)
	// Behind its length a record is all that there is: no field can reach into the next one.
	body := p[:end:end]
	r.Attributes = int8(body[i])
	if r.TimestampDelta, i = varlong(body, i+1); i < 0 {
		return i, flawVarint
	}
	if r.OffsetDelta, i = varint(body, i); i < 0 {
		return i, flawVarint
	}
	if r.Key, i = varintBytes(body, i); i < 0 {
		return i, flawKey
	}
	if r.Value, i = varintBytes(body, i); i < 0 {
		return i, flawValue
	}
	return readHeaders(body, i, r)
}

// readHeaders reads the headers at body[i:], which have to end where body does.
func readHeaders(body []byte, i int, r *Record) (int, flaw) {
	count, i := varint(body, i)
	// The count comes from an attacker. A header is two bytes at least, which bounds what a count can make a reader do.
	if i < 0 || count < 0 || int(count) > (len(body)-i)/2 {
		return i, flawHeaderCount
	}
	from := i
	for range count {
		if i = skipHeader(body, i); i < 0 {
			return i, flawHeader
		}
	}
	if i != len(body) {
		return i, flawEnd
	}
	r.Headers = Headers{raw: body[from:], count: count}
	return i, flawNone
}

// skipHeader steps over a header without making views of it. It returns the position behind the header at p[i:], -1 if it is none.
func skipHeader(p []byte, i int) int {
	n, i := varint(p, i)
	if i < 0 || n < 0 || int(n) > len(p)-i {
		return -1
	}
	n, i = varint(p, i+int(n))
	if i < 0 || int(n) > len(p)-i {
		return -1
	}
	return i + max(int(n), 0)
}

// appendRecord appends r with its length. The length comes first, so it is computed before anything is
// written; sizing is cheaper than moving the record when it is known.
func appendRecord(dst []byte, r *Record) []byte {
	size := 1 + varintSize(r.TimestampDelta) + varintSize(int64(r.OffsetDelta)) +
		bytesSize(r.Key) + bytesSize(r.Value) + varintSize(int64(r.Headers.count)) + len(r.Headers.raw)
	dst = appendVarint(dst, int64(size))
	dst = append(dst, byte(r.Attributes))
	dst = appendVarint(dst, r.TimestampDelta)
	dst = appendVarint(dst, int64(r.OffsetDelta))
	dst = appendBytes(dst, r.Key)
	dst = appendBytes(dst, r.Value)
	dst = appendVarint(dst, int64(r.Headers.count))
	return append(dst, r.Headers.raw...)
}

func appendBytes(dst, p []byte) []byte {
	if p == nil {
		return appendVarint(dst, -1)
	}
	dst = appendVarint(dst, int64(len(p)))
	return append(dst, p...)
}

func bytesSize(p []byte) int {
	if p == nil {
		return 1
	}
	return varintSize(int64(len(p))) + len(p)
}
