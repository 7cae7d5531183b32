package local

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"sync/atomic"

	"github.com/clatterhq/clatter/logstore"
)

// Store keeps partitions in log directories and implements [logstore.Store].
type Store struct {
	options *settings
	log     *slog.Logger
	dirs    []*logDir
	// away are the directories that could not be opened. Immutable.
	away  []*logDir
	known knownDirs
	// online is how many directories are not offline.
	online atomic.Int32
	topics topics
	files  files
	timers timers
	closed atomic.Bool
	// checkpointDue says that Kafka's checkpoint files are to be written.
	checkpointDue atomic.Bool
	retention     schedule
	lastRetention atomic.Int64 // ms
	expiry        schedule
	cleaner       cleaner
	remover       remover
	traffic       traffic
}

var (
	_ logstore.Store     = (*Store)(nil)
	_ logstore.Partition = (*log)(nil)
	_ logstore.Commit    = (*commit)(nil)
	_ logstore.Records   = (*records)(nil)
)

// Create implements [logstore.Store].
func (s *Store) Create(topics ...logstore.TopicPartitions) error {
	if s.closed.Load() {
		return logstore.ErrClosed
	}
	s.topics.mu.Lock()
	defer s.topics.mu.Unlock()
	for i := range topics {
		want := &topics[i]
		t := s.topics.find(want.ID)
		if t == nil {
			t = &topic{store: s, id: want.ID, name: want.Topic}
			if want.Existing {
				t.existing = want.Partitions
			}
			t.config.Store(want.Config)
			logs := make([]atomic.Pointer[log], max(want.Partitions, 0))
			t.logs.Store(&logs)
			s.topics.insertLocked(t)
			if s.hasLeftovers() {
				t.armCleaner()
			}
			continue
		}
		t.config.Store(want.Config)
		t.grow(int(want.Partitions))
	}
	return nil
}

// hasLeftovers reports whether there were logs in the directories when the store was opened.
func (s *Store) hasLeftovers() bool {
	return slices.ContainsFunc(s.dirs, func(d *logDir) bool { return len(d.left) > 0 })
}

// grow adds slots for partitions.
func (t *topic) grow(partitions int) {
	t.growing.Lock()
	defer t.growing.Unlock()
	old := *t.logs.Load()
	if partitions <= len(old) {
		return
	}
	logs := make([]atomic.Pointer[log], partitions)
	for i := range old {
		logs[i].Store(old[i].Load())
	}
	t.logs.Store(&logs)
}

// Configure implements [logstore.Store].
func (s *Store) Configure(id logstore.TopicID, config *logstore.Config) error {
	t, err := s.topic(id)
	if err != nil {
		return err
	}
	t.config.Store(config)
	t.configured()
	return nil
}

func (s *Store) topic(id logstore.TopicID) (*topic, error) {
	if s.closed.Load() {
		return nil, logstore.ErrClosed
	}
	t := s.topics.find(id)
	if t == nil {
		return nil, logstore.ErrUnknownPartition
	}
	return t, nil
}

// Partition implements [logstore.Store].
func (s *Store) Partition(id logstore.TopicID, partition int32) (logstore.Partition, error) {
	t, err := s.topic(id)
	if err != nil {
		return nil, err
	}
	logs := *t.logs.Load()
	if partition < 0 || int(partition) >= len(logs) {
		return nil, logstore.ErrUnknownPartition
	}
	if l := logs[partition].Load(); l != nil {
		return l, nil
	}
	if l := t.first(partition); l != nil {
		return l, nil
	}
	return nil, logstore.ErrUnknownPartition
}

// first makes the log of a partition at its first use. It returns nil if the topic was deleted meanwhile: another may have its folder.
func (t *topic) first(partition int32) *log {
	t.growing.Lock()
	defer t.growing.Unlock()
	if t.gone {
		return nil
	}
	// The slice may have grown since, and somebody else may have been first.
	slot := &(*t.logs.Load())[partition]
	if l := slot.Load(); l != nil {
		return l
	}
	l := &log{topic: t, partition: partition}
	l.dirtySince.Store(noTime)
	l.attach()
	slot.Store(l)
	return l
}

// LogDirs implements [logstore.Store].
func (s *Store) LogDirs(context.Context) ([]logstore.LogDir, error) {
	if s.closed.Load() {
		return nil, logstore.ErrClosed
	}
	dirs := make([]logstore.LogDir, len(s.dirs))
	for i, d := range s.dirs {
		dirs[i] = logstore.LogDir{Path: d.fs.Name(), Err: d.health(), TotalBytes: -1, UsableBytes: -1}
		if total, usable, err := d.fs.Usage(); err == nil {
			dirs[i].TotalBytes, dirs[i].UsableBytes = total, usable
		}
		dirs[i].Partitions = d.sizes()
	}
	return dirs, nil
}

// Unclaimed is how many logs were found that belong to no topic which this store was told of. They are left alone.
func (s *Store) Unclaimed() int {
	n := 0
	for _, d := range s.dirs {
		for i := range d.left {
			if f := &d.left[i]; !f.isSettled() && s.topics.find(f.TopicID) == nil {
				n++
			}
		}
	}
	return n
}

// Health implements [logstore.Store].
func (s *Store) Health() error {
	var err error
	for _, d := range s.dirs {
		err = errors.Join(err, d.health())
	}
	return err
}

// health says why a directory can't acknowledge anything now: it is offline, or its disk hangs.
func (d *logDir) health() error { return errors.Join(d.offline(), d.syncer.stalled()) }

// Size implements [logstore.Partition].
func (l *log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sizeLocked()
}

func (l *log) sizeLocked() int64 {
	if l.mu.writer == nil {
		if l.mu.found != nil {
			return l.mu.found.LogBytes
		}
		return 0
	}
	var size int64
	for _, s := range l.view.load().segments {
		size += s.size
	}
	return size
}

// scheduleFlushLocked sees to flush.ms.
func (l *log) scheduleFlushLocked(config *logstore.Config, w *writer) {
	if w.flushDue || config.FlushMs == math.MaxInt64 {
		return
	}
	w.flushDue = true
	l.topic.store.timers.after(milliseconds(config.FlushMs), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		w.flushDue = false
		w.folder.dir.syncer.mark(l)
	})
}

// awaySizes names the logs that are taken to be in a directory which could not be opened.
func (d *logDir) awaySizes() (sizes []logstore.PartitionSize) {
	if d != d.store.away[0] {
		return nil
	}
	d.store.topics.all(func(t *topic) bool {
		for p := range t.existing {
			if t.isAway(p) {
				sizes = append(sizes, logstore.PartitionSize{ID: t.id, Partition: p})
			}
		}
		return true
	})
	return sizes
}

// sizes describes the logs in a directory.
func (d *logDir) sizes() []logstore.PartitionSize {
	if d.away {
		return d.awaySizes()
	}
	var sizes []logstore.PartitionSize
	for _, l := range d.store.usedLogs() {
		if l.view.load().status != deleted && l.isIn(d) {
			sizes = append(sizes, logstore.PartitionSize{ID: l.topic.id, Partition: l.partition, Bytes: l.Size()})
		}
	}
	d.untouched(func(f *found) {
		sizes = append(sizes, logstore.PartitionSize{ID: f.TopicID, Partition: f.Partition, Bytes: f.LogBytes})
	})
	return sizes
}
