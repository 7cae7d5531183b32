package format

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore"
)

// journalCommitOf is one commit.
func journalCommitOf(sequence uint64, entries ...JournalEntry) []byte {
	p := BeginJournalCommit(nil)
	for i := range entries {
		var room []byte
		p, room = AppendJournalEntry(p, &entries[i], len(entries[i].Batches))
		copy(room, entries[i].Batches)
	}
	SealJournalCommit(p, sequence)
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
			SealJournalCommit(p, uint64(at))
		}
		entries, end := decodeJournal(t, p)
		size := 0
		for _, e := range entries {
			size += journalEntrySize + len(e.Folder) + len(e.Batches)
		}
		if end > len(p) || size > len(p) {
			t.Errorf("%d bytes up to %d of %d", size, end, len(p))
		}
	})
}

// TestDamagedJournalGoesOnWithWhatFollows: some of a few commits are damaged. Those behind count all the same, but for one that doesn't
// come next.
func TestDamagedJournalGoesOnWithWhatFollows(t *testing.T) {
	var commits [][]byte
	for i := range 5 {
		// A client makes its record look like the commit that comes next but one.
		forged := journalCommitOf(uint64(i)+3, JournalEntry{Folder: "forged-0", Batches: []byte{1}})
		commits = append(commits, journalCommitOf(uint64(i)+1, JournalEntry{Folder: "a-0", Position: int64(i), Batches: forged}))
	}
	size := len(commits[0])
	journal := slices.Concat(commits...)
	for _, test := range []struct {
		damage []int
		want   []int64 // positions
	}{
		{[]int{0}, []int64{1, 2, 3, 4}},
		{[]int{2}, []int64{0, 1, 3, 4}},
		{[]int{4}, []int64{0, 1, 2, 3}},
		{[]int{0, 2, 4}, []int64{1, 3}},
	} {
		for _, at := range []int{0, 5, 12, 17, 19, 30, size - 1} {
			damaged := bytes.Clone(journal)
			for _, i := range test.damage {
				damaged[i*size+at] ^= 1
			}
			var got []int64
			end, found, err := DecodeJournal(damaged, func(e *JournalEntry) error {
				if e.Folder != "a-0" {
					t.Errorf("forged: %+v", e)
				}
				got = append(got, e.Position)
				return nil
			})
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("byte %d of %v damaged: %v, want %v, %v", at, test.damage, got, test.want, err)
			}
			last := int(test.want[len(test.want)-1])
			told := 0
			for _, d := range found {
				told += (d.To - d.From) / size
			}
			if end != (last+1)*size || told != last+1-len(test.want) {
				t.Errorf("byte %d of %v damaged: ends at %d, damage %v", at, test.damage, end, found)
			}
		}
	}
	skipped := slices.Concat(commits[0], commits[1], commits[3])
	if _, end := decodeJournal(t, skipped); end != 2*size {
		t.Errorf("a commit that doesn't come next is taken for one: ends at %d", end)
	}
}
