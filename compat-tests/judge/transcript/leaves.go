package transcript

import (
	"reflect"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Leaf is a field of a request that holds no other fields.
type Leaf struct {
	Name     string       // Path of field names, without positions: Topics.Partitions.Offset.
	Type     reflect.Type // Of the field.
	Nullable bool
	path     []int
}

// Leaves lists the fields of a request that exist in its version, following the first element of each array. Arrays
// themselves are listed too.
func Leaves(req kmsg.Request) []Leaf {
	return leaves(nil, reflect.ValueOf(req).Elem(), shapeOf(req, req.GetVersion()), nil, nil)
}

func leaves(found []Leaf, v reflect.Value, s *shape, names []string, path []int) []Leaf {
	for i := range v.NumField() {
		fs := s.fields[i]
		if fs == nil || !fs.present {
			continue
		}
		f := v.Field(i)
		here := append(append([]string{}, names...), v.Type().Field(i).Name)
		at := append(append([]int{}, path...), i)
		if f.Kind() != reflect.Struct {
			found = append(found, Leaf{Name: strings.Join(here, "."), Type: f.Type(), Nullable: fs.nullable, path: at})
		}
		switch {
		case f.Kind() == reflect.Struct:
			found = leaves(found, f, fs, here, at)
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct && f.Len() > 0:
			found = leaves(found, f.Index(0), fs, here, append(at, 0))
		case f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.Struct && !f.IsNil():
			found = leaves(found, f.Elem(), fs, here, append(at, 0))
		default:
		}
	}
	return found
}

// In returns the field in another request of the same form, ready to be set; invalid where that has no such element.
func (l Leaf) In(req kmsg.Request) reflect.Value {
	v := reflect.ValueOf(req).Elem()
	for _, i := range l.path {
		switch v.Kind() {
		case reflect.Slice:
			if i >= v.Len() {
				return reflect.Value{}
			}
			v = v.Index(i)
		case reflect.Pointer:
			v = v.Elem() // The index that stands for the pointer itself is always 0.
		default:
			v = v.Field(i)
		}
	}
	return v
}
