package handlers

import (
	"sync"
	"time"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/coordinator/txn"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// offsetsOfGroups is the coordinator of groups, for whom a marker decides about committed offsets.
type offsetsOfGroups interface {
	WriteMarker(partition int32, producerID int64, producerEpoch int16, coordinatorEpoch int32, transactionVersion int16, commit bool, done func(error))
}

// Markers writes the markers that end transactions into their partitions: those of __consumer_offsets through the coordinator of groups,
// all others straight into the log. Any goroutine may use it.
type Markers struct {
	store   logstore.Store
	catalog *catalog.Catalog
	groups  offsetsOfGroups
	now     func() time.Time

	// waits tells who waits for a commit, which markers share: one goroutine for each. The lock is a leaf.
	mu      sync.Mutex
	waits   map[logstore.Commit][]markerWait
	waiting sync.WaitGroup
}

// markerWait is a marker that was appended and isn't durable yet.
type markerWait struct {
	index  int // of the partition
	waiter txn.MarkerWaiter
}

// markerBuffers lend the memory of markers to those who append them.
var markerBuffers = sync.Pool{New: func() any { return new([record.MarkerBatchSize]byte) }}

var _ txn.Markers = (*Markers)(nil)

// NewMarkers makes a writer of markers. It must be closed when nobody writes any more, before the store is.
func NewMarkers(store logstore.Store, topics *catalog.Catalog, groups offsetsOfGroups) *Markers {
	return &Markers{store: store, catalog: topics, groups: groups, now: time.Now, waits: map[logstore.Commit][]markerWait{}}
}

// Close waits until all markers are durable, or can't be.
func (m *Markers) Close() { m.waiting.Wait() }

// Write implements [txn.Markers].
func (m *Markers) Write(marker txn.Marker, partitions []txn.TopicPartition, w txn.MarkerWaiter) {
	end := record.EndTransactionMarker{Type: record.ControlAbort, CoordinatorEpoch: marker.CoordinatorEpoch}
	if marker.Commit {
		end.Type = record.ControlCommit
	}
	now := m.now().UnixMilli()
	opts := logstore.AppendOptions{Now: now, Origin: logstore.Coordinator, TransactionVersion: marker.TransactionVersion}
	opts.DeferCommit = len(partitions) > 1
	image := m.catalog.Image()
	var commits sharedCommit
	defer func() { commits.begin() }()
	buffer := markerBuffers.Get().(*[record.MarkerBatchSize]byte)
	defer markerBuffers.Put(buffer)
	for i, p := range partitions {
		topic := image.TopicByName(p.Topic)
		switch {
		case topic == nil || p.Partition < 0 || p.Partition >= topic.Partitions:
			w.Written(i, logstore.ErrUnknownPartition)
			continue
		case p.Topic == offsetsTopic:
			m.groups.WriteMarker(p.Partition, marker.ProducerID, marker.ProducerEpoch, marker.CoordinatorEpoch, marker.TransactionVersion,
				marker.Commit, func(err error) { w.Written(i, err) })
			continue
		}
		// The log that takes it changes it.
		batch, err := record.AppendMarkerBatch(buffer[:0], end, marker.ProducerID, marker.ProducerEpoch, now)
		if err == nil {
			err = m.append(topic.ID, p.Partition, batch, opts, &commits, markerWait{i, w})
		}
		if err != nil {
			w.Written(i, err)
		}
	}
}

// append appends a marker to a log. Without an error, w is told.
func (m *Markers) append(id topicID, partition int32, batch record.Batch, opts logstore.AppendOptions, commits *sharedCommit, w markerWait) error {
	log, err := m.store.Partition(id, partition)
	if err != nil {
		return err
	}
	ticket, err := log.Append(batch, opts)
	if err != nil {
		return err
	}
	if ticket.Commit == nil {
		w.waiter.Written(w.index, nil)
		return nil
	}
	if opts.DeferCommit {
		commits.add(ticket.Commit)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	waits, shared := m.waits[ticket.Commit]
	m.waits[ticket.Commit] = append(waits, w)
	if !shared {
		m.waiting.Go(func() { m.await(ticket.Commit) })
	}
	return nil
}

// await tells everybody who waits for a commit.
func (m *Markers) await(c logstore.Commit) {
	<-c.Done()
	m.mu.Lock()
	waits := m.waits[c]
	delete(m.waits, c)
	m.mu.Unlock()
	for _, w := range waits {
		w.waiter.Written(w.index, c.Err())
	}
}
