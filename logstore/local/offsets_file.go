package local

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"sync"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

const (
	// slotsPerGrowth is how many slots the offsets file grows by: 64 KiB.
	slotsPerGrowth = 512
	// maxSlots bounds what is read of a file: ten million partitions are more than anybody has.
	maxSlots = 10_000_000
)

// noSlot is the slot of a partition that has none.
const noSlot int32 = -1

// partitionKey is a partition of one incarnation of a topic.
type partitionKey struct {
	id        logstore.TopicID
	partition int32
}

// offsetsFile is the file of durable ends and log start offsets (format.OffsetsFile). Its methods may be called by any goroutine, for
// different slots.
type offsetsFile struct {
	dir *logDir
	// existed says that there was a file when the store was opened.
	existed bool
	// syncing is held during a sync, so that nobody returns before the sync that covers his writes.
	syncing sync.Mutex
	mu      struct {
		sync.Mutex
		file      vfs.File // nil until the first slot is needed
		sequences []uint32 // of the newest copy, by slot
		free      []int32
		unsynced  bool
	}
}

// slotted is a slot and what is in it.
type slotted struct {
	format.Kept
	slot int32
}

// load reads the file if there is one.
func (o *offsetsFile) load() ([]slotted, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	file, err := o.dir.fs.Open(format.OffsetsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o.mu.file, o.existed = file, true
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	if err := o.checkHeader(file); err != nil {
		return nil, err
	}
	count := min(max(size-format.OffsetsHeaderSize, 0)/format.SlotSize, maxSlots)
	content := make([]byte, count*format.SlotSize)
	if n, err := file.ReadAt(content, format.OffsetsHeaderSize); n < len(content) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	o.mu.sequences = make([]uint32, count)
	used := make([]slotted, 0, count)
	for i := range int(count) {
		k, sequence, ok := format.DecodeSlot(content[i*format.SlotSize:])
		o.mu.sequences[i] = sequence
		if ok && !k.IsFree() {
			used = append(used, slotted{k, int32(i)})
		} else {
			o.mu.free = append(o.mu.free, int32(i))
		}
	}
	return used, nil
}

// checkHeader refuses a later version. A header that is damaged says nothing about the slots, which have their own
// checksums.
func (o *offsetsFile) checkHeader(file vfs.File) error {
	var header [format.OffsetsHeaderSize]byte
	if _, err := file.ReadAt(header[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	err := format.CheckOffsetsHeader(header[:])
	if !errors.Is(err, format.ErrCorruptMarker) {
		return err
	}
	o.dir.store.log.Warn("header of the offsets file is damaged and written anew",
		slog.String("dir", o.dir.fs.Name()), slog.String("file", format.OffsetsFile))
	_, err = file.WriteAt(format.OffsetsHeader(), 0)
	return err
}

// assign finds a slot for a partition and writes it. Nothing is durable before sync.
func (o *offsetsFile) assign(k format.Kept) (int32, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.mu.free) == 0 {
		if err := o.growLocked(); err != nil {
			return noSlot, err
		}
	}
	last := len(o.mu.free) - 1
	slot := o.mu.free[last]
	if err := o.writeLocked(slot, k); err != nil {
		return noSlot, err
	}
	o.mu.free = o.mu.free[:last]
	return slot, nil
}

// growLocked adds free slots to the end of the file.
func (o *offsetsFile) growLocked() error {
	made := o.mu.file == nil
	if made {
		o.dir.keepKnown()
		if err := o.dir.syncStamp(); err != nil {
			return o.dir.fail("sync of "+format.MetaPropertiesFile, err)
		}
		if err := o.dir.keepFloor(); err != nil {
			return o.dir.refuse("write of "+format.MetaPropertiesFile, err)
		}
		file, err := o.dir.fs.Create(format.OffsetsFile)
		if err != nil {
			return err
		}
		if _, err := file.WriteAt(format.OffsetsHeader(), 0); err != nil {
			return errors.Join(err, file.Close(), o.dir.fs.Remove(format.OffsetsFile))
		}
		o.mu.file = file
	}
	have := len(o.mu.sequences)
	end := format.OffsetsHeaderSize + int64(have)*format.SlotSize
	if _, err := o.mu.file.WriteAt(make([]byte, slotsPerGrowth*format.SlotSize), end); err != nil {
		file := o.mu.file
		if !made {
			return errors.Join(err, file.Truncate(end))
		}
		o.mu.file = nil // Its name isn't durable, which is seen to where it is made.
		return errors.Join(err, file.Close(), o.dir.fs.Remove(format.OffsetsFile))
	}
	if made {
		// From here on a log without a slot is one of which nothing was ever acknowledged.
		if err := errors.Join(o.mu.file.Sync(), o.dir.fs.SyncDir("")); err != nil {
			return o.dir.fail("sync of the offsets file", err)
		}
	}
	o.mu.unsynced = true
	o.mu.sequences = append(o.mu.sequences, make([]uint32, slotsPerGrowth)...)
	for i := range slotsPerGrowth {
		o.mu.free = append(o.mu.free, int32(have+slotsPerGrowth-1-i))
	}
	return nil
}

// write replaces what is kept of a partition. It is durable after sync.
func (o *offsetsFile) write(slot int32, k format.Kept) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.writeLocked(slot, k)
}

func (o *offsetsFile) writeLocked(slot int32, k format.Kept) error {
	if o.mu.file == nil {
		return logstore.ErrClosed
	}
	sequence := o.mu.sequences[slot] + 1
	encoded := k.Encode(sequence)
	if _, err := o.mu.file.WriteAt(encoded[:], format.SlotCopyAt(slot, sequence)); err != nil {
		return err
	}
	o.mu.sequences[slot] = sequence
	o.mu.unsynced = true
	return nil
}

// release frees the slot of a deleted partition, unless it is another's by now.
func (o *offsetsFile) release(slot int32, key partitionKey) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.mu.file == nil {
		return logstore.ErrClosed
	}
	var content [format.SlotSize]byte
	if _, err := o.mu.file.ReadAt(content[:], format.SlotCopyAt(slot, 0)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if k, _, ok := format.DecodeSlot(content[:]); !ok || k.TopicID != key.id || k.Partition != key.partition {
		return nil
	}
	if err := o.writeLocked(slot, format.Kept{}); err != nil {
		return err
	}
	o.mu.free = append(o.mu.free, slot)
	return nil
}

// sync makes durable what was written before. A failure takes the directory offline, and counts for all whose writes it covered.
func (o *offsetsFile) sync() error {
	o.syncing.Lock()
	defer o.syncing.Unlock()
	o.mu.Lock()
	file, unsynced := o.mu.file, o.mu.unsynced
	o.mu.unsynced = false
	o.mu.Unlock()
	switch {
	case !unsynced:
		return o.dir.offline()
	case file == nil:
		return logstore.ErrClosed
	}
	if err := file.Sync(); err != nil {
		return o.dir.fail("sync of the offsets file", err)
	}
	return nil
}

func (o *offsetsFile) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.mu.file == nil {
		return nil
	}
	file := o.mu.file
	o.mu.file = nil
	return file.Close()
}
