package local

import (
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/logstore"
)

// log is one partition. It is small while nobody appends to it: a partition without records is
// this struct and a shared view, and one without users not even that.
//
// The writer lock is held across the I/O of appends, rolls and deletions; the commit takes
// it only to note what to sync and what was synced. Readers never take it, but for
// loading a dormant log and rebuilding a broken index.
type log struct {
	topic     *topic
	partition int32
	// view is what readers see. It is stored under the writer lock alone.
	view    latestView
	hints   atomic.Pointer[hints]
	waiters waiters

	mu struct {
		sync.Mutex
		// found is what the last run or recovery left, until the log is loaded.
		found *found
		// writer is nil until the log is loaded, and in a log without files.
		writer *writer
	}
	// dirtySince is the timestamp of the oldest record that waited for compaction when the cleaner last looked, in ms; noTime without one.
	dirtySince atomic.Int64
	// marked is the commit that the log is part of; guarded by the syncer's lock.
	marked *commit
}

func (l *log) config() *logstore.Config { return l.topic.config.Load() }

// durable reports whether appends wait for the disk (NoFlushInterval), rather than for
// Kafka's flush.messages.
func durable(c *logstore.Config) bool { return c.FlushMessages == logstore.NoFlushInterval }

// Offsets implements [logstore.Partition].
func (l *log) Offsets() logstore.Offsets { return l.view.load().Offsets }

// publishLocked swaps in a new view.
func (l *log) publishLocked(v view) { l.view.store(&v) }

// checkLocked tells why the log takes no changes.
func (l *log) checkLocked() error {
	switch l.view.draft().status {
	case deleted:
		return logstore.ErrUnknownPartition
	case closed:
		return logstore.ErrClosed
	default:
		return nil
	}
}

// Watch implements [logstore.Partition].
func (l *log) Watch(w *logstore.Waiter) {
	l.waiters.add(w)
	if s := l.view.load().status; s == deleted || s == closed {
		w.Wake() // it ended before and nothing will ever move
	}
}

// Unwatch implements [logstore.Partition].
func (l *log) Unwatch(w *logstore.Waiter) { l.waiters.remove(w) }

// waiters are those to be woken by the next move of a log. Its lock is a leaf.
type waiters struct {
	count atomic.Int32 // len(list), so that waking nobody takes no lock
	mu    sync.Mutex
	list  []*logstore.Waiter
}

func (w *waiters) add(waiter *logstore.Waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, waiter)
	w.count.Store(int32(len(w.list)))
}

func (w *waiters) remove(waiter *logstore.Waiter) {
	if w.count.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, x := range w.list {
		if x != waiter {
			continue
		}
		last := len(w.list) - 1
		w.list[i], w.list[last] = w.list[last], nil
		w.list = w.list[:last]
		break
	}
	w.count.Store(int32(len(w.list)))
}

// waker is wake for later, nil if nobody waits: who comes after the move that it tells of looks at the log itself.
func (w *waiters) waker() func() {
	if w.count.Load() == 0 {
		return nil
	}
	return w.wake
}

// wake wakes and forgets everybody.
func (w *waiters) wake() {
	if w.count.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, waiter := range w.list {
		waiter.Wake()
		w.list[i] = nil
	}
	w.list = w.list[:0]
	w.count.Store(0)
}
