package local

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
)

// removalDelay is when folders of deleted topics are removed that were found at the start: Kafka's default of
// log.segment.delete.delay.ms, since the topic's own is gone with it.
const removalDelay = time.Minute

// Delete implements [logstore.Store].
func (s *Store) Delete(ctx context.Context, topic logstore.TopicPartitions) error {
	if s.closed.Load() {
		return logstore.ErrClosed
	}
	if t := s.topics.remove(topic.ID); t != nil {
		if err := s.deleteTopic(t); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	delay := removalDelay
	if topic.Config != nil {
		delay = milliseconds(topic.Config.FileDeleteDelayMs)
	}
	var err error
	for _, d := range s.dirs {
		err = errors.Join(err, d.deleteFolders(topic, delay))
	}
	s.checkpointLater()
	return err
}

// deleteTopic ends all partitions of a topic: nothing is appended or read from then on.
func (s *Store) deleteTopic(t *topic) error {
	t.growing.Lock()
	t.gone.Store(true)
	logs := *t.logs.Load()
	t.growing.Unlock()
	for i := range logs {
		if l := logs[i].Load(); l != nil {
			l.end(deleted)
			l.waiters.wake()
		}
	}
	for i := range logs {
		if l := logs[i].Load(); l != nil {
			l.awaitCleaner()
		}
	}
	// Commits that are under way still use the folders' names.
	for _, d := range s.dirs {
		d.syncer.barrier()
	}
	for i := range logs {
		if l := logs[i].Load(); l != nil {
			if err := l.releaseSlot(); err != nil {
				return err
			}
		}
	}
	return nil
}

// releaseSlot frees the slot of a log that was touched.
func (l *log) releaseSlot() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.mu.writer; w != nil {
		return w.folder.dir.releaseSlot(w.slot, partitionKey{l.topic.id, l.partition})
	}
	return nil
}

// releaseSlot frees the slot of a deleted partition.
func (d *logDir) releaseSlot(slot int32, key partitionKey) error {
	if slot == noSlot {
		return nil
	}
	if err := d.offline(); err != nil {
		return err
	}
	if err := d.offsets.release(slot, key); err != nil {
		return d.refuse("write of the offsets file", err)
	}
	return nil
}

// forgetLeft notes that a log is deleted that may not have been touched.
func (d *logDir) forgetLeft(key partitionKey) error {
	f := d.left.find(key.id, key.partition)
	if f == nil {
		f = d.gone[key]
	}
	if f == nil {
		return nil
	}
	f.settle()
	return d.releaseSlot(f.Slot, key)
}

// end makes the log refuse everything.
func (l *log) end(how status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := *l.view.Load()
	v.status = how
	l.publishLocked(v)
	if how != deleted {
		return
	}
	for _, s := range v.segments {
		// An error of closing a file that is removed is of no interest.
		_ = l.topic.store.files.forget(&s.data)
		if x := s.index.Load(); x != nil {
			_ = l.topic.store.files.forget(x.file)
		}
	}
}

// deleteFolders renames the folders of a topic, durably, and removes them later. A folder of the
// same name that belongs to another topic stays.
func (d *logDir) deleteFolders(topic logstore.TopicPartitions, delay time.Duration) error {
	if err := d.offline(); err != nil {
		return err
	}
	var renamed []string
	for partition := range topic.Partitions {
		if err := d.forgetLeft(partitionKey{topic.ID, partition}); err != nil {
			return err
		}
		f := &folder{dir: d, name: format.PartitionDir(topic.Topic, partition)}
		mine, err := d.belongs(f, topic.ID)
		if err != nil {
			return err
		}
		if !mine {
			continue
		}
		name := format.PartitionDeleteDir(topic.Topic, partition, d.store.options.uuid())
		if err := d.fs.Rename(f.name, name); err != nil {
			return d.refuse("rename of a folder", err)
		}
		d.logs.Add(-1)
		d.cleaned.forget(f.name)
		renamed = append(renamed, name)
	}
	if len(renamed) == 0 {
		return nil
	}
	if err := errors.Join(d.offsets.sync(), d.fs.SyncDir("")); err != nil {
		return d.refuse("sync", err)
	}
	d.store.timers.after(delay, func() {
		for _, name := range renamed {
			d.removeFolder(name)
		}
	})
	return nil
}

// belongs reports whether there is a folder and it is the topic's, or nobody knows whose.
func (d *logDir) belongs(f *folder, id logstore.TopicID) (bool, error) {
	if _, err := d.fs.Stat(f.name); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	found, err := (&loading{log: d.store.log, folder: f}).topicID()
	return found == id || found == logstore.TopicID{}, err
}

// removeFolder removes what was renamed before. A failure leaves it to the next start.
func (d *logDir) removeFolder(name string) {
	if d.offline() != nil {
		return
	}
	if err := d.fs.RemoveAll(name); err != nil {
		d.store.log.Warn("folder of a deleted topic can't be removed; the next start tries again",
			slog.String("folder", d.fs.Name()+"/"+name), slog.Any("error", err))
	}
}

// removeLater removes files of a log that were renamed before.
func (l *log) removeLater(w *writer, names []string) {
	w.deletions.Add(1)
	l.topic.store.timers.after(milliseconds(l.config().FileDeleteDelayMs), func() {
		if w.folder.dir.removeFiles(w.folder, names) {
			w.deletions.Add(-1)
		}
	})
}

// removeFiles removes files of a folder, and reports whether they are gone.
func (d *logDir) removeFiles(f *folder, names []string) bool {
	if d.offline() != nil {
		return false
	}
	gone := true
	for _, name := range names {
		// The folder may have been deleted meanwhile, with all in it.
		if err := d.fs.Remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			gone = false
			d.store.log.Warn("file of a deleted segment can't be removed; the next start tries again",
				slog.String("file", d.fs.Name()+"/"+f.path(name)), slog.Any("error", err))
		}
	}
	return gone
}

// milliseconds is a duration that may be configured as anything up to the end of time.
func milliseconds(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), int64(1<<63-1)/int64(time.Millisecond))) * time.Millisecond
}
