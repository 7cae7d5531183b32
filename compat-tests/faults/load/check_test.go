package load

import (
	"slices"
	"testing"
)

// history is three values of one worker, all acknowledged and all read, with nothing wrong.
func history() History {
	var h History
	h.Attempted = map[int32]map[int]int{0: {1: 3}}
	h.Final = map[int32][]Seen{}
	for i := range 3 {
		place, value := Place{Partition: 0, Offset: int64(i)}, Value{Worker: 1, Seq: i}
		h.Acked = append(h.Acked, Acked{Place: place, Value: value})
		h.Final[0] = append(h.Final[0], Seen{Place: place, Value: value})
		h.Live = append(h.Live, Seen{Place: place, Value: value})
	}
	h.Commits = map[int32]*Commits{0: {Acked: 2, Tried: 3, Final: 2, Shown: []Run{{From: 0, End: 2}, {From: 1, End: 3, Floor: 1}}}}
	return h
}

func TestCheckNamesEveryAnomaly(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(*History)
		want   []AnomalyKind
	}{
		{"nothing wrong", func(*History) {}, nil},
		{"unacknowledged record is there", func(h *History) { h.Acked = h.Acked[:2] }, nil},
		{"unacknowledged record is not there", func(h *History) {
			h.Acked, h.Live, h.Final[0] = h.Acked[:2], h.Live[:2], h.Final[0][:2]
		}, nil},
		{"acknowledged record is gone", func(h *History) { h.Final[0], h.Live = h.Final[0][:2], nil }, []AnomalyKind{Lost}},
		{"acknowledged record at another offset", func(h *History) {
			h.Live = nil
			h.Acked = h.Acked[2:]
			h.Acked[0].Offset = 1
		}, []AnomalyKind{Moved}},
		{"value twice", func(h *History) {
			h.Final[0] = append(h.Final[0], Seen{Place: Place{Offset: 3}, Value: Value{Worker: 1, Seq: 1}})
		}, []AnomalyKind{Duplicated}},
		{"order of a worker", func(h *History) {
			h.Acked, h.Live = nil, nil
			h.Final[0][0].Value, h.Final[0][1].Value = h.Final[0][1].Value, h.Final[0][0].Value
		}, []AnomalyKind{Reordered}},
		{"reader was shown what is gone", func(h *History) {
			h.Live = append(h.Live, Seen{Place: Place{Offset: 3}, Value: Value{Worker: 1, Seq: 3}})
		}, []AnomalyKind{Inconsistent}},
		{"reader was shown something else", func(h *History) { h.Live[1].Value.Seq = 7 }, []AnomalyKind{Inconsistent}},
		{"nobody wrote it", func(h *History) { h.Attempted[0][1] = 2 }, []AnomalyKind{Invented}},
		{"hole in the log", func(h *History) {
			h.Acked, h.Live = h.Acked[:2], h.Live[:2]
			h.Final[0][2].Offset = 9
		}, []AnomalyKind{Gap}},
		{"commit that nobody heard of", func(h *History) { h.Commits[0].Final = 3 }, nil},
		{"acknowledged commit is gone", func(h *History) { h.Commits[0].Final = 1 }, []AnomalyKind{LostCommit}},
		{"commit that nobody made", func(h *History) { h.Commits[0].Tried, h.Commits[0].Acked = 1, 1 }, []AnomalyKind{NotCommitted}},
		{"member begins before the commit", func(h *History) { h.Commits[0].Shown[1].Floor = 2 }, []AnomalyKind{Rewound}},
		{"member is not shown everything", func(h *History) { h.Commits[0].Shown[0].End = 1; h.Commits[0].Shown = h.Commits[0].Shown[:1] }, []AnomalyKind{Skipped}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := history()
			test.damage(&h)
			wantFound(t, h, test.want)
		})
	}
}

// wantFound checks a history, in which anomalies of these kinds must be found, in this order.
func wantFound(t *testing.T, h History, want []AnomalyKind) {
	t.Helper()
	found := Check(h, 10)
	if !slices.EqualFunc(found, want, func(a Anomaly, kind AnomalyKind) bool { return a.Kind == kind }) {
		t.Errorf("found %v, want %v", found, want)
	}
}
