package local

import (
	"context"
	"errors"

	"github.com/clatterhq/clatter/logstore/vfs"
)

// Open locks the log directories and opens the store in them. Logs of a directory that wasn't
// stopped cleanly are recovered first. On an error nothing stays locked.
//
// Errors: logstore.ErrLocked; that a directory belongs to another cluster or node; and those of the disk.
func Open(ctx context.Context, o Options) (*Store, error) {
	if len(o.Dirs) == 0 {
		return nil, errors.New("no log directory")
	}
	settings := newSettings(o)
	s := &Store{options: settings, log: settings.Log}
	s.files.limit = settings.MaxOpenFiles
	s.timers.init()
	s.cleaner.init(s)
	s.online.Store(int32(len(o.Dirs)))
	for i, fsys := range o.Dirs {
		d, err := openDir(ctx, s, i, fsys)
		if err != nil {
			s.timers.close()
			return nil, errors.Join(err, s.abandon())
		}
		s.dirs = append(s.dirs, d)
	}
	s.findTwins()
	s.scheduleHousekeeping()
	return s, nil
}

// abandon gives everything back without a word on disk.
func (s *Store) abandon() error {
	err := s.files.closeAll()
	for _, d := range s.dirs {
		err = errors.Join(err, d.offsets.close(), d.lock.Close())
	}
	return err
}

// Dir is the log directory at a path of the operating system.
func Dir(path string) vfs.FS { return vfs.NewOS(path) }
