package vfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// CrashClone returns the disk as a power cut at this moment could leave it: what
// was synced, and of the rest a random share. Contents are lost or kept by blocks
// of 4 KiB, sizes anywhere between the synced and the present one, names by single
// changes in any order, a rename as a whole. In one clone of eight nothing survives that
// wasn't synced, in another one of eight all does. The clone depends on nothing but the
// disk and random, so a seed repeats it; it shares unchanged chunks with the
// disk, and holds no locks and no open handles.
//
// It panics on a [Volatile] disk, which doesn't know what was synced.
func (m *Memory) CrashClone(random *rand.Rand) *Memory {
	if m.volatile {
		panic("vfs: crash clone of a volatile disk")
	}
	m.world.Lock()
	defer m.world.Unlock()
	m.names.Lock()
	defer m.names.Unlock()

	c := crash{random: random, share: random.Float64()}
	switch random.IntN(8) {
	case 0:
		c.share = 0
	case 1:
		c.share = 1
	}
	c.to = NewMemory(Capacity(m.capacity.Load()))
	c.nodes = map[*memNode]*memNode{}
	c.names = map[*memNode]map[string]*memNode{}
	for _, change := range m.names.pending {
		if !c.survives() {
			continue
		}
		for _, a := range change {
			a.set(c.namesOf(a.dir))
		}
	}
	c.to.root = c.clone(m.root)
	return c.to
}

// crash is one power cut in the making.
type crash struct {
	random *rand.Rand
	share  float64 // of what wasn't synced, survives
	to     *Memory
	nodes  map[*memNode]*memNode            // originals to clones
	names  map[*memNode]map[string]*memNode // folders whose names differ from the synced ones
}

func (c *crash) survives() bool { return c.random.Float64() < c.share }

func (c *crash) namesOf(dir *memNode) map[string]*memNode {
	names := c.names[dir]
	if names == nil {
		names = maps.Clone(dir.durable)
		c.names[dir] = names
	}
	return names
}

func (c *crash) clone(node *memNode) *memNode {
	if known := c.nodes[node]; known != nil {
		known.links++
		return known
	}
	if !node.isDir() {
		made := &memNode{data: node.data.crash(c), links: 1}
		c.nodes[node] = made
		return made
	}
	made := newDir()
	made.modTime, made.links = node.modTime, 1
	c.nodes[node] = made
	names := c.names[node]
	if names == nil {
		names = node.durable
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		made.children[name] = c.clone(names[name])
	}
	made.durable = maps.Clone(made.children)
	return made
}

// crash is the content of a file after the power cut.
func (d *memData) crash(c *crash) *memData {
	d.mu.Lock()
	defer d.mu.Unlock()
	made := newMemData(c.to)
	made.mu.modTime = d.mu.modTime
	size := d.crashSizeLocked(c)
	count := int((size + d.chunkBytes - 1) / d.chunkBytes)
	made.mu.chunks = make([]chunk, count)
	made.mu.synced = make([][]byte, count)
	for index := range count {
		var data []byte
		if index < len(d.mu.synced) {
			data = d.mu.synced[index]
		}
		if _, dirty := d.mu.dirty[index]; dirty && c.survives() {
			data = nil
			if index < len(d.mu.chunks) {
				data = d.mu.chunks[index].data
				d.mu.chunks[index].owned = false
			}
		}
		if rest := size - int64(index)*d.chunkBytes; int64(len(data)) > rest {
			data = data[:rest]
		}
		made.mu.chunks[index].data = data
		made.mu.synced[index] = data
		made.mu.filled += int64(len(data))
	}
	made.mu.size, made.mu.syncedSize, made.mu.leastSize = size, size, size
	made.mu.charged = made.mu.filled
	c.to.used.Add(made.mu.filled)
	return made
}

// crashSizeLocked draws the size that a power cut leaves.
func (d *memData) crashSizeLocked(c *crash) int64 {
	switch c.share {
	case 0:
		return d.mu.syncedSize
	case 1:
		return d.mu.size
	}
	switch c.random.IntN(3) {
	case 0:
		return d.mu.syncedSize
	case 1:
		return d.mu.size
	default:
		least, most := min(d.mu.leastSize, d.mu.syncedSize), max(d.mu.size, d.mu.syncedSize)
		return least + c.random.Int64N(most-least+1)
	}
}
