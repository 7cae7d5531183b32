package load

import (
	"cmp"
	"fmt"
	"slices"
)

// Value is one record's content: who wrote it and its number among that worker's records of the partition, from 0.
type Value struct {
	Worker int
	Seq    int
}

func (v Value) String() string { return fmt.Sprintf("worker %d #%d", v.Worker, v.Seq) }

// Place is where a record lies.
type Place struct {
	Partition int32
	Offset    int64
}

func (p Place) String() string { return fmt.Sprintf("partition %d offset %d", p.Partition, p.Offset) }

// Acked is a record that the broker has acknowledged, at the offset that it told.
type Acked struct {
	Place
	Value Value
}

// Seen is a record that a reader was shown.
type Seen struct {
	Place
	Value Value
}

// History is what happened in one run.
type History struct {
	// Attempted is, per partition and worker, how many values the worker handed over: 0 to Attempted-1.
	Attempted map[int32]map[int]int
	Acked     []Acked
	// Final is the whole log as read at the end, per partition in the order of reading.
	Final map[int32][]Seen
	// Unread says that the log or what was committed could not be read at the end, so that nothing can be said about either.
	Unread bool
	// Live is what readers were shown while it happened.
	Live []Seen
	// Commits is what the group committed, per partition; nothing without a group.
	Commits map[int32]*Commits

	// Transactions are those of copiers, Copies what is left of them for readers of committed records, per partition in the order of reading,
	// and LiveCopies what such readers were shown while it happened; nothing without copiers.
	Transactions map[TransactionID]Transaction
	Copies       map[int32][]Copied
	LiveCopies   []Copied
	// CopierOffsets is, per partition, up to where copiers have copied, by the offsets that they committed.
	CopierOffsets map[int32]int64
	// Hanging are places at which readers of committed records stand before the end, though no transaction is under way.
	Hanging []Place
}

func newHistory() History {
	return History{
		Attempted: map[int32]map[int]int{}, Final: map[int32][]Seen{}, Commits: map[int32]*Commits{},
		Transactions: map[TransactionID]Transaction{}, Copies: map[int32][]Copied{}, CopierOffsets: map[int32]int64{},
	}
}

// AnomalyKind names a broken promise.
type AnomalyKind string

// The kinds of anomalies, by the names that the literature on queues gives them.
const (
	Lost         AnomalyKind = "lost"          // acknowledged, but not in the log
	Moved        AnomalyKind = "moved"         // acknowledged at one offset, found at another
	Duplicated   AnomalyKind = "duplicated"    // twice in the log
	Reordered    AnomalyKind = "reordered"     // a worker's records of one partition out of their order
	Inconsistent AnomalyKind = "inconsistent"  // one offset showed different records to different readers
	Invented     AnomalyKind = "invented"      // in the log, but never written
	Gap          AnomalyKind = "gap"           // offsets of the log that don't follow each other
	LostCommit   AnomalyKind = "lost commit"   // acknowledged, but the group is before it
	NotCommitted AnomalyKind = "not committed" // the group is behind everything that it ever committed
	Rewound      AnomalyKind = "rewound"       // a member was shown again what was committed when it began
	Skipped      AnomalyKind = "skipped"       // committed, and no member was shown it
)

// Anomaly is one broken promise.
type Anomaly struct {
	Kind  AnomalyKind
	Where Place
	Text  string
}

func (a Anomaly) String() string { return fmt.Sprintf("%s: %s: %s", a.Kind, a.Where, a.Text) }

// Check returns every anomaly of a history, at most limit of them.
func Check(h History, limit int) []Anomaly {
	c := checker{history: h, at: map[Place]Value{}, places: map[int32]map[Value]int64{}}
	for _, partition := range slices.Sorted(mapKeys(h.Final)) {
		c.checkPartition(partition, h.Final[partition])
	}
	c.checkAcked()
	c.checkLive()
	for _, partition := range slices.Sorted(mapKeys(h.Commits)) {
		c.checkCommits(partition, h.Commits[partition])
	}
	c.checkCopies()
	return c.found[:min(len(c.found), limit)]
}

func mapKeys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

type checker struct {
	history History
	found   []Anomaly
	at      map[Place]Value
	places  map[int32]map[Value]int64
}

func (c *checker) report(kind AnomalyKind, where Place, format string, args ...any) {
	c.found = append(c.found, Anomaly{Kind: kind, Where: where, Text: fmt.Sprintf(format, args...)})
}

// checkPartition looks at one log by itself: offsets, duplicates, each worker's order, values that nobody wrote.
func (c *checker) checkPartition(partition int32, records []Seen) {
	first := map[Value]int64{}
	last := map[int]int{}
	for i, r := range records {
		c.at[r.Place] = r.Value
		if want := int64(i); r.Offset != want {
			c.report(Gap, r.Place, "want offset %d", want)
		}
		if offset, ok := first[r.Value]; ok {
			c.report(Duplicated, r.Place, "%s is also at offset %d", r.Value, offset)
			continue
		}
		first[r.Value] = r.Offset
		if r.Value.Seq >= c.history.Attempted[partition][r.Value.Worker] {
			c.report(Invented, r.Place, "%s was never written", r.Value)
		}
		if before, ok := last[r.Value.Worker]; ok && r.Value.Seq < before {
			c.report(Reordered, r.Place, "%s comes after #%d", r.Value, before)
		}
		last[r.Value.Worker] = r.Value.Seq
	}
	c.places[partition] = first
}

// checkAcked looks for every acknowledged record at the offset that was told.
func (c *checker) checkAcked() {
	for _, a := range c.history.Acked {
		if got, ok := c.at[a.Place]; ok && got == a.Value {
			continue
		}
		if offset, ok := c.places[a.Partition][a.Value]; ok {
			c.report(Moved, a.Place, "%s is at offset %d", a.Value, offset)
			continue
		}
		c.report(Lost, a.Place, "%s was acknowledged", a.Value)
	}
}

// checkLive compares what readers were shown meanwhile with the log at the end.
func (c *checker) checkLive() {
	for _, r := range c.history.Live {
		got, ok := c.at[r.Place]
		switch {
		case !ok:
			c.report(Inconsistent, r.Place, "a reader was shown %s, which is gone", r.Value)
		case got != r.Value:
			c.report(Inconsistent, r.Place, "a reader was shown %s, now it is %s", r.Value, got)
		}
	}
}

// checkCommits looks at the group's offset in one partition, and at what its members were shown before it.
func (c *checker) checkCommits(partition int32, commits *Commits) {
	at := Place{Partition: partition, Offset: commits.Final}
	if commits.Final < commits.Acked {
		c.report(LostCommit, at, "%d was acknowledged", commits.Acked)
	}
	if commits.Final > commits.Tried {
		c.report(NotCommitted, at, "the last commit was of %d", commits.Tried)
	}
	for _, run := range commits.Shown {
		if run.From < run.Floor {
			c.report(Rewound, Place{Partition: partition, Offset: run.From}, "%d was committed, or read by the same member, before", run.Floor)
		}
	}
	runs := slices.SortedFunc(slices.Values(commits.Shown), func(a, b Run) int { return cmp.Compare(a.From, b.From) })
	shown := int64(0)
	for _, run := range runs {
		if run.From > shown {
			break
		}
		shown = max(shown, run.End)
	}
	if shown < commits.Final {
		c.report(Skipped, Place{Partition: partition, Offset: shown}, "the group is at %d", commits.Final)
	}
}
