package local

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/logstore/vfs"
)

// files bounds the number of open files of a store. A store with ten thousand
// partitions has more segments than a process may have descriptors, so any file that
// nobody uses right now may be closed and is opened again when it is needed.
//
// The replacement is a clock, not a list in order of use: a use costs one atomic
// add and no lock, which an append of a hundred bytes can afford.
//
// The limit is soft. A file in use can't be closed, so a burst of appends to more
// partitions than the limit overshoots; Append then waits for its commit, after which the files
// can go. So the overshoot is the number of appenders.
type files struct {
	limit int

	mu struct {
		sync.Mutex
		ring []*handle // open files
		hand int
		// opening counts files that are being opened and not yet in the ring.
		opening int
	}
	// count is len(mu.ring) + mu.opening, for those without the lock.
	count atomic.Int64
}

// handle is a file that is open or not. The zero value is closed. One that was opened must
// be forgotten by [files.forget] before its owner is dropped.
type handle struct {
	// refs is 0 while the file is closed, else 1 + the number of users.
	refs atomic.Int32
	used atomic.Bool // since the hand of the clock came by

	// owner is set once the file is forgotten: then its last user closes it. That of a deleted file would take room on
	// the disk for as long as it is open.
	owner   atomic.Pointer[files]
	opening sync.Mutex // held by the one who opens
	file    vfs.File   // valid while refs > 0
	slot    int        // in files.mu.ring; guarded by files.mu
}

// acquire returns the open file and keeps it open until release.
func (c *files) acquire(h *handle, open func() (vfs.File, error)) (vfs.File, error) {
	if f := h.tryAcquire(); f != nil {
		return f, nil
	}
	h.opening.Lock()
	defer h.opening.Unlock()
	if f := h.tryAcquire(); f != nil {
		return f, nil
	}
	if err := c.reserve(); err != nil {
		return nil, err
	}
	f, err := open()
	if err != nil {
		c.mu.Lock()
		c.mu.opening--
		c.count.Add(-1)
		c.mu.Unlock()
		return nil, err
	}
	h.file = f
	h.used.Store(true)
	h.refs.Store(2)
	c.mu.Lock()
	c.mu.opening--
	h.slot = len(c.mu.ring)
	c.mu.ring = append(c.mu.ring, h)
	c.mu.Unlock()
	return f, nil
}

// tryAcquire takes a reference if the file is open.
func (h *handle) tryAcquire() vfs.File {
	for {
		refs := h.refs.Load()
		if refs == 0 {
			return nil
		}
		if h.refs.CompareAndSwap(refs, refs+1) {
			if !h.used.Load() {
				h.used.Store(true)
			}
			return h.file
		}
	}
}

// release gives one reference back.
func (h *handle) release() {
	if h.refs.Add(-1) == 1 {
		if c := h.owner.Load(); c != nil {
			_ = c.forget(h) // whose error is lost, as it says
		}
	}
}

// reserve makes room for one more file.
func (c *files) reserve() error {
	var closing []vfs.File
	c.mu.Lock()
	c.mu.opening++
	c.count.Add(1)
	// Two rounds: the first may only take marks away.
	for steps := 2 * len(c.mu.ring); steps > 0 && len(c.mu.ring)+c.mu.opening > c.limit; steps-- {
		if len(c.mu.ring) == 0 {
			break
		}
		c.mu.hand %= len(c.mu.ring)
		h := c.mu.ring[c.mu.hand]
		if h.used.Swap(false) {
			c.mu.hand++
			continue
		}
		f := h.file
		if !h.refs.CompareAndSwap(1, 0) {
			c.mu.hand++
			continue
		}
		c.removeLocked(h)
		closing = append(closing, f)
	}
	c.mu.Unlock()
	var err error
	for _, f := range closing {
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		c.mu.Lock()
		c.mu.opening--
		c.count.Add(-1)
		c.mu.Unlock()
	}
	return err
}

// removeLocked takes a closed handle out of the ring.
func (c *files) removeLocked(h *handle) {
	last := len(c.mu.ring) - 1
	moved := c.mu.ring[last]
	c.mu.ring[h.slot] = moved
	moved.slot = h.slot
	c.mu.ring[last] = nil
	c.mu.ring = c.mu.ring[:last]
	c.count.Add(-1)
}

// crowded reports whether more files are open than there should be.
func (c *files) crowded() bool { return c.count.Load() > int64(c.limit) }

// forget closes the file as soon as nobody uses it. Nobody may acquire it any more.
// The error of closing is that of the last user if there is one, and lost: the file
// was synced, or is going to be removed.
func (c *files) forget(h *handle) error {
	h.opening.Lock()
	defer h.opening.Unlock()
	h.owner.Store(c)
	c.mu.Lock()
	f := h.file
	closed := h.refs.CompareAndSwap(1, 0)
	if closed {
		c.removeLocked(h)
	}
	c.mu.Unlock()
	if closed {
		return f.Close()
	}
	return nil // In use: its last user comes here again.
}

// closeAll closes every file that nobody uses.
func (c *files) closeAll() error {
	c.mu.Lock()
	ring := append([]*handle(nil), c.mu.ring...)
	c.mu.Unlock()
	var err error
	for _, h := range ring {
		err = errors.Join(err, c.forget(h))
	}
	return err
}
