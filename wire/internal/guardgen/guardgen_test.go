package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The tables are checked in, so that a build needs no generator. They must be those of
// the kmsg that go.mod names.
func TestTablesAreThoseOfThePinnedKmsg(t *testing.T) {
	if reflect.TypeFor[int]().Size() != 8 {
		t.Skip("sizes of structs are those of a 64-bit machine")
	}
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "..", "guard_gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("wire/guard_gen.go is out of date: run go generate ./wire")
	}
}

func newTestParser() *shapeParser {
	return &shapeParser{fset: token.NewFileSet(), flexibleFrom: never}
}

// A form that the parser does not know must stop it, not be skipped: the guard would
// let through what it does not walk.
func TestParserRefusesUnknownForms(t *testing.T) {
	type element struct{ Number int32 }
	type message struct {
		Number   int32
		Name     string
		Elements []element
	}
	for name, source := range map[string]string{
		"reader method":        `{ v := b.Varint(); s.Number = v }`,
		"two readers":          `{ v := b.Int32(); v = int32(b.Int8()); s.Number = v }`,
		"no reader":            `{ v := 7; s.Number = v }`,
		"no field":             `{ v := b.Int32(); s.Missing = v }`,
		"nothing assigned":     `{ v := b.Int32(); use(v) }`,
		"condition":            `if other > 3 { v := b.Int32(); s.Number = v }`,
		"version comparison":   `if version > 3 { v := b.Int32(); s.Number = v }`,
		"statement":            `for range 3 { s.Number = b.Int32() }`,
		"array without a loop": `{ v := s.Elements; a := v; l := b.ArrayLen(); v = a[:l]; s.Elements = v }`,
		"flexibility":          `isFlexible := version > 3`,
		"switch in tags":       `if isFlexible { for i := b.Uvarint(); i > 0; i-- { s.Number = b.Int32() } }`,
	} {
		expr, err := parser.ParseExpr("func() {\n" + source + "\n}")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p := newTestParser()
		if s, err := p.structure(expr.(*ast.FuncLit).Body.List, reflect.TypeFor[message]()); err == nil {
			t.Errorf("%s: understood as %+v", name, s)
		}
	}
}

func TestParserReadsVersionsAndNull(t *testing.T) {
	type element struct{ Number int32 }
	type message struct {
		Name     *string
		Elements []element
		Last     int64
	}
	source := strings.NewReplacer("\t", "").Replace(`
		isFlexible := version >= 6
		if version >= 2 && version <= 4 {
			var v *string
			if version < 3 { var vv string; vv = b.String(); v = &vv } else { v = b.NullableString() }
			s.Name = v
		}
		if version >= 5 {
			v := s.Elements
			a := v
			l := b.ArrayLen()
			if version < 7 || l == 0 { a = []element{} }
			for i := int32(0); i < l; i++ {
				v := &a[i]
				v.Default()
				s := v
				{ v := b.Int32(); s.Number = v }
			}
			v = a
			s.Elements = v
		}
		{ v := b.Int64(); s.Last = v }
	`)
	expr, err := parser.ParseExpr("func() {\n" + source + "\n}")
	if err != nil {
		t.Fatal(err)
	}
	p := newTestParser()
	s, err := p.structure(expr.(*ast.FuncLit).Body.List, reflect.TypeFor[message]())
	if err != nil {
		t.Fatal(err)
	}
	if p.flexibleFrom != 6 || len(s.fields) != 3 {
		t.Fatalf("%+v, flexible from %d", s, p.flexibleFrom)
	}
	name, elements, end := s.fields[0], s.fields[1], s.fields[2]
	if name.kind != text || name.from != 2 || name.to != 4 || name.nullFrom != 3 || !name.pointer {
		t.Errorf("%+v", name)
	}
	if elements.kind != structArray || elements.from != 5 || elements.to != last || elements.nullFrom != 7 || elements.elem.mem != 4 {
		t.Errorf("%+v", elements)
	}
	if end.kind != fixed || end.size != 8 || end.from != 0 || end.to != last || end.nullFrom != never {
		t.Errorf("%+v", end)
	}
}

// An array whose elements take no bytes would have a count that nothing bounds.
func TestElementsOfNoBytesAreRefused(t *testing.T) {
	empty := &shape{name: "empty", fields: []field{{kind: fixed, size: 4, from: 3, to: last, tag: -1}}}
	r := &request{key: 1, max: 5, flexibleFrom: never}
	if _, err := r.leastElement(&field{name: "Elements", kind: structArray, from: 2, to: last, elem: empty}); err == nil {
		t.Error("accepted")
	}
	if n, err := r.leastElement(&field{name: "Elements", kind: structArray, from: 3, to: last, elem: empty}); err != nil || n != 4 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestTaggedFieldsNeedTheirVersions(t *testing.T) {
	requests := []request{{root: &shape{name: "NewRequest", tags: []field{{name: "Surprise"}}}}}
	if err := restrictTags(requests); err == nil {
		t.Error("a tagged field of unknown versions is accepted")
	}
	if err := restrictTags(nil); err == nil {
		t.Error("versions of tagged fields that kmsg does not have are accepted")
	}
}
