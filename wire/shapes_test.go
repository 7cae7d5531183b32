package wire

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// kafkaRequest is one line of testdata/kafka-4.4-requests.txt.
type kafkaRequest struct {
	key, version, header int16
	name, fields         string
}

// kafkaRequests reads what Kafka itself says about its requests.
func kafkaRequests(tb testing.TB) []kafkaRequest {
	tb.Helper()
	var out []kafkaRequest
	for _, line := range dataLines(tb, "testdata/kafka-4.4-requests.txt") {
		parts := strings.SplitN(line, " ", 5)
		if len(parts) != 5 {
			tb.Fatalf("bad line %q", line)
		}
		out = append(out, kafkaRequest{
			key:     mustInt16(tb, parts[0]),
			name:    parts[1],
			version: mustInt16(tb, parts[2]),
			header:  mustInt16(tb, strings.TrimPrefix(parts[3], "h")),
			fields:  parts[4],
		})
	}
	return out
}

// dataLines reads the lines of a file, without comments.
func dataLines(tb testing.TB, path string) []string {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

func mustInt16(tb testing.TB, s string) int16 {
	tb.Helper()
	n, err := strconv.ParseInt(s, 10, 16)
	if err != nil {
		tb.Fatal(err)
	}
	return int16(n)
}

// The shapes come from kmsg. Kafka's own description of its messages says whether
// kmsg has them right: order, sizes, nullability, tagged fields and their versions.
func TestShapesAreKafkas(t *testing.T) {
	for _, want := range kafkaRequests(t) {
		if want.key == KeyInitProducerID && want.version == 6 {
			continue // unstable in Kafka 4.4 (KIP-939), so nobody announces it
		}
		shape := shapeRequests[want.key]
		if want.version > int16(shape.maxVersion) {
			t.Errorf("%s v%d: kmsg knows versions up to %d", want.name, want.version, shape.maxVersion)
			continue
		}
		got := mergeSizes(renderShape(shape.root, int8(want.version), want.version >= int16(shape.flexibleFrom)))
		if kafka := normalizeKafka(t, want.fields); got != kafka {
			t.Errorf("%s v%d:\n kmsg  %s\n Kafka %s", want.name, want.version, got, kafka)
		}
	}
}

// renderShape writes a shape in a notation that Kafka's description is brought into
// as well: fixed fields by their size, s for text, b for bytes.
func renderShape(index uint16, version int8, flexible bool) string {
	s := shapeStructs[index]
	var parts []string
	for _, f := range shapeFields[s.first : s.first+s.fields] {
		if version >= f.from && version <= f.to {
			parts = append(parts, renderField(f, version, flexible))
		}
	}
	if flexible {
		var tags []string
		for _, f := range shapeFields[s.first+s.fields : s.first+s.fields+s.tags] {
			if version >= f.from && version <= f.to {
				tags = append(tags, fmt.Sprintf("%d:%s", f.tag, renderField(f, version, flexible)))
			}
		}
		parts = append(parts, "#("+strings.Join(tags, " ")+")")
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func renderField(f fieldShape, version int8, flexible bool) string {
	null := ""
	if version >= f.nullFrom {
		null = "?"
	}
	switch f.kind {
	case shapeFixed:
		return strconv.Itoa(int(f.size))
	case shapeText:
		return "s" + null
	case shapeBlob:
		return "b" + null
	case shapeStruct:
		return renderShape(f.elem, version, flexible)
	case shapeOptional:
		return "?" + renderShape(f.elem, version, flexible)
	case shapeFixedArray:
		return fmt.Sprintf("[%d]%s", f.size, null)
	case shapeTextArray:
		return "[s]" + null
	default:
		return "[" + renderShape(f.elem, version, flexible) + "]" + null
	}
}

var (
	kafkaType = regexp.MustCompile(`(COMPACT_)?(NULLABLE_)?([A-Z]+[0-9]*)`)
	neighbour = regexp.MustCompile(`([ {])(\d+) (\d+)([ }])`)
)

// normalizeKafka brings Kafka's description into the notation of renderShape.
func normalizeKafka(t *testing.T, fields string) string {
	t.Helper()
	sizes := map[string]string{
		"BOOLEAN": "1", "INT8": "1", "INT16": "2", "UINT16": "2", "INT32": "4",
		"INT64": "8", "FLOAT64": "8", "UUID": "16", "STRING": "s", "BYTES": "b", "RECORDS": "b",
	}
	s := kafkaType.ReplaceAllStringFunc(fields, func(token string) string {
		m := kafkaType.FindStringSubmatch(token)
		size, ok := sizes[m[3]]
		if !ok {
			t.Fatalf("unknown type %s", token)
		}
		if m[2] != "" {
			size += "?"
		}
		return size
	})
	return mergeSizes(strings.ReplaceAll(s, "]c", "]"))
}

// mergeSizes adds up neighbours of fixed size.
func mergeSizes(s string) string {
	for {
		m := neighbour.FindStringSubmatchIndex(s)
		if m == nil {
			return s
		}
		a, _ := strconv.Atoi(s[m[4]:m[5]])
		b, _ := strconv.Atoi(s[m[6]:m[7]])
		s = s[:m[4]] + strconv.Itoa(a+b) + s[m[7]:]
	}
}

func TestHeaderVersionsAreKafkas(t *testing.T) {
	for _, want := range kafkaRequests(t) {
		if got := isFlexible(want.key, want.version); got != (want.header == 2) {
			t.Errorf("%s v%d: flexible %t, Kafka's header is v%d", want.name, want.version, got, want.header)
		}
		if got := APIName(want.key); got != want.name {
			t.Errorf("key %d is named %s, by Kafka %s", want.key, got, want.name)
		}
	}
}
