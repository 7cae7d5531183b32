package vfs

import (
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Memory is a disk in memory. It keeps two states: what programs see, and what
// would be there after a power cut ([Memory.CrashClone]). It is as strict as
// POSIX allows and stricter than ext4, which makes the name of a new file durable
// with the file: a store that forgets a SyncDir fails here.
//
// Two simpler ways were rejected. Copying every file at each Sync makes a
// thousand crash clones cost minutes; one slice per file makes an append to a
// gigabyte copy the gigabyte. So a file is a table of chunks that are copied when
// a shared one is written to.
//
// Locks are taken in the order world, names, data of one file.
type Memory struct {
	volatile bool
	// arena is where a volatile disk has its memory from, nil on a strict one, which shares chunks with clones.
	arena    *arena
	root     *memNode
	used     atomic.Int64 // bytes, of all files
	capacity atomic.Int64 // bytes; 0: unlimited

	// world is held shared by every change and alone by CrashClone, so that a
	// clone is one moment of the whole disk.
	world sync.RWMutex

	// names guards the tree: children, durable, links and opens of every node.
	names struct {
		sync.Mutex
		locked  map[string]bool
		pending []nameChange // not yet durable, oldest first
	}
}

// memNode is a file or a folder.
type memNode struct {
	// children are the names in a folder, nil for a file; durable are those that
	// survive a power cut.
	children, durable map[string]*memNode
	modTime           int64 // of a folder, ms since 1970

	data  *memData // of a file
	links int      // names that lead to the file
	opens int      // handles on it
}

func (n *memNode) isDir() bool { return n.children != nil }

// nameChange is one step of the folder tree that a power cut keeps or loses as a
// whole. A rename has two assignments: no journal loses a file between them.
type nameChange []assignment

// assignment makes a name in a folder lead to a node, or to nothing if node is nil.
type assignment struct {
	dir  *memNode
	name string
	node *memNode
}

// MemoryOption changes what [NewMemory] makes.
type MemoryOption func(*Memory)

// Volatile makes a disk for production, which remembers nothing about power cuts
// and can't be crash cloned. It saves the bookkeeping and the copies of written chunks, and lies outside the heap where the system
// allows that.
func Volatile() MemoryOption {
	return func(m *Memory) { m.volatile, m.arena = true, newArena() }
}

// Capacity bounds the bytes in all files; an operation that needs more fails with
// ENOSPC, as [Memory.SetCapacity] says.
func Capacity(bytes int64) MemoryOption { return func(m *Memory) { m.capacity.Store(bytes) } }

// IsVolatile reports whether a file system was made with [Volatile]: what is removed there is memory, which costs nothing to free.
func IsVolatile(fsys FS) bool {
	m, ok := fsys.(*Memory)
	return ok && m.volatile
}

// NewMemory returns an empty disk.
func NewMemory(options ...MemoryOption) *Memory {
	m := &Memory{}
	for _, option := range options {
		option(m)
	}
	m.root = newDir()
	m.names.locked = map[string]bool{}
	return m
}

func newDir() *memNode {
	return &memNode{
		children: map[string]*memNode{}, durable: map[string]*memNode{},
		modTime: time.Now().UnixMilli(),
	}
}

// SetCapacity changes the size of the disk; 0 is unlimited. A write that needs
// more writes what fits and fails with ENOSPC, as a real disk does. A size below
// what is used makes every write fail until files are removed.
func (m *Memory) SetCapacity(bytes int64) { m.capacity.Store(bytes) }

// Used is the number of bytes in all files, those removed but still open included.
func (m *Memory) Used() int64 { return m.used.Load() }

// charge takes up to want bytes of the capacity and returns how many it got.
func (m *Memory) charge(want int64) int64 {
	for {
		used, capacity := m.used.Load(), m.capacity.Load()
		got := want
		if capacity > 0 {
			got = max(0, min(want, capacity-used))
		}
		if got == 0 || m.used.CompareAndSwap(used, used+got) {
			return got
		}
	}
}

// Usage implements [FS]. An unlimited disk doesn't know its size.
func (m *Memory) Usage() (total, usable int64, err error) {
	total = m.capacity.Load()
	if total == 0 {
		return -1, -1, nil
	}
	return total, max(0, total-m.used.Load()), nil
}

// Name implements [FS].
func (m *Memory) Name() string { return "memory" }

// begin opens a change of names; the result ends it.
func (m *Memory) begin() (end func()) {
	m.world.RLock()
	m.names.Lock()
	return func() {
		m.names.Unlock()
		m.world.RUnlock()
	}
}

// lookupLocked finds a node by its path.
func (m *Memory) lookupLocked(op, path string) (*memNode, error) {
	node := m.root
	if path == "" {
		return node, nil
	}
	if !fs.ValidPath(path) {
		return nil, pathError(op, path, fs.ErrInvalid)
	}
	for name := range strings.SplitSeq(path, "/") {
		if !node.isDir() {
			return nil, pathError(op, path, syscall.ENOTDIR)
		}
		if node = node.children[name]; node == nil {
			return nil, pathError(op, path, fs.ErrNotExist)
		}
	}
	return node, nil
}

// parentLocked finds the folder of a path, and the name in it.
func (m *Memory) parentLocked(op, path string) (dir *memNode, name string, err error) {
	if path == "" || !fs.ValidPath(path) || path == "." {
		return nil, "", pathError(op, path, fs.ErrInvalid)
	}
	parent, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		parent, name = path[:i], path[i+1:]
	}
	dir, err = m.lookupLocked(op, parent)
	if err != nil {
		return nil, "", pathError(op, path, fs.ErrNotExist)
	}
	if !dir.isDir() {
		return nil, "", pathError(op, path, syscall.ENOTDIR)
	}
	return dir, name, nil
}

