package group

import (
	"slices"
	"time"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

// groupTimer is a timer of a group.
type groupTimer = coordinator.Timer[*Shard, Record]

// classicClock is the timers of a classic group.
//
// There is one for the sessions of all members: it is set to the first deadline that was known when it was set, looks at all of them then, and is
// set anew. A heartbeat moves a deadline and no timer, which is what makes it cheap: Kafka has a timer per member and replaces it each time.
type classicClock struct {
	session *groupTimer
	// sessionDue is when session fires. It is never later than the first deadline.
	sessionDue time.Time

	// join ends the wait for members to join; sync that for their SyncGroups.
	join *groupTimer
	sync *groupTimer
	// delayMs and remainingMs are of an empty group's first rebalance, which waits in steps as long as members come:
	// the step under way, and what is left after it. They are 0 in any other rebalance.
	initial              bool
	delayMs, remainingMs int32
	// gathering says that the delay is over and that those are waited for who have been given an ID.
	gathering bool
}

// timers are made when they are needed first: most groups only ever commit offsets.
func (g *classicGroup) timers(s *Shard) *classicClock {
	if g.clock == nil {
		timer := func(fire func(*classicGroup, *Shard) []Record) *groupTimer {
			return s.newTimer(g.id, func(s *Shard) []Record {
				if s.groups[g.id] != anyGroup(g) {
					return nil // It was deleted, or became another.
				}
				return fire(g, s)
			})
		}
		g.clock = &classicClock{
			session: timer((*classicGroup).expireSessions),
			join:    timer((*classicGroup).expireJoin),
			sync:    timer((*classicGroup).expireSync),
		}
	}
	return g.clock
}

// touch lets a member live for its session timeout from now on.
func (g *classicGroup) touch(s *Shard, m *classicMember) { g.expect(s, m, millis(m.sessionTimeoutMs)) }

// expect lets a member live for so long from now on.
func (g *classicGroup) expect(s *Shard, m *classicMember, timeout time.Duration) {
	m.deadline = s.timers.Now().Add(timeout)
	g.watch(s, m.deadline)
}

// watchPending lets a pending member live until its deadline.
func (g *classicGroup) watchPending(s *Shard, id string) { g.watch(s, g.pendingJoin[id]) }

// watch makes sure that sessions are looked at when a deadline passes.
func (g *classicGroup) watch(s *Shard, deadline time.Time) {
	c := g.timers(s)
	if c.session.Pending() && !deadline.Before(c.sessionDue) {
		return
	}
	c.sessionDue = deadline
	c.session.Set(time.Until(deadline))
}

// expireSessions removes everybody whose deadline has passed (expireClassicGroupMemberHeartbeat).
func (g *classicGroup) expireSessions(s *Shard) []Record {
	now := time.Now()
	var records []Record
	for id, deadline := range g.pendingJoin {
		if !deadline.After(now) {
			s.coordinator.event("pending member expired", g, "member", id)
			records = append(records, g.dropPending(s, id)...)
		}
	}
	for _, m := range slices.Clone(g.members) {
		if m.deadline.IsZero() || m.deadline.After(now) {
			continue
		}
		m.deadline = time.Time{} // It gets a new one with the answer that it waits for.
		if m.satisfied() || g.byID[m.id] != m {
			continue
		}
		s.coordinator.event("member expired", g, "member", m.id)
		records = append(records, g.dropMember(s, m, "member "+m.id+" sends no heartbeats")...)
	}
	if next, ok := g.firstDeadline(); ok {
		g.watch(s, next)
	}
	return records
}

// firstDeadline is that of whoever expires first.
func (g *classicGroup) firstDeadline() (first time.Time, ok bool) {
	earlier := func(deadline time.Time) {
		if !ok || deadline.Before(first) {
			first, ok = deadline, true
		}
	}
	for _, deadline := range g.pendingJoin {
		earlier(deadline)
	}
	for _, m := range g.members {
		if !m.deadline.IsZero() {
			earlier(m.deadline)
		}
	}
	return first, ok
}

// dropPending forgets somebody who didn't come back, and whom a rebalance may have waited for.
func (g *classicGroup) dropPending(s *Shard, id string) []Record {
	g.remove(id)
	if g.state == classicPreparing && g.allJoined() {
		return g.completeJoin(s)
	}
	return nil
}

// dropMember removes a member and lets the others share what it had. If it waits, it should join again.
func (g *classicGroup) dropMember(s *Shard, m *classicMember, reason string) []Record {
	g.answerJoin(m, joinRefused(wire.UnknownMemberID, ""))
	g.remove(m.id)
	switch {
	case g.state == classicStable || g.state == classicCompleting:
		return g.rebalanceOrComplete(s, reason)
	case g.state == classicPreparing && g.allJoined():
		return g.completeJoin(s)
	}
	return nil
}
