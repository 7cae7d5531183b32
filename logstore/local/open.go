package local

import (
	"context"
	"errors"
	"sync"

	"github.com/clatterhq/clatter/logstore"
)

// Open opens a store.
func Open(_ context.Context, o Options) (*Store, error) {
	if len(o.Dirs) == 0 {
		return nil, errors.New("no log directory")
	}
	settings := newSettings(o)
	s := &Store{options: settings, log: settings.Log}
	s.files.limit = settings.MaxOpenFiles
	s.timers.init()
	for _, fsys := range o.Dirs {
		d := &logDir{store: s, fs: fsys}
		if err := fsys.MkdirAll(""); err != nil {
			return nil, err
		}
		d.syncer.dir = d
		d.syncer.mu.idle = sync.NewCond(&d.syncer.mu)
		s.dirs = append(s.dirs, d)
	}
	return s, nil
}

// Close implements [logstore.Store].
func (s *Store) Close(context.Context) error {
	s.closed.Store(true)
	s.timers.close()
	for _, d := range s.dirs {
		d.syncer.wait()
	}
	return s.files.closeAll()
}

// Delete implements [logstore.Store].
func (s *Store) Delete(context.Context, logstore.TopicPartitions) error { return nil }
