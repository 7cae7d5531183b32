package local

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// Suffixes of the files of a segment, after its base offset in 20 digits.
const (
	logSuffix       = ".log"
	indexSuffix     = ".index"
	timeIndexSuffix = ".timeindex"
	txnIndexSuffix  = ".txnindex"
	snapshotSuffix  = ".snapshot"
	deletedSuffix   = ".deleted"
)

// fileName is the name of a file of a segment.
func fileName(baseOffset int64, suffix string) string {
	return fmt.Sprintf("%020d%s", baseOffset, suffix)
}

// segment is a part of a log: a .log file of whole batches and the indexes of it.
// The last one, to which batches are appended, is the active segment.
//
// Readers take it from a view and need no lock. What changes is either atomic or belongs to the
// holder of the log's writer lock, as said.
type segment struct {
	folder     *folder
	baseOffset int64
	// size is the end of the last whole batch. It belongs to the writer and never
	// changes once there is a later segment; readers bound the active one by their view.
	size int64

	data handle // of the .log file

	// index is nil until somebody needed it.
	index atomic.Pointer[segmentIndex]
	// loading is held by the one who loads or rebuilds the index.
	loading sync.Mutex
	// aborted is nil until somebody needed the transaction index.
	aborted atomic.Pointer[[]producer.AbortedTransaction]
	// holes are damaged places that recovery found. Immutable.
	holes []hole
	// replaced says that compaction put another segment in the place of this one: a file of its name is
	// that one's.
	replaced atomic.Bool
	// firstTimestamp is the greatest timestamp of the first batch + 2, 0 until somebody asked.
	firstTimestamp atomic.Int64
	// trustedFrom is from where on this process wrote the bytes. Those before it are verified when they are read first.
	// Immutable.
	trustedFrom int64
	checked     atomic.Pointer[checkedSpans]
}

// folder is where the files of a log are. It is renamed when its topic is deleted.
type folder struct {
	dir  *logDir
	name string
}

func (f *folder) path(name string) string { return f.name + "/" + name }

// timestampAt is a timestamp in ms and the last offset of the first batch that has it.
type timestampAt struct {
	timestamp int64
	offset    int64
}

// segmentIndex is both indexes of a segment, immutable.
type segmentIndex struct {
	offsets indexPart
	times   indexPart
	// file is the offset index on disk, kept among the open files because cold reads go through it.
	file *handle
	// largest covers the whole segment if it isn't active, else what the indexes know.
	largest timestampAt
	// indexedTime is the timestamp of the last entry of the time index, -1 without one.
	indexedTime int64
	// unindexed is how many bytes follow the batch of the last entry and include it.
	unindexed int64
	// holes are the damaged places, by position.
	holes []hole
}

func (s *segment) path(suffix string) string { return s.folder.path(fileName(s.baseOffset, suffix)) }

// acquire opens the .log file; release with s.data.release.
func (s *segment) acquire() (vfs.File, error) {
	if f := s.data.tryAcquire(); f != nil {
		return f, nil
	}
	return s.folder.dir.store.files.acquire(&s.data, func() (vfs.File, error) { return s.open(logSuffix) })
}

// open opens a file of the segment, unless it is that of the segment which took its place. Then the error is an
// fs.ErrNotExist, as for one that retention took: the reader tries again with a new view.
func (s *segment) open(suffix string) (vfs.File, error) {
	f, err := s.folder.dir.fs.Open(s.path(suffix))
	if err != nil || !s.replaced.Load() {
		return f, err
	}
	return nil, errors.Join(errReplaced, f.Close())
}

var errReplaced = fmt.Errorf("segment was replaced by compaction: %w", fs.ErrNotExist)

// lookup finds the last entry of the offset index by a key; without one the segment
// is searched from its start. The caller must verify what lies at the position.
func (s *segment) lookup(x *segmentIndex, key indexKey, target int64) (entry, bool, error) {
	opened := false
	e, ok, err := x.offsets.search(key, target, func() (vfs.File, error) {
		f, err := s.folder.dir.store.files.acquire(x.file, func() (vfs.File, error) { return s.open(indexSuffix) })
		opened = err == nil
		return f, err
	})
	if opened {
		x.file.release()
	}
	return e, ok, err
}

