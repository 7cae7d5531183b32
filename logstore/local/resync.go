package local

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/clatterhq/clatter/wire/record"
)

// searchBudget bounds how often bytes behind a damaged place are checksummed in the search for the
// next batch, as a multiple of their number. A payload may be full of things that look like headers.
const searchBudget = 4

// found batches behind a damaged place.
type resumption struct {
	pos    int64
	header record.Header
	// ok says that there is a batch. Where the search was given up, gaveUp is set instead, and nothing is known.
	ok, gaveUp bool
}

// resync looks for the next valid batch behind the position, which holds none: one with a correct
// CRC and offsets from least to most. The position stays.
func (s *scanner) resync(least, most int64) (resumption, error) {
	// Most damage is in a payload, and the header still says where the batch ends. With offsets missing before that place,
	// compaction took them or the size is wrong, and there are batches in between.
	var claimed resumption
	if h, err := s.headerAt(s.pos); err == nil {
		if next := s.pos + int64(h.Size()); next < s.end {
			if claimed, err = s.batchAt(next, least, most); err != nil {
				return resumption{}, err
			}
			if claimed.ok && claimed.header.BaseOffset() == least+int64(h.LastOffsetDelta())+1 {
				return claimed, nil
			}
		}
	}
	budget := searchBudget * (s.end - s.pos)
	for at := s.pos + 1; at+record.HeaderSize <= s.end; at++ {
		p, err := s.bytes(at, record.HeaderSize)
		if err != nil {
			return resumption{}, s.wrap(err)
		}
		// Two bytes rule out nearly everything: the magic, and the first one of an offset.
		if p[16] != record.Magic || p[0] != 0 {
			continue
		}
		h, err := record.ReadHeader(p)
		if err != nil || !plausible(h, least, most) || int64(h.Size()) > s.end-at {
			continue
		}
		if budget -= int64(h.Size()); budget < 0 {
			claimed.gaveUp = !claimed.ok
			return claimed, nil
		}
		r, err := s.batchAt(at, least, most)
		if err != nil {
			return resumption{}, err
		}
		if r.ok && claimed.ok && at < claimed.pos {
			// A record may hold the bytes of a batch.
			budget -= claimed.pos - at
			if r.ok, err = s.leadsTo(r, claimed, most); err != nil {
				return resumption{}, err
			}
		}
		if r.ok {
			return r, nil
		}
	}
	return resumption{}, nil
}

// leadsTo reports whether there are nothing but valid batches from one to another.
func (s *scanner) leadsTo(from, to resumption, most int64) (bool, error) {
	for from.ok && from.pos < to.pos {
		var err error
		if from, err = s.batchAt(from.pos+int64(from.header.Size()), from.header.NextOffset(), most); err != nil {
			return false, err
		}
	}
	return from.ok && from.pos == to.pos, nil
}

// plausible tells whether a header could follow what lies before least, and precede what lies behind most.
func plausible(h record.Header, least, most int64) bool {
	return h.BaseOffset() >= least && h.LastOffsetDelta() >= 0 && h.Count() >= 0 && h.LastOffset() <= most
}

func (s *scanner) headerAt(at int64) (record.Header, error) {
	p, err := s.bytes(at, record.HeaderSize)
	if err != nil {
		return record.Header{}, err
	}
	return record.ReadHeader(p)
}

// batchAt checks whether a valid batch begins at a position. The error is of reading only.
func (s *scanner) batchAt(at, least, most int64) (resumption, error) {
	probe := *s
	probe.pos, probe.holes = at, nil
	h, err := probe.next()
	if err == nil && plausible(h, least, most) {
		err = probe.verify(h)
	}
	// The probe read through the same window.
	s.from, s.filled = probe.from, probe.filled
	switch {
	case err == nil:
		return resumption{pos: at, header: h, ok: plausible(h, least, most)}, nil
	case isCorrupt(err), errors.Is(err, errScanEnd):
		return resumption{}, nil
	default:
		return resumption{}, err
	}
}

// maxOldMessage bounds what is taken for a message of the old format, in bytes.
const maxOldMessage = 64 << 20

// isOldFormat reports whether a message of magic 0 or 1 is at the position (offset 8 bytes, size 4, CRC-32 4, magic 1).
// It must not be taken for a torn batch.
func (s *scanner) isOldFormat() (bool, error) {
	const overhead, crcEnd = 12, 16
	p, err := s.bytes(s.pos, crcEnd+1)
	if err != nil || len(p) <= crcEnd || p[crcEnd] > 1 {
		return false, ignoreShort(err)
	}
	size := int64(int32(binary.BigEndian.Uint32(p[8:])))
	if size < 14 || size > min(maxOldMessage, s.end-s.pos-overhead) {
		return false, nil
	}
	message := make([]byte, size)
	if _, err := s.file.ReadAt(message, s.pos+overhead); err != nil {
		return false, ignoreShort(err)
	}
	return crc32.ChecksumIEEE(message[4:]) == binary.BigEndian.Uint32(message), nil
}

// ignoreShort takes a file that is shorter than it was for one that has nothing there.
func ignoreShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// zeros reports whether everything from the position on is zero, as the end of a preallocated file.
func (s *scanner) zeros() (bool, error) {
	for at := s.pos; at < s.end; {
		p, err := s.bytes(at, len(*s.window))
		if err != nil {
			return false, s.wrap(err)
		}
		for _, c := range p {
			if c != 0 {
				return false, nil
			}
		}
		at += int64(len(p))
	}
	return true, nil
}
