package local

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/wire/record"
)

// attach gives a new log what the store found of it on disk.
func (l *log) attach() {
	f := l.topic.store.left(l.topic, l.partition)
	if f == nil {
		f = l.topic.foundAway(l.partition)
	}
	if f == nil {
		l.view.seen.Store(emptyView)
		return
	}
	l.mu.found = f
	l.view.seen.Store(&view{outline: asleep, previous: noOffset, Offsets: logstore.Offsets{
		LogStartOffset: f.LogStartOffset, HighWatermark: f.LogEndOffset, LastStableOffset: f.LastStableOffset,
		LogEndOffset: f.LogEndOffset, LeaderEpoch: max(f.LeaderEpoch, 0),
	}})
}

// LeaderEpoch implements [logstore.Store]. Nobody leads what lies in a directory that is offline.
func (s *Store) LeaderEpoch(id logstore.TopicID, partition int32) int32 {
	t, err := s.topic(id)
	if err != nil {
		return -1
	}
	logs := *t.logs.Load()
	if partition < 0 || int(partition) >= len(logs) {
		return -1
	}
	whole := int(s.online.Load()) == len(s.dirs)
	if l := logs[partition].Load(); l != nil {
		if !whole && l.isOffline() {
			return -1
		}
		return l.Offsets().LeaderEpoch
	}
	for _, d := range s.dirs {
		if f := d.left.find(id, partition); f != nil {
			if !whole && d.offline() != nil {
				return -1
			}
			return max(f.LeaderEpoch, 0)
		}
	}
	if t.isAway(partition) {
		return -1
	}
	return 0
}

// isAway reports whether a partition may have its files in a directory that could not be opened: it is older than the process, and no other
// directory has it. A partition that never had a record can't be told from one that had, and giving its offsets out again would be worse than
// letting it wait. Kafka's LogManager.getOrCreateLog makes no log then either.
func (t *topic) isAway(partition int32) bool {
	s := t.store
	if len(s.away) == 0 || partition >= t.existing {
		return false
	}
	key, name := partitionKey{t.id, partition}, format.PartitionDir(t.name, partition)
	return !slices.ContainsFunc(s.dirs, func(d *logDir) bool {
		_, unnamed := d.unnamed[name]
		return unnamed || d.gone[key] != nil || d.left.find(t.id, partition) != nil
	})
}

// foundAway is what is found of a log that is away, which is nothing but that, or nil.
func (t *topic) foundAway(partition int32) *found {
	if !t.isAway(partition) {
		return nil
	}
	f := &found{dir: t.store.away[0]}
	f.TopicID, f.Partition, f.Slot, f.OldestTimestamp = t.id, partition, noSlot, unknownTimestamp
	return f
}

// isOffline reports whether the files of a log that was touched are in a directory that is offline. A log without files
// goes to another one.
func (l *log) isOffline() bool {
	for _, d := range l.topic.store.dirs {
		if d.offline() != nil && l.isIn(d) {
			return true
		}
	}
	return false
}

// errTwin says that two directories have a folder of the same log.
var errTwin = errors.New("another log directory has a folder of the same partition; keep the one that is newer and move the other away")

// findTwins takes logs offline that are in two directories: one of them was away while the other was made, and
// nobody but an operator knows which records count. Kafka doesn't start then.
func (s *Store) findTwins() {
	for i, d := range s.dirs {
		for j := range d.left {
			f := &d.left[j]
			for _, other := range s.dirs[i+1:] {
				twin := other.left.find(f.TopicID, f.Partition)
				if twin == nil {
					continue
				}
				s.log.Error("log is in two log directories and offline; keep the newer folder and move the other away, then restart",
					slog.String("topic id", format.UUID(f.TopicID).String()), slog.Int("partition", int(f.Partition)),
					slog.String("first", d.fs.Name()), slog.Int64("ends at", f.LogEndOffset),
					slog.String("second", other.fs.Name()), slog.Int64("ends there at", twin.LogEndOffset))
				f.damage, twin.damage = &damage{err: errTwin}, &damage{err: errTwin}
			}
		}
	}
}

