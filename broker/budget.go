package broker

import (
	"slices"
	"sync"
)

// byteBudget bounds the bytes that requests hold in memory (queued.max.request.bytes).
// Bytes are taken as they arrive, not by what a frame announces. Who finds the
// budget empty waits, in the order of coming, and doesn't read meanwhile, so
// that TCP slows the sender down.
//
// Taking as bytes arrive can deadlock: every frame holds a part, none can become
// whole. So one lease at a time, the elder, may overdraw; it ends, and hands that
// right on. A weighted semaphore that is taken once by the announced
// size needs no elder, but lets a peer pin 100 MiB with four bytes.
type byteBudget struct {
	total int64

	mu      sync.Mutex
	free    int64 // negative while the elder overdraws
	elder   *lease
	waiters []*budgetWaiter // first come, first served
	closed  bool
}

// lease is what one user holds of a budget. Its owner calls take and giveBack one at a time.
type lease struct {
	held int64 // guarded by the budget's mutex
}

// budgetWaiter is one take that must wait.
type budgetWaiter struct {
	lease *lease
	n     int64
	ready chan struct{} // closed once granted or refused
	err   error         // written before ready is closed
}

func newByteBudget(total int64) *byteBudget { return &byteBudget{total: total, free: total} }

// tryTake adds n bytes to the lease if that needs no waiting and no overdraft.
func (b *byteBudget) tryTake(l *lease, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.waiters) > 0 || b.free < n {
		return false
	}
	b.grantLocked(l, n)
	return true
}

// take adds n bytes to the lease, waiting for them if it must. gone ends the wait.
//
// Errors: errStopping, errPeerGone.
func (b *byteBudget) take(gone <-chan struct{}, l *lease, n int64) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return errStopping
	}
	// The elder passes the queue, which can't move before the elder has ended.
	if (len(b.waiters) == 0 || b.elder == l) && b.admitLocked(l, n) {
		b.mu.Unlock()
		return nil
	}
	w := &budgetWaiter{lease: l, n: n, ready: make(chan struct{})}
	b.waiters = append(b.waiters, w)
	b.mu.Unlock()
	select {
	case <-w.ready:
		return w.err
	case <-gone:
		b.abandon(w)
		return errPeerGone
	}
}

// admitLocked grants n bytes if there are as many, or to the elder, whom an empty
// budget makes of the first who comes.
func (b *byteBudget) admitLocked(l *lease, n int64) bool {
	if b.free < n && b.elder == nil {
		b.elder = l
	}
	if b.free < n && b.elder != l {
		return false
	}
	b.grantLocked(l, n)
	return true
}

func (b *byteBudget) grantLocked(l *lease, n int64) {
	b.free -= n
	l.held += n
}

// giveBack takes n bytes off the lease and wakes who waits for them. A lease that
// holds nothing any more is no longer the elder.
func (b *byteBudget) giveBack(l *lease, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.held -= n
	b.free += n
	if l.held == 0 && b.elder == l {
		b.elder = nil
	}
	b.wakeLocked()
}

// wakeLocked serves the queue from its head as far as the bytes go.
func (b *byteBudget) wakeLocked() {
	for len(b.waiters) > 0 && b.admitLocked(b.waiters[0].lease, b.waiters[0].n) {
		close(b.waiters[0].ready)
		b.waiters[0] = nil
		b.waiters = b.waiters[1:]
	}
}

// abandon takes a waiter out of the queue. A grant that came at the same moment is given back.
func (b *byteBudget) abandon(w *budgetWaiter) {
	b.mu.Lock()
	i := slices.Index(b.waiters, w)
	if i >= 0 {
		b.waiters = slices.Delete(b.waiters, i, i+1)
		b.wakeLocked() // the next one may want less
	}
	b.mu.Unlock()
	if i < 0 && w.err == nil {
		b.giveBack(w.lease, w.n)
	}
}

// scarce says whether more than half of the budget is taken: then nobody should hold
// more than it needs.
func (b *byteBudget) scarce() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.free < b.total/2
}

// contended says whether somebody waits for bytes.
func (b *byteBudget) contended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiters) > 0
}

// close refuses everybody who waits and everybody who comes.
func (b *byteBudget) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, w := range b.waiters {
		w.err = errStopping
		close(w.ready)
	}
	b.waiters = nil
}
