package local

import (
	"errors"
	"fmt"

	"github.com/clatterhq/clatter/logstore"
)

// attach gives a new log what the store found of it on disk.
func (l *log) attach() {
	l.view.Store(emptyView)
}

// load reads the files of a dormant log.
func (l *log) load() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.view.Load().status != dormant {
		return nil
	}
	return errors.New("not yet")
}

// writerLocked loads the log or makes its first files.
func (l *log) writerLocked(now int64) (*writer, error) {
	d := l.topic.store.roomiest()
	if err := d.offline(); err != nil {
		return nil, err
	}
	if err := d.admit(); err != nil {
		return nil, err
	}
	config := l.config()
	f := &folder{dir: d, name: fmt.Sprintf("%s-%d", l.topic.name, l.partition)}
	if err := d.fs.MkdirAll(f.name); err != nil {
		return nil, d.refuse("mkdir", err)
	}
	s, err := f.createSegment(config, 0)
	if err != nil {
		return nil, d.refuse("create", err)
	}
	w := &writer{folder: f, newNames: true, newFolder: true}
	w.begin(s, config, now, l.topic.store.options.random())
	v := *l.view.Load()
	v.segments = []*segment{s}
	v.highWatermarkAt = position{segment: s}
	v.largest = w.index.index.largest
	l.publishLocked(v)
	l.mu.writer = w
	d.logs.Add(1)
	return w, nil
}

// roomiest is the directory with the fewest partitions, as in Kafka.
func (s *Store) roomiest() *logDir {
	best := s.dirs[0]
	for _, d := range s.dirs[1:] {
		if d.offline() == nil && (best.offline() != nil || d.logs.Load() < best.logs.Load()) {
			best = d
		}
	}
	return best
}

func (f *folder) syncNames(bool) error { return f.dir.fs.SyncDir(f.name) }

func (d *logDir) sizes() []logstore.PartitionSize { return nil }

func (t *topic) configured() {}

func (l *log) rebuildIndex(s *segment, wrong *segmentIndex) (*segmentIndex, error) {
	return nil, errors.New("not yet")
}
