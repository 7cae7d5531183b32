package wire

import (
	"encoding/binary"
	"fmt"
)

// The bounds of a body. Those on counts are Kafka 4.4's own.
const (
	// maxArrayLen bounds the elements of one array.
	maxArrayLen = 1_000_000
	// maxTags bounds the tagged fields of one section.
	maxTags = 10_000
	// maxTextLen is the longest string, in bytes: what two bytes of length can say. Kafka
	// holds compact strings to it as well.
	maxTextLen = 1<<15 - 1
	// maxBlobLen is the longest run of bytes, and the largest number that a length may
	// be.
	maxBlobLen = 1<<31 - 1
)

// Guard says whether a request's body may be handed to kmsg. It walks the body by the
// shape of its message, allocating nothing, and steps over strings and bytes without
// looking into them, so a Produce of a megabyte costs what an empty one costs.
//
// Refused are, with [ErrMalformed]: a body that ends early; a count that the
// remaining bytes cannot hold, or above Kafka's caps; null where the field is not
// nullable; a varint or a string that is too long; a tagged field in a version that
// does not define it. And with [ErrTooCostly]: a body that would take more than 16
// times its size in memory, itself included, plus 48 KiB (see [costSlack]). Like Kafka, it
// takes no notice of bytes after the last field.
//
// It is stricter than Kafka 4.4 in three corners that no client reaches: a varint of
// five bytes above 32 bits, a tagged field whose value does not fill its size, and
// a mark below -1 before a struct that may be null. Everything else that it lets
// through or refuses, Kafka does too.
//
// [ErrUnknownAPI] and [ErrUnsupportedVersion] are returned for what kmsg does not know; what the
// server serves is not its matter.
func Guard(key, version int16, body []byte) error {
	_, err := measure(key, version, body)
	return err
}

// measure is Guard, and tells what the decoded message will cost at most, in bytes.
func measure(key, version int16, body []byte) (int64, error) {
	if APIName(key) == "" {
		return 0, fmt.Errorf("%w: %d", ErrUnknownAPI, key)
	}
	shape := &shapeRequests[key]
	if version < 0 || version > int16(shape.maxVersion) {
		return 0, fmt.Errorf("%w: %s v%d", ErrUnsupportedVersion, APIName(key), version)
	}
	w := walker{
		body:     body,
		end:      len(body),
		version:  int8(version),
		flexible: version >= int16(shape.flexibleFrom),
		budget:   costBudget(len(body)),
	}
	if !w.charge(allocCost(int(shapeStructs[shape.root].mem))) || !w.walk(shape.root) {
		return 0, w.err(key, version)
	}
	return w.cost, nil
}

// shapeKind is how a field lies on the wire.
type shapeKind uint8

const (
	shapeFixed       shapeKind = iota // size bytes, whatever they mean
	shapeText                         // a string, which kmsg copies
	shapeBlob                         // bytes, which kmsg aliases
	shapeStruct                       // a struct in place
	shapeOptional                     // a struct behind a byte: -1 for null
	shapeFixedArray                   // elements of size bytes
	shapeTextArray                    // strings
	shapeStructArray                  // structs that take size bytes at least
)

// shapeOpen stands for the open end of a version range: above every version.
const shapeOpen = 127

// requestShape is the root of one request's shape.
type requestShape struct {
	root         uint16 // in shapeStructs
	maxVersion   int8   // kmsg's
	flexibleFrom int8   // shapeOpen if there is none
}

// structShape is a struct: a range of fields in shapeFields, its tagged fields after
// those in place.
type structShape struct {
	mem          uint16 // bytes of the decoded Go struct on a 64-bit machine
	first        uint16 // in shapeFields
	fields, tags uint16
}

// fieldShape is one field, or several neighbours of fixed size.
type fieldShape struct {
	kind     shapeKind
	pointer  bool   // text that is decoded to a *string
	from, to int8   // versions that have it, both included
	nullFrom int8   // first version in which it may be null, shapeOpen if none
	tag      uint8  // number of a tagged field
	size     uint16 // see shapeKind
	elem     uint16 // the struct, in shapeStructs
}

