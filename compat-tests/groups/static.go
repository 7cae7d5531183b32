package groups

import (
	"fmt"
	"slices"
	"testing"
)

// Static is the scenario of members with instance ids (KIP-345), which the client's Options have to give by id, so that
// "a2" gets the id of "a". A member goes without leaving and comes back under its name: it gets its partitions back and the
// other one notices nothing; after a crash of the broker both are members still. A member whose name is taken is fenced, or refused:
// it depends on the protocol who wins, and never are there two. No session may expire meanwhile: the client keeps its
// default timeout.
func Static(t *testing.T, c Client) {
	t.Helper()
	if c.Consumer {
		keys := map[string]string{"group.consumer.session.timeout.ms": "45000"}
		for key, value := range c.Broker {
			if _, set := keys[key]; !set {
				keys[key] = value
			}
		}
		c.Broker = keys
	}
	s := NewScenario(t, c)
	s.Topic("static", partitionCount)
	a, b := s.Join("a", "static"), s.Join("b", "static")
	before := s.AwaitShared(2)
	s.round()
	undisturbed := len(s.Ledger.Assignments(b.ID))

	s.Leave(a) // A static member keeps its place.
	again := s.Join("a2", "static")
	s.awaitAssigned(again, owned(before, "a"))
	s.round()
	if n := len(s.Ledger.Assignments(b.ID)); n != undisturbed {
		t.Errorf("the other member was assigned %d times instead of %d: %v", n, undisturbed, s.Ledger.Assignments(b.ID))
	}

	before = s.AwaitShared(2)
	s.CrashBroker()
	s.round()
	s.Ledger.AllowRepeats(nil)
	s.checkMembersStayed(before) // Join again they may: Java's client does when it finds no broker and starts from its bootstrap list.

	s.duplicate(again)
	s.round()
}

// duplicate starts another member under the name of the one that runs, and goes on with the one that is left.
func (s *Scenario) duplicate(first *Member) {
	s.t.Helper()
	second := s.Join("a3", "static")
	delete(s.members, first.ID)
	delete(s.members, second.ID)
	select {
	case <-first.Exited():
		s.members[second.ID] = second
	case <-second.Exited():
		s.members[first.ID] = first
	case <-s.ctx.Done():
		s.t.Fatal("two members of one name, and none was fenced")
	}
	select {
	case <-first.fenced:
	case <-second.fenced:
	default:
		s.t.Errorf("none of two members of one name says that it was fenced")
	}
	s.AwaitShared(2)
}

// awaitAssigned waits until a member reports exactly these partitions.
func (s *Scenario) awaitAssigned(m *Member, want []Partition) {
	s.t.Helper()
	s.Await("the assignment of "+m.ID, func() error {
		all := s.Ledger.Assignments(m.ID)
		if len(all) == 0 {
			return fmt.Errorf("%w: %s has no assignment", ErrNotShared, m.ID)
		}
		got := slices.SortedFunc(slices.Values(all[len(all)-1]), comparePartitions)
		if !slices.Equal(got, want) {
			return fmt.Errorf("%w: %s has %v, want %v", ErrNotShared, m.ID, got, want)
		}
		return nil
	})
}
