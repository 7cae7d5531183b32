package group

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

// Coordinator is Kafka's group coordinator (GroupCoordinatorService) over the shards of __consumer_offsets. Its methods answer requests:
// they block until the answer is there or the context is done, and what goes wrong is a code in the answer. Any goroutine may
// call them. A request is not read any more when its method has returned.
type Coordinator struct {
	options Options
	runtime *coordinator.Runtime[*Shard, Record]
	events  *coordinator.Events
	// background is what matches topics for regular expressions, and scans bounds it.
	background sync.WaitGroup
	scans      chan struct{}
	closing    atomic.Bool

	codes         calls[wire.ErrorCode] // of heartbeats and commits
	offsetCommits sync.Pool             // of *offsetCommit, whose answers were encoded
}

// New makes a coordinator that has loaded nothing.
func New(o Options) *Coordinator {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	c := &Coordinator{options: o, events: coordinator.NewEvents(o.Log), scans: make(chan struct{}, regexScans)}
	c.runtime = coordinator.New(coordinator.Options[*Shard, Record]{
		Topic:  o.Topic,
		New:    c.newShard,
		Format: Format{},
		Codec:  o.Codec,
		Log:    o.Log,
	})
	return c
}

// now is the wall clock, for those who aren't on a shard.
func (c *Coordinator) now() time.Time {
	if c.options.Now != nil {
		return c.options.Now()
	}
	return time.Now()
}

// PartitionOf is the partition of __consumer_offsets that the offsets of a group are in, which stays the same if the topic gets more of them; ok is false
// while there is no topic.
func (c *Coordinator) PartitionOf(group string) (partition int32, ok bool) {
	shards, err := c.runtime.Shards()
	if err != nil {
		return 0, false
	}
	return coordinator.ShardOf(group, shards), true
}

// Load loads all groups, if their topic exists. Otherwise they are loaded when they are asked for.
func (c *Coordinator) Load() { c.runtime.Load() }

// Skipped is how many records and batches of the log were left out because they could not be read or understood.
func (c *Coordinator) Skipped() int64 { return c.runtime.Skipped() }

// Close refuses new requests, makes durable what was decided, answers everybody who waits and waits for the end of it. A done
// context ends the wait, not the closing.
func (c *Coordinator) Close(ctx context.Context) error {
	c.closing.Store(true)
	err := c.runtime.Close(ctx)
	c.background.Wait() // It takes a moment at most, and comes back to shards that are gone.
	return err
}
