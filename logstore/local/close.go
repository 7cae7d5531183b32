package local

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// closeWorkers is how many logs are closed at once.
const closeWorkers = 4

// Close implements [logstore.Store].
func (s *Store) Close(ctx context.Context) error {
	if s.closed.Swap(true) {
		return logstore.ErrClosed
	}
	if err := patiently(ctx, s.stop); err != nil {
		return err
	}
	var err error
	for _, d := range s.dirs {
		// A disk that hangs may never answer: then nothing can be given back either.
		select {
		case <-d.syncer.settle().done:
			d.syncer.wait()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for _, d := range s.dirs {
		// A full disk, a broken one, a deadline that has passed: without the marker the next start recovers.
		closing := d.offline()
		if closing == nil && ctx.Err() != nil {
			closing = context.Cause(ctx)
		}
		if closing == nil {
			closing = s.closeDir(d)
		}
		err = errors.Join(err, closing)
	}
	return errors.Join(err, s.abandon())
}

// stop ends all logs and what works for them, and has what they have unsynced synced.
func (s *Store) stop() {
	s.timers.close()
	s.cleaner.close()
	s.remover.close()
	for _, l := range s.usedLogs() {
		l.end(closed)
		l.awaitCleaner()
		if d := l.dirtyDir(); d != nil {
			d.syncer.mark(l)
		}
		l.waiters.wake()
	}
}

// closeGrace is what a close that has no time left takes all the same: on a disk that doesn't hang it is enough.
const closeGrace = time.Second

// patiently does something that a disk which hangs may keep from ever ending, and waits for it as long as the context and the grace
// allow.
func patiently(ctx context.Context, do func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-done:
		return nil
	case <-time.After(closeGrace):
		return context.Cause(ctx)
	}
}

// usedLogs are all logs that somebody touched.
func (s *Store) usedLogs() []*log {
	var logs []*log
	s.topics.all(func(t *topic) bool {
		t.used(func(l *log) bool {
			logs = append(logs, l)
			return true
		})
		return true
	})
	return logs
}

// dirtyDir is where the log has something to sync, or nil.
func (l *log) dirtyDir() *logDir {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.mu.writer
	if w == nil || !w.dirty(l.view.load()) {
		return nil
	}
	return w.folder.dir
}

// closeDir writes what spares the next start a recovery, and last the marker that says so.
func (s *Store) closeDir(d *logDir) error {
	marks, whole, err := s.closeLogs(d)
	if err != nil {
		return err
	}
	if err := errors.Join(d.flushOffsets(), d.syncStamp()); err != nil {
		return err
	}
	if err := s.writeCheckpoints(d); err != nil {
		return err
	}
	if err := d.cleaned.write(d); err != nil {
		return err
	}
	if !whole {
		s.log.Warn("log directory has damaged logs: it is closed without a clean marker, the next start recovers again",
			slog.String("dir", d.fs.Name()))
		return nil
	}
	return format.WriteAtomic(d.fs, format.CleanShutdownFile, format.AppendShutdown(nil, d.id, marks))
}

// closeLogs closes the logs in a directory and describes all that are there. whole says that none is damaged.
func (s *Store) closeLogs(d *logDir) (marks []format.PartitionMark, whole bool, err error) {
	var (
		mu    sync.Mutex
		group sync.WaitGroup
		work  = make(chan *log)
	)
	whole = true
	for range closeWorkers {
		group.Go(func() {
			for l := range work {
				mark, ok, failed := l.close(d)
				mu.Lock()
				switch {
				case failed != nil:
					err = errors.Join(err, failed)
				case !ok:
					whole = false
				default:
					marks = append(marks, mark)
				}
				mu.Unlock()
			}
		})
	}
	for _, l := range s.usedLogs() {
		if l.isIn(d) {
			work <- l
		}
	}
	close(work)
	group.Wait()
	d.untouched(func(f *found) {
		if f.damage != nil {
			whole = false
		}
		marks = append(marks, f.PartitionMark)
	})
	slices.SortFunc(marks, func(a, b format.PartitionMark) int {
		return compareKeys(partitionKey{a.TopicID, a.Partition}, partitionKey{b.TopicID, b.Partition})
	})
	return marks, whole, err
}

// untouched calls fn for the logs in a directory that nobody has touched since the start.
func (d *logDir) untouched(fn func(*found)) {
	for i := range d.left {
		f := &d.left[i]
		if f.isSettled() {
			continue
		}
		if t := d.store.topics.find(f.TopicID); t != nil {
			if logs := *t.logs.Load(); int(f.Partition) < len(logs) && logs[f.Partition].Load() != nil {
				continue
			}
		}
		fn(f)
	}
}

// isIn reports whether a log that was touched has its files in a directory.
func (l *log) isIn(d *logDir) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.mu.writer; w != nil {
		return w.folder.dir == d
	}
	return l.mu.found != nil && l.mu.found.dir == d
}

