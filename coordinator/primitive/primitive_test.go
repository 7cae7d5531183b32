package primitive

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/coordinator"
)

// everything is one of each type, as a struct of a schema has them.
type everything struct {
	version       int16
	one, none     *string
	text          string
	bytes         []byte
	small         int8
	number        int32
	large         int64
	id            [16]byte
	texts         []string
	numbers       []int32
	tagged, wider int32
}

func example() everything {
	one := "one"
	return everything{
		version: 1, one: &one, text: "täxt", bytes: []byte{1, 2}, small: -3, number: -4, large: 1 << 40, id: [16]byte{7, 15: 8},
		texts: []string{"a", ""}, numbers: []int32{5, -6}, tagged: 9, wider: 10,
	}
}

func (e *everything) compact() []byte {
	p := AppendInt16(nil, e.version)
	p = AppendCompactNullableString(p, e.one)
	p = AppendCompactNullableString(p, e.none)
	p = AppendCompactString(p, e.text)
	p = AppendCompactBytes(p, e.bytes)
	p = append(p, byte(e.small))
	p = AppendInt32(p, e.number)
	p = AppendInt64(p, e.large)
	p = append(p, e.id[:]...)
	p = AppendCompactStrings(p, e.texts)
	p = AppendCompactInt32s(p, e.numbers)
	p = AppendUvarint(p, 2)
	for _, tag := range []struct {
		tag   uint32
		value int32
	}{{0, e.tagged}, {10_000, e.wider}} {
		p = AppendUvarint(p, tag.tag)
		p = AppendUvarint(p, 4)
		p = AppendInt32(p, tag.value)
	}
	return p
}

func (e *everything) classic() []byte {
	p := AppendInt16(nil, e.version)
	p = AppendNullableString(p, e.one)
	p = AppendNullableString(p, e.none)
	p = AppendString(p, e.text)
	p = AppendBytes(p, e.bytes)
	p = append(p, byte(e.small))
	p = AppendInt32(p, e.number)
	p = AppendInt64(p, e.large)
	p = append(p, e.id[:]...)
	p = AppendInt32(p, int32(len(e.texts)))
	for _, s := range e.texts {
		p = AppendString(p, s)
	}
	p = AppendInt32(p, int32(len(e.numbers)))
	for _, x := range e.numbers {
		p = AppendInt32(p, x)
	}
	return p
}

func read(p []byte, flexible bool) (e everything, err error) {
	r := NewReader(p)
	if e.version, err = r.Version(1); err != nil {
		return e, err
	}
	r.Flexible = flexible
	e.one, e.none, e.text, e.bytes = r.NullableString(), r.NullableString(), r.String(), r.Bytes()
	e.small, e.number, e.large, e.id = r.Int8(), r.Int32(), r.Int64(), r.UUID()
	e.texts, e.numbers = r.Strings(), r.Int32s()
	r.Tags(func(tag uint32, p []byte) {
		switch tag {
		case 0:
			e.tagged = r.Nested(p).Int32()
		case 10_000:
			e.wider = r.Nested(p).Int32()
		}
	})
	if r.Bad() {
		return e, coordinator.ErrMalformed
	}
	return e, nil
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, flexible := range []bool{true, false} {
		in := example()
		p := in.compact()
		if !flexible {
			in.tagged, in.wider = 0, 0
			p = in.classic()
		}
		got, err := read(p, flexible)
		if err != nil || !reflect.DeepEqual(got, in) {
			t.Errorf("flexible %v: %+v, %v, want %+v", flexible, got, err, in)
		}
		for n := range p {
			if _, err := read(p[:n], flexible); err == nil {
				t.Errorf("flexible %v: %d bytes of %d are enough", flexible, n, len(p))
			}
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	for _, c := range []struct {
		what string
		p    string
		read func(*Reader)
	}{
		{"string of -2", "\xff\xfe", func(r *Reader) { r.NullableString() }},
		{"null where it isn't allowed", "\xff\xff", func(r *Reader) { _ = r.String() }},
		{"null bytes where they aren't allowed", "\xff\xff\xff\xff", func(r *Reader) { r.Bytes() }},
		{"bytes of -2", "\xff\xff\xff\xfe", func(r *Reader) { r.SkipBytes() }},
		{"more bytes than there are", "\x00\x00\x00\x02a", func(r *Reader) { r.Bytes() }},
		{"a count of two billion", "\x7f\xff\xff\xff", func(r *Reader) { r.Int32s() }},
		{"a count of two billion strings", "\x7f\xff\xff\xff", func(r *Reader) { r.Strings() }},
		{"a varint without end", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", func(r *Reader) { r.Uvarint() }},
		{"a varint of 33 bits", "\x80\x80\x80\x80\x10", func(r *Reader) { r.Uvarint() }},
		{"tags that aren't there", "\x02\x00\x00", func(r *Reader) { r.Flexible = true; r.Tags(nil) }},
		{"a tag that ends too early", "\x01\x00\x01\x00", func(r *Reader) {
			r.Flexible = true
			r.Tags(func(_ uint32, p []byte) { r.Nested(p).Int16() })
		}},
		{"what comes after something bad", "\xff\xfe\x00\x01", func(r *Reader) {
			r.NullableString()
			if x := r.Int16(); x != 0 {
				t.Errorf("%d after something bad", x)
			}
		}},
	} {
		r := NewReader([]byte(c.p))
		c.read(r)
		if !r.Bad() {
			t.Errorf("%s is not bad", c.what)
		}
	}
	for p, want := range map[string]error{"": coordinator.ErrMalformed, "\x00": coordinator.ErrMalformed, "\x00\x02": coordinator.ErrUnknownVersion, "\xff\xff": coordinator.ErrUnknownVersion, "\x00\x01": nil} {
		if _, err := NewReader([]byte(p)).Version(1); !errors.Is(err, want) {
			t.Errorf("version %x: %v, want %v", p, err, want)
		}
	}
}

func TestWhatIsNullAndWhatIsSkipped(t *testing.T) {
	r := NewReader([]byte("\xff\xff\xff\xff\x00\x00\x00\x02ab\xff\xff\xff\xff"))
	got := fmt.Sprint(r.SkipBytes(), r.SkipBytes(), r.ArrayLen(), r.Bad())
	if got != "0 2 -1 false" {
		t.Error(got)
	}
	r = NewReader(AppendCompactLen(nil, -1))
	r.Flexible = true
	if n := r.ArrayLen(); n != -1 || r.Bad() {
		t.Errorf("null is %d", n)
	}
	r.Flexible = false
	r.Tags(func(uint32, []byte) { t.Error("a tag in a version without tags") })
}

func TestStringsThatNoRecordCanHoldAreABug(t *testing.T) {
	AppendString(nil, strings.Repeat("x", 32767))
	defer func() {
		if recover() == nil {
			t.Error("a string of 32,768 bytes is written")
		}
	}()
	AppendString(nil, strings.Repeat("x", 32768))
}
