package catalog

import (
	"context"
	"errors"
	"fmt"
)

// operation is one change that somebody waits for.
type operation struct {
	// apply checks the change and makes it in the draft. It runs in the goroutine of
	// whoever leads. An error means that it changed nothing.
	apply func(d *draft) error
	// alone keeps the operation from sharing a batch, because it changes what the
	// others are checked against.
	alone bool

	err      error
	panicked any
	finished bool
	// wake is closed when the operation is finished, or when its goroutine is to lead.
	wake chan struct{}
}

// do makes a change and waits until it is durable.
//
// Changes that come while another one is synced gather in a queue. Whoever finds
// nobody at work leads: it takes the whole queue, makes all changes in one
// transaction, and passes the lead to the first that came meanwhile. So a lone change
// waits for nothing, and a thousand concurrent ones share a few syncs. (bbolt's own
// Batch waits 10 ms for company; a goroutine that collects would add two switches to
// each change and have to be stopped.)
//
// The context counts until the change is queued; after that the outcome is awaited,
// so that an error always means that nothing was changed.
func (c *Catalog) do(ctx context.Context, op *operation) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	op.wake = make(chan struct{})
	c.mu.Lock()
	c.queue = append(c.queue, op)
	follow := c.leading
	c.leading = true
	c.mu.Unlock()
	if follow {
		<-op.wake
	}
	// finished is set before wake is closed.
	if !follow || !op.finished {
		c.lead()
	}
	if op.panicked != nil {
		panic(op.panicked)
	}
	return op.err
}

// lead commits one batch and passes the lead on. The caller's operation is the first
// in the queue.
func (c *Catalog) lead() {
	c.mu.Lock()
	batch := c.takeBatchLocked()
	c.mu.Unlock()

	c.commit(batch)

	c.mu.Lock()
	if len(c.queue) > 0 {
		close(c.queue[0].wake) // its goroutine leads now
	} else {
		c.leading = false
	}
	c.mu.Unlock()
	for _, op := range batch[1:] {
		op.finished = true
		close(op.wake)
	}
}

// takeBatchLocked takes operations that can share a transaction off the queue.
func (c *Catalog) takeBatchLocked() []*operation {
	n := 1
	for n < len(c.queue) && !c.queue[0].alone && !c.queue[n].alone {
		n++
	}
	batch := c.queue[:n:n]
	c.queue = c.queue[n:]
	return batch
}

// commit makes the changes of a batch, durably and then visibly. Only the leader is here.
func (c *Catalog) commit(batch []*operation) {
	if c.stopped != nil {
		for _, op := range batch {
			op.err = c.stopped
		}
		return
	}
	d := newDraft(c)
	wrote := make([]bool, len(batch))
	for i, op := range batch {
		before := len(d.writes)
		op.run(d)
		wrote[i] = len(d.writes) > before
	}
	if len(d.writes) > 0 {
		if err := c.storage.commit(d.writes); err != nil {
			c.refuse(batch, wrote, err)
			return
		}
	}
	c.publish(d)
}

// run applies an operation. A panic in it belongs to the one who asked for it, not to
// the one who happens to lead.
func (op *operation) run(d *draft) {
	defer func() {
		if r := recover(); r != nil {
			op.panicked, op.err = r, fmt.Errorf("panic: %v", r)
		}
	}()
	op.err = op.apply(d)
}

// refuse tells a failed commit to those who had something to write. Those who were
// refused before keep their own error, and those who changed nothing their success.
func (c *Catalog) refuse(batch []*operation, wrote []bool, err error) {
	if !errors.Is(err, ErrNoSpace) {
		// A failed sync may have dropped what it should have written, so trying again would
		// prove nothing.
		c.stopped = ErrFailed
		c.log.Error("the catalog can't be written; nothing that it keeps changes before a restart", "err", err)
		c.onFailure(err)
		err = fmt.Errorf("%w: %w", ErrFailed, err)
	}
	for i, op := range batch {
		if wrote[i] {
			op.err = err
		}
	}
}
