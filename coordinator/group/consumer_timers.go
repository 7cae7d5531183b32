package group

// consumerTimers are the timers of one member of a consumer group. Those that it never needed are nil.
type consumerTimers struct {
	session    *groupTimer // it must be heard of
	revocation *groupTimer // it must have given up what it was asked for
	join, sync *groupTimer // a classic member must send a JoinGroup, or a SyncGroup
}

func (t *consumerTimers) stop() {
	for _, timer := range []*groupTimer{t.session, t.revocation, t.join, t.sync} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// withMember does something with the timers of a member: now if it is in the group, or when that is in the log. A change of what isn't
// in the log needs no more than that.
func (s *Shard) withMember(group, member string, do func(*consumerGroup, *consumerTimers)) {
	if s.tryMember(group, member, do) {
		return
	}
	s.later(func(err error) {
		if err == nil {
			s.tryMember(group, member, do)
		}
	})
}

func (s *Shard) tryMember(group, member string, do func(*consumerGroup, *consumerTimers)) bool {
	g, ok := s.groups[group].(*consumerGroup)
	if !ok || g.members[member] == nil {
		return false
	}
	t := g.timers[member]
	if t == nil {
		t = &consumerTimers{}
		g.timers[member] = t
	}
	do(g, t)
	return true
}

// touchConsumer gives a member a new session.
func (s *Shard) touchConsumer(group, member string, timeoutMs int32) {
	s.withMember(group, member, func(g *consumerGroup, t *consumerTimers) {
		if t.session == nil {
			t.session = s.fenceTimer(g.id, g.members[member].id, "its session has expired")
		}
		t.session.Set(millis(timeoutMs))
	})
}

// fenceTimer makes a timer that removes a member.
func (s *Shard) fenceTimer(group, member, reason string) *groupTimer {
	return s.newTimer(group, func(s *Shard) []Record { return s.fenceConsumer(group, member, reason) })
}

// limitRevocation limits the time in which a member gives up partitions, if it is asked to.
func (s *Shard) limitRevocation(group string, m *consumerMember) {
	member, epoch, timeoutMs, needed := m.id, m.MemberEpoch, m.RebalanceTimeoutMs, m.State == MemberUnrevoked
	s.withMember(group, member, func(g *consumerGroup, t *consumerTimers) {
		if t.revocation != nil {
			t.revocation.Stop()
		}
		if !needed {
			return
		}
		id := g.id
		t.revocation = s.newTimer(id, func(s *Shard) []Record {
			if g, ok := s.groups[id].(*consumerGroup); !ok || g.members[member] == nil || g.members[member].MemberEpoch != epoch {
				return nil // It has got further.
			}
			return s.fenceConsumer(id, member, "it did not give up its partitions in time")
		})
		t.revocation.Set(millis(timeoutMs))
	})
}

// expectClassicJoin limits the time until a classic member joins again, unless that is limited already.
func (s *Shard) expectClassicJoin(group string, m *consumerMember) {
	s.withMember(group, m.id, func(g *consumerGroup, t *consumerTimers) {
		if t.join == nil {
			t.join = s.fenceTimer(g.id, m.id, "it did not join again in time")
		}
		if !t.join.Pending() {
			t.join.Set(millis(m.RebalanceTimeoutMs))
		}
	})
}

// expectClassicSync limits the time until a classic member that has joined asks for its assignment.
func (s *Shard) expectClassicSync(group, member string, timeoutMs int32) {
	s.withMember(group, member, func(g *consumerGroup, t *consumerTimers) {
		if t.join != nil {
			t.join.Stop()
		}
		if t.sync == nil {
			t.sync = s.fenceTimer(g.id, member, "it did not ask for its assignment in time")
		}
		t.sync.Set(millis(timeoutMs))
	})
}

// fenceAgainMs is when a member is fenced that could not be.
const fenceAgainMs = 1000

// fenceConsumer removes a member for a reason.
func (s *Shard) fenceConsumer(group, member, reason string) []Record {
	g, ok := s.groups[group].(*consumerGroup)
	if !ok || g.members[member] == nil {
		return nil
	}
	s.logConsumer("member is fenced from the consumer group", group, "member", member, "reason", reason)
	// If that can't be written now, it is tried again.
	s.undo(func(error) { s.touchConsumer(group, member, fenceAgainMs) })
	return s.removeConsumers(g, []*consumerMember{g.members[member]})
}
