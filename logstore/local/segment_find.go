package local

import (
	"errors"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

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
