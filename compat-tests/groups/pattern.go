package groups

import "testing"

// Pattern is the scenario of members that subscribe to a regular expression: a topic that appears later is consumed
// too (unless the client is Early), one that doesn't match is not, and the group survives a crash of the broker.
func Pattern(t *testing.T, c Client) {
	t.Helper()
	const pattern = "^orders-.*"
	s := NewScenario(t, c)
	s.Topic("other", 1)
	s.Write(1)
	delete(s.topics, "other")
	s.Ledger = NewLedger() // Nobody may see what is in it now.

	s.Topic("orders-1", partitionCount)
	a, _ := s.Join("a", pattern), s.Join("b", pattern)
	s.AwaitShared(2)
	s.round()

	if !c.Early {
		s.Topic("orders-2", partitionCount)
		s.AwaitShared(2)
		s.round()
	}

	s.CrashBroker()
	s.round()
	s.Ledger.AllowRepeats(nil)

	s.Leave(a)
	s.AwaitShared(1)
	s.round()
}
