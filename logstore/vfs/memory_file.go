package vfs

import (
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Sizes of chunks. A strict disk loses and keeps single blocks, so there a chunk
// is a block; otherwise a chunk is large enough that tables stay small, and a
// chunk's memory grows by doubling, so that a small file costs little.
const (
	blockBytes      = 4 << 10
	largeChunkBytes = 64 << 10
	minChunkBytes   = 256
)

// memData is the content of one file.
type memData struct {
	disk       *Memory
	chunkBytes int64

	mu struct {
		sync.RWMutex
		chunks  []chunk
		size    int64
		filled  int64 // bytes in chunks
		charged int64 // bytes taken of the disk's capacity: filled, or what is reserved
		modTime int64 // ms since 1970

		// What a power cut leaves, of a strict disk only. A file that was never
		// synced has synced == nil and syncedSize == 0. The bytes behind synced are
		// never written to.
		synced     [][]byte
		syncedSize int64
		leastSize  int64 // least size since the last sync
		dirty      map[int]struct{}
	}
}

// chunk is a piece of a file. Bytes beyond its data are zeros. Data that isn't
// owned is shared with the durable state or with a clone and must be copied
// before it is written to.
type chunk struct {
	data  []byte
	owned bool
	// inArena says that the data is of the disk's arena.
	inArena bool
}

func newMemData(disk *Memory) *memData {
	d := &memData{disk: disk, chunkBytes: largeChunkBytes}
	d.mu.modTime = time.Now().UnixMilli()
	if !disk.volatile {
		d.chunkBytes = blockBytes
		d.mu.dirty = map[int]struct{}{}
	}
	return d
}

func (d *memData) info() Info {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return Info{Size: d.mu.size, ModTime: d.mu.modTime}
}

// uncharge gives the space back. The bytes of a strict disk stay: a power cut may bring the name of
// the file back, and without one the garbage collector takes them.
func (d *memData) uncharge() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.disk.used.Add(-d.mu.charged)
	d.mu.charged, d.mu.filled = 0, 0
	if d.disk.arena != nil {
		d.freeLocked(0)
	}
}

// freeLocked gives chunks from an index on back to the arena. Readers copy under the lock, so nobody looks at them.
func (d *memData) freeLocked(from int) {
	for index := from; index < len(d.mu.chunks); index++ {
		if c := &d.mu.chunks[index]; c.inArena {
			d.disk.arena.give(c.data)
		}
	}
	clear(d.mu.chunks[from:])
	d.mu.chunks = d.mu.chunks[:from]
}

func (d *memData) readAt(p []byte, offset int64) (int, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if offset >= d.mu.size {
		return 0, io.EOF
	}
	wanted := len(p)
	p = p[:min(int64(wanted), d.mu.size-offset)]
	n := 0
	for n < len(p) {
		index, within := int(offset/d.chunkBytes), offset%d.chunkBytes
		piece := p[n : n+int(min(int64(len(p)-n), d.chunkBytes-within))]
		copied := 0
		if index < len(d.mu.chunks) {
			if data := d.mu.chunks[index].data; within < int64(len(data)) {
				copied = copy(piece, data[within:])
			}
		}
		clear(piece[copied:])
		n += len(piece)
		offset += int64(len(piece))
	}
	if n < wanted {
		return n, io.EOF
	}
	return n, nil
}

// writeAt writes what fits into the capacity.
func (d *memData) writeAt(p []byte, offset int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for n < len(p) {
		at := offset + int64(n)
		index, within := int(at/d.chunkBytes), at%d.chunkBytes
		want := min(int64(len(p)-n), d.chunkBytes-within)
		room := d.growLocked(index, within, within+want)
		written := copy(d.mu.chunks[index].data[min(within, room):room], p[n:n+int(want)])
		n += written
		if written > 0 {
			d.mu.size = max(d.mu.size, at+int64(written))
		}
		if int64(written) < want {
			return n, syscall.ENOSPC
		}
	}
	d.mu.modTime = time.Now().UnixMilli()
	return n, nil
}

// growLocked makes chunk index writable up to end, as far as the capacity
// allows, and returns how far that is. The caller writes to all of it from a position on.
func (d *memData) growLocked(index int, from, end int64) int64 {
	for len(d.mu.chunks) <= index {
		d.mu.chunks = append(d.mu.chunks, chunk{})
	}
	c := &d.mu.chunks[index]
	have := int64(len(c.data))
	grown := max(0, end-have)
	filled := d.mu.filled + grown
	if short := filled - d.mu.charged; short > 0 {
		got := d.disk.charge(short)
		d.mu.charged += got
		grown -= short - got
		filled -= short - got
	}
	d.mu.filled = filled
	c.reserve(have+grown, from, d.chunkBytes, d.arenaFor(index))
	if d.mu.dirty != nil {
		d.mu.dirty[index] = struct{}{}
	}
	return min(end, have+grown)
}

// arenaFor is where the memory of a chunk comes from, nil for the heap. The first chunk of a file is there, because most files are
// small.
func (d *memData) arenaFor(index int) *arena {
	if index == 0 {
		return nil
	}
	return d.disk.arena
}

// reserve makes the chunk owned and at least length bytes long; new bytes before the position from are zero.
func (c *chunk) reserve(length, from, most int64, a *arena) {
	have := int64(len(c.data))
	length = max(length, have)
	if c.owned && length <= int64(cap(c.data)) {
		c.data = c.data[:length]
		clear(c.data[min(have, length):max(have, min(from, length))])
		return
	}
	if a != nil {
		data := a.take()[:length]
		copy(data, c.data)
		clear(data[have:max(have, min(from, length))])
		c.data, c.owned, c.inArena = data, true, true
		return
	}
	room := int64(minChunkBytes)
	for room < length {
		room *= 2
	}
	data := make([]byte, length, min(room, most))
	copy(data, c.data)
	c.data, c.owned = data, true
}

