package local

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// swap puts a compacted segment in the place of those it was made from (LocalLog.replaceSegments):
//
//  1. The files are written and synced as .cleaned. Whoever finds one at a start removes it.
//  2. They are renamed to .swap, the batches last, and the folder is synced. From here on the swap happens, whatever comes: a start that
//     finds batches in a .swap file finishes it.
//  3. The files of the old segments are renamed to .deleted, and the folder is synced.
//  4. The .swap files get their names, and the folder is synced. The .deleted ones are removed later.
//
// Each sync is between steps that must not reach the disk in another order. Readers see the new segment from the end of step 2 on, when
// its file is held open and its index is in memory; a reader of an old one either has its file open, or finds that it is gone and
// looks again.
func (k *cleaning) swap(ctx context.Context, c *cleaned, sources []*segment) error {
	w := k.writer
	w.maintaining.Lock()
	defer w.maintaining.Unlock()
	if err := k.check(ctx); err != nil {
		return err
	}
	if err := k.keepDurableEnd(); err != nil {
		return err
	}
	if k.placeOf(k.log.view.load(), sources) < 0 {
		return errChanged
	}
	s, dir := c.segment, w.folder.dir
	for _, suffix := range segmentSuffixes {
		if err := s.rename(suffix+cleanedSuffix, suffix+swapSuffix); err != nil {
			return k.refuse("rename of a compacted segment", err)
		}
	}
	if err := dir.fs.SyncDir(w.folder.name); err != nil {
		return dir.fail("sync of a folder", err)
	}
	snapshots := k.publish(s, sources)
	c.keepBuffer()
	defer s.data.release()
	renamed, err := k.removeSources(sources, snapshots)
	if err != nil {
		return dir.fail("deletion of a compacted segment", err)
	}
	for _, suffix := range slices.Backward(segmentSuffixes) {
		if err := s.rename(suffix+swapSuffix, suffix); err != nil {
			return dir.fail("rename of a compacted segment", err)
		}
	}
	if err := dir.fs.SyncDir(w.folder.name); err != nil {
		return dir.fail("sync of a folder", err)
	}
	err = k.settle(s, sources)
	k.log.removeLater(w, renamed, sources)
	return err
}

