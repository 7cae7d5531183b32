package groups

import "testing"

// Migrate takes a group of two members from one client to the other and back, member by member, while records come in:
// none is lost and none is seen twice. The clients speak different protocols. A member joins in the new way before
// one of the old way leaves, as in a rolling restart.
func Migrate(t *testing.T, classic, consumer Client) {
	t.Helper()
	s := NewScenario(t, consumer)
	s.Topic("migrated", partitionCount)
	s.client = classic
	a, b := s.JoinWith(classic, "a", "migrated"), s.JoinWith(classic, "b", "migrated")
	s.AwaitShared(2)
	s.WriteDuring(func() {
		s.t.Helper()
		s.client = consumer // The first member of the new protocol makes the group one of it.
		c := s.JoinWith(consumer, "c", "migrated")
		s.AwaitShared(3)
		s.Leave(a)
		s.AwaitShared(2)
		d := s.JoinWith(consumer, "d", "migrated")
		s.AwaitShared(3)
		s.Leave(b)
		s.AwaitShared(2)

		e := s.JoinWith(classic, "e", "migrated")
		s.AwaitShared(3)
		s.Leave(c)
		s.AwaitShared(2)
		s.Leave(d)
		s.client = classic // The last member of the new protocol took it along.
		s.AwaitShared(1)
		s.Leave(e)
		s.JoinWith(classic, "f", "migrated")
		s.AwaitShared(1)
	})
	s.AwaitConsumed()
}
