package load

import "testing"

// copied is two transactions of one copier, the first of which was aborted, over the records of history.
func copied() History {
	h := history()
	first, second := TransactionID{Copier: 0, Number: 0}, TransactionID{Copier: 0, Number: 1}
	h.Transactions = map[TransactionID]Transaction{first: {Outcome: Aborted, Records: 3}, second: {Outcome: Committed, Records: 3}}
	h.Copies = map[int32][]Copied{}
	for i, r := range h.Final[0] {
		// The aborted records and their marker lie before.
		c := Copied{Place: Place{Offset: int64(4 + i)}, Copy: Copy{ID: second, Source: r.Place, Value: r.Value}}
		h.Copies[0] = append(h.Copies[0], c)
		h.LiveCopies = append(h.LiveCopies, c)
	}
	h.CopierOffsets = map[int32]int64{0: 3}
	return h
}

func TestCheckNamesEveryAnomalyOfTransactions(t *testing.T) {
	first, second := TransactionID{Copier: 0, Number: 0}, TransactionID{Copier: 0, Number: 1}
	end := func(h *History, outcome Outcome) {
		h.Transactions[second] = Transaction{Outcome: outcome, Records: 3}
	}
	keep := func(h *History, n int) {
		h.Copies[0], h.LiveCopies, h.CopierOffsets[0] = h.Copies[0][:n], nil, int64(n)
	}
	for _, test := range []struct {
		name   string
		damage func(*History)
		want   []AnomalyKind
	}{
		{"nothing wrong", func(*History) {}, nil},
		{"commit without an answer is there", func(h *History) { end(h, Unknown) }, nil},
		{"commit without an answer is not there", func(h *History) { end(h, Unknown); keep(h, 0) }, nil},
		{"commit without an answer is there in part", func(h *History) { end(h, Unknown); keep(h, 2) }, []AnomalyKind{Torn}},
		{"commit is there in part", func(h *History) { keep(h, 1) }, []AnomalyKind{Torn}},
		{"commit is gone", func(h *History) { keep(h, 0) }, []AnomalyKind{Lost}},
		{"aborted and there", func(h *History) { end(h, Aborted) }, []AnomalyKind{AbortedRead}},
		{"reader was shown what is aborted", func(h *History) {
			h.LiveCopies = append(h.LiveCopies, Copied{Place: Place{Offset: 1}, Copy: Copy{ID: first}})
		}, []AnomalyKind{AbortedRead}},
		{"reader was shown what nobody committed", func(h *History) {
			live := h.LiveCopies
			end(h, Unknown)
			keep(h, 0)
			h.LiveCopies = live[:1]
		}, []AnomalyKind{AbortedRead}},
		{"reader was shown another copy", func(h *History) { h.LiveCopies[0].ID = first }, []AnomalyKind{Inconsistent}},
		{"reader was shown what is gone", func(h *History) { h.LiveCopies[0].Offset = 9 }, []AnomalyKind{Inconsistent}},
		{"record copied twice", func(h *History) {
			h.Transactions[second] = Transaction{Outcome: Committed, Records: 4}
			again := h.Copies[0][2]
			again.Offset = 7
			h.Copies[0] = append(h.Copies[0], again)
		}, []AnomalyKind{Duplicated}},
		{"record not copied", func(h *History) {
			h.Transactions[second] = Transaction{Outcome: Committed, Records: 2}
			h.Copies[0] = h.Copies[0][1:]
			h.LiveCopies = nil
		}, []AnomalyKind{Skipped}},
		{"copies in another order", func(h *History) {
			h.Copies[0][0].Copy, h.Copies[0][1].Copy = h.Copies[0][1].Copy, h.Copies[0][0].Copy
		}, []AnomalyKind{Skipped, Reordered}},
		{"copy of something else", func(h *History) { h.Copies[0][1].Value.Seq = 9 }, []AnomalyKind{Inconsistent}},
		{"offsets without their records", func(h *History) { h.CopierOffsets[0] = 4 }, []AnomalyKind{Torn}},
		{"records without their offsets", func(h *History) { h.CopierOffsets[0] = 0 }, []AnomalyKind{Torn}},
		{"offsets and no record at all", func(h *History) { end(h, Unknown); keep(h, 0); h.CopierOffsets[0], h.Copies = 3, nil }, []AnomalyKind{Torn}},
		{"transaction of nobody", func(h *History) { delete(h.Transactions, second) }, []AnomalyKind{Invented}},
		{"readers stand still", func(h *History) { h.Hanging = append(h.Hanging, Place{Offset: 7}) }, []AnomalyKind{Hanging}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := copied()
			test.damage(&h)
			wantFound(t, h, test.want)
		})
	}
}
