package local

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// Sizes of the windows through which a scanner reads, in bytes.
const (
	// lookupWindow fits what lies between two entries of an index by default, and a bit.
	lookupWindow = 8 << 10
	// scanWindow is for whole segments: large enough that the system calls don't show.
	scanWindow = 256 << 10
)

// crcFrom is the position in a batch from which on its CRC counts.
const crcFrom = 21

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errScanEnd ends a scan where the segment does, or where only zeros follow.
var errScanEnd = errors.New("end of segment")

// scanner walks the batches of a segment by their headers. It reads through a
// window and skips payloads that don't fit, so that a scan over megabyte batches reads
// kilobytes. It has one owner and is given back by close.
type scanner struct {
	file    vfs.File
	segment *segment // for error messages
	pos     int64    // of the next batch
	end     int64    // scan up to here
	// holes are damaged places that are known, at or behind the position.
	holes []hole

	window *[]byte
	from   int64 // position of the first byte in the window
	filled int
}

var windows = [...]sync.Pool{
	{New: func() any { b := make([]byte, lookupWindow); return &b }},
	{New: func() any { b := make([]byte, scanWindow); return &b }},
}

func windowPool(size int) *sync.Pool {
	if size == lookupWindow {
		return &windows[0]
	}
	return &windows[1]
}

func newScanner(file vfs.File, s *segment, pos, end int64, window int) scanner {
	return scanner{file: file, segment: s, pos: pos, end: end, window: windowPool(window).Get().(*[]byte)}
}

// hole is a damaged place in a segment: bytes that are no batch, or not the one that was written.
type hole struct {
	from, to int64 // bytes
	// nextOffset is where the batches go on behind it.
	nextOffset int64
}

// errHole says that the position is a known hole.
var errHole = errors.New("damaged batches")

// inHole returns the hole at the position, or nil.
func (s *scanner) inHole() *hole {
	for len(s.holes) > 0 && s.holes[0].to <= s.pos {
		s.holes = s.holes[1:]
	}
	if len(s.holes) > 0 && s.holes[0].from <= s.pos {
		return &s.holes[0]
	}
	return nil
}

func (s *scanner) close() {
	if s.window != nil {
		windowPool(len(*s.window)).Put(s.window)
		s.window = nil
	}
}

// bytes returns up to n bytes at the position: fewer only at the end. n is at most the window.
func (s *scanner) bytes(at int64, n int) ([]byte, error) {
	if have := s.from + int64(s.filled) - at; at < s.from || have < int64(n) && have < s.end-at {
		want := min(int64(len(*s.window)), s.end-at)
		read, err := s.file.ReadAt((*s.window)[:want], at)
		s.from, s.filled = at, read
		if err != nil && (!errors.Is(err, io.EOF) || read == 0) {
			if errors.Is(err, io.EOF) {
				return nil, io.ErrUnexpectedEOF // the file is shorter than the log knows
			}
			return nil, err
		}
	}
	rest := (*s.window)[at-s.from : s.filled]
	return rest[:min(n, len(rest))], nil
}

// next reads the header at the position and moves behind its batch. Errors:
// errScanEnd, *logstore.CorruptError for what can't be a batch or
// is cut short by the end, or of reading. The position stays then.
func (s *scanner) next() (record.Header, error) {
	if s.pos >= s.end {
		return record.Header{}, errScanEnd
	}
	if len(s.holes) > 0 && s.inHole() != nil {
		return record.Header{}, s.corrupt(errHole)
	}
	p, err := s.bytes(s.pos, record.HeaderSize)
	if err != nil {
		return record.Header{}, s.wrap(err)
	}
	h, err := record.ReadHeader(p)
	if err != nil {
		if errors.Is(err, record.ErrEnd) {
			return record.Header{}, errScanEnd
		}
		return record.Header{}, s.corrupt(err)
	}
	if h.BaseOffset() < 0 || h.NextOffset() <= h.BaseOffset() { // which also is where adding overflows
		return record.Header{}, s.corrupt(fmt.Errorf("impossible offsets: base %d, last delta %d", h.BaseOffset(), h.LastOffsetDelta()))
	}
	if int64(h.Size()) > s.end-s.pos {
		return record.Header{}, s.corrupt(record.ErrTruncated)
	}
	s.pos += int64(h.Size())
	return h, nil
}

// verify checks the CRC of the batch that next returned last, without holding it in memory.
func (s *scanner) verify(h record.Header) error {
	start := s.pos - int64(h.Size())
	sum := crc32.Update(0, castagnoli, h[crcFrom:])
	for at := start + record.HeaderSize; at < s.pos; {
		p, err := s.bytes(at, int(min(s.pos-at, int64(len(*s.window)))))
		if err != nil {
			return s.wrap(err)
		}
		if len(p) == 0 {
			return s.wrap(io.ErrUnexpectedEOF)
		}
		sum = crc32.Update(sum, castagnoli, p)
		at += int64(len(p))
	}
	if sum != h.CRC() {
		return &logstore.CorruptError{Path: s.path(), Offset: start, Err: fmt.Errorf("%w: crc is %#x, computed %#x", record.ErrCorrupt, h.CRC(), sum)}
	}
	return nil
}

func (s *scanner) path() string { return s.segment.path(logSuffix) }

func (s *scanner) corrupt(err error) error {
	return &logstore.CorruptError{Path: s.path(), Offset: s.pos, Err: err}
}

func (s *scanner) wrap(err error) error {
	return fmt.Errorf("scan %s at byte %d: %w", s.path(), s.pos, err)
}

// isCorrupt tells contradictions of the bytes from failures to read them.
func isCorrupt(err error) bool {
	var corrupt *logstore.CorruptError
	return errors.As(err, &corrupt)
}