func (d *memData) truncate(size int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if size < d.mu.size {
		d.cutLocked(size)
	}
	d.mu.size = size
	d.mu.leastSize = min(d.mu.leastSize, size)
	d.mu.modTime = time.Now().UnixMilli()
}

// cutLocked removes what lies beyond size, and with it a reservation, as ftruncate does.
func (d *memData) cutLocked(size int64) {
	whole := int((size + d.chunkBytes - 1) / d.chunkBytes)
	if d.mu.dirty != nil {
		for index := int(size / d.chunkBytes); index < len(d.mu.chunks); index++ {
			d.mu.dirty[index] = struct{}{}
		}
	}
	for index := whole; index < len(d.mu.chunks); index++ {
		d.mu.filled -= int64(len(d.mu.chunks[index].data))
	}
	if whole < len(d.mu.chunks) {
		d.freeLocked(whole)
	}
	if rest := size % d.chunkBytes; rest > 0 && whole == len(d.mu.chunks) {
		if last := &d.mu.chunks[whole-1]; int64(len(last.data)) > rest {
			d.mu.filled -= int64(len(last.data)) - rest
			last.data = last.data[:rest]
		}
	}
	d.disk.used.Add(d.mu.filled - d.mu.charged)
	d.mu.charged = d.mu.filled
}

// sync makes the present state the durable one. Data is shared, not copied: the
// next write to a shared chunk copies that chunk.
func (d *memData) sync() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.dirty == nil {
		return
	}
	for len(d.mu.synced) < len(d.mu.chunks) {
		d.mu.synced = append(d.mu.synced, nil)
	}
	clear(d.mu.synced[len(d.mu.chunks):])
	d.mu.synced = d.mu.synced[:len(d.mu.chunks)]
	for index := range d.mu.dirty {
		if index < len(d.mu.chunks) {
			d.mu.synced[index] = d.mu.chunks[index].data
			d.mu.chunks[index].owned = false
		}
	}
	clear(d.mu.dirty)
	d.mu.syncedSize, d.mu.leastSize = d.mu.size, d.mu.size
}

func (d *memData) preallocate(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if short := size - d.mu.charged; short > 0 {
		if got := d.disk.charge(short); got < short {
			d.disk.used.Add(-got)
			return syscall.ENOSPC
		}
		d.mu.charged = size
	}
	return nil
}

// memFile is a handle on a file. Any goroutine may call any method.
type memFile struct {
	disk   *Memory
	node   *memNode
	path   string
	closed atomic.Bool
}

// begin opens an operation on an open handle; the result ends it.
func (f *memFile) begin(op string, offset int64) (end func(), err error) {
	if offset < 0 {
		return nil, pathError(op, f.path, fs.ErrInvalid)
	}
	f.disk.world.RLock()
	if f.closed.Load() {
		f.disk.world.RUnlock()
		return nil, pathError(op, f.path, fs.ErrClosed)
	}
	return f.disk.world.RUnlock, nil
}

// ReadAt implements [io.ReaderAt].
func (f *memFile) ReadAt(p []byte, offset int64) (int, error) {
	end, err := f.begin("read", offset)
	if err != nil {
		return 0, err
	}
	defer end()
	return f.node.data.readAt(p, offset)
}

// WriteAt implements [io.WriterAt].
func (f *memFile) WriteAt(p []byte, offset int64) (int, error) {
	end, err := f.begin("write", offset)
	if err != nil {
		return 0, err
	}
	defer end()
	n, err := f.node.data.writeAt(p, offset)
	if err != nil {
		return n, pathError("write", f.path, err)
	}
	return n, nil
}

// Sync implements [File].
func (f *memFile) Sync() error {
	end, err := f.begin("sync", 0)
	if err != nil {
		return err
	}
	defer end()
	f.node.data.sync()
	return nil
}

// StartSync implements [File]: nothing moves before Sync.
func (f *memFile) StartSync() error { return f.nothing("sync") }

// WriteBack implements [File]: nothing moves before Sync.
func (f *memFile) WriteBack() error { return f.nothing("writeback") }

// nothing does what an operation does without effects.
func (f *memFile) nothing(op string) error {
	end, err := f.begin(op, 0)
	if err != nil {
		return err
	}
	end()
	return nil
}

// Truncate implements [File].
func (f *memFile) Truncate(size int64) error {
	end, err := f.begin("truncate", size)
	if err != nil {
		return err
	}
	defer end()
	f.node.data.truncate(size)
	return nil
}

// Size implements [File].
func (f *memFile) Size() (int64, error) {
	end, err := f.begin("size", 0)
	if err != nil {
		return 0, err
	}
	defer end()
	return f.node.data.info().Size, nil
}

// Preallocate implements [File].
func (f *memFile) Preallocate(size int64) error {
	end, err := f.begin("preallocate", size)
	if err != nil {
		return err
	}
	defer end()
	if err := f.node.data.preallocate(size); err != nil {
		return pathError("preallocate", f.path, err)
	}
	return nil
}

// OS implements [File]: there is no file of the operating system.
func (f *memFile) OS() *os.File { return nil }

// Close implements [io.Closer].
func (f *memFile) Close() error {
	if f.closed.Swap(true) {
		return pathError("close", f.path, fs.ErrClosed)
	}
	defer f.disk.begin()()
	f.node.opens--
	f.node.dropLocked()
	return nil
}
