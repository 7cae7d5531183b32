package local

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// maxSpans is how many readers of one segment at different places find their bytes verified only once.
const maxSpans = 16

// checkedSpans are the parts of a segment that were verified since the store was opened. A disk may
// have changed a byte while it was off, in a place where the reader's own checksum doesn't look; and a batch
// that is damaged should fail the fetch that wants it, not the consumer.
type checkedSpans struct {
	mu    sync.Mutex
	spans []span // disjoint, by position
}

// span is a run of verified batches.
type span struct {
	from, to int64
	// next is the offset behind the last batch.
	next int64
}

// find returns how far the bytes from a position on are verified, and the offset that comes next there; the
// position itself if they are not.
func (c *checkedSpans) find(pos int64) (to, next int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.from <= pos && pos <= s.to {
			return s.to, s.next
		}
	}
	return pos, unknownOffset
}

// add notes verified bytes.
func (c *checkedSpans) add(x span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = slices.DeleteFunc(c.spans, func(s span) bool {
		if s.to < x.from || x.to < s.from {
			return false
		}
		x.from = min(x.from, s.from)
		if s.to > x.to {
			x.to, x.next = s.to, s.next
		}
		return true
	})
	c.spans = append(c.spans, x)
	slices.SortFunc(c.spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	if len(c.spans) > maxSpans {
		smallest := 0
		for i, s := range c.spans {
			if s.to-s.from < c.spans[smallest].to-c.spans[smallest].from {
				smallest = i
			}
		}
		c.spans = slices.Delete(c.spans, smallest, smallest+1)
	}
}

// verifyRun verifies the batches of a run that were not written by this process and not verified before. again says that
// damage was found and noted, so that the run must be cut anew.
func (l *log) verifyRun(v *view, r *run) (again bool, err error) {
	s := r.segment
	if r.from >= s.trustedFrom {
		return false, nil
	}
	checked := s.checked.Load()
	if checked == nil {
		s.checked.CompareAndSwap(nil, new(checkedSpans))
		checked = s.checked.Load()
	}
	from, expected := checked.find(r.from)
	if from == 0 {
		expected = s.baseOffset
	}
	to := min(r.to, s.trustedFrom)
	if from >= to {
		return false, nil
	}
	scan := newScanner(s.data.file, s, from, to, scanWindow)
	defer scan.close()
	x := span{from: from, to: from, next: expected}
	for scan.pos < to {
		at := scan.pos
		h, err := scan.next()
		if err == nil {
			err = scan.verify(h)
		}
		if err == nil && x.next != unknownOffset && h.BaseOffset() != x.next {
			err = l.verifyBase(v, r, &scan, h, x.next)
		}
		if isCorrupt(err) || errors.Is(err, errScanEnd) { // zeros are no batches either
			scan.pos = at
			checked.add(x)
			return true, l.noteDamage(v, r, &scan, x.next, err)
		}
		if err != nil {
			return false, err
		}
		x.to, x.next = scan.pos, h.NextOffset()
	}
	checked.add(x)
	return false, nil
}

// verifyBase checks the base offset of a batch that doesn't follow the one before it.
func (l *log) verifyBase(v *view, r *run, scan *scanner, h record.Header, expected int64) error {
	wide := *scan
	wide.end = v.limitOf(r.segment)
	odd := wide.isOdd(h, expected, extent{size: wide.end, endOffset: v.nextAfter(r.segment, logstore.ReadUncommitted)})
	scan.from, scan.filled = wide.from, wide.filled
	if odd {
		return scan.corrupt(errBaseOffset)
	}
	return nil
}

// noteDamage makes damage at the position of a scan a hole of the segment.
func (l *log) noteDamage(v *view, r *run, scan *scanner, expected int64, cause error) error {
	s := r.segment
	scan.end = v.limitOf(s)
	gap, err := scan.newHole(max(expected, s.baseOffset), extent{size: scan.end, endOffset: v.nextAfter(s, logstore.ReadUncommitted)})
	if err != nil {
		return err
	}
	s.tellDamage(gap, scan.lostOffset(gap, expected), cause)
	if _, err := l.indexOf(v, s); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := *s.index.Load()
	changed.addHole(gap)
	s.index.Store(&changed)
	if w := l.mu.writer; w != nil && w.active == s {
		w.index.index.holes = changed.holes
	}
	return nil
}

// tellDamage tells the operator of a damaged place and of the first offset that is lost there.
func (s *segment) tellDamage(gap hole, offset int64, cause error) {
	d := s.folder.dir
	d.store.log.Error("damaged batches in a log segment: reads of them fail, all others go on; "+
		"restore the file from a copy, or give up what is lost with kafka-delete-records up to the offset behind it",
		slog.String("file", d.fs.Name()+"/"+s.path(logSuffix)), slog.Int64("byte", gap.from), slog.Int64("bytes", gap.to-gap.from),
		slog.Int64("offset", offset), slog.Int64("behind", gap.nextOffset), slog.Any("error", cause))
}

// lostOffset is the first offset in a damaged place: the one that was expected there, else what the header says if that can be.
func (s *scanner) lostOffset(gap hole, expected int64) int64 {
	if expected != unknownOffset {
		return max(expected, s.segment.baseOffset)
	}
	if h, err := s.headerAt(gap.from); err == nil && h.BaseOffset() >= s.segment.baseOffset && h.BaseOffset() < gap.nextOffset {
		return h.BaseOffset()
	}
	return s.segment.baseOffset
}

// addHole notes a damaged place.
func (x *segmentIndex) addHole(gap hole) {
	x.holes = append(slices.Clip(x.holes), gap)
	slices.SortFunc(x.holes, func(a, b hole) int { return cmp.Compare(a.from, b.from) })
}
