package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/clatterhq/clatter/logstore"
)

// JournalFile is our own file in a log directory with the batches that were made durable there before they are in their segments. Kafka
// ignores it.
const JournalFile = "clatter-journal"

// The journal is a run of commits, each of them big endian:
//
//	crc           uint32   CRC-32C of all that follows
//	magic         uint32   0x89 'C' 'J', and version 2
//	writer        uint64   random, the same in all commits of a process
//	sequence      uint64   one more than that of the commit before
//	length        uint32   of the entries, in bytes
//	entries
//
// and an entry:
//
//	topic ID      16 bytes
//	base offset   uint64   of the segment
//	position      uint64   in its .log
//	length        uint32   of the batches
//	name length   uint16
//	name          of the partition's folder
//	batches
//
// Nobody but the process knows the writer. So what a client puts into its records can't look like a commit, and behind a damaged one the next
// can be searched for.
const (
	journalMagic      = 0x89434a_02
	journalHeaderSize = 28
	journalEntrySize  = 38
)

// JournalEntry is batches and where they belong.
type JournalEntry struct {
	TopicID    logstore.TopicID
	Folder     string // of the partition
	BaseOffset int64  // of the segment
	Position   int64  // in the .log file
	Batches    []byte
}

// BeginJournalCommit appends the beginning of a commit to dst, for SealJournalCommit to fill in.
func BeginJournalCommit(dst []byte) []byte { return append(dst, make([]byte, journalHeaderSize)...) }

// AppendJournalEntry appends an entry with room for n bytes of batches to dst. The caller fills the room, which is the end of the result.
func AppendJournalEntry(dst []byte, e *JournalEntry, n int) (extended, room []byte) {
	dst = append(dst, e.TopicID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.BaseOffset))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Position))
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(e.Folder)))
	dst = append(dst, e.Folder...)
	dst = append(dst, make([]byte, n)...)
	return dst, dst[len(dst)-n:]
}

// SealJournalCommit completes a commit, which is all of p.
func SealJournalCommit(p []byte, writer, sequence uint64) {
	binary.BigEndian.PutUint32(p[4:], journalMagic)
	binary.BigEndian.PutUint64(p[8:], writer)
	binary.BigEndian.PutUint64(p[16:], sequence)
	binary.BigEndian.PutUint32(p[24:], uint32(len(p)-journalHeaderSize))
	binary.BigEndian.PutUint32(p, crc32.Checksum(p[4:], castagnoli))
}

// JournalDamage is a place in the journal that is not valid, of one commit or several, with a commit behind it: each is durable before the next is
// written, so it was not torn.
type JournalDamage struct{ From, To int }

// DecodeJournal calls fn for each entry of the valid commits in p, in their order. The batches are part of p. It
// returns where that ends: what follows was torn, or never was a commit. What is damaged before that is left out.
//
// Errors: the first one of fn, which ends it; [ErrUnknownVersion].
func DecodeJournal(p []byte, fn func(e *JournalEntry) error) (end int, damage []JournalDamage, err error) {
	var last journalHeader // of the last valid commit, zero before it is known
	skipped := false
	for {
		h, entries, ok := journalCommit(p[end:])
		if !ok {
			next := behindDamage(p[end:], last)
			if next < 0 {
				return end, damage, checkJournalVersion(p)
			}
			damage = appendDamage(damage, JournalDamage{end, end + next})
			end += next
			skipped = true
			continue
		}
		if last.isKnown() && (h.writer != last.writer || h.sequence != last.sequence+1 && !skipped) {
			return end, damage, nil // of another life of the file
		}
		skipped = false
		for rest := entries; len(rest) > 0; {
			e, size, ok := journalEntry(rest)
			if !ok {
				return end, damage, nil
			}
			if err := fn(&e); err != nil {
				return end, damage, err
			}
			rest = rest[size:]
		}
		end += journalHeaderSize + len(entries)
		last = h
	}
}

// appendDamage adds a place, as a part of the one before if it adjoins that.
func appendDamage(damage []JournalDamage, d JournalDamage) []JournalDamage {
	if n := len(damage); n > 0 && damage[n-1].To == d.From {
		damage[n-1].To = d.To
		return damage
	}
	return append(damage, d)
}

