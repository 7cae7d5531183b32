package local

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// maxDecompressed bounds what one batch may become in a search for a timestamp, in bytes. A batch that is larger
// is answered for as a whole.
const maxDecompressed = 128 << 20

// query answers from a view, and again from a new one if files were taken away meanwhile.
func (l *log) query(answer func(*view) (logstore.TimestampOffset, bool, error)) (at logstore.TimestampOffset, ok bool, err error) {
	for attempt := 1; ; attempt++ {
		v, err := l.readable()
		if err != nil {
			return at, false, err
		}
		at, ok, err = answer(v)
		if attempt == readAttempts || !errors.Is(err, fs.ErrNotExist) || l.view.load() == v {
			return at, ok, err
		}
	}
}

// OffsetForTime implements [logstore.Partition].
func (l *log) OffsetForTime(timestamp int64, isolation logstore.Isolation) (logstore.TimestampOffset, bool, error) {
	return l.query(func(v *view) (logstore.TimestampOffset, bool, error) { return l.offsetForTime(v, timestamp, isolation) })
}

func (l *log) offsetForTime(v *view, timestamp int64, isolation logstore.Isolation) (at logstore.TimestampOffset, ok bool, err error) {
	for i, s := range v.segments {
		if v.isEmpty(i) {
			continue
		}
		limit, err := l.limitBelow(v, s, v.End(isolation))
		if err != nil || limit == 0 {
			return at, false, err
		}
		largest, err := l.largestOf(v, s)
		if err != nil {
			return at, false, err
		}
		if largest.timestamp < timestamp {
			continue
		}
		if at, ok, err = l.searchTime(v, s, timestamp, limit); ok || err != nil {
			return at, ok, err
		}
	}
	return at, false, nil
}

// largestOf is the largest timestamp of a segment.
func (l *log) largestOf(v *view, s *segment) (timestampAt, error) {
	if s == v.segments[len(v.segments)-1] {
		return v.largest, nil
	}
	x, err := l.indexOf(v, s)
	if err != nil {
		return timestampAt{}, err
	}
	return x.largest, nil
}

// searchTime finds the first record at or after a timestamp in a segment, below limit in bytes.
func (l *log) searchTime(v *view, s *segment, timestamp, limit int64) (at logstore.TimestampOffset, ok bool, err error) {
	data, err := s.acquire()
	if err != nil {
		return at, false, err
	}
	defer s.data.release()
	x, err := l.indexOf(v, s)
	if err != nil {
		return at, false, err
	}
	e, ok, err := s.lookupTime(x, timestamp)
	if err != nil {
		return at, false, err
	}
	if ok && s.baseOffset+e.timeRelativeOffset() < v.HighWatermark && !l.timeHolds(v, s, &e) {
		if x, err = l.rebuildIndex(s, x); err != nil {
			return at, false, err
		}
		if e, ok, err = s.lookupTime(x, timestamp); err != nil {
			return at, false, err
		}
	}
	from := max(v.LogStartOffset, s.baseOffset)
	if ok {
		// All records up to the offset of this entry are older, or the first of this age is in its batch.
		from = max(from, s.baseOffset+e.timeRelativeOffset())
	}
	if from >= v.HighWatermark {
		return at, false, nil
	}
	_, pos, err := l.find(v, s, from, limit)
	if err != nil {
		return at, false, ignoreScanEnd(err)
	}
	err = l.scanFrom(s, x, data, pos, limit, func(h record.Header, pos int64) (bool, error) {
		if h.MaxTimestamp() < timestamp || h.LastOffset() < v.LogStartOffset {
			return false, nil
		}
		at, ok, err = firstRecord(data, h, pos, func(offset, t int64) bool { return t >= timestamp && offset >= v.LogStartOffset })
		return ok, err
	})
	return at, ok, err
}

// timeHolds reports whether the batch that an entry of the time index names has its timestamp. The segment is acquired.
func (l *log) timeHolds(v *view, s *segment, e *entry) bool {
	offset := s.baseOffset + e.timeRelativeOffset()
	h, _, err := l.find(v, s, offset, v.limitOf(s))
	return err == nil && h.LastOffset() == offset && h.MaxTimestamp() == e.timestamp()
}

func ignoreScanEnd(err error) error {
	if errors.Is(err, errScanEnd) {
		return nil
	}
	return err
}

// scanFrom calls fn for each batch from a position on until it says that it is done. It leaves damage out.
func (l *log) scanFrom(s *segment, x *segmentIndex, data vfs.File, pos, limit int64, fn func(h record.Header, pos int64) (done bool, err error)) error {
	scan := newScanner(data, s, pos, limit, lookupWindow)
	defer scan.close()
	scan.holes = x.holes
	for {
		at := scan.pos
		h, err := scan.next()
		switch {
		case errors.Is(err, errHole):
			scan.pos = scan.inHole().to
			continue
		case err != nil:
			return ignoreScanEnd(err)
		}
		if done, err := fn(h, at); done || err != nil {
			return err
		}
	}
}

