package local

import (
	"encoding/binary"
	"math"
	"sort"

	"github.com/clatterhq/clatter/logstore/vfs"
)

// Sizes of index entries in bytes. Both formats are Kafka's (OffsetIndex.java, TimeIndex.java),
// big-endian:
//
//	offset index: relative offset of the last record of a batch (4), position of the batch (4)
//	time index:   greatest timestamp so far (8), relative offset of the last record of its batch (4)
const (
	offsetEntrySize = 8
	timeEntrySize   = 12
)

// indexTailBytes is how much of an index is held back in memory before it is
// written, as whole entries of either size: with the default interval, two megabytes of data.
const indexTailBytes = 512 * offsetEntrySize

// indexKey says by which field entries are searched. All three ascend.
type indexKey uint8

const (
	byOffset    indexKey = iota // relative, of the offset index
	byPosition                  // of the offset index
	byTimestamp                 // of the time index
)

func (k indexKey) of(entry []byte) int64 {
	switch k {
	case byOffset:
		return int64(binary.BigEndian.Uint32(entry))
	case byPosition:
		return int64(binary.BigEndian.Uint32(entry[4:]))
	default:
		return int64(binary.BigEndian.Uint64(entry))
	}
}

// indexPart is one index of a segment: entries in a file, then entries in memory. It is
// immutable to readers: an append makes a new value, whose tail may share the memory of the old one
// but never changes what the old one covers.
type indexPart struct {
	onDisk int32 // entries in the file
	size   int32 // of an entry, bytes
	tail   []byte
}

func (p *indexPart) count() int { return int(p.onDisk) + len(p.tail)/int(p.size) }

// entry is one index entry, of either kind.
type entry [timeEntrySize]byte

func (e *entry) relativeOffset() int64 { return int64(binary.BigEndian.Uint32(e[:])) }
func (e *entry) position() int64       { return int64(binary.BigEndian.Uint32(e[4:])) }
func (e *entry) timestamp() int64      { return int64(binary.BigEndian.Uint64(e[:])) }

// timeRelativeOffset is the relative offset in an entry of a time index.
func (e *entry) timeRelativeOffset() int64 { return int64(binary.BigEndian.Uint32(e[8:])) }

// search returns the last entry whose key is not above target. ok is false if there is none.
// open is called when the file is needed.
func (p *indexPart) search(key indexKey, target int64, open func() (vfs.File, error)) (e entry, ok bool, err error) {
	if len(p.tail) > 0 && (p.onDisk == 0 || key.of(p.tail) <= target) {
		e, ok = searchEntries(p.tail, int(p.size), key, target)
		return e, ok, nil
	}
	if p.onDisk == 0 {
		return entry{}, false, nil
	}
	file, err := open()
	if err != nil {
		return entry{}, false, err
	}
	// Single entries are read until what is left fits one page, which is read whole.
	size := int(p.size)
	window := windowPool(lookupWindow).Get().(*[]byte)
	defer windowPool(lookupWindow).Put(window)
	block := (*window)[:4096]
	low, high := 0, int(p.onDisk)
	for (high-low)*size > len(block) {
		middle := (low + high) / 2
		if _, err := file.ReadAt(e[:size], int64(middle*size)); err != nil {
			return entry{}, false, err
		}
		if key.of(e[:size]) <= target {
			low = middle
		} else {
			high = middle
		}
	}
	block = block[:(high-low)*size]
	if _, err := file.ReadAt(block, int64(low*size)); err != nil {
		return entry{}, false, err
	}
	e, ok = searchEntries(block, size, key, target)
	return e, ok, nil
}

func searchEntries(entries []byte, size int, key indexKey, target int64) (e entry, ok bool) {
	n := sort.Search(len(entries)/size, func(i int) bool { return key.of(entries[i*size:]) > target })
	if n == 0 {
		return entry{}, false
	}
	copy(e[:size], entries[(n-1)*size:])
	return e, true
}

// validEntries is the number of entries at the start of an index file that may be true: those that were written, since
// Kafka preallocates the files of its active segment with zeros, and that point into the segment, which may have been
// cut. A written entry of an offset index is never at position 0, because nothing points at the first batch;
// a timestamp of 0 is rare enough to be rebuilt. limit is the first relative offset beyond.
func validEntries(file vfs.File, size int64, entrySize int, x extent, limit int64) (int, error) {
	n := int(min(size, math.MaxInt32) / int64(entrySize))
	var failed error
	valid := sort.Search(n, func(i int) bool {
		var e entry
		if _, err := file.ReadAt(e[:entrySize], int64(i)*int64(entrySize)); err != nil {
			failed = err
			return true
		}
		if entrySize == offsetEntrySize {
			return e.position() == 0 || e.position() >= x.size || e.relativeOffset() >= limit
		}
		return e.timestamp() == 0 || e.timeRelativeOffset() >= limit
	})
	return valid, failed
}
