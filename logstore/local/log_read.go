package local

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// readAttempts bounds how often a read starts again because files were renamed under
// it or an index was rebuilt.
const readAttempts = 4

// Read implements [logstore.Partition].
func (l *log) Read(offset int64, opts logstore.ReadOptions) (logstore.Fetched, error) {
	l.topic.store.traffic.note()
	for attempt := 1; ; attempt++ {
		v, err := l.readable()
		if err != nil {
			return logstore.Fetched{}, err
		}
		fetched := logstore.Fetched{Offsets: v.Offsets}
		// As Kafka, an offset between the end for this reader and the log end is empty and no error
		// (LocalLog.read): a consumer that changed its isolation level may stand there.
		if offset < v.LogStartOffset || offset > v.LogEndOffset {
			return fetched, logstore.ErrOffsetOutOfRange
		}
		if offset >= v.End(opts.Isolation) {
			return fetched, nil
		}
		run, err := l.readFrom(v, offset, opts)
		switch {
		case err == nil:
			fetched.More = run.segment != nil && run.nextOffset < v.End(opts.Isolation)
			if run.size() == 0 {
				return fetched, nil
			}
			if opts.Isolation == logstore.ReadCommitted {
				if fetched.Aborted, err = l.abortedIn(v, offset, run.nextOffset); err != nil {
					run.segment.data.release()
					return fetched, err
				}
			}
			fetched.Records = &records{segment: run.segment, from: run.from, to: run.to}
			return fetched, nil
		case attempt < readAttempts && errors.Is(err, fs.ErrNotExist) && l.view.load() != v:
			// Retention or a deletion took the file between the view and the open.
		case isCorrupt(err), errors.Is(err, logstore.ErrOffline):
			return fetched, err
		default:
			return fetched, fmt.Errorf("%w: read at offset %d: %w", logstore.ErrOffline, offset, err)
		}
	}
}