// firstRecord finds the first record of a batch that matches.
func firstRecord(data vfs.File, h record.Header, pos int64, matches func(offset, timestamp int64) bool) (at logstore.TimestampOffset, ok bool, err error) {
	batch := make(record.Batch, h.Size())
	if _, err := data.ReadAt(batch, pos); err != nil {
		return at, false, fmt.Errorf("read batch at offset %d: %w", h.BaseOffset(), err)
	}
	whole := logstore.TimestampOffset{
		Offset: h.BaseOffset(), Timestamp: h.MaxTimestamp(), LeaderEpoch: h.PartitionLeaderEpoch(),
	}
	if batch.VerifyCRC() != nil {
		return whole, true, nil
	}
	for r, err := range batch.Records(maxDecompressed) {
		if err != nil {
			// Its records can't be told apart: the batch stands for them, from its beginning.
			return whole, true, nil
		}
		if offset, timestamp := batch.RecordOffset(r), batch.RecordTimestamp(r); matches(offset, timestamp) {
			return logstore.TimestampOffset{Offset: offset, Timestamp: timestamp, LeaderEpoch: h.PartitionLeaderEpoch()}, true, nil
		}
	}
	return at, false, nil
}

// MaxTimestamp implements [logstore.Partition].
func (l *log) MaxTimestamp() (logstore.TimestampOffset, bool, error) { return l.query(l.maxTimestamp) }

func (l *log) maxTimestamp(v *view) (at logstore.TimestampOffset, ok bool, err error) {
	best := timestampAt{timestamp: record.NoTimestamp}
	var in *segment
	for i, s := range v.segments {
		if v.isEmpty(i) {
			continue
		}
		limit := v.limitOf(s)
		if limit == 0 {
			break
		}
		largest, err := l.largestBelow(v, s, limit)
		if err != nil {
			return at, false, err
		}
		if largest.timestamp > best.timestamp {
			best, in = largest, s
		}
	}
	if in == nil {
		return at, false, nil
	}
	data, err := in.acquire()
	if err != nil {
		return at, false, err
	}
	defer in.data.release()
	h, pos, err := l.find(v, in, best.offset, v.limitOf(in))
	if err != nil {
		return at, false, err
	}
	return firstRecord(data, h, pos, func(_, timestamp int64) bool { return timestamp == best.timestamp })
}

// largestBelow is the largest timestamp of a segment below limit in bytes, which is that of the high watermark.
func (l *log) largestBelow(v *view, s *segment, limit int64) (timestampAt, error) {
	largest, err := l.largestOf(v, s)
	if err != nil || largest.offset < v.HighWatermark {
		return largest, err
	}
	// The largest one isn't durable yet. Before it there may be many that are larger than what the index
	// says, so the part that is durable is walked.
	data, err := s.acquire()
	if err != nil {
		return largest, err
	}
	defer s.data.release()
	x, err := l.indexOf(v, s)
	if err != nil {
		return largest, err
	}
	largest = timestampAt{timestamp: record.NoTimestamp, offset: s.baseOffset}
	err = l.scanFrom(s, x, data, 0, limit, func(h record.Header, _ int64) (bool, error) {
		if h.MaxTimestamp() > largest.timestamp {
			largest = timestampAt{timestamp: h.MaxTimestamp(), offset: h.LastOffset()}
		}
		return false, nil
	})
	return largest, err
}

// EpochEnd implements [logstore.Partition].
func (l *log) EpochEnd(leaderEpoch int32) (epoch int32, endOffset int64) {
	v, err := l.readable()
	if err != nil {
		return -1, -1
	}
	return v.epochs.EndOffsetFor(leaderEpoch, v.LogEndOffset)
}

// Producers implements [logstore.Partition].
func (l *log) Producers() []logstore.ProducerState {
	if _, err := l.readable(); err != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.writer == nil {
		return nil
	}
	return l.mu.writer.producers.States()
}

// rebuildIndex makes the indexes of a segment anew from its batches, after something in them proved
// wrong, and replaces the files. It takes the writer lock, because the active segment's belong to the writer.
func (l *log) rebuildIndex(s *segment, wrong *segmentIndex) (*segmentIndex, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x := s.index.Load(); x != wrong {
		return x, nil // somebody else did it
	}
	v, w := l.view.load(), l.mu.writer
	i := v.segmentIndexOf(s.baseOffset)
	if w == nil || v.status == deleted || len(v.segments) == 0 || v.segments[i] != s {
		return nil, fmt.Errorf("%w: segment is deleted: %w", errWrongIndex, fs.ErrNotExist)
	}
	e := extent{size: s.size, endOffset: v.LogEndOffset}
	if i+1 < len(v.segments) {
		e.endOffset = v.segments[i+1].baseOffset
	}
	l.topic.store.log.Warn("index is damaged and rebuilt from the log", "file", s.path(indexSuffix))
	data, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer s.data.release()
	x, err := s.extendIndex(data, s.emptyIndex(), e, int64(l.config().IndexIntervalBytes))
	if err != nil {
		return nil, err
	}
	if s != w.active {
		x.addTime(s.baseOffset)
	}
	if err := s.replaceIndex(x); err != nil && !vfs.IsNoSpace(err) {
		return nil, s.folder.dir.fail("write of an index", err)
	}
	if err := l.topic.store.files.forget(wrong.file); err != nil {
		return nil, err
	}
	if s == w.active {
		w.index.index = *x
	}
	s.index.Store(x)
	return x, nil
}

// replaceIndex writes both indexes anew.
func (s *segment) replaceIndex(x *segmentIndex) error {
	if err := s.writeEntries(indexSuffix, &x.offsets); err != nil {
		return err
	}
	return s.writeEntries(timeIndexSuffix, &x.times)
}