// applyLocked does a change of names at once for programs, and notes it for
// power cuts.
func (m *Memory) applyLocked(change ...assignment) {
	now := time.Now().UnixMilli()
	for _, a := range change {
		if old := a.dir.children[a.name]; old != nil {
			old.links--
		}
		if a.node == nil {
			delete(a.dir.children, a.name)
		} else {
			a.dir.children[a.name] = a.node
			a.node.links++
		}
		a.dir.modTime = now
	}
	if !m.volatile {
		m.names.pending = append(m.names.pending, change)
	}
}

// dropLocked gives the space of a file back when neither a name nor a handle is left.
func (n *memNode) dropLocked() {
	if n.data != nil && n.links == 0 && n.opens == 0 {
		n.data.uncharge()
	}
}

// Create implements [FS].
func (m *Memory) Create(path string) (File, error) {
	defer m.begin()()
	dir, name, err := m.parentLocked("create", path)
	if err != nil {
		return nil, err
	}
	if dir.children[name] != nil {
		return nil, pathError("create", path, fs.ErrExist)
	}
	node := &memNode{data: newMemData(m)}
	m.applyLocked(assignment{dir, name, node})
	node.opens++
	return &memFile{disk: m, node: node, path: path}, nil
}

// Open implements [FS].
func (m *Memory) Open(path string) (File, error) {
	defer m.begin()()
	node, err := m.lookupLocked("open", path)
	if err != nil {
		return nil, err
	}
	if node.isDir() {
		return nil, pathError("open", path, syscall.EISDIR)
	}
	node.opens++
	return &memFile{disk: m, node: node, path: path}, nil
}

// Rename implements [FS].
func (m *Memory) Rename(oldPath, newPath string) error {
	defer m.begin()()
	oldDir, oldName, err := m.parentLocked("rename", oldPath)
	if err != nil {
		return err
	}
	node := oldDir.children[oldName]
	if node == nil {
		return pathError("rename", oldPath, fs.ErrNotExist)
	}
	targetDir, newName, err := m.parentLocked("rename", newPath)
	if err != nil {
		return err
	}
	target := targetDir.children[newName]
	switch {
	case target == node:
		return nil
	case node.isDir() && strings.HasPrefix(newPath, oldPath+"/"):
		return pathError("rename", newPath, syscall.EINVAL)
	case target == nil:
	case target.isDir() && !node.isDir():
		return pathError("rename", newPath, syscall.EISDIR)
	case !target.isDir() && node.isDir():
		return pathError("rename", newPath, syscall.ENOTDIR)
	case len(target.children) > 0:
		return pathError("rename", newPath, syscall.ENOTEMPTY)
	}
	m.applyLocked(assignment{targetDir, newName, node}, assignment{oldDir, oldName, nil})
	if target != nil {
		target.dropLocked()
	}
	return nil
}

