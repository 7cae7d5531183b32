package transcript

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// These are the number of elements of an array, of bytes of a value and of bytes of a text up to which they are shown.
const (
	longestArray = 500
	longestBytes = 64
	longestText  = 900
)

// dumper walks one message.
type dumper struct {
	symbols *Symbols
	request bool // Leave out what has its default value.
}

// Response returns the tree of an answer: every field of its version.
func Response(s *Symbols, m kmsg.Response) *Node {
	d := dumper{symbols: s}
	n := d.structure("", reflect.ValueOf(m).Elem(), shapeOf(m, m.GetVersion()))
	n.Sort()
	return n
}

// Request returns the tree of a request: the fields of its version that were set.
func Request(s *Symbols, m kmsg.Request) *Node {
	d := dumper{symbols: s, request: true}
	return d.structure("", reflect.ValueOf(m).Elem(), shapeOf(m, m.GetVersion()))
}

func (d *dumper) structure(name string, v reflect.Value, s *shape) *Node {
	n := &Node{Name: name, Kind: Struct}
	var defaults reflect.Value
	if d.request {
		defaults = reflect.New(v.Type()).Elem()
		if x, ok := reflect.TypeAssert[interface{ Default() }](defaults.Addr()); ok {
			x.Default()
		}
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Name == "UnknownTags" {
			if tags := d.tags(v.Field(i)); tags != nil {
				n.Children = append(n.Children, tags)
			}
			continue
		}
		if !s.fields[i].present || d.untold(v, i) || (d.request && reflect.DeepEqual(v.Field(i).Interface(), defaults.Field(i).Interface())) {
			continue
		}
		n.Children = append(n.Children, d.field(v, field.Name, v.Field(i), s.fields[i]))
	}
	return n
}

// optional lists the tagged fields that are left out while they have their default value, -1 or empty throughout.
var optional = map[string]bool{"DivergingEpoch": true, "CurrentLeader": true, "SnapshotID": true, "Brokers": true}

// untold says whether a field of an answer is a tagged one that the broker left out.
func (*dumper) untold(v reflect.Value, i int) bool {
	f := v.Field(i)
	switch {
	case !optional[v.Type().Field(i).Name] || v.Type().Name() == "MetadataResponse" || v.Type().Name() == "DescribeClusterResponse":
		return false
	case f.Kind() == reflect.Slice:
		return f.Len() == 0
	case f.Kind() == reflect.Struct:
		unset := reflect.New(f.Type())
		if x, ok := reflect.TypeAssert[interface{ Default() }](unset); ok {
			x.Default()
		}
		return reflect.DeepEqual(f.Interface(), unset.Elem().Interface())
	default:
		return false
	}
}

// tags shows tagged fields that kmsg does not know: no broker should send any.
func (d *dumper) tags(v reflect.Value) *Node {
	tags, ok := reflect.TypeAssert[kmsg.Tags](v)
	if !ok || tags.Len() == 0 {
		return nil
	}
	n := &Node{Name: "UnknownTags", Kind: Struct}
	tags.Each(func(tag uint32, value []byte) {
		n.Children = append(n.Children, &Node{Name: strconv.FormatUint(uint64(tag), 10), Value: strconv.Quote(hex.EncodeToString(value))})
	})
	return n
}

func (d *dumper) field(parent reflect.Value, name string, v reflect.Value, s *shape) *Node {
	switch {
	case v.Kind() == reflect.Struct:
		return d.structure(name, v, s)
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct && !v.IsNil():
		return d.structure(name, v.Elem(), s)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		return d.array(name, v, s)
	case name == "Records" || name == "RecordBatches":
		return d.symbols.batches(name, v.Bytes(), v.IsNil())
	default:
		return &Node{Name: name, Value: d.scalar(parent, name, v)}
	}
}

func (d *dumper) array(name string, v reflect.Value, s *shape) *Node {
	if v.IsNil() && s.nullable {
		return &Node{Name: name, Value: "null"}
	}
	n := &Node{Name: name, Kind: Array}
	for i := range min(v.Len(), longestArray) {
		if s.fields != nil {
			n.Children = append(n.Children, d.structure("", v.Index(i), s))
		} else {
			n.Children = append(n.Children, &Node{Value: d.scalar(v, "", v.Index(i))})
		}
	}
	if more := v.Len() - longestArray; more > 0 {
		n.Children = append(n.Children, &Node{Value: fmt.Sprintf("<and-%d-more>", more)})
	}
	return n
}

// masked gives the fields whose value must differ, or says nothing, a fixed text. The value is shown where it is
// plainly wrong (negative, null).
var masked = map[string]string{
	"TotalBytes":             "<positive>",
	"UsableBytes":            "<positive>",
	"FinalizedFeaturesEpoch": "<positive>",
	"Documentation":          "<text>",
}