// checkJournalVersion refuses the journal of a version that knows more, or less. A damaged byte doesn't look like one as long as there is a second commit.
func checkJournalVersion(p []byte) error {
	if len(p) < journalHeaderSize {
		return nil
	}
	magic := binary.BigEndian.Uint32(p[4:])
	if magic>>8 != journalMagic>>8 || magic == journalMagic || behindDamage(p, journalHeader{}) >= 0 {
		return nil
	}
	return fmt.Errorf("%w of the journal: %d; start the version of the software that wrote it once, and stop it", ErrUnknownVersion, magic&0xff)
}

// behindDamage is where the next commit begins behind what is at the beginning of p, and isn't valid; -1 if there is none. It may be
// damaged itself: then its header proves that what lies before it was durable. last is the last valid one before it.
func behindDamage(p []byte, last journalHeader) int {
	if len(p) < journalHeaderSize {
		return -1
	}
	if last.isKnown() {
		return nextJournalCommit(p, last)
	}
	// The first one: its header says who wrote it, and where it ends, if that isn't what is damaged. Without a writer, searching
	// might find what a client made look like a commit.
	own := readJournalHeader(p)
	behind := p[min(journalHeaderSize+own.length, int64(len(p))):]
	if _, _, ok := journalCommit(behind); ok {
		return len(p) - len(behind)
	}
	if at := nextJournalCommit(p, journalHeader{writer: own.writer}); at >= 0 {
		return at
	}
	if isJournalHeader(behind) {
		return len(p) - len(behind)
	}
	return -1
}

// nextJournalCommit is where the next commit by the same writer begins behind the beginning of p, -1 if there is none.
func nextJournalCommit(p []byte, last journalHeader) int {
	var mark [12]byte
	binary.BigEndian.PutUint32(mark[:], journalMagic)
	binary.BigEndian.PutUint64(mark[4:], last.writer)
	const markAt = 4
	for at := 1; at+markAt < len(p); at++ {
		found := bytes.Index(p[at+markAt:], mark[:])
		if found < 0 {
			break
		}
		at += found
		if isJournalHeader(p[at:]) && readJournalHeader(p[at:]).sequence > last.sequence {
			return at
		}
	}
	return -1
}

// journalHeader is what the header of a commit says.
type journalHeader struct {
	crc              uint32
	writer, sequence uint64
	length           int64 // of the entries, within the journal or not
}

// isKnown is false for the zero value: sequences begin with 1.
func (h *journalHeader) isKnown() bool { return h.sequence > 0 }

// isJournalHeader reports whether p begins with the header of a commit, true or not.
func isJournalHeader(p []byte) bool {
	return len(p) >= journalHeaderSize && binary.BigEndian.Uint32(p[4:]) == journalMagic
}

// readJournalHeader takes the header at the beginning of p apart.
func readJournalHeader(p []byte) journalHeader {
	return journalHeader{
		crc: binary.BigEndian.Uint32(p), writer: binary.BigEndian.Uint64(p[8:]), sequence: binary.BigEndian.Uint64(p[16:]),
		length: int64(binary.BigEndian.Uint32(p[24:])),
	}
}

// journalCommit takes the commit at the beginning of p apart.
func journalCommit(p []byte) (h journalHeader, entries []byte, ok bool) {
	if !isJournalHeader(p) {
		return h, nil, false
	}
	h = readJournalHeader(p)
	if !h.isKnown() || h.length > int64(len(p)-journalHeaderSize) {
		return h, nil, false
	}
	p = p[:journalHeaderSize+h.length]
	return h, p[journalHeaderSize:], crc32.Checksum(p[4:], castagnoli) == h.crc
}

// journalEntry takes the entry at the beginning of p apart.
func journalEntry(p []byte) (e JournalEntry, size int, ok bool) {
	if len(p) < journalEntrySize {
		return e, 0, false
	}
	copy(e.TopicID[:], p)
	e.BaseOffset = int64(binary.BigEndian.Uint64(p[16:]))
	e.Position = int64(binary.BigEndian.Uint64(p[24:]))
	bytes := int64(binary.BigEndian.Uint32(p[32:]))
	name := int64(binary.BigEndian.Uint16(p[36:]))
	total := journalEntrySize + name + bytes
	if e.BaseOffset < 0 || e.Position < 0 || total > int64(len(p)) {
		return e, 0, false
	}
	e.Folder = string(p[journalEntrySize : journalEntrySize+name])
	e.Batches = p[journalEntrySize+name : total]
	return e, int(total), true
}
