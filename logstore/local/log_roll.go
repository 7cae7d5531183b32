package local

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// shouldRoll decides as Kafka does (LogSegment.shouldRoll) whether an append goes into a new segment.
func (w *writer) shouldRoll(config *logstore.Config, a *appending) bool {
	s := w.active
	if s.size == 0 {
		return false // a new one would have the same name
	}
	waited := a.opts.Now - w.created
	if w.firstTimestamp >= 0 {
		waited = a.maxTimestamp - w.firstTimestamp
	}
	x := &w.index.index
	return s.size > int64(config.SegmentBytes)-int64(len(a.bytes)) ||
		waited > segmentMs(config)-w.jitterMs ||
		x.offsets.count() >= int(config.SegmentIndexBytes)/offsetEntrySize ||
		x.times.count() >= int(config.SegmentIndexBytes)/timeEntrySize-1 || // one is for the end of the segment
		a.lastOffset-s.baseOffset > math.MaxInt32
}

// rollLocked closes the active segment and begins a new one at baseOffset.
func (l *log) rollLocked(config *logstore.Config, w *writer, baseOffset, now int64) error {
	next, err := w.folder.createSegment(config, baseOffset)
	if err != nil {
		return err
	}
	if err := l.closeActiveLocked(w, baseOffset); err != nil {
		// The next try makes the file again.
		return errors.Join(err, l.topic.store.files.forget(&next.data), next.folder.dir.fs.Remove(next.path(logSuffix)))
	}
	old := w.active
	if w.activeDirty {
		if !w.activePinned {
			if _, err := old.acquire(); err != nil {
				return err
			}
		}
		w.unsynced = append(w.unsynced, old)
	}
	w.begin(next, config, now, l.topic.store.options.random())
	w.newNames = true
	v := *l.view.load()
	v.reshape(func(o *outline) { o.segments = append(slices.Clip(o.segments), next) })
	v.largest = w.index.index.largest
	l.publishLocked(v)
	// Kafka flushes a closed segment in the background; here the next commit does.
	w.folder.dir.syncer.mark(l)
	if config.CleanupPolicy.Has(logstore.CleanupCompact) {
		l.topic.store.cleaner.arm(now, isPrompt(config))
	}
	return nil
}

// begin makes a new segment the active one.
func (w *writer) begin(s *segment, config *logstore.Config, now int64, random uint64) {
	w.active, w.activeDirty, w.activePinned = s, false, false
	s.aborted.pin(nil)
	w.abortedWritten, w.abortedDirty = 0, false
	w.index = indexBuilder{segment: s, index: *s.emptyIndex()}
	x := w.index.index
	s.index.Store(&x)
	w.firstTimestamp, w.created = record.NoTimestamp, now
	w.drawJitter(config, random)
}

// closeActiveLocked writes what belongs to the end of a segment: the rest of the indexes and a snapshot of the
// producers. All of it can be rebuilt, so a full disk doesn't keep a segment from being closed; but for the transaction index,
// whose absence says that nothing was aborted.
func (l *log) closeActiveLocked(w *writer, nextOffset int64) error {
	x := &w.index.index
	x.addTime(w.active.baseOffset)
	if err := w.writeIndex(); err != nil && !vfs.IsNoSpace(err) {
		return fmt.Errorf("write index of %s: %w", w.active.path(""), err)
	}
	final := *x
	w.active.index.Store(&final)
	if err := w.writeAborted(true); err != nil {
		return fmt.Errorf("write transaction index of %s: %w", w.active.path(""), err)
	}
	w.sumActive()
	if !w.active.wrongAborted.Load() {
		w.active.aborted.unpin()
	}
	if err := w.writeTxnSums(l.view.load().segments); err != nil {
		return fmt.Errorf("write sums of transaction indexes of %s: %w", w.folder.name, err)
	}
	if err := w.writeSnapshot(nextOffset); err != nil && !vfs.IsNoSpace(err) {
		return fmt.Errorf("write producer snapshot of %s: %w", w.folder.name, err)
	} else if err == nil {
		w.newSnapshots = append(w.newSnapshots, nextOffset)
	}
	return nil
}

// writeIndex writes the entries in memory behind those in the files.
func (w *writer) writeIndex() error {
	x := &w.index.index
	if err := w.active.writeEntries(indexSuffix, &x.offsets); err != nil {
		return err
	}
	return w.active.writeEntries(timeIndexSuffix, &x.times)
}

// writeEntries appends the tail of an index to its file.
func (s *segment) writeEntries(suffix string, p *indexPart) (err error) {
	f, err := openOrCreate(s.folder.dir.fs, s.path(suffix))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	at := int64(p.onDisk) * int64(p.size)
	if len(p.tail) > 0 {
		if _, err := f.WriteAt(p.tail, at); err != nil {
			return err
		}
	}
	// What is behind came from a longer life of the segment or from preallocation.
	size, err := f.Size()
	if err != nil {
		return err
	}
	if end := at + int64(len(p.tail)); size > end {
		if err := f.Truncate(end); err != nil {
			return err
		}
	}
	p.onDisk += int32(len(p.tail) / int(p.size))
	p.tail = nil
	return nil
}

func openOrCreate(fsys vfs.FS, path string) (vfs.File, error) {
	f, err := fsys.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fsys.Create(path)
	}
	return f, err
}

// writeSnapshot writes the producers as of nextOffset. It isn't synced here: a snapshot has a CRC, and
// without it the one before does.
func (w *writer) writeSnapshot(nextOffset int64) error {
	path := w.folder.path(fileName(nextOffset, snapshotSuffix))
	if err := writeFile(w.folder.dir.fs, path, w.producers.AppendSnapshot(nil)); err != nil {
		return err
	}
	if n := len(w.snapshots); n == 0 || w.snapshots[n-1] < nextOffset {
		w.snapshots = append(w.snapshots, nextOffset)
	}
	return nil
}

// writeFile writes a file that may be there already. It is neither atomic nor durable.
func writeFile(fsys vfs.FS, path string, content []byte) (err error) {
	f, err := openOrCreate(fsys, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(int64(len(content))); err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	return err
}

// writeCache writes a file that can be done without, so that there may be no room for it.
func writeCache(fsys vfs.FS, path string, content []byte) error {
	err := writeFile(fsys, path, content)
	if !vfs.IsNoSpace(err) {
		return err
	}
	if err := fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// createSegment makes the .log file of a new segment.
func (f *folder) createSegment(config *logstore.Config, baseOffset int64) (*segment, error) {
	s := &segment{folder: f, baseOffset: baseOffset}
	file, err := f.dir.store.files.acquire(&s.data, func() (vfs.File, error) {
		return f.dir.fs.Create(s.path(logSuffix))
	})
	if err != nil {
		return nil, err
	}
	defer s.data.release()
	if config.Preallocate {
		if err := file.Preallocate(int64(config.SegmentBytes)); err != nil {
			return nil, errors.Join(err, f.dir.store.files.forget(&s.data), f.dir.fs.Remove(s.path(logSuffix)))
		}
	}
	return s, nil
}