// Remove implements [FS].
func (m *Memory) Remove(path string) error {
	defer m.begin()()
	dir, name, err := m.parentLocked("remove", path)
	if err != nil {
		return err
	}
	node := dir.children[name]
	if node == nil {
		return pathError("remove", path, fs.ErrNotExist)
	}
	if len(node.children) > 0 {
		return pathError("remove", path, syscall.ENOTEMPTY)
	}
	m.applyLocked(assignment{dir, name, nil})
	node.dropLocked()
	return nil
}

// RemoveAll implements [FS].
func (m *Memory) RemoveAll(path string) error {
	defer m.begin()()
	if path == "" {
		m.removeChildrenLocked(m.root)
		return nil
	}
	dir, name, err := m.parentLocked("removeall", path)
	if err != nil || dir.children[name] == nil {
		return ignoreNotExist(err)
	}
	node := dir.children[name]
	m.removeChildrenLocked(node)
	m.applyLocked(assignment{dir, name, nil})
	node.dropLocked()
	return nil
}

func (m *Memory) removeChildrenLocked(dir *memNode) {
	for _, name := range slices.Sorted(maps.Keys(dir.children)) {
		node := dir.children[name]
		m.removeChildrenLocked(node)
		m.applyLocked(assignment{dir, name, nil})
		node.dropLocked()
	}
}

// MkdirAll implements [FS].
func (m *Memory) MkdirAll(path string) error {
	defer m.begin()()
	if path == "" {
		return nil
	}
	if !fs.ValidPath(path) {
		return pathError("mkdir", path, fs.ErrInvalid)
	}
	dir := m.root
	for name := range strings.SplitSeq(path, "/") {
		next := dir.children[name]
		if next == nil {
			next = newDir()
			m.applyLocked(assignment{dir, name, next})
		}
		if !next.isDir() {
			return pathError("mkdir", path, syscall.ENOTDIR)
		}
		dir = next
	}
	return nil
}

// List implements [FS].
func (m *Memory) List(path string) ([]string, error) {
	defer m.begin()()
	dir, err := m.lookupLocked("list", path)
	if err != nil {
		return nil, err
	}
	if !dir.isDir() {
		return nil, pathError("list", path, syscall.ENOTDIR)
	}
	return slices.Sorted(maps.Keys(dir.children)), nil
}

// Stat implements [FS].
func (m *Memory) Stat(path string) (Info, error) {
	defer m.begin()()
	node, err := m.lookupLocked("stat", path)
	if err != nil {
		return Info{}, err
	}
	if node.isDir() {
		return Info{IsDir: true, ModTime: node.modTime}, nil
	}
	return node.data.info(), nil
}

// SyncDir implements [FS]. It makes durable the half of a rename that concerns
// this folder; the other half waits for the other folder.
func (m *Memory) SyncDir(path string) error {
	defer m.begin()()
	dir, err := m.lookupLocked("syncdir", path)
	if err != nil {
		return err
	}
	if !dir.isDir() {
		return pathError("syncdir", path, syscall.ENOTDIR)
	}
	kept := m.names.pending[:0]
	for _, change := range m.names.pending {
		var rest nameChange
		for _, a := range change {
			if a.dir == dir {
				a.set(dir.durable)
			} else {
				rest = append(rest, a)
			}
		}
		if len(rest) > 0 {
			kept = append(kept, rest)
		}
	}
	clear(m.names.pending[len(kept):])
	m.names.pending = kept
	return nil
}

func (a assignment) set(names map[string]*memNode) {
	if a.node == nil {
		delete(names, a.name)
	} else {
		names[a.name] = a.node
	}
}

// Lock implements [FS].
func (m *Memory) Lock(path string) (io.Closer, error) {
	defer m.begin()()
	dir, name, err := m.parentLocked("lock", path)
	if err != nil {
		return nil, err
	}
	if m.names.locked[path] {
		return nil, pathError("lock", path, ErrLocked)
	}
	if dir.children[name] == nil {
		m.applyLocked(assignment{dir, name, &memNode{data: newMemData(m)}})
	}
	m.names.locked[path] = true
	return &memLock{disk: m, path: path}, nil
}

// memLock holds a path until it is closed.
type memLock struct {
	disk   *Memory
	path   string
	closed atomic.Bool
}

// Close implements [io.Closer].
func (l *memLock) Close() error {
	if l.closed.Swap(true) {
		return pathError("unlock", l.path, fs.ErrClosed)
	}
	defer l.disk.begin()()
	delete(l.disk.names.locked, l.path)
	return nil
}
