package local

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clatterhq/clatter/logstore"
)

// offsetsDelay is how far behind the offsets file may be with the durable ends. It is what a crash may
// leave undecided between a torn tail and damage.
const offsetsDelay = 50 * time.Millisecond

// schedule is when something is done next, if at all. It moves earlier at will, and later only when it
// has been done.
type schedule struct {
	at atomic.Int64 // ms, or 0: never
	mu sync.Mutex   // held to change at
}

// arm sees to it that fn runs at a time in ms or before. That it does already is found out without a lock.
func (c *schedule) arm(t *timers, at int64, fn func()) {
	if set := c.at.Load(); set != 0 && set <= at {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if set := c.at.Load(); set != 0 && set <= at {
		return
	}
	c.at.Store(at)
	t.after(milliseconds(at-time.Now().UnixMilli()), func() {
		c.mu.Lock()
		current := c.at.Load() == at
		if current {
			c.at.Store(0)
		}
		c.mu.Unlock()
		if current {
			fn()
		}
	})
}

// armRetention sees to it that retention looks at the logs, at the next check after a time in ms.
func (s *Store) armRetention(at int64) {
	earliest := s.lastRetention.Load() + s.options.RetentionCheckIntervalMs
	s.retention.arm(&s.timers, max(at, earliest), s.retainAll)
}

// retainAll applies retention to every log for which something may be due, and finds out when that is
// next.
func (s *Store) retainAll() {
	s.lastRetention.Store(time.Now().UnixMilli())
	next := int64(math.MaxInt64)
	for _, l := range s.usedLogs() {
		if s.closed.Load() {
			return // A close waits for this, and each log may take a few syncs.
		}
		if l.view.load().status == deleted {
			continue
		}
		if err := l.retain(); err != nil && !isEnded(err) && !errors.Is(err, logstore.ErrOffline) {
			s.log.Warn("retention failed", slog.String("topic", l.topic.name), slog.Int("partition", int(l.partition)), slog.Any("error", err))
		}
		next = min(next, l.retentionDue())
	}
	for _, d := range s.dirs {
		next = min(next, s.retainLeft(d))
	}
	if next < math.MaxInt64 {
		s.armRetention(next)
	}
}

// retainLeft touches the logs that nobody has used yet if retention may have something to do.
func (s *Store) retainLeft(d *logDir) (next int64) {
	next = math.MaxInt64
	var due []*log
	d.untouched(func(f *found) {
		t := s.topics.find(f.TopicID)
		if t == nil || int(f.Partition) >= len(*t.logs.Load()) {
			return
		}
		at := retentionDue(t.config.Load(), f.LogBytes, f.OldestTimestamp) // at the earliest
		if f.HasDeleted {
			at = 0
		}
		if at > time.Now().UnixMilli() {
			next = min(next, at)
			return
		}
		if l := t.first(f.Partition); l != nil {
			due = append(due, l)
		}
	})
	for _, l := range due {
		if s.closed.Load() {
			break
		}
		if err := l.retain(); err != nil && !isEnded(err) {
			s.log.Warn("retention failed", slog.String("topic", l.topic.name), slog.Int("partition", int(l.partition)), slog.Any("error", err))
		}
		next = min(next, l.retentionDue())
	}
	return next
}

// retentionDue is when, in ms, retention may first have something to do for a log of this age that has rest bytes besides its
// oldest segment.
func retentionDue(config *logstore.Config, rest, oldestTimestamp int64) int64 {
	switch {
	case !config.CleanupPolicy.Has(logstore.CleanupDelete):
		return math.MaxInt64
	case config.RetentionBytes >= 0 && rest >= config.RetentionBytes:
		return 0
	case config.RetentionMs < 0:
		return math.MaxInt64
	case oldestTimestamp < 0:
		return 0
	case oldestTimestamp > math.MaxInt64-config.RetentionMs-1:
		return math.MaxInt64
	default:
		return oldestTimestamp + config.RetentionMs + 1
	}
}

// retentionDue is when retention may first have something to do for the log.
func (l *log) retentionDue() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.view.load()
	if f := l.mu.found; f != nil {
		return retentionDue(l.config(), f.LogBytes, f.OldestTimestamp)
	}
	if l.mu.writer == nil || len(v.segments) == 0 || l.sizeLocked() == 0 {
		return math.MaxInt64
	}
	due := retentionDue(l.config(), l.sizeLocked()-v.segments[0].size, l.oldestTimestamp(v))
	if len(v.segments) > 1 && v.segments[1].baseOffset <= v.LogStartOffset {
		due = 0
	}
	return due
}

// oldestTimestamp is the largest timestamp of the oldest segment, -1 if it has none or it isn't known.
func (l *log) oldestTimestamp(v *view) int64 {
	if len(v.segments) == 0 {
		return -1
	}
	if len(v.segments) == 1 {
		return v.largest.timestamp
	}
	x := v.segments[0].index.Load()
	if x == nil {
		return unknownTimestamp
	}
	return x.largest.timestamp
}

// configured makes a new configuration take effect at once.
func (t *topic) configured() {
	config := t.config.Load()
	t.used(func(l *log) bool {
		if !durable(config) {
			l.followEnd()
		}
		return true
	})
	t.store.armRetention(time.Now().UnixMilli())
	t.armCleaner()
}

