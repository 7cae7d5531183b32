package transcript

import (
	"bytes"
	"reflect"
	"sync"
)

// message is what kmsg's requests and responses have in common here.
type message interface {
	SetVersion(int16)
	AppendTo([]byte) []byte
}

// shape says which fields of a kmsg struct exist in one version, and which may be null. kmsg keeps that only in its code,
// so it is found by experiment: encode a message with every array filled, change one field, and see whether the
// bytes change.
type shape struct {
	present  bool
	nullable bool
	fields   []*shape // Of a struct, by index; of an array or pointer of structs: those of the element.
}

type shapeKey struct {
	typ     reflect.Type
	version int16
}

// shapes caches what experiments found; guarded by shapesMu because tests of several brokers run at once.
var (
	shapesMu sync.Mutex
	shapes   = map[shapeKey]*shape{}
)

// shapeOf returns the shape of the type that m points to.
func shapeOf(m message, version int16) *shape {
	typ := reflect.TypeOf(m).Elem()
	key := shapeKey{typ, version}
	shapesMu.Lock()
	defer shapesMu.Unlock()
	if s, ok := shapes[key]; ok {
		return s
	}
	root := reflect.New(typ)
	probe, ok := reflect.TypeAssert[message](root)
	if !ok {
		return &shape{}
	}
	fill(root.Elem())
	probe.SetVersion(version)
	s := probeStruct(probe, root.Elem())
	shapes[key] = s
	return s
}

// fill sets defaults and gives every array and pointer one element, recursively.
func fill(v reflect.Value) {
	if v.CanAddr() {
		if d, ok := reflect.TypeAssert[interface{ Default() }](v.Addr()); ok {
			d.Default()
		}
	}
	for i := range v.NumField() {
		f := v.Field(i)
		if !f.CanSet() || v.Type().Field(i).Name == "UnknownTags" {
			continue
		}
		switch f.Kind() {
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			if f.Type().Elem().Kind() == reflect.Struct {
				fill(f.Index(0))
			}
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
			if f.Type().Elem().Kind() == reflect.Struct {
				fill(f.Elem())
			}
		case reflect.Struct:
			fill(f)
		default:
		}
	}
}

func probeStruct(m message, v reflect.Value) *shape {
	s := &shape{fields: make([]*shape, v.NumField())}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if name == "Version" || name == "UnknownTags" {
			s.fields[i] = &shape{}
			continue
		}
		s.fields[i] = probeField(m, v.Field(i))
		s.present = s.present || s.fields[i].present
	}
	return s
}

func probeField(m message, f reflect.Value) *shape {
	s := &shape{}
	switch {
	case f.Kind() == reflect.Struct:
		s = probeStruct(m, f)
	case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
		s = probeStruct(m, f.Index(0))
		s.present = differs(m, f, reflect.MakeSlice(f.Type(), 2, 2), f)
	case f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.Struct:
		s = probeStruct(m, f.Elem())
		s.present = differs(m, f, reflect.Zero(f.Type()), f)
	default:
		s.present = differs(m, f, other(f), f)
	}
	switch f.Kind() {
	case reflect.Pointer:
		s.nullable = true
	case reflect.Slice:
		s.nullable = differs(m, f, reflect.Zero(f.Type()), reflect.MakeSlice(f.Type(), 0, 0))
	default:
	}
	return s
}

// differs says whether the message encodes differently with a and with b in field f, which is restored.
func differs(m message, f, a, b reflect.Value) bool {
	old := reflect.New(f.Type()).Elem()
	old.Set(f)
	aCopy, bCopy := reflect.New(f.Type()).Elem(), reflect.New(f.Type()).Elem()
	aCopy.Set(a)
	bCopy.Set(b)
	f.Set(aCopy)
	x := m.AppendTo(nil)
	f.Set(bCopy)
	y := m.AppendTo(nil)
	f.Set(old)
	return !bytes.Equal(x, y)
}

// other returns a value of f's type that is neither its present value nor a default.
func other(f reflect.Value) reflect.Value {
	v := reflect.New(f.Type()).Elem()
	switch f.Kind() {
	case reflect.Bool:
		v.SetBool(!f.Bool())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(f.Int() + 7)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.Uint() + 7)
	case reflect.Float64:
		v.SetFloat(f.Float() + 7)
	case reflect.String:
		v.SetString(f.String() + "x")
	case reflect.Array:
		reflect.Copy(v, f)
		v.Index(0).SetUint(v.Index(0).Uint() + 7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(f.Type(), f.Len()+1, f.Len()+1))
	case reflect.Pointer:
		// Not null: where the version has no null, that is the same as empty.
		v.Set(reflect.New(f.Type().Elem()))
		v.Elem().Set(other(f.Elem()))
	default:
	}
	return v
}
