package local

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// retentionReason says why segments are deleted, for the log line.
type retentionReason string

// The rules of retention, in the order in which Kafka applies them.
const (
	byLogStartOffset retentionReason = "before the log start offset"
	bySize           retentionReason = "retention.bytes"
	byTime           retentionReason = "retention.ms"
)

// retain deletes the segments that retention has no use for (UnifiedLog.deleteOldSegments).
func (l *log) retain() error {
	if err := l.wake(); err != nil || l.view.load().status != online {
		return err
	}
	l.mu.Lock()
	w := l.mu.writer
	l.mu.Unlock()
	if w == nil {
		return nil
	}
	w.maintaining.Lock()
	defer w.maintaining.Unlock()
	now := time.Now().UnixMilli()
	config := l.config()
	rules := []retentionReason{byLogStartOffset}
	if config.CleanupPolicy.Has(logstore.CleanupDelete) {
		rules = append(rules, bySize, byTime)
	}
	for _, rule := range rules {
		if err := l.retainBy(w, config, rule, now); err != nil {
			return err
		}
	}
	return nil
}

// wake loads a log that is dormant.
func (l *log) wake() error {
	if l.view.load().status != dormant {
		return nil
	}
	return l.load()
}

// retainBy applies one rule. The caller holds w.maintaining.
func (l *log) retainBy(w *writer, config *logstore.Config, rule retentionReason, now int64) error {
	l.mu.Lock()
	err := l.checkLocked()
	if err != nil {
		l.mu.Unlock()
		return err // What would be rolled or renamed may be another log's by now.
	}
	count, err := l.deletable(config, rule, now)
	if err != nil || count == 0 {
		l.mu.Unlock()
		return err
	}
	if count == len(l.view.load().segments) {
		// There is always an active segment.
		err = l.rollLocked(config, w, l.view.load().LogEndOffset, now)
	}
	v := l.view.load()
	l.mu.Unlock()
	if err != nil {
		return w.folder.dir.refuse("roll", err)
	}
	if first := v.segments[count].baseOffset; first > v.LogStartOffset {
		// The deletion counts from here on, so that a crash between the steps brings no record back.
		if err := l.raiseLogStart(w, first); err != nil {
			return err
		}
	}
	return l.removeSegments(w, count, rule)
}

// deletable is how many segments, from the oldest on, a rule has no use for. A last segment that is empty stays, and so
// does everything that isn't below the high watermark.
func (l *log) deletable(config *logstore.Config, rule retentionReason, now int64) (int, error) {
	v := l.view.load()
	excess := int64(-1)
	if config.RetentionBytes >= 0 {
		excess = l.sizeLocked() - config.RetentionBytes
	}
	for i, s := range v.segments {
		end := v.LogEndOffset
		if i+1 < len(v.segments) {
			end = v.segments[i+1].baseOffset
		}
		if v.HighWatermark < end || (i+1 == len(v.segments) && s.size == 0) {
			return i, nil
		}
		var due bool
		switch rule {
		case byLogStartOffset:
			due = i+1 < len(v.segments) && end <= v.LogStartOffset
		case bySize:
			excess -= s.size
			due = excess >= 0
		case byTime:
			if config.RetentionMs < 0 {
				return 0, nil
			}
			timestamp, err := l.retentionTimestamp(v, s)
			if err != nil {
				return 0, err
			}
			due = now-timestamp > config.RetentionMs
		}
		if !due {
			return i, nil
		}
	}
	return len(v.segments), nil
}

// retentionTimestamp is the largest timestamp in a segment, or when it was written last if it has none.
func (l *log) retentionTimestamp(v *view, s *segment) (int64, error) {
	largest, err := l.largestOf(v, s)
	if err != nil || largest.timestamp >= 0 {
		return largest.timestamp, err
	}
	info, err := s.folder.dir.fs.Stat(s.path(logSuffix))
	return info.ModTime, err
}

// removeSegments takes the oldest segments out of the log and gives their files a name that says so. They
// are removed later, for readers that have them still.
func (l *log) removeSegments(w *writer, count int, rule retentionReason) error {
	l.mu.Lock()
	v := *l.view.load()
	if v.status != online || count >= len(v.segments) {
		l.mu.Unlock()
		return nil
	}
	removed := v.segments[:count:count]
	v.reshape(func(o *outline) { o.segments = append([]*segment(nil), o.segments[count:]...) })
	l.publishLocked(v)
	snapshots := w.takeSnapshotsBefore(v.segments[0].baseOffset)
	l.mu.Unlock()
	var names []string
	for _, s := range removed {
		l.topic.store.log.Info("deleting a log segment", slog.String("folder", w.folder.name), slog.Int64("segment", s.baseOffset),
			slog.Int64("bytes", s.size), slog.String("rule", string(rule)))
		for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix, txnIndexSuffix} {
			names = append(names, fileName(s.baseOffset, suffix))
		}
	}
	for _, at := range snapshots {
		names = append(names, fileName(at, snapshotSuffix))
	}
	renamed, err := w.folder.markDeleted(names)
	for _, s := range removed {
		err = errors.Join(err, l.topic.store.files.forget(&s.data))
		if x := s.index.Load(); x != nil {
			err = errors.Join(err, l.topic.store.files.forget(x.file))
		}
	}
	if err != nil {
		return w.folder.dir.refuse("deletion of a segment", err)
	}
	l.removeLater(w, renamed, removed)
	return nil
}

