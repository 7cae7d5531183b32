package kraft

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/clatterhq/clatter/logstore"
)

// Types of records (metadata/src/main/resources/common/metadata in Kafka).
const (
	topicRecord            = 2
	partitionRecord        = 3
	configRecord           = 4
	removeTopicRecord      = 9
	producerIDsRecord      = 15
	beginTransactionRecord = 23
	endTransactionRecord   = 24
	abortTransactionRecord = 25
)

// frameVersion is the version of what is before the type of a record.
const frameVersion = 1

// Types of resources in a configRecord (ConfigResource.Type).
const (
	topicResource  = 2
	brokerResource = 4
)

// maxPartitions bounds what is believed of a partition's number.
const maxPartitions = 10_000_000

// replay is the state that the records make. It has one owner.
type replay struct {
	topics         map[logstore.TopicID]*topic
	configs        map[string]map[string]string // by topic
	nextProducerID int64
	brokerConfigs  map[brokerConfig]struct{}
	// open says that a transaction is open (KIP-868): its records wait, since it may be aborted.
	open    bool
	waiting [][]byte
}

// brokerConfig is a dynamic key of a broker, or of all of them.
type brokerConfig struct{ broker, key string }

type topic struct {
	name       string
	partitions int32
}

func newReplay() *replay {
	return &replay{topics: map[logstore.TopicID]*topic{}, configs: map[string]map[string]string{}, brokerConfigs: map[brokerConfig]struct{}{}}
}

// apply applies the value of one record.
func (r *replay) apply(value []byte) error {
	f := fields{rest: value}
	if frame := f.uvarint(); f.err == nil && frame != frameVersion {
		return fmt.Errorf("frame version %d", frame)
	}
	kind := f.uvarint()
	f.uvarint() // The version: what is read here is the same in all.
	if f.err != nil {
		return f.err
	}
	switch kind {
	case beginTransactionRecord:
		r.open, r.waiting = true, nil
		return nil
	case abortTransactionRecord:
		r.open, r.waiting = false, nil
		return nil
	case endTransactionRecord:
		waiting := r.waiting
		r.open, r.waiting = false, nil
		for _, value := range waiting {
			if err := r.apply(value); err != nil {
				return err
			}
		}
		return nil
	}
	if r.open {
		r.waiting = append(r.waiting, value)
		return nil
	}
	r.change(kind, &f)
	return f.err
}

// change applies a record that changes something.
func (r *replay) change(kind uint64, f *fields) {
	switch kind {
	case topicRecord:
		name, _ := f.text()
		id := f.id()
		if f.err == nil {
			r.topics[id] = &topic{name: name}
		}
	case partitionRecord:
		partition := f.int32()
		t := r.topics[f.id()]
		switch {
		case f.err != nil:
		case t == nil || partition < 0 || partition >= maxPartitions:
			f.err = fmt.Errorf("partition %d of no topic", partition)
		default:
			t.partitions = max(t.partitions, partition+1)
		}
	case removeTopicRecord:
		id := f.id()
		if t := r.topics[id]; t != nil {
			delete(r.configs, t.name)
			delete(r.topics, id)
		}
	case producerIDsRecord:
		f.take(4 + 8) // who asked, and when
		if next := f.int64(); f.err == nil {
			r.nextProducerID = next
		}
	case configRecord:
		r.config(f)
	default: // Nothing about topics.
	}
}

func (r *replay) config(f *fields) {
	resource := f.take(1)
	name, _ := f.text()
	key, _ := f.text()
	value, set := f.text()
	if f.err != nil {
		return
	}
	switch resource[0] {
	case brokerResource:
		if set {
			r.brokerConfigs[brokerConfig{name, key}] = struct{}{}
		} else {
			delete(r.brokerConfigs, brokerConfig{name, key})
		}
	case topicResource:
		if !set {
			delete(r.configs[name], key)
			return
		}
		if r.configs[name] == nil {
			r.configs[name] = map[string]string{}
		}
		r.configs[name][key] = value
	default: // Groups, loggers and metrics subscriptions.
	}
}

// fields reads the fields of a record one after the other. After an error everything is empty.
type fields struct {
	rest []byte
	err  error
}

var errShort = errors.New("record is cut short")

func (f *fields) take(n int) []byte {
	if f.err == nil && n > len(f.rest) {
		f.err = errShort
	}
	if f.err != nil {
		return make([]byte, min(n, 16)) // As many as the longest field of a fixed size has.
	}
	taken := f.rest[:n]
	f.rest = f.rest[n:]
	return taken
}

func (f *fields) uvarint() uint64 {
	if f.err != nil {
		return 0
	}
	x, n := binary.Uvarint(f.rest)
	if n <= 0 {
		f.err = errShort
		return 0
	}
	f.rest = f.rest[n:]
	return x
}

func (f *fields) int32() int32 { return int32(binary.BigEndian.Uint32(f.take(4))) }

func (f *fields) int64() int64 { return int64(binary.BigEndian.Uint64(f.take(8))) }

func (f *fields) id() (id logstore.TopicID) {
	copy(id[:], f.take(len(id)))
	return id
}

// text is a compact string; ok is false for null.
func (f *fields) text() (text string, ok bool) {
	n := f.uvarint()
	if f.err == nil && n > uint64(len(f.rest))+1 {
		f.err = errShort
	}
	if f.err != nil || n == 0 {
		return "", false
	}
	return string(f.take(int(n - 1))), true
}
