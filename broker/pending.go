package broker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/wire"
)

// maxPending bounds the produce requests of one connection whose answers wait. Beyond it the
// connection isn't read. Kafka's own clients have five in flight.
const maxPending = 1000

// pendingReply is an answer that waits for its turn.
type pendingReply struct {
	key           int16 // API of the request
	correlationID int32
	reply         Reply
}

// queue holds the answers of a connection that can't be sent at once, in the order of
// their requests. The reader puts in, the drainer takes out. As long as the drainer is there,
// it alone writes to the connection, and only a Produce after Produces may start.
type queue struct {
	// draining is set by the reader, when it starts the drainer, and cleared by the drainer at its
	// end, both under mu. So when the reader finds it unset it stays unset.
	draining atomic.Bool

	mu      sync.Mutex
	items   []pendingReply
	taken   int           // how many the drainer has taken out and not all answered
	serial  bool          // what is outstanding isn't Produce: nothing else may start
	noInput bool          // the reader has ended: the drainer cleans up
	turn    chan struct{} // closed when the drainer ends; nil while nobody waits for that
}

// busy says whether answers are outstanding.
func (q *queue) busy() bool { return q.draining.Load() }

// mayStart says whether a request of the API may be handled while others are unanswered.
func (q *queue) mayStart(key int16) bool {
	if !q.draining.Load() {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.draining.Load() || key == wire.KeyProduce && !q.serial && len(q.items)+q.taken < maxPending
}

// push adds an answer. start is true if a drainer must be started for it.
func (q *queue) push(p pendingReply) (start bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, p)
	q.serial = p.key != wire.KeyProduce
	start = !q.draining.Load()
	q.draining.Store(true)
	return start
}

// take moves everything that waits into batch, which the drainer has answered and emptied.
func (q *queue) take(batch []pendingReply) []pendingReply {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch, q.items = q.items, batch[:0]
	q.taken = len(batch)
	return batch
}

// finish ends the drainer unless more has come. waiting says whether the reader waits for its
// turn, and cleanUp whether it has ended before.
func (q *queue) finish() (finished, waiting, cleanUp bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) > 0 {
		return false, false, false
	}
	// An idle connection keeps no queue. A busy one makes a new one now and then.
	q.items = nil
	q.draining.Store(false)
	waiting = q.turn != nil
	if waiting {
		close(q.turn)
		q.turn = nil
	}
	return true, waiting, q.noInput
}

// awaitTurn returns a channel that is closed when nothing is outstanding any more, nil if that is so already.
func (q *queue) awaitTurn() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.draining.Load() {
		return nil
	}
	if q.turn == nil {
		q.turn = make(chan struct{})
	}
	return q.turn
}

// readerGone notes that nothing more will come. draining says whether a drainer is there, which must then
// clean up, and allProduce whether everything outstanding will be answered without the peer's doing.
func (q *queue) readerGone() (draining, allProduce bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.noInput = true
	return q.draining.Load(), !q.serial
}

// drain answers what is in the queue, in order, and ends when it is empty. It is a goroutine of its own for
// as long as something is outstanding: one for all of it, because answers must leave in order anyway.
func (c *conn) drain() {
	var batch []pendingReply
	var failed error
	for {
		batch = c.queue.take(batch)
		for i := range batch {
			failed = c.drainOne(&batch[i], failed)
			batch[i] = pendingReply{}
		}
		if len(batch) > 0 {
			continue
		}
		if failed == nil {
			failed = c.drained(c.out.flush())
		}
		finished, waiting, cleanUp := c.queue.finish()
		switch {
		case !finished:
			continue
		case cleanUp:
			c.abort()
			c.srv.forget(c)
		case waiting:
			c.kick()
		}
		return
	}
}

// drainOne sends one answer once it is ready. After a failure, its own or an earlier one, it only lets go of it.
// Like handle it recovers panics.
func (c *conn) drainOne(p *pendingReply, failed error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.drained(c.panicked(p))
		}
	}()
	if failed != nil {
		c.discard(&p.reply)
		return failed
	}
	if p.reply.Later == nil {
		return c.drained(c.answer(p))
	}
	// What is ready goes out before the wait for what isn't.
	if !c.out.empty() && (p.reply.Ready == nil || !p.reply.Ready()) {
		if err := c.out.flush(); err != nil {
			c.discard(&p.reply)
			return c.drained(err)
		}
	}
	if p.reply, err = c.later(p.reply.Later); err != nil {
		return c.drained(fmt.Errorf("%s: %w: %w", wire.APIName(p.key), errLater, err))
	}
	if p.reply.isNone() {
		return nil
	}
	return c.drained(c.answer(p))
}

// drained ends the connection after a failure.
func (c *conn) drained(err error) error {
	if err != nil {
		c.logEnd(err)
		c.abort()
	}
	return err
}

// later waits for an answer.
func (c *conn) later(f func(context.Context) (Reply, error)) (Reply, error) {
	r, err := f(&c.ctx)
	if err == nil && r.Later != nil {
		err = errLaterTwice
	}
	if err != nil {
		r.release()
	}
	r.tellSent()
	return r, err
}

// discard lets go of an answer that nobody will get.
func (c *conn) discard(r *Reply) {
	if r.Later == nil {
		r.release()
		return
	}
	if late, err := c.later(r.Later); err == nil {
		late.release()
	}
}
