package broker

import (
	"context"
	"sync"
	"time"
)

// connContext is the context of everything that happens on behalf of one connection. It is
// done when the connection is. It carries no values and no deadline, and makes its channel
// when somebody asks for it: context.WithCancel would cost every idle connection
// 200 bytes and every new one the lock of the server's context.
type connContext struct {
	mu   sync.Mutex
	done chan struct{}
	err  error // context.Canceled once it is done
}

// closedChan is the Done of contexts that were cancelled before anybody asked.
var closedChan = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Deadline implements context.Context: there is none.
func (*connContext) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Value implements context.Context: there is none.
func (*connContext) Value(any) any { return nil }

// Done implements context.Context.
func (c *connContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.done != nil:
	case c.err != nil:
		c.done = closedChan
	default:
		c.done = make(chan struct{})
	}
	return c.done
}

// Err implements context.Context.
func (c *connContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// cancel ends the context; again has no effect.
func (c *connContext) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = context.Canceled
	if c.done != nil {
		close(c.done)
	}
}
