package wire

import (
	"iter"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// tagsType is the type of the unknown tagged fields of every kmsg struct.
var tagsType = reflect.TypeFor[kmsg.Tags]()

// everyRequest yields key and version of every request that kmsg knows.
func everyRequest() iter.Seq2[int16, int16] {
	return func(yield func(key, version int16) bool) {
		for key := range maxKey + 1 {
			for version := range kmsg.RequestForKey(key).MaxVersion() + 1 {
				if !yield(key, version) {
					return
				}
			}
		}
	}
}

// newRequest makes an empty request of a version.
func newRequest(key, version int16) kmsg.Request {
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	return req
}

// filler fills kmsg structs by reflection.
type filler struct {
	rng      *rand.Rand
	elements int     // most elements of an array
	text     int     // longest string and bytes
	tags     float64 // how often a struct gets unknown tagged fields
}

// randomRequest makes a valid request with random content.
func (f filler) randomRequest(key, version int16) kmsg.Request {
	req := newRequest(key, version)
	f.fill(reflect.ValueOf(req).Elem())
	req.SetVersion(version)
	clearTags(req, version)
	return req
}

// clearTags resets tagged fields that Kafka does not define in a version: kmsg writes
// them in every flexible one.
func clearTags(req kmsg.Request, version int16) {
	switch r := req.(type) {
	case *kmsg.FetchRequest:
		if version < 15 {
			r.ReplicaState = kmsg.NewFetchRequestReplicaState()
		}
		for t := range r.Topics {
			for p := range r.Topics[t].Partitions {
				partition := &r.Topics[t].Partitions[p]
				if version < 17 {
					partition.ReplicaDirectoryID = [16]byte{}
				}
				if version < 18 {
					partition.HighWatermark = kmsg.NewFetchRequestTopicPartition().HighWatermark
				}
			}
		}
	case *kmsg.FetchSnapshotRequest:
		for t := range r.Topics {
			for p := range r.Topics[t].Partitions {
				if version < 1 {
					r.Topics[t].Partitions[p].ReplicaDirectoryID = [16]byte{}
				}
			}
		}
	case *kmsg.BrokerHeartbeatRequest:
		if version < 1 {
			r.OfflineLogDirs = nil
		}
		if version < 2 {
			r.CordonedLogDirs = nil
		}
	}
}

// fill gives every field of a value random content.
func (f filler) fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == tagsType {
			f.fillTags(v.Addr().Interface().(*kmsg.Tags))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().Field(i).Name != "Version" {
				f.fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		if f.rng.IntN(3) == 0 {
			v.SetZero()
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		f.fillSlice(v)
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.String:
		v.SetString(strings.Repeat(string(rune('a'+f.rng.IntN(26))), f.rng.IntN(f.text+1)))
	case reflect.Bool:
		v.SetBool(f.rng.IntN(2) == 0)
	case reflect.Float64:
		v.SetFloat(f.rng.NormFloat64())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(f.rng.Uint64() >> f.rng.IntN(64) & (1<<v.Type().Bits() - 1))
	default:
		n := int64(f.rng.Uint64() >> f.rng.IntN(64))
		v.SetInt(n << (64 - v.Type().Bits()) >> (64 - v.Type().Bits()))
	}
}

func (f filler) fillSlice(v reflect.Value) {
	if f.rng.IntN(6) == 0 {
		v.SetZero()
		return
	}
	n := f.rng.IntN(f.elements + 1)
	if v.Type().Elem().Kind() == reflect.Uint8 {
		n = f.rng.IntN(f.text + 1)
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		f.fill(v.Index(i))
	}
}

// fillTags adds unknown tagged fields, with numbers above those that Kafka uses.
func (f filler) fillTags(tags *kmsg.Tags) {
	if f.rng.Float64() >= f.tags {
		return
	}
	for range 1 + f.rng.IntN(3) {
		tags.Set(100+f.rng.Uint32N(1000), make([]byte, f.rng.IntN(5)))
	}
}

// allocated tells how many bytes f allocates. What other goroutines allocate
// meanwhile counts as well, so f runs again, twice at most, where the figure is above
// limit: only what f itself needs stays. Under the race detector, which
// allocates for itself, the figure is 0.
func allocated(limit uint64, f func()) uint64 {
	if raceEnabled {
		f()
		return 0
	}
	least := ^uint64(0)
	var before, after runtime.MemStats
	for range 3 {
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
		if least <= limit {
			break
		}
	}
	return least
}
