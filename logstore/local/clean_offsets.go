package local

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// cleanOffsets is up to where the logs of a directory are compacted, by folder: Kafka's cleaner-offset-checkpoint. A log that isn't in
// it counts as dirty from its start, which costs the time of a cleaning and nothing else. So the file may be behind.
type cleanOffsets struct {
	changed atomic.Bool
	mu      sync.Mutex
	offsets map[string]int64
}

// load reads the checkpoint of a directory. What is wrong with it is logged.
func (c *cleanOffsets) load(d *logDir) error {
	offsets, err := readCheckpoint(d, format.CleanerOffsetFile)
	if err != nil {
		return err
	}
	c.offsets = offsets
	return nil
}

// get is the offset up to which a log is compacted, -1 if it never was.
func (c *cleanOffsets) get(folder string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if offset, ok := c.offsets[folder]; ok {
		return offset
	}
	return -1
}

func (c *cleanOffsets) set(folder string, offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.offsets == nil {
		c.offsets = map[string]int64{}
	}
	c.offsets[folder] = offset
	c.changed.Store(true)
}

// forget drops a log that is deleted: the next one of its name is another one.
func (c *cleanOffsets) forget(folder string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.offsets[folder]; ok {
		delete(c.offsets, folder)
		c.changed.Store(true)
	}
}

// write writes the checkpoint if it has changed.
func (c *cleanOffsets) write(d *logDir) error {
	if !c.changed.Swap(false) || d.isOffline() {
		return nil
	}
	c.mu.Lock()
	offsets := maps.Clone(c.offsets)
	c.mu.Unlock()
	var entries []format.PartitionOffset
	for _, folder := range slices.Sorted(maps.Keys(offsets)) {
		if topic, partition, stage, ok := format.ParsePartitionDir(folder); ok && stage == format.Live {
			entries = append(entries, format.PartitionOffset{Topic: topic, Partition: partition, Offset: offsets[folder]})
		}
	}
	if err := format.WriteAtomic(d.fs, format.CleanerOffsetFile, format.AppendOffsets(nil, entries)); vfs.IsNoSpace(err) {
		c.changed.Store(true)
		d.store.log.Warn("no space left for the cleaner checkpoint; it is written later", slog.String("dir", d.fs.Name()))
	} else if err != nil {
		return d.fail("write of a checkpoint", err)
	}
	return nil
}