// lookupTime finds the last entry of the time index at or before a timestamp.
func (s *segment) lookupTime(x *segmentIndex, timestamp int64) (e entry, ok bool, err error) {
	var file vfs.File
	e, ok, err = x.times.search(byTimestamp, timestamp, func() (f vfs.File, err error) {
		file, err = s.open(timeIndexSuffix)
		return file, err
	})
	if file != nil {
		err = errors.Join(err, file.Close())
	}
	return e, ok, err
}

// extent is the content of a segment: its size in bytes, and the offset behind its last batch or a
// bound of that.
type extent struct {
	size      int64
	endOffset int64
}

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

// find returns the first batch that ends at or after an offset, and its position. e is what the caller may see of the segment.
// Errors: errScanEnd if there is none, errWrongIndex, or those of scanner.next.
func (s *segment) find(data vfs.File, x *segmentIndex, offset int64, e extent) (record.Header, int64, error) {
	entry, ok, err := s.lookup(x, byOffset, offset-s.baseOffset)
	if err != nil {
		return record.Header{}, 0, err
	}
	scan := newScanner(data, s, 0, e.size, lookupWindow)
	scan.holes = x.holes
	defer scan.close()
	expected := s.baseOffset
	if ok {
		scan.pos, expected = entry.position(), unknownOffset
		h, err := scan.next()
		switch {
		case errors.Is(err, errScanEnd), isCorrupt(err) && !errors.Is(err, errHole):
			return h, 0, errWrongIndex
		case err == nil && h.LastOffset() != s.baseOffset+entry.relativeOffset():
			return h, 0, errWrongIndex
		}
		scan.pos = entry.position()
	}
	var before record.Header
	for {
		at := scan.pos
		h, err := scan.next()
		if err != nil {
			if gap := scan.inHole(); gap != nil && offset >= gap.nextOffset {
				scan.pos, expected = gap.to, gap.nextOffset
				continue
			}
			return h, 0, err
		}
		if offset < h.BaseOffset() && expected != unknownOffset && expected != s.baseOffset && at <= s.trustedFrom && scan.wasDamaged(before, at) {
			return h, 0, errWrongIndex // the batch before claims too few offsets
		}
		before = h
		last := h.LastOffset()
		if expected != unknownOffset && scan.isOdd(h, expected, e) {
			if last = expected + int64(h.LastOffsetDelta()); last >= offset {
				return h, at, &logstore.CorruptError{Path: scan.path(), Offset: at, Err: &oddBaseError{at: at, expected: expected}}
			}
		}
		if last >= offset {
			return h, at, nil
		}
		expected = last + 1
	}
}

// wasDamaged checks the batch that ends at a position. The scan goes on where it was.
func (s *scanner) wasDamaged(h record.Header, end int64) bool {
	if h == (record.Header{}) {
		return false
	}
	pos := s.pos
	s.pos = end
	err := s.verify(h)
	s.pos = pos
	return isCorrupt(err)
}

// errBaseOffset says that the base offset of a batch doesn't fit those around it.
var errBaseOffset = errors.New("base offset is damaged")

// oddBaseError is an errBaseOffset that a lookup met, which nobody may have noted yet.
type oddBaseError struct {
	at       int64 // byte position of the batch
	expected int64 // the offset that should be there
}

func (o *oddBaseError) Error() string { return errBaseOffset.Error() }

func (o *oddBaseError) Is(target error) bool { return target == errBaseOffset }

// isOdd reports whether the base offset of the batch that next returned last is damaged.
func (s *scanner) isOdd(h record.Header, expected int64, e extent) bool {
	if h.BaseOffset() == expected {
		return false
	}
	behind := e.endOffset
	if s.pos < s.end {
		probe := *s
		after, err := probe.next()
		s.from, s.filled = probe.from, probe.filled // they share the window
		if err != nil {
			return false
		}
		behind = after.BaseOffset()
	}
	return odd(h, expected, behind)
}

// errWrongIndex says that an index entry points at something else than it should.
var errWrongIndex = errors.New("index contradicts the log")

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
	x.offsets.tail = appendOffsetEntry(x.offsets.tail, lastOffset-baseOffset, position)
	x.unindexed = 0
	x.addTime(baseOffset)
}

// addTime appends the largest timestamp to the time index if it isn't there.
func (x *segmentIndex) addTime(baseOffset int64) {
	if x.largest.timestamp <= x.indexedTime {
		return
	}
	x.times.tail = appendTimeEntry(x.times.tail, x.largest.timestamp, x.largest.offset-baseOffset)
	x.indexedTime = x.largest.timestamp
}