// markDeleted renames files, durably. Those that don't exist are left out. If there is no room for longer names, files are removed at
// once: readers can do without them, and room is what is missing.
func (f *folder) markDeleted(names []string) (renamed []string, err error) {
	for _, name := range names {
		err := f.dir.fs.Rename(f.path(name), f.path(name+deletedSuffix))
		if err == nil {
			renamed = append(renamed, name+deletedSuffix)
			continue
		}
		if vfs.IsNoSpace(err) {
			err = f.dir.fs.Remove(f.path(name))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return renamed, err
		}
	}
	return renamed, f.dir.fs.SyncDir(f.name)
}

// takeSnapshotsBefore forgets the producer snapshots that lie before an offset, and returns them.
func (w *writer) takeSnapshotsBefore(offset int64) []int64 {
	n := 0
	for n < len(w.snapshots) && w.snapshots[n] < offset {
		n++
	}
	taken := w.snapshots[:n:n]
	w.snapshots = w.snapshots[n:]
	return taken
}

// DeleteBefore implements [logstore.Partition].
func (l *log) DeleteBefore(_ context.Context, offset int64) (int64, error) {
	if _, err := l.readable(); err != nil {
		return -1, err
	}
	l.mu.Lock()
	w, v := l.mu.writer, l.view.load()
	l.mu.Unlock()
	if offset == -1 {
		offset = v.HighWatermark
	}
	if offset < 0 || offset > v.HighWatermark {
		return -1, logstore.ErrOffsetOutOfRange
	}
	if w == nil {
		return v.LogStartOffset, nil // nothing was ever appended
	}
	w.maintaining.Lock()
	defer w.maintaining.Unlock()
	if err := l.raiseLogStart(w, offset); err != nil {
		return -1, err
	}
	l.topic.store.armRetention(time.Now().UnixMilli())
	l.topic.store.checkpointLater()
	return l.view.load().LogStartOffset, nil
}

// raiseLogStart raises the log start offset, durably before anybody sees it. The caller holds w.maintaining.
func (l *log) raiseLogStart(w *writer, offset int64) error {
	l.mu.Lock()
	if err := l.checkLocked(); err != nil {
		l.mu.Unlock()
		return err
	}
	v := *l.view.load()
	if v.status == damaged && offset == v.LogEndOffset {
		// Everything that is left is given up, and with it what is missing behind it.
		offset = max(offset, w.missing)
	}
	l.mu.Unlock()
	if offset <= v.LogStartOffset {
		return nil
	}
	dir := w.folder.dir
	if err := dir.offline(); err != nil {
		return err
	}
	v.LogStartOffset = offset
	if err := l.keepLogStart(w, &v); err != nil {
		return dir.refuse("write of the offsets file", err)
	}
	l.mu.Lock()
	v = *l.view.load()
	v.LogStartOffset = offset
	v.LastStableOffset = w.producers.LastStableOffset(offset, v.HighWatermark)
	if cache, ok := w.epochs.TruncateStart(offset); ok {
		w.epochs = cache
		v.reshape(func(o *outline) { o.epochs = &cache })
	}
	l.healLocked(w, &v)
	l.publishLocked(v)
	l.mu.Unlock()
	l.waiters.wake()
	return nil
}

// keepLogStart makes a log start offset durable.
func (l *log) keepLogStart(w *writer, v *view) error {
	offsets := &w.folder.dir.offsets
	l.mu.Lock()
	if err := l.checkLocked(); err != nil {
		// The slot may be another log's by now.
		l.mu.Unlock()
		return err
	}
	k := w.kept(l, v)
	var err error
	if w.slot == noSlot {
		w.slot, err = offsets.assign(k)
	} else {
		err = offsets.write(w.slot, k)
	}
	if err == nil {
		w.keptStart = k.LogStartOffset
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return offsets.sync()
}

// healLocked makes a damaged log writable again once everything that is damaged lies before its start: whoever
// deletes records up to there gives them up.
func (l *log) healLocked(w *writer, v *view) {
	if v.status != damaged {
		return
	}
	for _, s := range v.segments {
		for _, gap := range s.holes {
			if gap.nextOffset > v.LogStartOffset {
				return
			}
		}
	}
	if w.missing > v.LogStartOffset {
		return
	}
	w.damaged = false
	v.reshape(func(o *outline) { o.status = online })
	if w.missing > 0 {
		// No offset is given twice: the log goes on where it should have ended. What is left of the files goes
		// with the next start.
		v.LogEndOffset, v.HighWatermark, v.LastStableOffset = w.missing, w.missing, w.missing
		v.reshape(func(o *outline) { o.segments = nil })
		v.highWatermarkAt, v.previous = position{}, noOffset
		w.active, w.missing = nil, 0
	}
	l.topic.store.log.Info("what was damaged in a log is deleted: it can be written to again", slog.String("folder", w.folder.name))
}
