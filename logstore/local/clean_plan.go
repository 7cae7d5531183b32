package local

import (
	"errors"
	"math"

	"github.com/clatterhq/clatter/logstore"
)

// dirt is what may be cleaned of a log at a moment (LogCleanerManager.cleanableOffsets, LogToClean).
type dirt struct {
	// firstDirty is the offset up to which the log was cleaned before, end the base offset of the first segment
	// that may not be cleaned.
	firstDirty, end int64
	// clean and dirty are bytes before firstDirty, and from there to end.
	clean, dirty int64
	// overdue says that something has waited for longer than max.compaction.lag.ms.
	overdue bool
	// since is the timestamp of the oldest dirty batch that may be cleaned or soon may, in ms; noTime without one.
	since int64
	// next is when the passing of time alone will change this, in ms; noTime if it won't.
	next int64
	// blocked says that something waits for a transaction to end or for the disk.
	blocked bool
}

const noTime = math.MaxInt64

// ratio is the dirty share of what would be read.
func (d *dirt) ratio() float64 {
	if d.dirty == 0 {
		return 0
	}
	return float64(d.dirty) / float64(d.clean+d.dirty)
}

// due reports whether the log is to be cleaned now.
func (d *dirt) due(config *logstore.Config, forced bool) bool {
	return config.CleanupPolicy.Has(logstore.CleanupCompact) && d.dirty > 0 && (forced || d.overdue || d.ratio() > config.MinCleanableDirtyRatio)
}

// dirt finds out what may be cleaned. Nothing may at or beyond the last stable offset and the durable end, nothing of the active segment,
// and nothing that is younger than min.compaction.lag.ms.
func (l *log) dirt(w *writer, config *logstore.Config, now int64) (dirt, error) {
	l.mu.Lock()
	v, durable := l.view.load(), w.flushedOffset
	l.mu.Unlock()
	d := dirt{since: noTime, next: noTime}
	n := len(v.segments) - 1 // the active one
	if v.status != online || n < 1 {
		return d, nil
	}
	d.firstDirty = w.folder.dir.cleaned.get(w.folder.name)
	if d.firstDirty < v.LogStartOffset || d.firstDirty > v.LogEndOffset {
		d.firstDirty = v.LogStartOffset
	}
	limit := min(v.LastStableOffset, durable)
	i := v.segmentIndexOf(d.firstDirty)
	for _, s := range v.segments[:i] {
		d.clean += s.size
	}
	d.end = max(d.firstDirty, v.segments[i].baseOffset)
	earliest := int64(noTime)
	for ; i < n; i++ {
		s := v.segments[i]
		if behind := v.segments[i+1].baseOffset; behind > limit {
			d.blocked = true
			break
		}
		wait, err := l.tooYoung(v, s, config, now)
		if err != nil {
			return d, err
		}
		if wait > 0 {
			d.next = now + wait
			break
		}
		first, err := s.firstBatchTimestamp()
		if err != nil {
			return d, err
		}
		if first > 0 {
			earliest = min(earliest, first)
		}
		d.dirty += s.size
		d.end = v.segments[i+1].baseOffset
	}
	if d.since = earliest; earliest == noTime {
		return d, nil
	}
	if lag := config.MaxCompactionLagMs; now-earliest > lag {
		d.overdue = true
	} else if lag < noTime-earliest-1 {
		d.next = min(d.next, earliest+lag+1)
	}
	return d, nil
}

// tooYoung is how many ms it takes until a segment is older than min.compaction.lag.ms.
func (l *log) tooYoung(v *view, s *segment, config *logstore.Config, now int64) (wait int64, err error) {
	if config.MinCompactionLagMs <= 0 {
		return 0, nil
	}
	largest, err := l.largestOf(v, s)
	if err != nil || largest.timestamp <= now-config.MinCompactionLagMs {
		return 0, err
	}
	at := int64(noTime) // timestamps may lie anywhere
	if config.MinCompactionLagMs < noTime-max(largest.timestamp, 0) {
		at = largest.timestamp + config.MinCompactionLagMs
	}
	return max(at-now, 1), nil
}

// firstBatchTimestamp is the greatest timestamp of the first batch of a closed segment, -1 if there is none.
func (s *segment) firstBatchTimestamp() (int64, error) {
	if known := s.firstTimestamp.Load(); known != 0 {
		return known - 2, nil
	}
	timestamp := int64(-1)
	if s.size > 0 {
		data, err := s.acquire()
		if err != nil {
			return 0, err
		}
		defer s.data.release()
		scan := newScanner(data, s, 0, s.size, lookupWindow)
		defer scan.close()
		h, err := scan.next()
		if err != nil && !errors.Is(err, errScanEnd) {
			return 0, err
		}
		if err == nil {
			timestamp = max(h.MaxTimestamp(), -1)
		}
	}
	s.firstTimestamp.Store(min(timestamp, noTime-2) + 2)
	return timestamp, nil
}

// segmentMs is how old a segment may become in ms (LogConfig.maxSegmentMs): the records of the active one can't be compacted.
func segmentMs(config *logstore.Config) int64 {
	if config.CleanupPolicy.Has(logstore.CleanupCompact) && config.MaxCompactionLagMs > 0 {
		return min(config.SegmentMs, config.MaxCompactionLagMs)
	}
	return config.SegmentMs
}

// rollDue is when the active segment has to be rolled for max.compaction.lag.ms, in ms, though nobody appends any more; noTime for never.
// Kafka waits for the next append, and so may keep the last records of a topic from ever being compacted.
func (w *writer) rollDue(config *logstore.Config) int64 {
	if !config.CleanupPolicy.Has(logstore.CleanupCompact) || config.MaxCompactionLagMs == noTime || w.active == nil || w.active.size == 0 {
		return noTime
	}
	from := w.created
	if w.firstTimestamp >= 0 {
		from = w.firstTimestamp
	}
	if lag := segmentMs(config) - w.jitterMs; lag < noTime-from-1 {
		return from + lag + 1
	}
	return noTime
}

// rollForCleaning rolls the active segment if that is due, and returns when it will be.
func (l *log) rollForCleaning(w *writer, config *logstore.Config, now int64) (next int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.view.load().status != online {
		return noTime, nil
	}
	next = w.rollDue(config)
	if next > now {
		return next, nil
	}
	dir := w.folder.dir
	if err := dir.offline(); err != nil {
		return noTime, err
	}
	if err := l.rollLocked(config, w, l.view.load().LogEndOffset, now); err != nil {
		return noTime, dir.refuse("roll", err)
	}
	return noTime, nil
}
