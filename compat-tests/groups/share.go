package groups

import (
	"fmt"
	"testing"
)

const (
	partitionCount = 6
	perPartition   = 50 // Records of one round.
)

// Share is the scenario of every client: two members share a topic; one leaves and the other takes over; another joins;
// the broker is killed and members go on where they were; one member dies in the middle of its work and the other takes
// over. After each step every record was seen, every offset is committed, and nothing was seen twice but what the dead
// member had not committed.
func Share(t *testing.T, c Client) {
	t.Helper()
	s := NewScenario(t, c)
	s.Topic("shared", partitionCount)
	a, _ := s.Join("a", "shared"), s.Join("b", "shared")
	s.AwaitShared(2)
	s.round()

	s.Leave(a)
	s.AwaitShared(1)
	s.round()

	victim := s.Join("c", "shared")
	before := s.AwaitShared(2)
	s.round()

	s.CrashBroker()
	if c.Ends {
		victim, before = s.startAgain()
	}
	s.round()
	s.Ledger.AllowRepeats(nil)
	s.checkMembersStayed(before)

	s.Die(victim)
	s.AwaitShared(1)
	s.round()
}

// round writes to every partition and waits until all of it was seen and committed.
func (s *Scenario) round() {
	s.t.Helper()
	s.Write(perPartition)
	s.AwaitConsumed()
}

// startAgain puts two new members in the place of those that ended, and returns one of them and the group once the sessions of
// those that are gone have expired.
func (s *Scenario) startAgain() (*Member, []Described) {
	s.t.Helper()
	for id, m := range s.members {
		m.Kill() // The last one may not have noticed yet.
		delete(s.members, id)
	}
	s.Join("d", "shared")
	e := s.Join("e", "shared")
	var members []Described
	s.Await("new members in the place of the old ones", func() (err error) {
		members, err = s.Shared(2)
		if err == nil && (owned(members, "d") == nil || owned(members, "e") == nil) {
			err = fmt.Errorf("%w: %v", ErrNotShared, members)
		}
		return err
	})
	return e, members
}

// checkMembersStayed compares the group's members with those from before the broker was killed.
func (s *Scenario) checkMembersStayed(before []Described) {
	s.t.Helper()
	after := s.AwaitShared(len(before))
	if !s.client.Rejoins && !s.slow() && !sameIDs(before, after) {
		s.t.Errorf("members before the crash: %v, after it: %v", before, after)
	}
}

// Die kills a member while records come in, and waits until the rest of the group owns its partitions and has seen and
// committed everything.
func (s *Scenario) Die(victim *Member) {
	s.t.Helper()
	members := s.AwaitShared(len(s.members))
	s.WriteDuring(func() {
		s.t.Helper()
		start := s.Ledger.SeenBy(victim.ID)
		s.Await("the victim is at work", func() error {
			if n := s.Ledger.SeenBy(victim.ID) - start; n < perPartition {
				return fmt.Errorf("%w: %d records seen", ErrBehind, n)
			}
			return nil
		})
		commits, err := s.Commits()
		if err != nil {
			s.t.Fatal(err)
		}
		delete(s.members, victim.ID)
		victim.Kill()
		acknowledged := s.Ledger.Acknowledged(victim.ID)
		for _, p := range owned(members, victim.ID) {
			s.Ledger.Forgive(p, max(commits[p], acknowledged[p]))
		}
		if s.client.Repeats {
			s.Ledger.AllowRepeats(commits)
		}
		s.AwaitShared(len(members) - 1)
	})
	s.AwaitConsumed()
	s.Ledger.AllowRepeats(nil)
}
