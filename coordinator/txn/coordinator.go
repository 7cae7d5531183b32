package txn

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

// Coordinator is Kafka's transaction coordinator (TransactionCoordinator) over the shards of __transaction_state. Its methods answer
// requests: they block until the answer is there or the context is done, and what goes wrong is a code in the answer. Any goroutine may
// call them. A request is not read any more when its method has returned.
type Coordinator struct {
	options Options
	runtime *coordinator.Runtime[*Shard, Record]
	events  *coordinator.Events
	// background is what hands many markers to the log, and loads again what was lost.
	background sync.WaitGroup
	closing    chan struct{} // closed by the first Close
	closed     sync.Once

	inits calls[initRequest, initAnswer]
	codes calls[addition, wire.ErrorCode]
	ends  calls[endRequest, endAnswer]
	looks calls[string, kmsg.DescribeTransactionsResponseTransactionState]
}

// New makes a coordinator that has loaded nothing.
func New(o Options) *Coordinator {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	c := &Coordinator{options: o, events: coordinator.NewEvents(o.Log), closing: make(chan struct{})}
	c.runtime = coordinator.New(coordinator.Options[*Shard, Record]{
		Topic:  o.Topic,
		New:    c.newShard,
		Format: Format{Version: o.Version},
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

// Load loads all transactional IDs, if their topic exists, and ends the transactions whose end was decided. Otherwise they are loaded when
// they are asked for.
func (c *Coordinator) Load() { c.runtime.Load() }

// Skipped is how many records and batches of the log were left out because they could not be read or understood.
func (c *Coordinator) Skipped() int64 { return c.runtime.Skipped() }

// Close refuses new requests, makes durable what was decided, answers everybody who waits and waits for the end of it. Those who write
// markers may still be at it: they must be closed later. A done context ends the wait, not the closing.
func (c *Coordinator) Close(ctx context.Context) error {
	c.closed.Do(func() {
		close(c.closing)
		c.completeLingering()
	})
	err := c.runtime.Close(ctx)
	c.background.Wait()
	return err
}