// left finds what is left of a log in the directories.
func (s *Store) left(t *topic, partition int32) *found {
	key, name := partitionKey{t.id, partition}, format.PartitionDir(t.name, partition)
	for _, d := range s.dirs {
		if f := d.left.find(t.id, partition); f != nil {
			return f
		}
	}
	for _, d := range s.dirs {
		kept := d.gone[key]
		if kept != nil && kept.isSettled() {
			kept = nil
		}
		// A folder with another ID is believed to be this log's only if this log is known to have had one.
		if lost, ok := d.unnamed[name]; ok && (lost || kept != nil) {
			return d.recoverUnnamed(name, key, kept)
		}
		if kept != nil {
			s.log.Error("folder of a log is gone; the log goes on behind what was in it, so that no offset is given twice",
				slog.String("folder", d.fs.Name()+"/"+name), slog.Int64("offset", kept.LogEndOffset))
			kept.LogStartOffset = kept.LogEndOffset
			return kept
		}
	}
	return nil
}

// recoverUnnamed recovers a log whose topic ID is lost, now that a topic claims it by its name. It may be an older topic's of
// that name; but whose deletion was finished has no folder of that name.
func (d *logDir) recoverUnnamed(name string, key partitionKey, kept *found) *found {
	known := map[partitionKey]slotted{}
	if kept != nil {
		k := slotted{slot: kept.Slot}
		k.TopicID, k.Partition, k.LeaderEpoch = key.id, key.partition, kept.LeaderEpoch
		k.DurableEnd, k.LogStartOffset = kept.durable, kept.LogStartOffset
		known[key] = k
	}
	d.store.log.Warn("topic ID of a folder is lost; it is taken by its name", slog.String("folder", d.fs.Name()+"/"+name))
	f := d.recoverFolder(name, key.id, known)
	if f.damage == nil {
		f.adopt = true
	}
	return f
}

// load reads the files of a dormant log.
func (l *log) load() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.view.load().status != dormant {
		return nil
	}
	return l.loadLocked()
}

// loadLocked brings a dormant log online. What can't be read now may be readable later, so nothing is final.
func (l *log) loadLocked() error {
	err := l.readFilesLocked()
	if err != nil && !errors.Is(err, logstore.ErrOffline) && !errors.Is(err, logstore.ErrDiskFull) {
		err = fmt.Errorf("%w: load %s-%d: %w", logstore.ErrOffline, l.topic.name, l.partition, err)
	}
	return err
}

