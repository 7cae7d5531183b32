package groups

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Ledger compares what members saw with what was written. Its rules are those of a group with at-least-once commits:
// every record is seen with its own value, and a record is seen again only if a member died before its offset was
// committed. It is safe for concurrent use.
type Ledger struct {
	mu struct {
		sync.Mutex
		written  map[Partition][]string            // Values by offset; every record of a partition is ours.
		seen     map[Partition]map[int64]*sighting // By offset.
		unseen   int                               // Records that are written and were never seen.
		seenBy   map[string]int                    // How many records a member saw.
		acked    map[string]map[Partition]int64    // Highest acknowledged commit by member.
		assigned map[string][][]Partition          // All Assigned events by member.
		repeats  map[Partition]int64               // While not nil, offsets from here on may be seen again and again.
		wrong    []error
	}
}

// sighting is what is known of one offset that members saw.
type sighting struct {
	times, allowed int
	value          string // Of the first time.
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	l := &Ledger{}
	l.mu.written = map[Partition][]string{}
	l.mu.seen = map[Partition]map[int64]*sighting{}
	l.mu.seenBy = map[string]int{}
	l.mu.acked = map[string]map[Partition]int64{}
	l.mu.assigned = map[string][][]Partition{}
	return l
}

// Wrote notes a record that the broker acknowledged. A member may have seen it before.
func (l *Ledger) Wrote(p Partition, offset int64, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if next := int64(len(l.mu.written[p])); next != offset {
		l.mu.wrong = append(l.mu.wrong, fmt.Errorf("%w: %s: offset %d told for record %d", ErrLedger, p, offset, next))
		return
	}
	l.mu.written[p] = append(l.mu.written[p], value)
	if l.mu.seen[p][offset] == nil {
		l.mu.unseen++
	}
}

// Saw notes what a member reports.
func (l *Ledger) Saw(member string, e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Kind {
	case Record:
		l.mu.seenBy[member]++
		l.sawRecordLocked(member, e)
	case Committed:
		if l.mu.acked[member] == nil {
			l.mu.acked[member] = map[Partition]int64{}
		}
		l.mu.acked[member][e.Partition] = max(l.mu.acked[member][e.Partition], e.Offset)
	case Assigned:
		l.mu.assigned[member] = append(l.mu.assigned[member], e.Partitions)
	case Other, Fenced:
	}
}

func (l *Ledger) sawRecordLocked(member string, e Event) {
	if l.mu.seen[e.Partition] == nil {
		l.mu.seen[e.Partition] = map[int64]*sighting{}
	}
	s := l.mu.seen[e.Partition][e.Offset]
	if s == nil {
		s = &sighting{allowed: 1, value: e.Value}
		l.mu.seen[e.Partition][e.Offset] = s
		if e.Offset < int64(len(l.mu.written[e.Partition])) {
			l.mu.unseen--
		}
	}
	s.times++
	if from, ok := l.mu.repeats[e.Partition]; ok && e.Offset >= from {
		s.allowed = s.times + 1 // One more, because a line may be read late.
	}
	if s.times > s.allowed {
		l.mu.wrong = append(l.mu.wrong, fmt.Errorf("%w: %s saw %s offset %d, which was seen before and is committed", ErrLedger, member, e.Partition, e.Offset))
	}
	if s.value != e.Value {
		l.mu.wrong = append(l.mu.wrong, fmt.Errorf("%w: %s saw %q at %s offset %d, before it was %q", ErrLedger, member, e.Value, e.Partition, e.Offset, s.value))
	}
}

// Unseen is how many written records no member saw yet.
func (l *Ledger) Unseen() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.unseen
}

// SeenBy is how many records a member saw.
func (l *Ledger) SeenBy(member string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.seenBy[member]
}

// Acknowledged are the commits that a member reported as acknowledged.
func (l *Ledger) Acknowledged(member string) map[Partition]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.mu.acked[member])
}

// Assignments are all assignments that a member reported, the last one last.
func (l *Ledger) Assignments(member string) [][]Partition {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.mu.assigned[member])
}

// Ends are the offsets behind the last written record of each partition.
func (l *Ledger) Ends() map[Partition]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends := map[Partition]int64{}
	for p, values := range l.mu.written {
		ends[p] = int64(len(values))
	}
	return ends
}

// Forgive allows records of a partition that were seen up to now and are at or above the committed offset to be seen once
// more: the member that saw them is dead. Call it once all output of that member was read.
func (l *Ledger) Forgive(p Partition, committed int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for offset, s := range l.mu.seen[p] {
		if offset >= committed {
			s.allowed = s.times + 1
		}
	}
}

// AllowRepeats allows records from these offsets on to be seen again: members lost their sessions before they could commit.
// Nil ends that.
func (l *Ledger) AllowRepeats(from map[Partition]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.repeats = from
}

// Wrong returns an error that wraps [ErrLedger] for what no later news can make right. Check says more.
func (l *Ledger) Wrong() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return firstErrors(l.mu.wrong, 20)
}

// Check returns an error that wraps [ErrLedger] for everything that must not have been seen. Call it when
// everything that was sent is acknowledged.
func (l *Ledger) Check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs := slices.Clone(l.mu.wrong)
	for p, sightings := range l.mu.seen {
		for offset, s := range sightings {
			switch written := l.mu.written[p]; {
			case offset >= int64(len(written)):
				errs = append(errs, fmt.Errorf("%w: %s offset %d was seen and never written", ErrLedger, p, offset))
			case s.value != written[offset]:
				errs = append(errs, fmt.Errorf("%w: %q was seen at %s offset %d, %q was written", ErrLedger, s.value, p, offset, written[offset]))
			}
		}
	}
	return firstErrors(errs, 20)
}

// firstErrors joins at most n errors and says how many more there are.
func firstErrors(errs []error, n int) error {
	if len(errs) > n {
		errs = append(errs[:n:n], fmt.Errorf("%w: and %d more", ErrLedger, len(errs)-n))
	}
	return errors.Join(errs...)
}
