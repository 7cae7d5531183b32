package local

import (
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// logDir is one directory of log.dirs: a disk, as far as failures go.
type logDir struct {
	store *Store
	// index is its place in Options.Dirs.
	index int
	fs    vfs.FS
	id    format.UUID
	// meta is what meta.properties says. It belongs to the start, and after it to the lock of the offsets file.
	meta format.MetaProperties
	// epochFloor is below the leader epochs of logs that lost their slots.
	epochFloor int32
	// stampUnsynced says that meta.properties is new and not durable yet.
	stampUnsynced atomic.Bool
	syncer        syncer
	lock          io.Closer
	// offsets keeps durable ends and log start offsets.
	offsets offsetsFile
	// left are logs that were found and may not have been touched yet, immutable once the store is open.
	left leftovers
	// foreign says that an Apache Kafka was the last to run here, and was stopped cleanly.
	foreign bool
	// unnamed are folders of which the topic ID is lost (true) or unknown to the offsets file (false), and gone the logs of which a
	// slot is left and no folder; immutable too. old is what Kafka's checkpoints say.
	unnamed map[string]bool
	gone    map[partitionKey]*found
	old     *oldCheckpoints
	// away says that the directory could not be opened. Immutable once the store is open.
	away bool
	// logs is how many partitions have files here.
	logs atomic.Int64
	// failed is set once and for ever by the first write or sync that fails.
	failed atomic.Pointer[offlineError]
	full   fullness
	moved  offsetsQueue
	// cleaned is up to where logs are compacted.
	cleaned cleanOffsets
}

// offline is nil while the directory takes writes.
func (d *logDir) offline() error {
	if err := d.failed.Load(); err != nil {
		return err
	}
	return nil
}

func (d *logDir) isOffline() bool { return d.failed.Load() != nil }

// fail takes the directory offline. The kernel marks pages clean whose writeback failed, so a later
// sync that succeeds proves nothing: the only way back is a new process that reads the disk.
func (d *logDir) fail(op string, cause error) error {
	if already := (*offlineError)(nil); errors.As(cause, &already) {
		return cause
	}
	err := &offlineError{dir: d.fs.Name(), op: op, cause: cause}
	if !d.failed.CompareAndSwap(nil, err) {
		return d.failed.Load()
	}
	d.store.log.Error("log directory is offline: nothing more will be acknowledged; check the disk, then restart",
		slog.String("dir", d.fs.Name()), slog.String("failed", op), slog.Any("error", cause))
	left := int(d.store.online.Add(-1))
	if tell := d.store.options.Offline; tell != nil {
		tell(d.index, left, err)
	}
	return err
}

// Fail takes a log directory offline, given by its place in Options.Dirs, because something else that lives in it can't be
// written any more. A directory that is offline stays as it is.
func (s *Store) Fail(dir int, op string, cause error) {
	// Who asks may have heard of the failure from here.
	if s.dirs[dir].offline() == nil {
		_ = s.dirs[dir].fail(op, cause) // which is the error itself
	}
}

// probeInterval is how often a full directory is tried again, at most.
const probeInterval = 100 * time.Millisecond

// fullness is whether a directory had room when last tried.
type fullness struct {
	full atomic.Bool
	mu   struct {
		sync.Mutex
		next time.Time // of the next try
	}
}

// admit refuses an append while the directory is full, but for one try now and then.
func (d *logDir) admit() error {
	if !d.full.full.Load() {
		return nil
	}
	d.full.mu.Lock()
	defer d.full.mu.Unlock()
	now := time.Now()
	if now.Before(d.full.mu.next) {
		return logstore.ErrDiskFull
	}
	d.full.mu.next = now.Add(probeInterval)
	return nil
}

// noRoom notes that a write found no room.
func (d *logDir) noRoom() error {
	d.full.mu.Lock()
	d.full.mu.next = time.Now().Add(probeInterval)
	d.full.mu.Unlock()
	if !d.full.full.Swap(true) {
		d.store.log.Error("no space left: appends are refused until there is; reads and deletions go on",
			slog.String("dir", d.fs.Name()))
	}
	return logstore.ErrDiskFull
}

// room notes that a write succeeded.
func (d *logDir) room() {
	if d.full.full.Load() && d.full.full.Swap(false) {
		d.store.log.Info("there is space again: appends go on", slog.String("dir", d.fs.Name()))
	}
}
