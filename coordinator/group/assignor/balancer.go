package assignor

import (
	"cmp"
	"slices"
)

// balancer deals partitions out to the least loaded of some members, and takes them from the most loaded (MemberAssignmentBalancer). It
// keeps the members sorted by the load that they began with, and two ranges of them: [0, leastEnd) have the smallest load, [mostStart, mostEnd)
// the largest. When each of a range has been served, its level moves by one, and the range takes in the members that are at that level.
// Behind mostEnd are members that have nothing to give.
type balancer struct {
	loads  []int // of all members; changed by others between calls
	sorted []int // places of members in loads

	leastEnd, leastLevel, leastNext         int
	mostStart, mostEnd, mostLevel, mostNext int
}

// start begins with these members, of which there is at least one. It returns the difference of their loads.
func (l *balancer) start(loads, members []int) int {
	l.loads = loads
	l.sorted = append(l.sorted[:0], members...)
	slices.SortFunc(l.sorted, func(a, b int) int { return cmp.Or(cmp.Compare(loads[a], loads[b]), cmp.Compare(a, b)) })
	least, most := loads[l.sorted[0]], loads[l.sorted[len(l.sorted)-1]]
	l.leastEnd, l.leastLevel, l.leastNext = 0, least-1, 0
	l.mostStart, l.mostEnd, l.mostLevel, l.mostNext = len(l.sorted), len(l.sorted), most+1, len(l.sorted)-1
	return most - least
}

// nextLeast is the member that gets the next partition.
func (l *balancer) nextLeast() int {
	if l.leastNext >= l.leastEnd {
		l.leastLevel++
		for l.leastEnd < len(l.sorted) && l.loads[l.sorted[l.leastEnd]] == l.leastLevel {
			l.leastEnd++
		}
		l.leastNext = 0
	}
	l.leastNext++
	return l.sorted[l.leastNext-1]
}

// nextMost is the member that loses the next partition; nobody if all have been excluded.
func (l *balancer) nextMost() int {
	if l.mostNext < l.mostStart {
		if l.mostEnd <= l.mostStart && l.mostStart > 0 {
			// All of the range were excluded: the next one may be further down than one level.
			l.mostLevel = l.loads[l.sorted[l.mostStart-1]]
		} else {
			l.mostLevel--
		}
		for l.mostStart > 0 && l.loads[l.sorted[l.mostStart-1]] == l.mostLevel {
			l.mostStart--
		}
		l.mostNext = l.mostEnd - 1
	}
	if l.mostNext < 0 {
		return nobody
	}
	l.mostNext--
	return l.sorted[l.mostNext+1]
}

// excludeMost leaves out the member that nextMost has returned: it has nothing to give.
func (l *balancer) excludeMost() {
	at := l.mostNext + 1
	l.mostEnd--
	l.sorted[at], l.sorted[l.mostEnd] = l.sorted[l.mostEnd], l.sorted[at]
}

// balanced reports whether the ranges are so close that moving partitions would change nothing.
func (l *balancer) balanced() bool { return l.mostLevel-l.leastLevel <= 1 }
