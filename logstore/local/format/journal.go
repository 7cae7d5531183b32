package format

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/clatterhq/clatter/logstore"
)

// JournalFile is our own file in a log directory with the batches that were made durable there before they are in their segments. Kafka
// ignores it.
const JournalFile = "clatter-journal"

// The journal is a run of commits, each of them big endian:
//
//	crc           uint32   CRC-32C of all that follows
//	magic         uint32   0x89 'C' 'J', and version 1
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
const (
	journalMagic      = 0x89434a_01
	journalHeaderSize = 20
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
func SealJournalCommit(p []byte, sequence uint64) {
	binary.BigEndian.PutUint32(p[4:], journalMagic)
	binary.BigEndian.PutUint64(p[8:], sequence)
	binary.BigEndian.PutUint32(p[16:], uint32(len(p)-journalHeaderSize))
	binary.BigEndian.PutUint32(p, crc32.Checksum(p[4:], castagnoli))
}

// JournalDamage is a commit that is not valid, by its place in the journal, with a valid one behind it: each is durable before the next is
// written, so it was not torn.
type JournalDamage struct{ From, To int }

// DecodeJournal calls fn for each entry of the valid commits in p, in their order. The batches are part of p. It
// returns where the last of these commits ends: what follows was torn, or never was a commit. Damaged commits before that are left out. The first error of
// fn ends it.
func DecodeJournal(p []byte, fn func(e *JournalEntry) error) (end int, damage []JournalDamage, err error) {
	var next uint64 // sequence, 0 while it isn't known
	for {
		entries, sequence, ok := journalCommit(p[end:])
		if ok && next > 0 && sequence != next {
			return end, damage, nil
		}
		if !ok {
			if next > 0 {
				next++
			}
			behind := behindDamage(p[end:], next)
			if behind < 0 {
				return end, damage, nil
			}
			damage = append(damage, JournalDamage{end, end + behind})
			end += behind
			continue
		}
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
		next = sequence + 1
	}
}

// behindDamage is where the commit with a sequence (any, if that is 0) begins behind the one at the beginning of p, which isn't valid; -1 if there is none. It must lie
// where the length of the damaged one says, or would say but for one bit: searching for it might find what a client made look like a commit.
func behindDamage(p []byte, sequence uint64) int {
	if len(p) < journalHeaderSize {
		return -1
	}
	length := int64(binary.BigEndian.Uint32(p[16:]))
	begins := func(length int64) bool {
		if length > int64(len(p)-journalHeaderSize) {
			return false
		}
		_, found, ok := journalCommit(p[journalHeaderSize+length:])
		return ok && (sequence == 0 || found == sequence)
	}
	if begins(length) {
		return journalHeaderSize + int(length)
	}
	at := -1
	for bit := range 32 {
		if other := length ^ 1<<bit; begins(other) {
			if at >= 0 {
				return -1 // Nobody knows which one.
			}
			at = journalHeaderSize + int(other)
		}
	}
	return at
}

// journalCommit takes the commit at the beginning of p apart.
func journalCommit(p []byte) (entries []byte, sequence uint64, ok bool) {
	if len(p) < journalHeaderSize || binary.BigEndian.Uint32(p[4:]) != journalMagic {
		return nil, 0, false
	}
	length := int64(binary.BigEndian.Uint32(p[16:]))
	if length > int64(len(p)-journalHeaderSize) {
		return nil, 0, false
	}
	p = p[:journalHeaderSize+length]
	if crc32.Checksum(p[4:], castagnoli) != binary.BigEndian.Uint32(p) {
		return nil, 0, false
	}
	return p[journalHeaderSize:], binary.BigEndian.Uint64(p[8:]), true
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
