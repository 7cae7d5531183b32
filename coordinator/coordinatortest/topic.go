package coordinatortest

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local" //nolint:depguard // Tests run on the real store, on a disk in memory.
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// Topic is one internal topic, which has a store for itself. Fields are set before it is in use.
type Topic struct {
	Store logstore.Store
	// Count is what Partitions returns; 0: the topic doesn't exist.
	Count int32
	// Wrap, if there is one, stands before each partition that is handed out.
	Wrap func(logstore.Partition) logstore.Partition
}

// TopicID is that of each topic.
var TopicID = logstore.TopicID{1}

// Open opens a store on a disk, with a topic that is compacted, as configure changes it.
func Open(tb testing.TB, disk vfs.FS, name string, partitions int32, configure ...func(*logstore.Config)) *Topic {
	tb.Helper()
	store, err := local.Open(tb.Context(), local.Options{Dirs: []vfs.FS{disk}, NodeID: 1, ClusterID: "cluster"})
	if err != nil {
		tb.Fatal(err)
	}
	config := logstoretest.Config()
	config.CleanupPolicy = logstore.CleanupCompact
	for _, c := range configure {
		c(config)
	}
	err = store.Create(logstore.TopicPartitions{ID: TopicID, Topic: name, Partitions: partitions, Config: config})
	if err != nil {
		tb.Fatal(err)
	}
	return &Topic{Store: store, Count: partitions}
}

// Partitions implements coordinator.Topic.
func (t *Topic) Partitions() int32 { return t.Count }

// Partition implements coordinator.Topic.
func (t *Topic) Partition(i int32) (logstore.Partition, error) {
	p, err := t.Store.Partition(TopicID, i)
	if err == nil && t.Wrap != nil {
		p = t.Wrap(p)
	}
	return p, err
}

// Close closes the store.
func (t *Topic) Close(tb testing.TB) {
	tb.Helper()
	if err := t.Store.Close(context.Background()); err != nil {
		tb.Error(err)
	}
}

// Disk is what goes wrong with a disk as long as a test says so: nothing can be appended.
type Disk struct {
	Full   atomic.Bool
	Broken atomic.Bool // It is offline.
	// Refused counts the appends that found it full.
	Refused atomic.Int64
}

// Wrap is a [Topic]'s.
func (d *Disk) Wrap(p logstore.Partition) logstore.Partition { return &badPartition{p, d} }

type badPartition struct {
	logstore.Partition
	disk *Disk
}

func (p *badPartition) Append(batches []byte, o logstore.AppendOptions) (logstore.Ticket, error) {
	if p.disk.Full.Load() {
		p.disk.Refused.Add(1)
		return logstore.Ticket{}, logstore.ErrDiskFull
	}
	if p.disk.Broken.Load() {
		return logstore.Ticket{}, logstore.ErrOffline
	}
	return p.Partition.Append(batches, o)
}