// armCleaner lets the cleaner look at the logs of a compacted topic.
func (t *topic) armCleaner() {
	if config := t.config.Load(); config.CleanupPolicy.Has(logstore.CleanupCompact) {
		t.store.cleaner.arm(0, isPrompt(config))
	}
}

// followEnd moves the high watermark to the end of the log, for a topic that leaves it to the page cache.
func (l *log) followEnd() {
	l.mu.Lock()
	v := *l.view.load()
	w := l.mu.writer
	moved := w != nil && v.status == online && v.HighWatermark < v.LogEndOffset
	if moved {
		v.raise(v.LogEndOffset, position{w.active, w.active.size}, &w.producers)
		l.publishLocked(v)
	}
	l.mu.Unlock()
	if moved {
		l.waiters.wake()
	}
}

// armAfterAppend sees to the housekeeping that an append may make due. first says that it was the first
// one of a segment.
func (s *Store) armAfterAppend(config *logstore.Config, a *appending, first bool) {
	if config.CleanupPolicy.Has(logstore.CleanupDelete) {
		switch {
		case config.RetentionBytes >= 0:
			s.armRetention(a.opts.Now)
		case first && config.RetentionMs >= 0:
			s.armRetention(retentionDue(config, 0, a.maxTimestamp))
		}
	}
	if first && isPrompt(config) && config.CleanupPolicy.Has(logstore.CleanupCompact) {
		s.cleaner.arm(a.opts.Now, true) // it finds out when the segment has to be rolled
	}
	if s.expiry.at.Load() == 0 && (a.infos != nil || a.single.ProducerID >= 0) {
		s.armExpiry()
	}
}

// armExpiry sees to it that silent producers are forgotten.
func (s *Store) armExpiry() {
	s.expiry.arm(&s.timers, time.Now().UnixMilli()+s.options.ProducerIDExpirationCheckIntervalMs, s.expireAll)
}

// expireAll forgets silent producers, and comes again while there are any.
func (s *Store) expireAll() {
	left := 0
	for _, l := range s.usedLogs() {
		left += l.expireProducers()
	}
	if left > 0 {
		s.armExpiry()
	}
}

// expireProducers returns how many producers the log still has, or has heard of.
func (l *log) expireProducers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.mu.writer
	if w == nil {
		return 0
	}
	w.producers.Expire(time.Now().UnixMilli(), l.topic.store.options.ProducerIDExpirationMs())
	return w.producers.Len() + w.producers.Unverified()
}

// Maintain implements [logstore.Partition].
func (l *log) Maintain(ctx context.Context, kind logstore.Maintenance) error {
	if _, err := l.readable(); err != nil {
		return err
	}
	switch kind {
	case logstore.Retention:
		return l.retain()
	case logstore.ExpireProducers:
		l.expireProducers()
		return nil
	case logstore.Flush:
		return l.flush(ctx)
	case logstore.Compaction:
		return l.compact(ctx)
	}
	return nil
}

// flush makes everything appended durable.
func (l *log) flush(ctx context.Context) error {
	d := l.dirtyDir()
	if d == nil {
		return nil
	}
	_, err := logstore.Ticket{Commit: d.syncer.mark(l)}.Wait(ctx)
	return err
}

// offsetsQueue are the logs of a directory whose durable end moved since the offsets file was written.
type offsetsQueue struct {
	mu        sync.Mutex
	logs      []*log
	scheduled bool
}

// offsetsLater sees to it that the offsets file follows the durable end of a log, whose writer lock is held.
func (d *logDir) offsetsLater(l *log, w *writer) {
	if w.offsetsDue {
		return
	}
	w.offsetsDue = true
	d.moved.mu.Lock()
	defer d.moved.mu.Unlock()
	d.moved.logs = append(d.moved.logs, l)
	if !d.moved.scheduled {
		d.moved.scheduled = true
		d.store.timers.after(offsetsDelay, func() {
			// A failure has taken the directory offline.
			_ = d.flushOffsets()
		})
	}
}

// flushOffsets writes the durable ends that moved to the offsets file.
func (d *logDir) flushOffsets() error {
	d.moved.mu.Lock()
	logs := d.moved.logs
	d.moved.logs, d.moved.scheduled = nil, false
	d.moved.mu.Unlock()
	if len(logs) == 0 {
		return nil
	}
	if err := d.offline(); err != nil {
		return err
	}
	// All of them, also after a failure: what isn't written now is when the durable end of the log moves again.
	var err error
	for _, l := range logs {
		err = errors.Join(err, l.writeOffsets())
	}
	if err != nil {
		return d.refuse("write of the offsets file", err)
	}
	return d.offsets.sync()
}

func (l *log) writeOffsets() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, v := l.mu.writer, l.view.load()
	w.offsetsDue = false
	if w.slot == noSlot || v.status == deleted {
		return nil
	}
	return w.folder.dir.offsets.write(w.slot, w.kept(l, v))
}

// scheduleHousekeeping arranges for what the logs that were found need.
func (s *Store) scheduleHousekeeping() {
	s.lastRetention.Store(time.Now().UnixMilli())
	for _, d := range s.dirs {
		if len(d.left) > 0 {
			s.armRetention(0)
		}
	}
}
