package local

import (
	"errors"
	"io/fs"

	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// loadIndex returns the indexes of a segment, reading or rebuilding them at the first call. interval is
// index.interval.bytes.
func (s *segment) loadIndex(e extent, interval int64) (*segmentIndex, error) {
	if x := s.index.Load(); x != nil {
		return x, nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if x := s.index.Load(); x != nil {
		return x, nil
	}
	data, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer s.data.release()
	x, err := s.readIndex(data, e)
	if err != nil {
		return nil, err
	}
	if x, err = s.extendIndex(data, x, e, interval); err != nil {
		return nil, err
	}
	s.index.Store(x)
	return x, nil
}

func (s *segment) emptyIndex() *segmentIndex {
	return &segmentIndex{
		offsets: indexPart{size: offsetEntrySize}, times: indexPart{size: timeEntrySize},
		file:        &handle{},
		largest:     timestampAt{timestamp: record.NoTimestamp, offset: s.baseOffset},
		indexedTime: record.NoTimestamp,
		holes:       s.holes,
	}
}

// readIndex takes the index files at their word as far as their last entries hold. An index that
// doesn't is as good as none.
func (s *segment) readIndex(data vfs.File, e extent) (*segmentIndex, error) {
	x := s.emptyIndex()
	offsets, err := s.readEntries(indexSuffix, offsetEntrySize, e)
	if err != nil || offsets == 0 {
		return x, err
	}
	times, err := s.readEntries(timeIndexSuffix, timeEntrySize, e)
	if err != nil {
		return nil, err
	}
	x.offsets.onDisk, x.times.onDisk = int32(offsets), int32(times)
	last, ok, err := s.lookup(x, byOffset, maxRelativeOffset)
	if err != nil {
		return nil, err
	}
	if !ok || !s.holds(data, &last, e.size) {
		return s.emptyIndex(), nil
	}
	largest, ok, err := s.lastTime(x)
	if err != nil {
		return nil, err
	}
	if ok {
		x.largest, x.indexedTime = largest, largest.timestamp
	}
	if !s.timesHold(data, x, e.size) {
		return s.emptyIndex(), nil
	}
	x.unindexed = e.size - last.position()
	return x, nil
}

// maxRelativeOffset is the largest that an index can hold (OffsetIndex.canAppendOffset).
const maxRelativeOffset = 1<<31 - 1

// readEntries counts the entries of an index file that may be true: a segment that was cut has longer ones.
func (s *segment) readEntries(suffix string, entrySize int, e extent) (n int, err error) {
	file, err := s.open(suffix)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errReplaced) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Size()
	if err != nil {
		return 0, err
	}
	return validEntries(file, size, entrySize, e, e.endOffset-s.baseOffset)
}

// holds reports whether the batch at the position of an entry of the offset index is the one that
// the entry means. The last offset of a batch is unique, so a wrong entry doesn't pass.
func (s *segment) holds(data vfs.File, e *entry, size int64) bool {
	if e.position() >= size {
		return false
	}
	scan := newScanner(data, s, e.position(), size, lookupWindow)
	defer scan.close()
	h, err := scan.next()
	return err == nil && h.LastOffset() == s.baseOffset+e.relativeOffset()
}

// lastTime is the last entry of the time index.
func (s *segment) lastTime(x *segmentIndex) (timestampAt, bool, error) {
	e, ok, err := s.lookupTime(x, maxTimestamp)
	return timestampAt{timestamp: e.timestamp(), offset: s.baseOffset + e.timeRelativeOffset()}, ok, err
}

const maxTimestamp = 1<<63 - 1

// timesHold checks the last entry of the time index against the batch it names, or that there is
// a reason to have none.
func (s *segment) timesHold(data vfs.File, x *segmentIndex, size int64) bool {
	at := x.largest
	if x.times.onDisk == 0 {
		at.offset = s.baseOffset
	}
	h, _, err := s.find(data, x, at.offset, extent{size, unknownOffset})
	if err != nil {
		return false
	}
	if x.times.onDisk == 0 {
		return h.MaxTimestamp() < 0
	}
	return h.LastOffset() == at.offset && h.MaxTimestamp() == at.timestamp
}

// extendIndex adds what the indexes lack: entries for the batches behind the last entry, and
// the largest timestamp. New entries stay in memory until the writer writes them. Damage on the way
// becomes a hole.
func (s *segment) extendIndex(data vfs.File, x *segmentIndex, e extent, interval int64) (*segmentIndex, error) {
	w := indexWalk{
		indexBuilder: indexBuilder{segment: s, index: *x}, scan: newScanner(data, s, 0, e.size, scanWindow),
		extent: e, interval: interval, expected: s.baseOffset,
	}
	defer w.scan.close()
	if x.offsets.count() > 0 {
		w.scan.pos = e.size - x.unindexed
		w.index.unindexed, w.skipFirst = 0, true
		w.expected = unknownOffset
	}
	w.scan.holes = x.holes
	for {
		done, err := w.step()
		if err != nil {
			return nil, err
		}
		if done {
			return &w.index, nil
		}
	}
}

// unknownOffset says that nothing is known of the offset that comes next.
const unknownOffset = -1

// indexWalk builds indexes and finds damage on the way. A batch counts only once the next one was seen: its header isn't
// covered by its checksum, so what is wrong with it shows there.
type indexWalk struct {
	indexBuilder
	scan     scanner
	extent   extent
	interval int64
	// expected is the offset at which the pending batch should begin.
	expected int64
	pending  record.Header
	at       int64
	has      bool
}

// step looks at one batch.
func (w *indexWalk) step() (done bool, err error) {
	at := w.scan.pos
	h, err := w.scan.next()
	ended := errors.Is(err, errScanEnd)
	if err != nil && !ended && !isCorrupt(err) {
		return false, err
	}
	if w.has {
		next := w.extent.endOffset
		if err == nil {
			next = h.BaseOffset()
		}
		if w.suspect(next, err != nil && !ended) {
			w.scan.pos, w.has = w.at, false
			return false, w.hole(err)
		}
		w.add(w.pending.LastOffset(), w.pending.MaxTimestamp(), w.at, int64(w.pending.Size()), w.interval)
		w.expected, w.has = w.pending.NextOffset(), false
	}
	switch {
	case ended && at < w.extent.size:
		// Zeros, as a crash may leave behind the last batch: readers stop before them.
		return false, w.hole(errZeros)
	case ended:
		return true, nil
	case errors.Is(err, errHole):
		gap := w.scan.inHole()
		w.scan.pos, w.expected = gap.to, gap.nextOffset
	case err != nil:
		return false, w.hole(err)
	default:
		w.pending, w.at, w.has = h, at, true
	}
	return false, nil
}

// errZeros says that there are zeros where a batch should be.
var errZeros = errors.New("zeros in place of a batch")

// suspect reports whether the pending batch is what is wrong where the batches don't follow each other. next is
// the offset behind it, corrupt says that no batch is there.
func (w *indexWalk) suspect(next int64, corrupt bool) bool {
	if w.expected != unknownOffset && odd(w.pending, w.expected, next) {
		return true
	}
	if !corrupt && next == w.pending.NextOffset() {
		return false
	}
	return w.scan.wasDamaged(w.pending, w.at+int64(w.pending.Size()))
}

// odd reports whether a batch has a wrong base offset, which no checksum covers: without it, what is before and what is behind
// fit together.
func odd(h record.Header, expected, next int64) bool {
	return h.BaseOffset() != expected && expected+int64(h.LastOffsetDelta())+1 == next
}

// hole notes damage at the position and moves behind it.
func (w *indexWalk) hole(cause error) error {
	expected := max(w.expected, w.segment.baseOffset)
	gap, err := w.scan.newHole(expected, w.extent)
	if err != nil {
		return err
	}
	w.index.addHole(gap)
	w.segment.tellDamage(gap, w.scan.lostOffset(gap, w.expected), cause)
	w.scan.pos, w.expected = gap.to, gap.nextOffset
	return nil
}

// newHole is the damage at the position, up to the next valid batch or the end.
func (s *scanner) newHole(next int64, e extent) (hole, error) {
	r, err := s.resync(next, e.endOffset-1)
	if err != nil {
		return hole{}, err
	}
	if !r.ok {
		return hole{from: s.pos, to: e.size, nextOffset: e.endOffset}, nil
	}
	return hole{from: s.pos, to: r.pos, nextOffset: r.header.BaseOffset()}, nil
}

// indexBuilder makes entries by Kafka's rules (LogSegment.append): an entry is due at the first batch
// that begins more than the interval behind the start of the last indexed one.
type indexBuilder struct {
	segment *segment
	index   segmentIndex
	// skipFirst says that the first batch has its entry already.
	skipFirst bool
}

func (b *indexBuilder) add(lastOffset, maxTimestamp, at, size, interval int64) {
	x := &b.index
	if maxTimestamp > x.largest.timestamp {
		x.largest = timestampAt{timestamp: maxTimestamp, offset: lastOffset}
	}
	if x.unindexed > interval && !b.skipFirst {
		x.addEntry(b.segment.baseOffset, lastOffset, at)
	}
	b.skipFirst = false
	x.unindexed += size
}

// addEntry appends one entry to the offset index and, if a greater timestamp was seen since, one to the time
// index.
func (x *segmentIndex) addEntry(baseOffset, lastOffset, position int64) {
	x.offsets.tail = format.OffsetEntry{Offset: lastOffset, Position: int32(position)}.AppendTo(x.offsets.tail, baseOffset)
	x.unindexed = 0
	x.addTime(baseOffset)
}

// addTime appends the largest timestamp to the time index if it isn't there.
func (x *segmentIndex) addTime(baseOffset int64) {
	if x.largest.timestamp <= x.indexedTime {
		return
	}
	x.times.tail = format.TimeEntry{Timestamp: x.largest.timestamp, Offset: x.largest.offset}.AppendTo(x.times.tail, baseOffset)
	x.indexedTime = x.largest.timestamp
}