// readable returns the view to read from, loading the log if it is dormant.
func (l *log) readable() (*view, error) {
	for {
		v := l.view.load()
		switch v.status {
		case deleted:
			return nil, logstore.ErrUnknownPartition
		case closed:
			return nil, logstore.ErrClosed
		case dormant:
			if err := l.load(); err != nil {
				return nil, err
			}
			continue
		default:
		}
		if len(v.segments) > 0 {
			if err := v.segments[0].folder.dir.offline(); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
}

// run is a run of whole batches in one segment, whose file is held for it.
type run struct {
	segment    *segment
	from, to   int64 // byte positions
	nextOffset int64 // behind it, or a bound of that
	// clipped says that the run ends at damage, so that nextOffset is only a bound.
	clipped bool
}

func (r *run) size() int64 { return r.to - r.from }

// readFrom finds the run of batches from offset on. The file of the result is acquired unless the run is
// empty or the error is set.
func (l *log) readFrom(v *view, offset int64, opts logstore.ReadOptions) (run, error) {
	end := v.End(opts.Isolation)
	for i := v.segmentIndexOf(offset); i < len(v.segments); i++ {
		s := v.segments[i]
		if v.isEmpty(i) {
			continue
		}
		limit, err := l.limitBelow(v, s, end)
		if err != nil {
			return run{}, err
		}
		if limit == 0 {
			break
		}
		if _, err := s.acquire(); err != nil {
			return run{}, err
		}
		r, err := l.readSegment(v, s, offset, limit, opts)
		if err == nil && r.size() > 0 {
			return r, nil
		}
		s.data.release()
		if err == nil {
			return run{segment: s, nextOffset: r.nextOffset}, nil // Not even the first batch fits.
		}
		// The segment may end in a gap that compaction left: then the next one has the offset.
		if !errors.Is(err, errScanEnd) {
			return run{}, err
		}
	}
	return run{}, nil
}

// limitBelow is the end in bytes of what lies below the offset end in a segment. end is the high watermark or
// the last stable offset; only the second takes a search.
func (l *log) limitBelow(v *view, s *segment, end int64) (int64, error) {
	limit := v.limitOf(s)
	if end >= v.HighWatermark || limit == 0 {
		return limit, nil
	}
	if s.baseOffset >= end {
		return 0, nil
	}
	if _, err := s.acquire(); err != nil {
		return 0, err
	}
	defer s.data.release()
	_, at, err := l.find(v, s, end, limit)
	if errors.Is(err, errScanEnd) {
		return limit, nil
	}
	return at, err
}

// find is segment.find with a second try on a new index, if the old one proved wrong or led into damage that nobody
// knew of. The file is acquired.
func (l *log) find(v *view, s *segment, offset, limit int64) (record.Header, int64, error) {
	x, err := l.indexOf(v, s)
	if err != nil {
		return record.Header{}, 0, err
	}
	e := extent{size: limit, endOffset: v.nextAfter(s, logstore.ReadUncommitted)}
	h, at, err := s.find(s.data.file, x, offset, e)
	if odd, ok := errors.AsType[*oddBaseError](err); ok {
		scan := newScanner(s.data.file, s, odd.at, limit, scanWindow)
		defer scan.close()
		return h, 0, errors.Join(err, l.noteDamage(v, &run{segment: s}, &scan, odd.expected, err))
	}
	if !errors.Is(err, errWrongIndex) && (!isCorrupt(err) || errors.Is(err, errHole)) {
		return h, at, err
	}
	if x, err = l.rebuildIndex(s, x); err != nil {
		return record.Header{}, 0, err
	}
	return s.find(s.data.file, x, offset, e)
}

// indexOf returns the indexes of a segment, loading them at the first call.
func (l *log) indexOf(v *view, s *segment) (*segmentIndex, error) {
	if x := s.index.Load(); x != nil {
		return x, nil
	}
	// The active segment's is loaded with the log, so this one is closed and its size final.
	e := extent{size: v.limitOf(s), endOffset: v.nextAfter(s, logstore.ReadUncommitted)}
	return s.loadIndex(e, int64(l.config().IndexIntervalBytes))
}

// readSegment finds the run in one segment, whose file is acquired and stays so.
func (l *log) readSegment(v *view, s *segment, offset, limit int64, opts logstore.ReadOptions) (run, error) {
	for {
		r := run{segment: s, from: l.hinted(v, s, offset)}
		if r.from < 0 {
			var err error
			if _, r.from, err = l.find(v, s, offset, limit); err != nil {
				return run{}, err
			}
		}
		if r.from >= limit {
			return run{}, errScanEnd
		}
		if err := l.trim(v, &r, limit, opts); err != nil {
			return run{}, err
		}
		// Damage that is found now is noted and read around in another round.
		again, err := l.verifyRun(v, &r)
		if err != nil {
			return run{}, err
		}
		if again {
			continue
		}
		if !r.clipped {
			l.remember(&r)
		}
		return r, nil
	}
}

// trim sets the end of a run: the last batch boundary within opts.MaxBytes.
func (l *log) trim(v *view, r *run, limit int64, opts logstore.ReadOptions) error {
	maxBytes := int64(max(opts.MaxBytes, 0))
	if x := r.segment.index.Load(); x != nil && len(x.holes) > 0 {
		var err error
		if limit, err = r.clip(x.holes, limit); err != nil {
			return err
		}
	}
	r.nextOffset = v.nextAfter(r.segment, opts.Isolation)
	if limit-r.from <= maxBytes {
		r.to = limit
		return nil
	}
	x, err := l.indexOf(v, r.segment)
	if err != nil {
		return err
	}
	// The index leads close to the end, so that a megabyte isn't walked batch by batch.
	from, wanted := r.from, int64(-1)
	if e, ok, err := r.segment.lookup(x, byPosition, r.from+maxBytes); err != nil {
		return err
	} else if ok && e.position() > r.from {
		from, wanted = e.position(), r.segment.baseOffset+e.relativeOffset()
	}
	err = r.walk(from, wanted, r.from+maxBytes, limit, opts.AtLeast1)
	if errors.Is(err, errWrongIndex) {
		if _, err = l.rebuildIndex(r.segment, x); err != nil {
			return err
		}
		err = r.walk(r.from, -1, r.from+maxBytes, limit, opts.AtLeast1)
	}
	return err
}

// clip keeps a run from reaching into damage.
func (r *run) clip(holes []hole, limit int64) (int64, error) {
	for i := range holes {
		switch {
		case holes[i].to <= r.from:
		case holes[i].from <= r.from:
			return 0, &logstore.CorruptError{Path: r.segment.path(logSuffix), Offset: r.from, Err: errHole}
		case holes[i].from < limit:
			r.clipped = true
			return holes[i].from, nil
		}
	}
	return limit, nil
}

// walk sets the end of the run by walking from a batch boundary to the last one that isn't beyond most. wanted
// is the last offset that the first batch must have, unless negative.
func (r *run) walk(from, wanted, most, limit int64, atLeast1 bool) error {
	scan := newScanner(r.segment.data.file, r.segment, from, limit, lookupWindow)
	defer scan.close()
	for {
		at := scan.pos
		h, err := scan.next()
		if wanted >= 0 {
			if err != nil || h.LastOffset() != wanted {
				return errWrongIndex
			}
			wanted = -1
		}
		if isCorrupt(err) && at > r.from {
			r.to, r.clipped = at, true
			return nil
		}
		if err != nil {
			return err
		}
		if scan.pos <= most {
			continue
		}
		r.to, r.nextOffset = at, h.BaseOffset()
		if at == r.from && atLeast1 {
			r.to, r.nextOffset = scan.pos, h.NextOffset()
		}
		return nil
	}
}

// nextAfter is the offset behind everything in a segment that a reader may see.
func (v *view) nextAfter(s *segment, isolation logstore.Isolation) int64 {
	end := v.End(isolation)
	if i := v.segmentIndexOf(s.baseOffset); i+1 < len(v.segments) {
		end = min(end, v.segments[i+1].baseOffset)
	}
	return end
}

// hintCount is how many readers of a log find their next batch without a search.
const hintCount = 8

// hints remember where readers stopped, because that is where they go on.
type hints struct {
	mu   sync.Mutex
	ring [hintCount]hint
	next int
}

// hinted is the position of the batch at an offset, if somebody stopped there before; else -1.
func (l *log) hinted(v *view, s *segment, offset int64) int64 {
	if v.previous.offset == offset && v.highWatermarkAt.segment == s {
		return v.previous.pos
	}
	h := l.hints.Load()
	if h == nil {
		return -1
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.ring[:], func(x hint) bool { return x.at.segment == s && x.offset == offset })
	if i < 0 {
		return -1
	}
	return h.ring[i].at.pos
}

// remember notes where a run ends.
func (l *log) remember(r *run) {
	h := l.hints.Load()
	if h == nil {
		l.hints.CompareAndSwap(nil, new(hints))
		h = l.hints.Load()
	}
	end := hint{offset: r.nextOffset, at: position{r.segment, r.to}}
	h.mu.Lock()
	defer h.mu.Unlock()
	// Readers that keep abreast of each other share one place.
	if !slices.Contains(h.ring[:], end) {
		h.ring[h.next] = end
		h.next = (h.next + 1) % hintCount
	}
}