// maskedQuorum does so for the metadata log, which another implementation fills at another pace.
var maskedQuorum = map[string]string{"HighWatermark": "<positive>", "LogEndOffset": "<positive>", "LeaderEpoch": "<positive>"}

func (d *dumper) scalar(parent reflect.Value, name string, v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "null"
		}
		v = v.Elem()
	}
	mask := masked[name]
	if mask == "" && strings.HasPrefix(typeName(parent), "DescribeQuorumResponse") {
		mask = maskedQuorum[name]
	}
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if mask != "" && v.Int() > 0 {
			return mask
		}
		return d.integer(name, v)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if typeName(parent) == "DescribeQuorumResponseNodeListener" {
			return "<port>" // Kafka's controllers listen on a port of their own.
		}
		return d.port(name, int64(v.Uint()))
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.String:
		if mask != "" && v.String() != "" {
			return mask
		}
		return d.text(name, v.String())
	case reflect.Array:
		var id [16]byte
		reflect.Copy(reflect.ValueOf(&id).Elem(), v)
		return d.symbols.uuid(id)
	case reflect.Slice:
		if v.IsNil() {
			return "null"
		}
		return d.symbols.bytes(v.Bytes())
	default:
		return strconv.Quote(fmt.Sprint(v.Interface()))
	}
}

func typeName(v reflect.Value) string {
	if v.Kind() == reflect.Struct {
		return v.Type().Name()
	}
	return ""
}

func (d *dumper) text(name, value string) string {
	switch {
	case name == "Host" && value == d.symbols.Host:
		return "<host>"
	case name == "ClusterID" && len(value) == 22 && !strings.ContainsAny(value, " ."):
		return "<cluster>"
	case len(value) > longestText:
		return fmt.Sprintf("<string:%d:%s>", len(value), digest([]byte(value)))
	default:
		return d.symbols.text(value)
	}
}

func (d *dumper) integer(name string, v reflect.Value) string {
	n := v.Int()
	switch {
	case strings.HasSuffix(name, "ErrorCode"):
		return errorName(int16(n))
	case strings.HasSuffix(name, "Timestamp") || name == "LogAppendTime":
		return d.symbols.timestamp(n)
	case name == "ProducerID":
		if i := d.symbols.producer(n); i > 0 {
			return fmt.Sprintf("<pid:%d>", i)
		}
	case name == "SessionID":
		if i := d.symbols.session(int32(n)); i > 0 {
			return fmt.Sprintf("<session:%d>", i)
		}
	case name == "Port":
		return d.port(name, n)
	default:
		if s, ok := reflect.TypeAssert[fmt.Stringer](v); ok {
			return fmt.Sprintf("%s(%d)", strings.ReplaceAll(s.String(), " ", "_"), n)
		}
	}
	return strconv.FormatInt(n, 10)
}

func (d *dumper) port(name string, n int64) string {
	if name == "Port" && int(n) == d.symbols.Port {
		return "<port>"
	}
	return strconv.FormatInt(n, 10)
}

// errorName shows an error code as NAME(code).
func errorName(code int16) string {
	if code == 0 {
		return "NONE(0)"
	}
	if e := kerr.TypedErrorForCode(code); e != nil {
		return fmt.Sprintf("%s(%d)", e.Message, code)
	}
	return fmt.Sprintf("UNKNOWN(%d)", code)
}

// bytes shows an opaque value, in which names of the case's topics may be.
func (s *Symbols) bytes(b []byte) string {
	if s.Prefix != "" && b != nil {
		b = bytes.ReplaceAll(b, []byte(s.Prefix), []byte{})
	}
	return shortBytes(b)
}

// shortBytes shows bytes as a quoted string, long ones as length and digest.
func shortBytes(b []byte) string {
	if b == nil {
		return "null"
	}
	if len(b) > longestBytes {
		return fmt.Sprintf("<bytes:%d:%s>", len(b), digest(b))
	}
	return strconv.Quote(string(b))
}

// Hex shows raw bytes that were sent: all of them where few, else the ends and the length.
func Hex(b []byte) string {
	if len(b) <= 2*longestBytes {
		return fmt.Sprintf("%x", b)
	}
	return fmt.Sprintf("%x…%x(%d)", b[:longestBytes], b[len(b)-8:], len(b))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:4])
}

// Canonical says whether an answer's body is byte for byte what kmsg writes for what it read: no trailing bytes, no null
// where an empty array belongs, no tag that should be left out.
func Canonical(m kmsg.Response, body []byte) bool { return bytes.Equal(m.AppendTo(nil), body) }
