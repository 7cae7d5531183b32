package handlers

import (
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/clatterhq/clatter/coordinator/txn"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// fakeOffsets is a coordinator of groups that remembers markers.
type fakeOffsets struct {
	partitions []int32
	err        error
}

func (f *fakeOffsets) WriteMarker(partition int32, _ int64, _ int16, _ int32, _ int16, _ bool, done func(error)) {
	f.partitions = append(f.partitions, partition)
	done(f.err)
}

// results collects what becomes of markers.
type results struct {
	sync.Mutex
	errors map[int][]error // by the index of the partition
}

func (r *results) Written(i int, err error) {
	r.Lock()
	defer r.Unlock()
	if r.errors == nil {
		r.errors = map[int][]error{}
	}
	r.errors[i] = append(r.errors[i], err)
}

func of(topic string, partition int32) txn.TopicPartition {
	return txn.TopicPartition{Topic: topic, Partition: partition}
}

func TestMarkersAreToldOncePerPartition(t *testing.T) {
	for _, flush := range []string{unset, itoa(math.MaxInt64)} {
		b, _ := withTransactions(t, "log.flush.interval.messages", flush)
		for i, p := range b.produceTxn(12, b.transactional(0, 0, "a"), b.transactional(0, 0, "b"), b.transactional(0, 0, "c")) {
			wantCode(t, "partition "+itoa(i), p.ErrorCode, wire.None)
		}
		m := NewMarkers(b.store, b.catalog, nil)
		all := []txn.TopicPartition{of("t", 2), of("t", 0), of("gone", 0), of("t", 1), of("t", 3), of("t", -1)}
		var r results
		m.Write(txn.Marker{ProducerID: 7, ProducerEpoch: 1, TransactionVersion: 2}, all, &r)
		m.Close()
		wantEqual(t, "partitions", len(r.errors), len(all))
		for i, told := range r.errors {
			var want error
			if p := all[i]; p.Topic != "t" || p.Partition < 0 || p.Partition > 2 {
				want = logstore.ErrUnknownPartition
			}
			if len(told) != 1 || !errors.Is(told[0], want) {
				t.Errorf("%v was told %v", all[i], told)
			}
		}
		for i := range int32(3) {
			if o := b.offsets(i); o.LastStableOffset != 2 {
				t.Errorf("partition %d: %+v", i, o)
			}
		}
	}
}

func TestMarkersSayWhyTheyAreNotThere(t *testing.T) {
	b, _ := withTransactions(t)
	b.endTxn(5, false)
	var r results
	m := NewMarkers(b.store, b.catalog, nil)
	m.Write(txn.Marker{ProducerID: 7, ProducerEpoch: 4}, []txn.TopicPartition{of("t", 0), of("t", 1)}, &r)
	m.Close()
	if err := r.errors[0][0]; !errors.Is(err, logstore.ErrInvalidProducerEpoch) {
		t.Errorf("older epoch: %v", err)
	}
	if err := r.errors[1][0]; err != nil {
		t.Errorf("other partition: %v", err)
	}
}

func TestMarkersOfOffsetsAreTheGroups(t *testing.T) {
	b, _ := withTransactions(t)
	b.createTopic(offsetsTopic, 10)
	groups := &fakeOffsets{err: logstore.ErrDiskFull}
	var r results
	m := NewMarkers(b.store, b.catalog, groups)
	m.Write(txn.Marker{ProducerID: 7}, []txn.TopicPartition{of(offsetsTopic, 3), of(offsetsTopic, 10_000)}, &r)
	m.Close()
	wantEqual(t, "partitions", len(groups.partitions), 1)
	if err := r.errors[0][0]; !errors.Is(err, logstore.ErrDiskFull) {
		t.Errorf("error of groups: %v", err)
	}
}

// ignored doesn't care.
type ignored struct{}

func (ignored) Written(int, error) {}

func BenchmarkMarker(b *testing.B) {
	broker := newTestBroker(b)
	broker.createTopic("t", 1)
	m := NewMarkers(broker.store, broker.catalog, nil)
	partitions := []txn.TopicPartition{of("t", 0)}
	var w ignored
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Write(txn.Marker{ProducerID: int64(i % 50), Commit: true}, partitions, w)
	}
}