// close writes the state of a log and describes it. ok is false for a damaged log.
func (l *log) close(_ *logDir) (mark format.PartitionMark, ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.mu.writer
	if w == nil {
		f := l.mu.found
		return f.PartitionMark, f.damage == nil, nil
	}
	v := l.view.load()
	if w.damaged {
		return mark, false, nil
	}
	mark = format.PartitionMark{
		TopicID: l.topic.id, Partition: l.partition, LeaderEpoch: w.leaderEpoch,
		LogStartOffset: v.LogStartOffset, LogEndOffset: v.LogEndOffset, LastStableOffset: v.LastStableOffset,
		LogBytes: l.sizeLocked(), OldestTimestamp: l.oldestTimestamp(v), Slot: w.slot, HasProducers: w.producers.Len() > 0,
		HasDeleted: w.deletions.Load() > 0,
	}
	if w.active != nil {
		mark.ActiveBaseOffset, mark.ActiveBytes = w.active.baseOffset, w.active.size
	}
	if err := w.writeAborted(true); err != nil {
		if vfs.IsNoSpace(err) {
			return mark, false, nil // A snapshot would keep recovery from finding what is missing.
		}
		return mark, false, err
	}
	if err := w.repairAborted(v.segments); err != nil && !vfs.IsNoSpace(err) {
		return mark, false, err
	}
	if err := w.writeTxnSums(v.segments); err != nil {
		return mark, false, err
	}
	if err := w.writeState(v); err != nil && !vfs.IsNoSpace(err) {
		return mark, false, err
	}
	return mark, !w.unindexed, nil
}

// writeState writes what can be rebuilt from the batches but need not be after a clean stop. None of it
// is synced: indexes are verified where they are used, and the others have checksums or counts.
func (w *writer) writeState(v *view) error {
	if !w.appended || w.active == nil {
		return nil
	}
	if w.index.index.offsets.count() > 0 {
		// Else the segment is so small that reading it takes no longer than reading its indexes.
		w.index.index.addTime(w.active.baseOffset)
		if err := w.writeIndex(); err != nil {
			return err
		}
	}
	if w.producers.Len() == 0 {
		return nil
	}
	if err := w.writeSnapshot(v.LogEndOffset); err != nil {
		return err
	}
	return w.pruneSnapshots(v)
}

// pruneSnapshots removes the snapshots of earlier stops, in the middle of segments. Those where a segment begins
// spare recovery the segments before.
func (w *writer) pruneSnapshots(v *view) error {
	kept := w.snapshots[:0]
	for i, at := range w.snapshots {
		if i == len(w.snapshots)-1 || v.segments[v.segmentIndexOf(at)].baseOffset == at {
			kept = append(kept, at)
			continue
		}
		if err := w.folder.dir.fs.Remove(w.folder.path(fileName(at, snapshotSuffix))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	w.snapshots = kept
	return nil
}
