package format

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore"
)

// journalWriter is who wrote the journals here.
const journalWriter = 0x0123456789abcdef

// journalCommitOf is one commit.
func journalCommitOf(sequence uint64, entries ...JournalEntry) []byte {
	return journalCommitBy(journalWriter, sequence, entries...)
}

func journalCommitBy(writer, sequence uint64, entries ...JournalEntry) []byte {
	p := BeginJournalCommit(nil)
	for i := range entries {
		var room []byte
		p, room = AppendJournalEntry(p, &entries[i], len(entries[i].Batches))
		copy(room, entries[i].Batches)
	}
	SealJournalCommit(p, writer, sequence)
	return p
}

func decodeJournal(tb testing.TB, p []byte) (entries []JournalEntry, end int) {
	tb.Helper()
	end, _, err := DecodeJournal(p, func(e *JournalEntry) error {
		entries = append(entries, *e)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return entries, end
}

func sameEntries(a, b []JournalEntry) bool {
	return slices.EqualFunc(a, b, func(a, b JournalEntry) bool {
		return a.TopicID == b.TopicID && a.Folder == b.Folder && a.BaseOffset == b.BaseOffset && a.Position == b.Position && bytes.Equal(a.Batches, b.Batches)
	})
}

func TestJournalGivesBackWholeCommits(t *testing.T) {
	entries := []JournalEntry{
		{TopicID: logstore.TopicID{1}, Folder: "a-0", BaseOffset: 1 << 40, Position: 77, Batches: []byte("first")},
		{TopicID: logstore.TopicID{2}, Folder: "__transaction_state-49", Batches: bytes.Repeat([]byte{7}, 300)},
		{TopicID: logstore.TopicID{1}, Folder: "a-0", BaseOffset: 1 << 40, Position: 82, Batches: []byte("second")},
	}
	first, second := journalCommitOf(9, entries[:2]...), journalCommitOf(10, entries[2])
	whole := slices.Concat(first, second)
	if got, end := decodeJournal(t, whole); !sameEntries(got, entries) || end != len(whole) {
		t.Errorf("%+v, up to %d", got, end)
	}
	for cut := range len(whole) {
		want, until := []JournalEntry(nil), 0
		if cut >= len(first) {
			want, until = entries[:2], len(first)
		}
		if got, end := decodeJournal(t, whole[:cut:cut]); !sameEntries(got, want) || end != until {
			t.Fatalf("cut at %d: %+v, up to %d", cut, got, end)
		}
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x10
		want := entries[:2]
		if i < len(first) {
			want = entries[2:] // The second commit proves that the first one was not torn.
		}
		if got, _ := decodeJournal(t, damaged); !sameEntries(got, want) {
			t.Fatalf("damage at %d: %+v", i, got)
		}
		_, found, _ := DecodeJournal(damaged, func(*JournalEntry) error { return nil })
		if i < len(first) && !slices.Equal(found, []JournalDamage{{0, len(first)}}) || i >= len(first) && found != nil {
			t.Fatalf("damage at %d: found %v", i, found)
		}
	}
}

func TestCommitOfEarlierJournalEndsIt(t *testing.T) {
	e := JournalEntry{Folder: "a-0", Batches: []byte("x")}
	for _, sequence := range []uint64{0, 6, 7, 9} {
		first := journalCommitOf(7, e)
		if got, end := decodeJournal(t, slices.Concat(first, journalCommitOf(sequence, e))); len(got) != 1 || end != len(first) {
			t.Errorf("sequence %d after 7: %d entries", sequence, len(got))
		}
	}
	first := journalCommitOf(7, e)
	if got, end := decodeJournal(t, slices.Concat(first, journalCommitBy(1, 8, e))); len(got) != 1 || end != len(first) {
		t.Errorf("commit of another writer: %d entries", len(got))
	}
	// Nor does one of those count that a damaged commit has in its place.
	first[len(first)-1]++
	whole := slices.Concat(journalCommitOf(6, e), first, journalCommitOf(6, e), journalCommitBy(1, 8, e))
	if got, end := decodeJournal(t, whole); len(got) != 1 || end != len(journalCommitOf(6, e)) {
		t.Errorf("behind damage: %d entries up to %d", len(got), end)
	}
}

func TestErrorEndsDecodingOfJournal(t *testing.T) {
	e := JournalEntry{Folder: "a-0", Batches: []byte("x")}
	enough := errors.New("enough")
	calls := 0
	_, _, err := DecodeJournal(journalCommitOf(1, e, e), func(*JournalEntry) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// FuzzJournal never panics, and what is decoded is what was there.
func FuzzJournal(f *testing.F) {
	e := JournalEntry{TopicID: logstore.TopicID{3}, Folder: "a-0", BaseOffset: 5, Position: 6, Batches: []byte("batches")}
	f.Add(journalCommitOf(1, e, e), uint16(0))
	f.Add(slices.Concat(journalCommitOf(1, e), journalCommitOf(2)), uint16(3))
	f.Fuzz(func(t *testing.T, p []byte, at uint16) {
		// The checksum is made right, so that what is behind it is reached.
		if int(at) < len(p) && len(p) > journalHeaderSize {
			p = bytes.Clone(p)
			SealJournalCommit(p, journalWriter, uint64(at))
		}
		var entries []JournalEntry
		end, _, err := DecodeJournal(p, func(e *JournalEntry) error {
			entries = append(entries, *e)
			return nil
		})
		if err != nil && !errors.Is(err, ErrUnknownVersion) {
			t.Error(err)
		}
		size := 0
		for _, e := range entries {
			size += journalEntrySize + len(e.Folder) + len(e.Batches)
		}
		if end > len(p) || size > len(p) {
			t.Errorf("%d bytes up to %d of %d", size, end, len(p))
		}
	})
}

// damageable is a journal of commits of one size, of which each has what a client made look like a commit that comes later.
func damageable(commits int) (journal []byte, size int) {
	for i := range commits {
		forged := journalCommitBy(journalWriter+1, uint64(i)+3, JournalEntry{Folder: "forged-0", Batches: []byte{1}})
		commit := journalCommitOf(uint64(i)+1, JournalEntry{Folder: "a-0", Position: int64(i), Batches: forged})
		journal, size = append(journal, commit...), len(commit)
	}
	return journal, size
}

// decodeDamaged returns the positions of the entries.
func decodeDamaged(t *testing.T, journal []byte) (positions []int64, end int, damage []JournalDamage) {
	t.Helper()
	end, damage, err := DecodeJournal(journal, func(e *JournalEntry) error {
		if e.Folder != "a-0" {
			t.Errorf("forged: %+v", e)
		}
		positions = append(positions, e.Position)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return positions, end, damage
}

// TestDamagedJournalGoesOnWithWhatFollows: some of a few commits are damaged, in the same byte of each. Those behind count all the same.
func TestDamagedJournalGoesOnWithWhatFollows(t *testing.T) {
	const commits = 5
	journal, size := damageable(commits)
	for _, test := range []struct {
		damaged []int
		want    []int64 // positions
	}{
		{[]int{0}, []int64{1, 2, 3, 4}},
		{[]int{2}, []int64{0, 1, 3, 4}},
		{[]int{4}, []int64{0, 1, 2, 3}},
		{[]int{0, 2, 4}, []int64{1, 3}},
		{[]int{0, 1}, []int64{2, 3, 4}},
		{[]int{0, 1, 2, 3}, []int64{4}},
		{[]int{1, 2}, []int64{0, 3, 4}},
		{[]int{1, 2, 3}, []int64{0, 4}},
	} {
		for at := range size {
			damaged := bytes.Clone(journal)
			for _, i := range test.damaged {
				damaged[i*size+at] ^= 1
			}
			got, end, found := decodeDamaged(t, damaged)
			if !slices.Equal(got, test.want) {
				t.Errorf("byte %d of %v damaged: %v, want %v", at, test.damaged, got, test.want)
			}
			last := int(test.want[len(test.want)-1])
			told := 0
			for _, d := range found {
				told += (d.To - d.From) / size
			}
			if end != (last+1)*size || told != last+1-len(test.want) {
				t.Errorf("byte %d of %v damaged: ends at %d, damage %v", at, test.damaged, end, found)
			}
		}
	}
}

// TestWipedPartOfAJournalIsSkipped: the disk lost sectors, which end in the middle of a commit.
func TestWipedPartOfAJournalIsSkipped(t *testing.T) {
	const commits = 6
	journal, size := damageable(commits)
	for from := size; from < 3*size; from += 5 {
		damaged := bytes.Clone(journal)
		clear(damaged[from : from+size+size/2])
		first, last := int64(from/size), int64((from+size+size/2-1)/size)
		want := slices.DeleteFunc([]int64{0, 1, 2, 3, 4, 5}, func(i int64) bool { return i >= first && i <= last })
		got, end, found := decodeDamaged(t, damaged)
		if !slices.Equal(got, want) || end != len(journal) || !slices.Equal(found, []JournalDamage{{int(first) * size, int(last+1) * size}}) {
			t.Errorf("wiped from %d of commits of %d bytes: %v, want %v; ends at %d, damage %v", from, size, got, want, end, found)
		}
	}
}

// TestHeaderOfTheNextCommitProvesDamage: the last two are damaged. The last one may be torn, but then the one before it was not.
func TestHeaderOfTheNextCommitProvesDamage(t *testing.T) {
	journal, size := damageable(3)
	journal[2*size-1]++
	journal[3*size-1]++
	got, end, found := decodeDamaged(t, journal)
	if !slices.Equal(got, []int64{0}) || end != 2*size || !slices.Equal(found, []JournalDamage{{size, 2 * size}}) {
		t.Errorf("%v, ends at %d, damage %v", got, end, found)
	}
}

func TestJournalOfAnotherVersionIsRefused(t *testing.T) {
	e := JournalEntry{Folder: "a-0", Batches: []byte("x")}
	first, second := journalCommitOf(1, e), journalCommitOf(2, e)
	first[7]++
	second[7]++
	calls := 0
	if _, _, err := DecodeJournal(slices.Concat(first, second), func(*JournalEntry) error { calls++; return nil }); !errors.Is(err, ErrUnknownVersion) || calls > 0 {
		t.Errorf("%v after %d calls", err, calls)
	}
	// What is damaged there is no other version.
	if _, damage, err := DecodeJournal(slices.Concat(first, journalCommitOf(2, e)), func(*JournalEntry) error { calls++; return nil }); err != nil || calls != 1 || len(damage) != 1 {
		t.Errorf("%v after %d calls, damage %v", err, calls, damage)
	}
}
