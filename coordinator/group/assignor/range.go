package assignor

import (
	"cmp"
	"slices"
)

// Range gives each subscriber of a topic a run of consecutive partitions (RangeAssignor). Members with the same topics get the same numbers
// of all topics that have equally many partitions, so that they can join them.
//
// Static members come first, by their instance IDs: after a restart under new member IDs they get what they had.
type Range struct{}

// Name implements [Assignor].
func (Range) Name() string { return "range" }

// rangeTopic is how far the partitions of a topic are given out.
type rangeTopic struct {
	partitions  int32
	subscribers int32
	extra       int32 // subscribers that still get one partition more than others
	next        int32 // partition to be given out
}

// Assign implements [Assignor].
func (Range) Assign(s *Spec) (map[string]Partitions, error) {
	topics := map[TopicID]*rangeTopic{}
	for i := range s.Members {
		for _, id := range s.Members[i].Topics {
			if topics[id] == nil {
				n, err := s.count(id)
				if err != nil {
					return nil, err
				}
				topics[id] = &rangeTopic{partitions: n}
			}
			topics[id].subscribers++
		}
	}
	for _, t := range topics {
		t.extra = t.partitions % t.subscribers
	}
	order := make([]*Member, len(s.Members))
	for i := range s.Members {
		order[i] = &s.Members[i]
	}
	slices.SortFunc(order, compareForRange)
	assigned := make(map[string]Partitions, len(order))
	for _, m := range order {
		mine := make(Partitions, len(m.Topics))
		for _, id := range m.Topics {
			if run := topics[id].take(); len(run) > 0 {
				mine[id] = run
			}
		}
		assigned[m.ID] = mine
	}
	return assigned, nil
}

// compareForRange puts static members first.
func compareForRange(a, b *Member) int {
	switch {
	case a.InstanceID != nil && b.InstanceID != nil:
		return cmp.Compare(*a.InstanceID, *b.InstanceID)
	case a.InstanceID != nil:
		return -1
	case b.InstanceID != nil:
		return 1
	}
	return cmp.Compare(a.ID, b.ID)
}

// take gives out the next run.
func (t *rangeTopic) take() []int32 {
	n := t.partitions / t.subscribers
	if t.extra > 0 {
		t.extra--
		n++
	}
	run := make([]int32, n)
	for i := range run {
		run[i] = t.next
		t.next++
	}
	return run
}
