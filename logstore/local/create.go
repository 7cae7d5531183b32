package local

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
)

// writerLocked loads a dormant log, or makes the first files of one that has none.
func (l *log) writerLocked() (*writer, error) {
	if l.view.load().status == dormant {
		if err := l.loadLocked(); err != nil {
			return nil, err
		}
	}
	if l.mu.writer != nil {
		return l.mu.writer, nil
	}
	d := l.topic.store.roomiest()
	if err := d.offline(); err != nil {
		return nil, err
	}
	if err := d.admit(); err != nil {
		return nil, err
	}
	w, err := l.createLocked(d)
	if err != nil {
		return nil, d.refuse("creation of a log", err)
	}
	if w == nil {
		// The folder was there, and is a log of this partition.
		return l.mu.writer, nil
	}
	l.mu.writer = w
	return w, nil
}

// roomiest is the directory with the fewest logs, as in Kafka.
func (s *Store) roomiest() *logDir {
	best := s.dirs[0]
	for _, d := range s.dirs[1:] {
		if d.offline() == nil && (best.offline() != nil || d.logs.Load() < best.logs.Load()) {
			best = d
		}
	}
	return best
}

// createLocked makes the folder of a log. Its first segment is made by whoever appends. The writer is nil if there was
// a folder that turned out to be this log.
func (l *log) createLocked(d *logDir) (*writer, error) {
	f := &folder{dir: d, name: format.PartitionDir(l.topic.name, l.partition)}
	if _, err := d.fs.Stat(f.name); err == nil {
		adopted, err := l.meetFolderLocked(f)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", logstore.ErrOffline, f.name, err)
		}
		if adopted {
			return nil, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// The slot comes first: a folder whose topic has none never acknowledged anything.
	w := &writer{folder: f, newNames: true, newFolder: true}
	var err error
	if w.slot, err = d.offsets.assign(w.kept(l, l.view.load())); err != nil {
		return nil, err
	}
	if err := l.makeFolder(f); err != nil {
		return nil, errors.Join(err, d.offsets.release(w.slot, partitionKey{l.topic.id, l.partition}))
	}
	w.epochs = *firstEpoch
	d.logs.Add(1)
	return w, nil
}

// makeFolder makes the folder of a log and says in it whose it is.
func (l *log) makeFolder(f *folder) error {
	if err := f.dir.fs.MkdirAll(f.name); err != nil {
		return err
	}
	metadata := format.AppendPartitionMetadata(nil, format.UUID(l.topic.id))
	if err := writeFile(f.dir.fs, f.path(format.PartitionMetadataFile), metadata); err != nil {
		return errors.Join(err, f.dir.fs.RemoveAll(f.name))
	}
	return nil
}

// kept is what the offsets file should say of the log.
func (w *writer) kept(l *log, v *view) format.Kept {
	return format.Kept{
		TopicID: l.topic.id, Partition: l.partition, LeaderEpoch: w.leaderEpoch,
		DurableEnd: w.flushedOffset, LogStartOffset: max(v.LogStartOffset, w.keptStart),
	}
}

// meetFolderLocked decides about a folder that is there although nothing was known of it: the rest of a creation that
// was cut short, the log itself with its metadata lost, or of another topic that had the name before.
func (l *log) meetFolderLocked(f *folder) (adopted bool, err error) {
	ld, err := openFolder(f)
	if err != nil {
		return false, err
	}
	id, err := ld.topicID()
	if err != nil {
		return false, err
	}
	known := id == l.topic.id
	switch {
	case len(ld.segments) == 0 && len(ld.snapshots) == 0 && (known || id == logstore.TopicID{}):
		return false, nil
	case !known && id != logstore.TopicID{}:
		stray := format.PartitionDeleteDir(l.topic.name, l.partition, l.topic.store.options.uuid())
		stray = stray[:len(stray)-len(format.DeleteDir)] + string(format.StrayDir)
		ld.log.Warn("folder belongs to a topic that nobody knows; it is set aside",
			slog.String("folder", f.dir.fs.Name()+"/"+f.name), slog.String("as", stray), slog.String("topic id", format.UUID(id).String()))
		if err := f.dir.fs.Rename(f.name, stray); err != nil {
			return false, err
		}
		return false, f.dir.fs.SyncDir("")
	}
	return true, l.recoverLocked(ld)
}

// recoverLocked brings a log online of which nothing is known but the folder.
func (l *log) recoverLocked(ld *loading) error {
	r := recovery{loading: ld, durableEnd: -1}
	if err := r.check(); err != nil {
		return err
	}
	k := slotted{slot: noSlot}
	k.TopicID, k.Partition = l.topic.id, l.partition
	f, err := r.finish(k)
	if err != nil {
		return err
	}
	l.mu.found = f
	return l.openLocked(ld, f)
}

// firstSegmentLocked makes a segment for a log that has none.
func (l *log) firstSegmentLocked(config *logstore.Config, w *writer, now int64) error {
	if w.noFolder {
		if err := l.makeFolder(w.folder); err != nil {
			return err
		}
		w.noFolder, w.newFolder = false, true
	}
	v := *l.view.load()
	s, err := w.folder.createSegment(config, v.LogEndOffset)
	if err != nil {
		return err
	}
	w.newNames = true
	w.begin(s, config, now, l.topic.store.options.random())
	v.reshape(func(o *outline) { o.segments = []*segment{s} })
	v.highWatermarkAt, v.previous = position{segment: s}, noOffset
	v.largest = w.index.index.largest
	l.publishLocked(v)
	return nil
}

// adopt gives a log that was found by its name alone back what was lost.
func (l *log) adopt(w *writer) error {
	d := w.folder.dir
	metadata := format.AppendPartitionMetadata(nil, format.UUID(l.topic.id))
	if err := format.WriteAtomic(d.fs, w.folder.path(format.PartitionMetadataFile), metadata); err != nil {
		return err
	}
	if w.slot != noSlot {
		return nil
	}
	var err error
	if w.slot, err = d.offsets.assign(w.kept(l, l.view.load())); err != nil {
		return err
	}
	return d.offsets.sync()
}
