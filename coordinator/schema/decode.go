package schema

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
)

var errShort = errors.New("cut short")

// reader reads a message and makes JSON of it. After an error everything is empty.
type reader struct {
	rest     []byte
	err      error
	flexible bool
	version  int16
	// consumer says that members speak the consumer protocol.
	consumer bool
}

func (r *reader) take(n int) []byte {
	if r.err == nil && (n < 0 || n > len(r.rest)) {
		r.err = errShort
	}
	if r.err != nil {
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// number is a signed number of n bytes.
func (r *reader) number(n int) int64 {
	var x uint64
	p := r.take(n)
	for _, b := range p {
		x = x<<8 | uint64(b)
	}
	shift := 64 - 8*n
	return int64(x<<shift) >> shift
}

func (r *reader) uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	x, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.err = errShort
		return 0
	}
	r.rest = r.rest[n:]
	return x
}

// length is the length of a text, of bytes or of a list; -1 stands for null. width is its size in versions that aren't flexible.
func (r *reader) length(width int) int {
	n := r.number64(width)
	// Every element takes a byte at least, so no length exceeds what is left.
	if n > int64(len(r.rest)) {
		r.err = errShort
		return 0
	}
	return int(n)
}

func (r *reader) number64(width int) int64 {
	if !r.flexible {
		return r.number(width)
	}
	n := r.uvarint()
	if n > math.MaxInt32 {
		r.err = errShort
		return 0
	}
	return int64(n) - 1
}

// message makes an object of the fields of a message or structure.
func (r *reader) message(fields []field) string {
	found := make([]string, len(fields))
	for i := range fields {
		f := &fields[i]
		if !f.tagged && r.has(f) {
			found[i] = r.field(f)
			if f.name == "protocolType" {
				r.consumer = found[i] == `"consumer"`
			}
		}
	}
	if r.flexible {
		r.tags(fields, found)
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, shown := range found {
		if shown == "" {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(fields[i].name) + ":" + shown)
	}
	b.WriteByte('}')
	return b.String()
}

func (r *reader) has(f *field) bool { return r.version >= f.from && (f.to == 0 || r.version <= f.to) }

// tags reads tagged fields; those that nobody knows are passed over.
func (r *reader) tags(fields []field, found []string) {
	for range r.uvarint() {
		tag, size := r.uvarint(), r.uvarint()
		if size > math.MaxInt32 {
			r.err = errShort
		}
		content := reader{rest: r.take(int(min(size, math.MaxInt32))), err: r.err, flexible: true, version: r.version}
		if r.err != nil {
			return
		}
		for i := range fields {
			f := &fields[i]
			if f.tagged && f.tag == tag && r.has(f) {
				// A structure that may be null says first whether it is.
				if f.kind == structKind && !f.array && f.nullable != never && content.number(1) <= 0 {
					found[i] = "null"
				} else {
					found[i] = content.field(f)
				}
				r.err = content.err
			}
		}
	}
}

// field makes JSON of a field's value.
func (r *reader) field(f *field) string {
	if !f.array {
		return r.single(f)
	}
	n := r.length(4)
	if n < 0 {
		return "null"
	}
	var b strings.Builder
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(r.single(f))
		if r.err != nil {
			break
		}
	}
	b.WriteByte(']')
	return b.String()
}

func (r *reader) single(f *field) string {
	switch f.kind {
	case int8Kind:
		return strconv.FormatInt(r.number(1), 10)
	case int16Kind:
		return strconv.FormatInt(r.number(2), 10)
	case int32Kind:
		return strconv.FormatInt(r.number(4), 10)
	case int64Kind:
		return strconv.FormatInt(r.number(8), 10)
	case uuidKind:
		return strconv.Quote(base64.RawURLEncoding.EncodeToString(r.take(16)))
	case structKind:
		inner := *r
		shown := inner.message(f.fields)
		r.rest, r.err = inner.rest, inner.err
		return shown
	case text:
		if n := r.length(2); n >= 0 {
			return quoted(string(r.take(n)))
		}
		return "null"
	default:
		n := r.length(4)
		if n < 0 {
			return "null"
		}
		return r.bytes(f.kind, r.take(n))
	}
}

// bytes shows bytes as base64, and those that members of a classic consumer group exchange as what they hold.
func (r *reader) bytes(k kind, p []byte) string {
	m := subscription()
	if k == assignmentKind {
		m = assignment()
	}
	if k != bytesKind && r.consumer {
		inner := reader{rest: p}
		inner.version = int16(inner.number(2))
		inner.version = min(inner.version, m.latest)
		if shown := inner.message(m.fields); inner.err == nil && inner.version >= 0 {
			return shown
		}
	}
	return strconv.Quote(base64.StdEncoding.EncodeToString(p))
}

// quoted is a text in JSON.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // A string always can be.
	return strings.TrimSuffix(b.String(), "\n")
}