// rename renames a file of the segment if there is one.
func (s *segment) rename(from, to string) error {
	err := s.folder.dir.fs.Rename(s.path(from), s.path(to))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// keepDurableEnd lets the offsets file know that everything which is cleaned is durable. Recovery takes a gap behind the durable
// end for a loss, and compaction leaves gaps. What the journal has of the segments is forgotten: it would be put into those that take their
// place. They are closed, so nothing of them follows. The caller holds writer.maintaining.
func (k *cleaning) keepDurableEnd() error {
	if k.kept {
		return nil
	}
	v := *k.log.view.load()
	if err := k.log.keepLogStart(k.writer, &v); err != nil {
		return k.refuse("write of the offsets file", err)
	}
	if err := k.writer.folder.dir.syncer.forget(); err != nil {
		return err
	}
	k.kept = true
	return nil
}

// placeOf is where in a view the segments are, all of them and in order, or -1.
func (k *cleaning) placeOf(v *view, sources []*segment) int {
	i := slices.Index(v.segments, sources[0])
	if i < 0 || i+len(sources) >= len(v.segments) || !slices.Equal(v.segments[i:i+len(sources)], sources) {
		return -1
	}
	return i
}

// publish shows readers the new segment, and returns the offsets of the producer snapshots that go: those at which no segment begins
// any more. Nobody else takes segments away meanwhile, since the caller holds writer.maintaining.
func (k *cleaning) publish(s *segment, sources []*segment) (snapshots []int64) {
	l, w := k.log, k.writer
	l.mu.Lock()
	defer l.mu.Unlock()
	v := *l.view.load()
	i := k.placeOf(&v, sources)
	v.reshape(func(o *outline) {
		o.segments = slices.Concat(o.segments[:i], []*segment{s}, o.segments[i+len(sources):])
	})
	if slices.Contains(sources, v.highWatermarkAt.segment) {
		// It is at the end of the last one, since nothing at or beyond it is cleaned.
		v.highWatermarkAt, v.previous = position{s, s.size}, noOffset
	}
	l.publishLocked(v)
	for _, old := range sources {
		old.replaced.Store(true)
	}
	for _, old := range sources[1:] {
		if at, found := slices.BinarySearch(w.snapshots, old.baseOffset); found {
			w.snapshots = slices.Concat(w.snapshots[:at], w.snapshots[at+1:])
			snapshots = append(snapshots, old.baseOffset)
		}
	}
	return snapshots
}

// removeSources renames the files of the old segments.
func (k *cleaning) removeSources(sources []*segment, snapshots []int64) (renamed []string, err error) {
	var names []string
	for _, old := range sources {
		for _, suffix := range segmentSuffixes {
			names = append(names, fileName(old.baseOffset, suffix))
		}
	}
	for _, at := range snapshots {
		names = append(names, fileName(at, snapshotSuffix))
	}
	return k.writer.folder.markDeleted(names)
}

// settle lets go of what was held for the time without names.
func (k *cleaning) settle(s *segment, sources []*segment) error {
	l := k.log
	l.mu.Lock()
	if x := s.index.Load(); x.offsets.onDisk == 0 && x.times.onDisk == 0 {
		written := *x
		for _, p := range []*indexPart{&written.offsets, &written.times} {
			p.onDisk, p.tail = int32(len(p.tail)/int(p.size)), nil
		}
		s.index.Store(&written)
	}
	v := l.view.load()
	gone := v.status != online
	err := k.sum(v, s, sources)
	l.mu.Unlock()
	files := &l.topic.store.files
	for _, old := range sources {
		err = errors.Join(err, files.forget(&old.data))
		if x := old.index.Load(); x != nil {
			err = errors.Join(err, files.forget(x.file))
		}
	}
	if gone {
		// Who ended the log has let go of its files before, and couldn't of this one.
		err = errors.Join(err, files.forget(&s.data))
	}
	l.topic.store.log.Debug("compacted a segment", slog.String("folder", k.writer.folder.name), slog.Int64("segment", s.baseOffset),
		slog.Int("from", len(sources)), slog.Int64("bytes", s.size))
	return err
}

// sum notes what the transaction index of a compacted segment has. The caller holds the writer lock.
func (k *cleaning) sum(v *view, s *segment, sources []*segment) error {
	w := k.writer
	for _, old := range sources {
		w.txnSumsDirty = w.txnSumsDirty || old.txnSum.Load() != nil
	}
	w.txnSumsDirty = s.sumAborted(*s.aborted.pinned.Load()) || w.txnSumsDirty
	if v.status != online {
		return nil // The folder may be somebody else's, and who closes the log writes them.
	}
	return w.writeTxnSums(v.segments)
}

// awaitCleaner stops the cleaning of a log that has ended, and waits until nobody writes to its folder.
func (l *log) awaitCleaner() {
	l.mu.Lock()
	w := l.mu.writer
	var stop context.CancelFunc
	if w != nil {
		stop = w.stopCleaning
	}
	l.mu.Unlock()
	if stop == nil {
		return // never cleaned, and whoever begins now sees that the log has ended
	}
	stop()
	w.cleaning.Lock()
	defer w.cleaning.Unlock()
}

// isUnfit tells the errors that keep one log from being cleaned until somebody sees to it, from those that pass by themselves
// or concern more than the log.
func isUnfit(err error) bool {
	for _, passing := range []error{
		context.Canceled, errStopped, errChanged, fs.ErrNotExist, logstore.ErrOffline, logstore.ErrClosed, logstore.ErrUnknownPartition,
	} {
		if errors.Is(err, passing) {
			return false
		}
	}
	return err != nil && !isFull(err)
}

// isFull tells that there is no room on the disk.
func isFull(err error) bool { return vfs.IsNoSpace(err) || errors.Is(err, logstore.ErrDiskFull) }

// passes tells the errors after which it is worth trying again without more ado.
func passes(err error) bool {
	return isFull(err) || errors.Is(err, errChanged) || errors.Is(err, fs.ErrNotExist)
}