// walker is the state of one walk. Its methods return false once the body is refused;
// fault and at then say why and where.
type walker struct {
	body     []byte
	pos, end int // end is that of a tagged field while inside one
	version  int8
	flexible bool
	cost     int64 // what the decoded message takes, counted so far
	budget   int64
	fault    string
	at       int
}

// fail ends the walk.
func (w *walker) fail(fault string) bool {
	w.fault, w.at = fault, w.pos
	return false
}

// err turns the fault into an error.
func (w *walker) err(key, version int16) error {
	sentinel := ErrMalformed
	if w.fault == faultCost {
		sentinel = ErrTooCostly
	}
	return fmt.Errorf("%w: %s v%d of %d bytes: %s at byte %d",
		sentinel, APIName(key), version, len(w.body), w.fault, w.at)
}

// The faults of a body.
const (
	faultEnd     = "the body ends early"
	faultNull    = "null where the field is not nullable"
	faultVarint  = "overlong varint"
	faultText    = "overlong string"
	faultLength  = "impossible length"
	faultArray   = "more elements than the bytes can hold"
	faultMany    = "more elements than an array may have"
	faultTags    = "more tagged fields than the bytes can hold"
	faultAllTags = "more tagged fields than a section may have"
	faultTag     = "tagged field that this version does not define"
	faultTagSize = "tagged field of the wrong size"
	faultPresent = "impossible mark of a nullable struct"
	faultCost    = "its parts take too much memory"
)

// walk steps over one struct.
func (w *walker) walk(index uint16) bool {
	s := &shapeStructs[index]
	for i := range shapeFields[s.first : s.first+s.fields] {
		f := &shapeFields[int(s.first)+i]
		if w.version < f.from || w.version > f.to {
			continue
		}
		if !w.field(f) {
			return false
		}
	}
	return !w.flexible || w.tags(shapeFields[s.first+s.fields:s.first+s.fields+s.tags])
}

// field steps over one field.
func (w *walker) field(f *fieldShape) bool {
	switch f.kind {
	case shapeFixed:
		return w.skip(int(f.size))
	case shapeText:
		return w.text(w.version >= f.nullFrom, f.pointer)
	case shapeBlob:
		n, ok := w.length(4, w.version >= f.nullFrom)
		return ok && w.skip(max(n, 0))
	case shapeStruct:
		return w.walk(f.elem)
	case shapeOptional:
		return w.optional(f)
	default:
		return w.array(f)
	}
}

// skip steps over n bytes.
func (w *walker) skip(n int) bool {
	if n > w.end-w.pos {
		return w.fail(faultEnd)
	}
	w.pos += n
	return true
}

// text steps over a string and charges its copy.
func (w *walker) text(nullable, pointer bool) bool {
	n, ok := w.length(2, nullable)
	if !ok {
		return false
	}
	if n < 0 {
		return true
	}
	if n > maxTextLen {
		return w.fail(faultText)
	}
	cost := textCost(n)
	if pointer {
		cost += stringHeader
	}
	return w.skip(n) && w.charge(cost)
}

// optional steps over a struct that may be null.
func (w *walker) optional(f *fieldShape) bool {
	if w.pos >= w.end {
		return w.fail(faultEnd)
	}
	present := int8(w.body[w.pos])
	if present < -1 { // Kafka takes it for null, kmsg does not
		return w.fail(faultPresent)
	}
	w.pos++
	if present == -1 {
		return true
	}
	return w.charge(allocCost(int(shapeStructs[f.elem].mem))) && w.walk(f.elem)
}

// array steps over an array of any kind. The count is refused before the first
// element is looked at.
func (w *walker) array(f *fieldShape) bool {
	n, ok := w.length(4, w.version >= f.nullFrom)
	if !ok {
		return false
	}
	if n <= 0 {
		return true
	}
	least, mem := w.element(f)
	switch {
	case n > maxArrayLen:
		return w.fail(faultMany)
	case n > (w.end-w.pos)/least:
		return w.fail(faultArray)
	case !w.charge(allocCost(n * mem)):
		return false
	}
	switch f.kind {
	case shapeFixedArray:
		return w.skip(n * least)
	case shapeTextArray:
		for range n {
			if !w.text(false, false) {
				return false
			}
		}
	default:
		for range n {
			if !w.walk(f.elem) {
				return false
			}
		}
	}
	return true
}

