package local

import (
	"context"
	"errors"

	"github.com/clatterhq/clatter/logstore/vfs"
)

// Open locks the log directories and opens the store in them. Logs of a directory that wasn't
// stopped cleanly are recovered first. On an error nothing stays locked. A directory that the disk doesn't let be opened is
// offline from the start, unless it is the first one, which the broker's metadata is in.
//
// Errors: logstore.ErrLocked; that a directory belongs to another cluster or node; and those of the disk of the first one.
func Open(ctx context.Context, o Options) (*Store, error) {
	if len(o.Dirs) == 0 {
		return nil, errors.New("no log directory")
	}
	settings := newSettings(o)
	s := &Store{options: settings, log: settings.Log}
	s.files.limit = settings.MaxOpenFiles
	s.timers.init()
	s.cleaner.init(s)
	s.remover.init(&s.traffic)
	s.online.Store(int32(len(o.Dirs)))
	for i, fsys := range o.Dirs {
		d := newLogDir(s, i, fsys)
		err := d.open(ctx)
		if i > 0 && (vfs.IsRefused(err) || errors.Is(err, errEmptied)) && ctx.Err() == nil && !o.Whole {
			d.leaveOut(err)
			err = nil
		}
		if err != nil {
			s.timers.close()
			s.remover.close()
			for _, d := range s.dirs {
				err = errors.Join(err, d.unstamp())
			}
			return nil, errors.Join(err, s.abandon())
		}
		s.dirs = append(s.dirs, d)
	}
	s.findTwins()
	s.scheduleHousekeeping()
	return s, nil
}

// leaveOut takes a directory offline that can't be opened: the others go on without it (as in Kafka's LogManager). Logs that are not in any of those
// are taken to be in it.
func (d *logDir) leaveOut(cause error) {
	// What was found before the failure counts for nothing.
	d.left, d.unnamed, d.gone, d.away = nil, nil, nil, true
	d.logs.Store(0)
	d.store.away = append(d.store.away, d)
	_ = d.fail("start", cause) // which is the error itself
}

// abandon gives everything back without a word on disk.
func (s *Store) abandon() error {
	var err error
	for _, d := range s.dirs {
		err = errors.Join(err, d.syncer.journal.close())
	}
	err = errors.Join(err, s.files.closeAll())
	for _, d := range s.dirs {
		err = errors.Join(err, d.giveBack())
	}
	return err
}

// Dir is the log directory at a path of the operating system.
func Dir(path string) vfs.FS { return vfs.NewOS(path) }

// ReadOnlyDir is the log directory at a path of the operating system for [Verify]. It may be on a volume that can't be written.
func ReadOnlyDir(path string) vfs.FS { return vfs.NewReadOnly(path) }
