package coordinator

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/wire/record"
)

// Options is what a runtime is made of. Topic, New and Format are required.
type Options[M Machine[R], R any] struct {
	// Topic is where the state is.
	Topic Topic
	// New makes the empty state of a shard, to which the timers belong.
	New func(shard int32, timers *Timers[M, R]) M
	// Format encodes the records.
	Format Format[R]
	// Codec compresses them (offsets.topic.compression.codec).
	Codec record.Codec
	// Log gets what an operator can act on; nil is the default logger.
	Log *slog.Logger
}

// Runtime is the shards over one internal topic.
type Runtime[M Machine[R], R any] struct {
	options Options[M, R]
	skipped atomic.Int64
	// shards is nil until the topic exists. Their number is that of the topic's partitions
	// then, and stays: another number would move keys to other shards (Kafka keeps it from start to end, too).
	shards atomic.Pointer[[]*shard[M, R]]

	mu     sync.Mutex // of making shards, and of closed; a leaf
	closed bool
}

// New makes a runtime that has loaded nothing.
func New[M Machine[R], R any](o Options[M, R]) *Runtime[M, R] {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Runtime[M, R]{options: o}
}

// Shards is the number of shards. Errors: [ErrNotAvailable] while the topic doesn't exist, [ErrClosed].
func (r *Runtime[M, R]) Shards() (int32, error) {
	shards, err := r.all()
	return int32(len(shards)), err
}

// Submit has a command done by the shard of a key. It never waits: Decide and Answer, or Refused, are called later or
// before it returns.
func (r *Runtime[M, R]) Submit(key string, c Command[M, R]) {
	shards, err := r.all()
	if err != nil {
		c.refuse(err)
		return
	}
	shards[ShardOf(key, int32(len(shards)))].submit(c)
}

// Do is Submit for a caller that waits for the answer anyway and holds no lock: where nobody works on the shard, the
// caller does until there is something to wait for. Two goroutines fewer are woken then.
func (r *Runtime[M, R]) Do(key string, c Command[M, R]) {
	shards, err := r.all()
	if err != nil {
		c.refuse(err)
		return
	}
	shards[ShardOf(key, int32(len(shards)))].do(c)
}

// SubmitTo has a command done by a shard given by its number, as Submit does.
func (r *Runtime[M, R]) SubmitTo(shard int32, c Command[M, R]) {
	shards, err := r.all()
	if err == nil && (shard < 0 || int(shard) >= len(shards)) {
		err = fmt.Errorf("%w: no shard %d", ErrNotAvailable, shard)
	}
	if err != nil {
		c.refuse(err)
		return
	}
	shards[shard].submit(c)
}

// SubmitToAll has a command done by each shard, unless none was asked for anything before.
func (r *Runtime[M, R]) SubmitToAll(c Command[M, R]) {
	if shards := r.shards.Load(); shards != nil {
		for _, s := range *shards {
			s.submit(c)
		}
	}
}

// Load has all shards load their state if they haven't.
func (r *Runtime[M, R]) Load() {
	shards, err := r.all()
	if err != nil {
		return
	}
	for _, s := range shards {
		s.submit(Command[M, R]{Decide: func(M) Decision[R] { return Decision[R]{} }})
	}
}

// Skipped is how many records and batches were left out because they could not be read or understood.
func (r *Runtime[M, R]) Skipped() int64 { return r.skipped.Load() }

// all is the shards, made when the topic is seen first.
func (r *Runtime[M, R]) all() ([]*shard[M, R], error) {
	if shards := r.shards.Load(); shards != nil {
		return *shards, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if shards := r.shards.Load(); shards != nil {
		return *shards, nil
	}
	n := r.options.Topic.Partitions()
	if n <= 0 {
		return nil, fmt.Errorf("%w: its topic does not exist", ErrNotAvailable)
	}
	shards := make([]*shard[M, R], n)
	for i := range shards {
		shards[i] = newShard(r, int32(i))
	}
	r.shards.Store(&shards)
	return shards, nil
}

// Close refuses new commands, makes durable what was decided, ends all states and waits for it. A done context ends the
// wait, not the closing.
func (r *Runtime[M, R]) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	shards := r.shards.Load()
	r.mu.Unlock()
	if shards == nil {
		return nil
	}
	ended := make([]<-chan struct{}, len(*shards))
	for i, s := range *shards {
		ended[i] = s.close()
	}
	for _, e := range ended {
		select {
		case <-e:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