// element tells the least that an array's element takes on the wire, and what it
// takes in memory apart from what it points to.
func (w *walker) element(f *fieldShape) (least, mem int) {
	switch f.kind {
	case shapeFixedArray:
		return int(f.size), int(f.size)
	case shapeTextArray:
		if w.flexible {
			return 1, stringHeader
		}
		return 2, stringHeader
	default:
		return int(f.size), int(shapeStructs[f.elem].mem)
	}
}

// length reads the length of a string, of bytes or of an array: compact in flexible
// versions, otherwise of so many bytes. It is -1 for null.
func (w *walker) length(classic int, nullable bool) (int, bool) {
	var n int
	switch {
	case w.flexible:
		x, ok := w.uvarint()
		if !ok {
			return 0, false
		}
		if x > maxBlobLen {
			return 0, w.fail(faultLength)
		}
		n = int(x) - 1
	case w.end-w.pos < classic:
		return 0, w.fail(faultEnd)
	case classic == 2:
		n = int(int16(binary.BigEndian.Uint16(w.body[w.pos:])))
		w.pos += 2
	default:
		n = int(int32(binary.BigEndian.Uint32(w.body[w.pos:])))
		w.pos += 4
	}
	if n < 0 { // Kafka takes any negative length for null
		if !nullable {
			return 0, w.fail(faultNull)
		}
		n = -1
	}
	return n, true
}

// uvarint reads an unsigned varint. It is small enough to be inlined, for nearly all
// take one byte.
func (w *walker) uvarint() (uint32, bool) {
	if w.pos < w.end && w.body[w.pos] < 0x80 {
		w.pos++
		return uint32(w.body[w.pos-1]), true
	}
	return w.longUvarint()
}

// longUvarint reads an unsigned varint of any length.
func (w *walker) longUvarint() (uint32, bool) {
	x, n := uvarint(w.body[w.pos:w.end])
	if n == 0 {
		if w.end-w.pos >= maxUvarintLen {
			return 0, w.fail(faultVarint)
		}
		return 0, w.fail(faultEnd)
	}
	w.pos += n
	return x, true
}

// tags steps over a section of tagged fields: known ones by their shape, others by
// their size. kmsg keeps the unknown ones in a map, which is charged.
func (w *walker) tags(known []fieldShape) bool {
	count, ok := w.uvarint()
	if !ok || count == 0 {
		return ok
	}
	if count > maxTags {
		return w.fail(faultAllTags)
	}
	if int(count) > (w.end-w.pos)/minTagLen {
		return w.fail(faultTags)
	}
	unknown := 0
	for range count {
		tag, ok := w.uvarint()
		if !ok {
			return false
		}
		size, ok := w.uvarint()
		if !ok {
			return false
		}
		if int64(size) > int64(w.end-w.pos) {
			return w.fail(faultEnd)
		}
		f := findTag(known, tag)
		if f == nil {
			unknown++
			w.pos += int(size)
			continue
		}
		if !w.knownTag(f, int(size)) {
			return false
		}
	}
	return unknown == 0 || w.charge(tagCost(unknown))
}

// knownTag steps over a tagged field of known shape, which must fill its size.
func (w *walker) knownTag(f *fieldShape, size int) bool {
	if w.version < f.from || w.version > f.to {
		return w.fail(faultTag)
	}
	end := w.end
	w.end = w.pos + size
	if !w.field(f) {
		return false
	}
	if w.pos != w.end {
		return w.fail(faultTagSize)
	}
	w.end = end
	return true
}

// findTag finds a tagged field by its number.
func findTag(known []fieldShape, tag uint32) *fieldShape {
	for i := range known {
		if uint32(known[i].tag) == tag {
			return &known[i]
		}
	}
	return nil
}
