package local

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clatterhq/clatter/logstore/vfs"
)

// removalDelay is when folders of deleted topics are removed that were found at the start: Kafka's default of
// log.segment.delete.delay.ms, since the topic's own is gone with it.
const removalDelay = time.Minute

// Bounds of a removal beside requests.
const (
	// shrinkBytes is how much of a file is freed at a time. A disk that is told of free blocks takes about 10 ms for 32 MiB and 300 for a
	// gigabyte, during which whoever syncs has to wait, and a bit longer for the next sync, however little was freed.
	shrinkBytes = 1 << 20
	// removalTime is in how long all that waits would be freed at the speed of the moment. So it is freed the faster the more there is.
	removalTime = 30 * time.Second
	// shrinkRest is the longest rest after a piece: 32 MiB per second are freed at least.
	shrinkRest = time.Second / 32
)

// remover removes what nobody can find any more: files of deleted segments and folders of deleted topics, one after the other, and
// large files piece by piece, in a goroutine that lives while there is something to remove. Beside requests it rests between two pieces,
// as long as it can without falling behind. What a close leaves is removed by the next start.
type remover struct {
	pacer pacer
	// ctx is done when the store closes.
	ctx    context.Context //nolint:containedctx // it is the remover's life, not a call's
	cancel context.CancelFunc
	group  sync.WaitGroup

	// backlog is the size of the segments that wait, in bytes.
	backlog atomic.Int64

	mu struct {
		sync.Mutex
		queue   []removal
		running bool
	}
}

// removal is something to remove: the files of a folder, or all of it.
type removal struct {
	folder *folder
	// log had the files; nil if that isn't known. Once it is deleted its folder went with them, and another may have the name.
	log *log
	// bytes are those of segments that are there still.
	bytes int64
	// files are names in the folder, which may be gone already.
	files []string
	// whole says that the folder itself goes.
	whole bool
	// segments are those that the files were of. Whoever still reads one of them has its file open.
	segments []*segment
	// removed is called when all of it is gone; may be nil.
	removed func()
}

func (r *remover) init(t *traffic) {
	r.pacer = newPacer(t)
	r.ctx, r.cancel = context.WithCancel(context.Background())
}

// close stops the removal that is going on and waits for that. The timers of the store have ended before.
func (r *remover) close() {
	r.cancel()
	r.group.Wait()
}

func (r *remover) add(m removal) {
	if m.whole {
		// What can't be listed is removed without more ado.
		m.files, _ = m.folder.dir.fs.List(m.folder.name)
	}
	for _, name := range m.files {
		m.bytes += m.size(name)
	}
	r.backlog.Add(m.bytes)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.queue = append(r.mu.queue, m)
	if !r.mu.running {
		r.mu.running = true
		r.group.Go(r.run)
	}
}

func (r *remover) run() {
	for {
		r.mu.Lock()
		if len(r.mu.queue) == 0 || r.ctx.Err() != nil {
			r.mu.queue, r.mu.running = nil, false
			r.mu.Unlock()
			return
		}
		m := r.mu.queue[0]
		r.mu.queue[0] = removal{} // What is done with is let go of, however long the queue is.
		r.mu.queue = r.mu.queue[1:]
		r.mu.Unlock()
		if m.folder.dir.offline() == nil && r.remove(&m) && m.removed != nil {
			m.removed()
		}
		r.backlog.Add(-m.bytes) // of what can't be removed, or went with its folder
	}
}

// remove removes what there is, and reports whether all of it is gone. A failure leaves it to the next start.
func (r *remover) remove(m *removal) bool {
	d, gone := m.folder.dir, true
	for _, name := range m.files {
		if m.log != nil && m.log.view.load().status == deleted {
			return true
		}
		err := r.removeFile(m, name)
		if r.ctx.Err() != nil {
			return false
		}
		if err != nil && !m.whole {
			gone = false
			d.store.log.Warn("file of a deleted segment can't be removed; the next start tries again",
				slog.String("file", d.fs.Name()+"/"+m.folder.path(name)), slog.Any("error", err))
		}
	}
	if !m.whole {
		return gone
	}
	if err := d.fs.RemoveAll(m.folder.name); err != nil {
		d.store.log.Warn("folder of a deleted topic can't be removed; the next start tries again",
			slog.String("folder", d.fs.Name()+"/"+m.folder.name), slog.Any("error", err))
		return false
	}
	return true
}

// removeFile removes a file, if it is large and nobody reads it after having cut it down to its first piece. It may be gone already, with the
// folder.
func (r *remover) removeFile(m *removal, name string) error {
	size := m.size(name)
	left, err := size, error(nil)
	if size > shrinkBytes && !m.isRead() {
		left, err = r.shrink(m, name, size)
	}
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if removal := m.folder.dir.fs.Remove(m.folder.path(name)); removal != nil && !errors.Is(removal, fs.ErrNotExist) {
		return errors.Join(removal, err) // Whether it could be cut down is of interest only now.
	}
	r.freed(m, left)
	return nil
}

// shrink cuts a file of so many bytes down to its first piece, and returns how many are left.
func (r *remover) shrink(m *removal, name string, size int64) (left int64, err error) {
	file, err := m.folder.dir.fs.Open(m.folder.path(name))
	if err != nil {
		return size, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for left = size; left > shrinkBytes && r.ctx.Err() == nil; left -= shrinkBytes {
		if err := file.Truncate(left - shrinkBytes); err != nil {
			return left, err
		}
		r.freed(m, shrinkBytes)
	}
	return left, nil
}

// freed notes that some bytes less wait for the remover, and rests so long beside requests that freeing the others will take the time that it
// may. It doesn't rest where room is wanted, nor in memory.
func (r *remover) freed(m *removal, bytes int64) {
	m.bytes -= bytes
	left := r.backlog.Add(-bytes)
	d := m.folder.dir
	if bytes == 0 || !r.pacer.look(time.Now()) || d.full.full.Load() || vfs.IsVolatile(d.fs) {
		return
	}
	rest := time.Duration(min(float64(bytes)/shrinkBytes*float64(shrinkRest), float64(bytes)/float64(max(left, 1))*float64(removalTime)))
	if rest < time.Millisecond {
		return
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.ctx.Done():
	}
}

// size is that of a file if it has batches, else 0.
func (m *removal) size(name string) int64 {
	if !strings.Contains(name, logSuffix) {
		return 0
	}
	info, err := m.folder.dir.fs.Stat(m.folder.path(name))
	if err != nil {
		return 0 // It is gone, or its removal will tell.
	}
	return info.Size
}

// isRead reports whether somebody has one of the files open. Nobody can open them any more.
func (m *removal) isRead() bool {
	for _, s := range m.segments {
		if s.data.refs.Load() > 0 {
			return true
		}
	}
	return false
}

// removeFolderLater removes a folder that was renamed before, of which a log had the segments.
func (d *logDir) removeFolderLater(name string, segments []*segment, delay time.Duration) {
	m := removal{folder: &folder{dir: d, name: name}, whole: true, segments: segments}
	d.store.timers.after(delay, func() { d.store.remover.add(m) })
}

// removeLater removes files of a log that were renamed before, which segments had.
func (l *log) removeLater(w *writer, names []string, segments []*segment) {
	if len(names) == 0 {
		return
	}
	w.deletions.Add(1)
	m := removal{folder: w.folder, log: l, files: names, segments: segments, removed: func() { w.deletions.Add(-1) }}
	l.topic.store.timers.after(milliseconds(l.config().FileDeleteDelayMs), func() { l.topic.store.remover.add(m) })
}
