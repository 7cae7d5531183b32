package local

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// Delete implements [logstore.Store].
func (s *Store) Delete(ctx context.Context, topic logstore.TopicPartitions) error {
	if s.closed.Load() {
		return logstore.ErrClosed
	}
	var segments map[string][]*segment
	if t := s.topics.remove(topic.ID); t != nil {
		if err := s.deleteTopic(t); err != nil {
			return err
		}
		segments = t.segments()
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
		err = errors.Join(err, d.deleteFolders(topic, delay, segments))
	}
	s.checkpointLater()
	return err
}

// deleteTopic ends all partitions of a topic: nothing is appended or read from then on.
func (s *Store) deleteTopic(t *topic) error {
	t.growing.Lock()
	t.gone = true
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
			l.awaitRetention()
		}
	}
	// Commits that are under way still use the folders' names.
	for _, d := range s.dirs {
		d.syncer.barrier()
	}
	for i := range logs {
		if l := logs[i].Load(); l != nil {
			l.closeNames()
			if err := l.releaseSlot(); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitRetention waits until nobody renames files in the folder of a log that has ended: another topic may get a folder of that name.
func (l *log) awaitRetention() {
	l.mu.Lock()
	w := l.mu.writer
	l.mu.Unlock()
	if w == nil {
		return
	}
	w.maintaining.Lock()
	defer w.maintaining.Unlock() // Whoever comes later sees that the log has ended.
}

// closeNames sees to it that who still has segments of a deleted log opens no files of another log by their names.
func (l *log) closeNames() {
	for _, s := range l.view.load().segments {
		s.replaced.Store(true)
	}
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
	v := *l.view.load()
	v.reshape(func(o *outline) { o.status = how })
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

// segments are those of all partitions that were touched, by the name of their folder.
func (t *topic) segments() map[string][]*segment {
	segments := map[string][]*segment{}
	logs := *t.logs.Load()
	for i := range logs {
		if l := logs[i].Load(); l != nil {
			segments[format.PartitionDir(t.name, l.partition)] = l.view.load().segments
		}
	}
	return segments
}

// deleteFolders renames the folders of a topic, which had some segments, durably, and removes them later. A folder of the
// same name that belongs to another topic stays.
func (d *logDir) deleteFolders(topic logstore.TopicPartitions, delay time.Duration, segments map[string][]*segment) error {
	if err := d.offline(); err != nil {
		return err
	}
	renamed, gone := map[string]string{}, false
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
		err = d.fs.Rename(f.name, name)
		if vfs.IsNoSpace(err) {
			// For the longer name; and room is what is missing. Whoever reads has the files open.
			name, err = "", d.fs.RemoveAll(f.name)
		}
		if err != nil {
			return d.refuse("rename of a folder", err)
		}
		d.logs.Add(-1)
		d.cleaned.forget(f.name)
		gone = true
		if name != "" {
			renamed[f.name] = name
		}
	}
	if !gone {
		return nil
	}
	if err := errors.Join(d.offsets.sync(), d.fs.SyncDir("")); err != nil {
		return d.refuse("sync", err)
	}
	for was, name := range renamed {
		d.removeFolderLater(name, segments[was], delay)
	}
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

// milliseconds is a duration that may be configured as anything up to the end of time.
func milliseconds(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), int64(1<<63-1)/int64(time.Millisecond))) * time.Millisecond
}