func (l *log) readFilesLocked() error {
	f := l.mu.found
	if err := f.dir.offline(); err != nil {
		return err
	}
	if f.damage != nil && f.damage.err != nil {
		return fmt.Errorf("%w: %s-%d: %w", logstore.ErrOffline, l.topic.name, l.partition, f.damage.err)
	}
	folder := &folder{dir: f.dir, name: format.PartitionDir(l.topic.name, l.partition)}
	ld, err := openFolder(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if ld == nil {
		ld = &loading{log: l.topic.store.log, folder: folder, missing: true}
	}
	if f, err = l.confirm(ld, f); err != nil {
		return err
	}
	return l.openLocked(ld, f)
}

// openLocked brings a log online from its files.
func (l *log) openLocked(ld *loading, f *found) error {
	w, v, err := ld.open(f, l.config(), l.topic.store.options.random())
	if err != nil {
		return err
	}
	if len(ld.deleted) > 0 {
		l.removeLater(w, ld.deleted, nil)
	}
	l.mu.found, l.mu.writer = nil, w
	l.publishLocked(v)
	if f.adopt || w.slot == noSlot {
		if err := l.adopt(w); err != nil {
			return f.dir.refuse("adoption of a log", err)
		}
	}
	return nil
}

// confirm compares what is there with what a clean stop left. Another program may have been there since, or a
// file may be gone: then the log is recovered after all.
func (l *log) confirm(ld *loading, f *found) (*found, error) {
	var size int64
	for _, s := range ld.segments {
		size += s.size
	}
	n := len(ld.segments)
	same := n == 0
	if n > 0 {
		same = ld.segments[n-1].baseOffset == f.ActiveBaseOffset && ld.segments[n-1].size == f.ActiveBytes
	}
	if f.damage != nil || (same && size == f.LogBytes) {
		return f, nil
	}
	ld.log.Warn("files of a log are not as the last clean stop left them; it is recovered",
		slog.String("folder", ld.folder.dir.fs.Name()+"/"+ld.folder.name), slog.Int64("bytes", size), slog.Int64("expected", f.LogBytes))
	known := slotted{slot: f.Slot, Kept: format.Kept{
		TopicID: f.TopicID, Partition: f.Partition, LeaderEpoch: f.LeaderEpoch, DurableEnd: f.LogEndOffset, LogStartOffset: f.LogStartOffset,
	}}
	r := recovery{loading: ld, durableEnd: f.LogEndOffset, logStartOffset: f.LogStartOffset, foreign: true, gaps: true}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r.finish(known)
}

// open makes the writer and the view of a log from its files.
func (ld *loading) open(f *found, config *logstore.Config, random uint64) (*writer, view, error) {
	w := &writer{folder: ld.folder, slot: f.Slot, flushedOffset: f.LogEndOffset, noFolder: ld.missing}
	w.leaderEpoch = max(f.LeaderEpoch, 0)
	shape := &outline{status: online, segments: ld.segments}
	v := view{outline: shape, previous: noOffset}
	v.Offsets = logstore.Offsets{
		LogStartOffset: f.LogStartOffset, HighWatermark: f.LogEndOffset,
		LogEndOffset: f.LogEndOffset, LeaderEpoch: w.leaderEpoch,
	}
	if f.damage != nil {
		shape.status = damaged
		w.damaged, w.missing = true, f.damage.missing
		w.flushedOffset = max(w.flushedOffset, w.missing)
		for _, s := range ld.segments {
			s.holes = f.damage.holes[s.baseOffset]
		}
	}
	if err := ld.openState(w, f); err != nil {
		return nil, v, err
	}
	epochs := w.epochs
	shape.epochs = &epochs
	if n := len(ld.segments); n > 0 {
		if err := ld.openActive(w, ld.segments[n-1], f.LogEndOffset, config, random); err != nil {
			return nil, v, err
		}
		v.highWatermarkAt = position{w.active, w.active.size}
		v.largest = w.index.index.largest
	}
	v.LastStableOffset = w.producers.LastStableOffset(v.LogStartOffset, v.HighWatermark)
	return w, v, nil
}

// openState reads producers and leader epochs.
func (ld *loading) openState(w *writer, f *found) error {
	switch {
	case f.damage != nil:
		// Recovery has left the folder as it was.
		if err := ld.openDamaged(w, f); err != nil {
			return err
		}
	case f.HasProducers:
		if err := ld.producers(&w.producers, f.LogStartOffset, f.LogEndOffset, nil); err != nil {
			return err
		}
	}
	for _, s := range ld.segments {
		if aborted, ok := f.aborted[s.baseOffset]; ok {
			s.aborted.pin(aborted)
			w.unindexed = true
		}
	}
	cache, err := ld.epochs(f.LogEndOffset)
	if err != nil {
		return err
	}
	w.epochs, _ = cache.Assign(w.leaderEpoch, f.LogEndOffset)
	w.snapshots = ld.snapshots
	return nil
}

// openActive makes the last segment the active one.
func (ld *loading) openActive(w *writer, s *segment, logEndOffset int64, config *logstore.Config, random uint64) error {
	first, err := ld.firstBatch(s)
	if err != nil {
		return err
	}
	x, err := s.loadIndex(extent{s.size, logEndOffset}, int64(config.IndexIntervalBytes))
	if err != nil {
		return err
	}
	w.active = s
	w.index = indexBuilder{segment: s, index: *x}
	w.firstTimestamp = record.NoTimestamp
	if s.size > 0 {
		w.firstTimestamp = first.MaxTimestamp()
	}
	w.created = time.Now().UnixMilli()
	w.drawJitter(config, random)
	return nil
}
