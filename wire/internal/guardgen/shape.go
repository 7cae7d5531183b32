package main

import "fmt"

// kind is how a field lies on the wire.
type kind int

const (
	fixed       kind = iota // a number, a boolean or a UUID: as many bytes in every version
	text                    // a string, copied by kmsg
	blob                    // bytes or records, which kmsg aliases
	structure               // a struct in place
	optional                // a struct behind a byte that says whether it is there
	fixedArray              // an array of fixed
	textArray               // an array of strings
	structArray             // an array of structs
)

const (
	// last stands for the open end of a version range: above every version.
	last = 127
	// never is the first version of what no version has.
	never = last
)

// field is one field of a message or struct.
type field struct {
	name     string
	kind     kind
	from, to int    // versions that have the field, both included
	nullFrom int    // first version in which it may be null
	pointer  bool   // text that kmsg decodes to *string in some version
	size     int    // fixed, fixedArray: bytes on the wire
	elem     *shape // structure, optional, structArray
	tag      int    // the number of a tagged field, -1 in place
}

// in says whether a version has the field.
func (f *field) in(version int) bool { return version >= f.from && version <= f.to }

// shape is the fields of a message or struct.
type shape struct {
	name   string // Go type, for comments
	mem    int    // bytes of the Go struct on a 64-bit machine
	fields []field
	tags   []field
}

// request is the root of one API's shape.
type request struct {
	key, max, flexibleFrom int // flexibleFrom is never for an API without flexible versions
	root                   *shape
}

// minSize is the least that a shape takes on the wire in a version.
func (s *shape) minSize(version, flexibleFrom int) int {
	flexible := version >= flexibleFrom
	n := 0
	for i := range s.fields {
		f := &s.fields[i]
		if !f.in(version) {
			continue
		}
		switch f.kind {
		case fixed:
			n += f.size
		case structure:
			n += f.elem.minSize(version, flexibleFrom)
		case optional:
			n++
		case text:
			n += lengthSize(flexible, 2)
		default:
			n += lengthSize(flexible, 4)
		}
	}
	if flexible {
		n++ // the count of tagged fields
	}
	return n
}

// lengthSize is the least that a length takes.
func lengthSize(flexible bool, classic int) int {
	if flexible {
		return 1
	}
	return classic
}

// leastElement is the least that an element of a struct array takes on the wire, over
// all versions that have the array. An element of no bytes would let a count stand
// that nothing bounds, so it is an error.
func (r *request) leastElement(f *field) (int, error) {
	least := -1
	for v := max(f.from, 0); v <= min(f.to, r.max); v++ {
		if n := f.elem.minSize(v, r.flexibleFrom); least < 0 || n < least {
			least = n
		}
	}
	if least < 1 {
		return 0, fmt.Errorf("key %d: elements of %s may take %d bytes", r.key, f.name, least)
	}
	return least, nil
}

// tagVersions holds the versions of the tagged fields of requests. kmsg reads and writes a tagged field
// in every flexible version; Kafka refuses one in a version that does not define
// it. Source: the taggedVersions and versions of Kafka's message definitions.
var tagVersions = map[string]int{
	"FetchRequest.ClusterID":                                12,
	"FetchRequest.ReplicaState":                             15,
	"FetchRequestTopicPartition.ReplicaDirectoryID":         17,
	"FetchRequestTopicPartition.HighWatermark":              18,
	"FetchSnapshotRequest.ClusterID":                        0,
	"FetchSnapshotRequestTopicPartition.ReplicaDirectoryID": 1,
	"BrokerHeartbeatRequest.OfflineLogDirs":                 1,
	"BrokerHeartbeatRequest.CordonedLogDirs":                2,
}

// restrictTags gives the tagged fields their versions.
func restrictTags(requests []request) error {
	seen := make(map[string]bool)
	var walk func(s *shape) error
	walk = func(s *shape) error {
		for i := range s.tags {
			t := &s.tags[i]
			name := s.name + "." + t.name
			from, ok := tagVersions[name]
			if !ok {
				return fmt.Errorf("no versions are known of the tagged field %s", name)
			}
			t.from = from
			seen[name] = true
		}
		for i := range s.fields {
			if e := s.fields[i].elem; e != nil {
				if err := walk(e); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for i := range requests {
		if err := walk(requests[i].root); err != nil {
			return err
		}
	}
	for name := range tagVersions {
		if !seen[name] {
			return fmt.Errorf("kmsg has no tagged field %s", name)
		}
	}
	return nil
}
