package local

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/clatterhq/clatter/logstore/vfs"
)

// removalDelay is when folders of deleted topics are removed that were found at the start: Kafka's default of
// log.segment.delete.delay.ms, since the topic's own is gone with it.
const removalDelay = time.Minute

// shrinkBytes is how much of a file is freed at a time. A file system frees 32 MiB in about 10 ms, and a gigabyte in 300, during which a
// sync of any other file may have to wait for its journal, and anybody for the processor.
const shrinkBytes = 512 << 10

// remover removes what nobody can find any more: files of deleted segments and folders of deleted topics, one after the other, and
// large files piece by piece, in a goroutine that lives while there is something to remove. What a close leaves is removed by the
// next start.
type remover struct {
	traffic *traffic
	// ctx is done when the store closes.
	ctx    context.Context //nolint:containedctx // it is the remover's life, not a call's
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu struct {
		sync.Mutex
		queue   []removal
		running bool
	}
}

// removal is something to remove: the files of a folder, or all of it.
type removal struct {
	folder *folder
	// files are names in the folder, which may be gone already; nil for the folder itself.
	files []string
	// segments are those that the files were of. Whoever still reads one of them has its file open.
	segments []*segment
	// removed is called when all of it is gone; may be nil.
	removed func()
}

func (r *remover) init(t *traffic) {
	r.traffic = t
	r.ctx, r.cancel = context.WithCancel(context.Background())
}

// close stops the removal that is going on and waits for that. The timers of the store have ended before.
func (r *remover) close() {
	r.cancel()
	r.group.Wait()
}

func (r *remover) add(m removal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.queue = append(r.mu.queue, m)
	if !r.mu.running {
		r.mu.running = true
		r.group.Go(r.run)
	}
}

func (r *remover) run() {
	p := newPacer(r.traffic)
	for {
		r.mu.Lock()
		if len(r.mu.queue) == 0 || r.ctx.Err() != nil {
			r.mu.queue, r.mu.running = nil, false
			r.mu.Unlock()
			return
		}
		m := r.mu.queue[0]
		r.mu.queue = r.mu.queue[1:]
		r.mu.Unlock()
		if m.folder.dir.offline() == nil && m.run(r.ctx, &p) && m.removed != nil {
			m.removed()
		}
	}
}

// run removes what there is, and reports whether all of it is gone. A failure leaves it to the next start.
func (m *removal) run(ctx context.Context, p *pacer) bool {
	d := m.folder.dir
	names := m.files
	if names == nil {
		// What can't be listed is removed at once.
		names, _ = d.fs.List(m.folder.name)
	}
	gone := true
	for _, name := range names {
		err := m.shrink(ctx, p, name)
		if ctx.Err() != nil {
			return false
		}
		if m.files == nil {
			continue
		}
		// The folder may have been deleted meanwhile, with all in it.
		if removal := d.fs.Remove(m.folder.path(name)); removal != nil && !errors.Is(removal, fs.ErrNotExist) {
			gone = false
			d.store.log.Warn("file of a deleted segment can't be removed; the next start tries again",
				slog.String("file", d.fs.Name()+"/"+m.folder.path(name)), slog.Any("error", errors.Join(removal, err)))
		}
	}
	if m.files != nil {
		return gone
	}
	if err := d.fs.RemoveAll(m.folder.name); err != nil {
		d.store.log.Warn("folder of a deleted topic can't be removed; the next start tries again",
			slog.String("folder", d.fs.Name()+"/"+m.folder.name), slog.Any("error", err))
		return false
	}
	return true
}

// shrink frees most of a file of batches before it is removed, in pieces between which requests get their turn. Its error is of interest
// only where the file can't be removed either.
func (m *removal) shrink(ctx context.Context, p *pacer, name string) (err error) {
	if !strings.Contains(name, logSuffix) || m.isRead() {
		return nil
	}
	fsys, path := m.folder.dir.fs, m.folder.path(name)
	if info, err := fsys.Stat(path); err != nil || info.Size <= shrinkBytes {
		return err
	}
	file, err := fsys.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return shrink(ctx, p, file)
}

// shrink cuts a file down to its first piece.
func shrink(ctx context.Context, p *pacer, file vfs.File) error {
	size, err := file.Size()
	for size -= shrinkBytes; err == nil && size > 0; size -= shrinkBytes {
		if err = file.Truncate(size); err == nil {
			err = errors.Join(p.rest(ctx, shrinkBytes), ctx.Err())
		}
	}
	return err
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

// removeFolderLater removes a folder that was renamed before, of which a topic had the segments.
func (d *logDir) removeFolderLater(name string, segments []*segment, delay time.Duration) {
	m := removal{folder: &folder{dir: d, name: name}, segments: segments}
	d.store.timers.after(delay, func() { d.store.remover.add(m) })
}

// removeLater removes files of a log that were renamed before, which segments had.
func (l *log) removeLater(w *writer, names []string, segments []*segment) {
	if len(names) == 0 {
		return
	}
	w.deletions.Add(1)
	m := removal{folder: w.folder, files: names, segments: segments, removed: func() { w.deletions.Add(-1) }}
	l.topic.store.timers.after(milliseconds(l.config().FileDeleteDelayMs), func() { l.topic.store.remover.add(m) })
}
