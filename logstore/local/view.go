package local

import (
	"sort"
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/epoch"
)

// status is what may be done with a log.
type status uint8

const (
	// dormant: the offsets are known, the files have not been looked at.
	dormant status = iota
	// online: files, if there are any, are open for business.
	online
	// damaged: readable, except where it is damaged; nothing may be appended.
	damaged
	// deleted: the topic is gone.
	deleted
	// closed: the store is.
	closed
)

// view is one moment of a log, immutable: what readers need, in one load.
//
// A lock for readers would be simpler, and a read would then wait for appends that
// wait for the disk. A seqlock would spin. What appends leave alone is kept apart, to be shared.
type view struct {
	logstore.Offsets
	*outline
	// highWatermarkAt is where the batch at the high watermark will begin.
	highWatermarkAt position
	// previous is the high watermark before the latest move of it, and where that is in the same segment: a consumer
	// at the end of the log asks for exactly this offset next.
	previous offsetAt
	// largest is the largest timestamp of the active segment.
	largest timestampAt
}

// outline is the part of a view that changes with rolls, deletions and the like, shared between views and immutable: see reshape.
type outline struct {
	status status
	// segments are all segments, oldest first; the slice is shared between outlines and copied for a change.
	segments []*segment
	epochs   *epoch.Cache
}

// reshape gives a view an outline of its own, as change leaves it.
func (v *view) reshape(change func(o *outline)) {
	o := *v.outline
	change(&o)
	v.outline = &o
}

// latestView is the view of a log as it is now. Making one is a good part of what a small append costs, so it is made when somebody
// looks: until then each change is noted in the same place.
type latestView struct {
	// seen is the last view that somebody looked at. moved says that next is a newer one.
	seen  atomic.Pointer[view]
	moved atomic.Bool
	// mu guards next. It is a leaf, and never held across I/O.
	mu   sync.Mutex
	next *view // nil until there was a change; changed by the holder of the writer lock alone
}

// load is the view as it is now. It lasts.
func (c *latestView) load() *view {
	if c.moved.Load() {
		c.make()
	}
	return c.seen.Load()
}

// make makes a view of the changes since the last one.
func (c *latestView) make() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moved.Load() { // Else somebody else has.
		v := *c.next
		c.seen.Store(&v)
		c.moved.Store(false)
	}
}

// draft is load for the holder of the writer lock, and changes with the next store.
func (c *latestView) draft() *view {
	if c.moved.Load() {
		return c.next
	}
	return c.seen.Load()
}

// store is for the holder of the writer lock.
func (c *latestView) store(v *view) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = new(view)
	}
	*c.next = *v
	c.moved.Store(true)
}

// position is a byte position in a segment.
type position struct {
	segment *segment
	pos     int64
}

// offsetAt is an offset and its position in a segment that is known otherwise.
type offsetAt struct{ offset, pos int64 }

// noOffset is nowhere.
var noOffset = offsetAt{offset: -1}

// hint is an offset of which the position is known.
type hint struct {
	offset int64
	at     position
}

// emptyView is that of every partition without records. Sharing it makes them cost nothing.
var emptyView = &view{outline: &outline{status: online, epochs: firstEpoch}, previous: noOffset}

// asleep is the outline of all logs of which nobody has looked at the files yet.
var asleep = &outline{status: dormant}

// firstEpoch is what a log that never had records knows of leader epochs.
var firstEpoch = func() *epoch.Cache {
	cache, _ := epoch.Cache{}.Assign(0, 0)
	return &cache
}()

// segmentIndexOf is the index of the last segment that begins at or before offset, 0 if none does.
func (v *view) segmentIndexOf(offset int64) int {
	last := len(v.segments) - 1
	if last < 0 || v.segments[last].baseOffset <= offset {
		return max(last, 0)
	}
	i := sort.Search(last, func(i int) bool { return v.segments[i].baseOffset > offset })
	return max(i-1, 0)
}

// isEmpty reports whether compaction has left nothing of segment i.
func (v *view) isEmpty(i int) bool { return i+1 < len(v.segments) && v.segments[i].size == 0 }

// limitOf is the end of what may be read of a segment below the high watermark, in bytes.
func (v *view) limitOf(s *segment) int64 {
	mark := v.highWatermarkAt
	switch {
	case mark.segment == nil || s.baseOffset > mark.segment.baseOffset:
		return 0
	case s == mark.segment:
		return mark.pos
	default:
		return s.size
	}
}
