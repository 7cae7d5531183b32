package group

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// gatheringTime is how long the first rebalance waits for those who have been given an ID and are on their way back with it, on top of
// its delay. Kafka doesn't wait for them.
const gatheringTime = 50 * time.Millisecond

// rebalanceOrComplete begins a rebalance, or ends the joining if this was what it waited for (maybePrepareRebalanceOrCompleteJoin).
func (g *classicGroup) rebalanceOrComplete(s *Shard, reason string) []Record {
	if classicPreparing.mayFollow(g.state) {
		return g.prepareRebalance(s, reason)
	}
	return g.maybeCompleteJoin(s)
}

// maybeCompleteJoin ends the joining if everybody has joined. The first rebalance waits for its delay.
func (g *classicGroup) maybeCompleteJoin(s *Shard) []Record {
	if g.state != classicPreparing || g.previous == classicEmpty && !g.timers(s).gathering || !g.allJoined() {
		return nil
	}
	return g.completeJoin(s)
}

// prepareRebalance has all members join again (prepareRebalance).
func (g *classicGroup) prepareRebalance(s *Shard, reason string) []Record {
	if g.state == classicCompleting {
		g.resetAssignments(s, wire.RebalanceInProgress)
	}
	c := g.timers(s)
	clear(g.pendingSync)
	c.sync.Stop()
	c.initial, c.gathering = g.state == classicEmpty, false
	g.transition(classicPreparing, s.nowMs())
	g.reason, g.began = reason, time.Now()
	if !c.initial {
		if g.allJoined() {
			return g.completeJoin(s)
		}
		c.join.Set(millis(g.rebalanceTimeoutMs()))
		return nil
	}
	// Nobody knows how many are to come.
	delay := s.initialDelayMs()
	c.delayMs, c.remainingMs = delay, max(g.rebalanceTimeoutMs()-delay, 0)
	c.join.Set(millis(delay))
	return nil
}

// initialDelayMs is a step of the wait of the first rebalance.
func (s *Shard) initialDelayMs() int32 {
	config := s.config()
	return max(config.InitialRebalanceDelayMs, config.LeastRebalanceDelayMs)
}

// expireJoin ends the wait for members to join. The first rebalance is put off as long as they come
// (tryCompleteInitialRebalanceElseSchedule).
func (g *classicGroup) expireJoin(s *Shard) []Record {
	if g.state != classicPreparing {
		return nil
	}
	c := g.timers(s)
	if c.initial && !c.gathering && g.newcomer && c.remainingMs > 0 {
		g.newcomer = false
		delay := min(s.initialDelayMs(), c.remainingMs)
		c.delayMs, c.remainingMs = delay, max(c.remainingMs-c.delayMs, 0)
		c.join.Set(millis(delay))
		return nil
	}
	if c.initial && !c.gathering && len(g.pendingJoin) > 0 {
		c.gathering = true
		c.join.Set(gatheringTime)
		return nil
	}
	return g.completeJoin(s)
}

// completeJoin begins the next generation with those who have joined, and static members, who may take their time
// (completeClassicGroupJoin).
func (g *classicGroup) completeJoin(s *Shard) []Record {
	c := g.timers(s)
	c.join.Stop()
	for _, m := range slices.Clone(g.members) {
		if m.joining == nil && !m.static() {
			g.remove(m.id)
			s.coordinator.event("member removed that has not joined again", g, "member", m.id)
		}
	}
	if !g.electJoined() && len(g.members) > 0 {
		// Only static members are left, none of which has joined: their sessions decide.
		c.initial = false
		c.join.Set(millis(g.rebalanceTimeoutMs()))
		return nil
	}
	g.newcomer = false
	g.nextGeneration(s.nowMs())
	s.coordinator.rebalanced(g)
	if g.state == classicEmpty {
		return []Record{&MetadataRecord{Group: g.id, Metadata: g.metadata(nil)}}
	}
	for _, m := range g.members {
		g.answerJoin(m, g.joined(m))
		g.touch(s, m)
		m.isNew = false
		g.expectSync(m.id)
	}
	c.sync.Set(millis(g.rebalanceTimeoutMs()))
	return nil
}

// expireSync removes those who joined and didn't ask for their assignment (expirePendingSync).
func (g *classicGroup) expireSync(s *Shard) []Record {
	if g.state != classicCompleting && g.state != classicStable || len(g.pendingSync) == 0 {
		return nil
	}
	for _, m := range slices.Clone(g.members) {
		if _, pending := g.pendingSync[m.id]; pending {
			g.remove(m.id)
			s.coordinator.event("member removed that sent no SyncGroup", g, "member", m.id)
		}
	}
	return g.prepareRebalance(s, "members sent no SyncGroup")
}

// resetAssignments takes back what was assigned, and sends those who wait for it to join again.
func (g *classicGroup) resetAssignments(s *Shard, code wire.ErrorCode) {
	for _, m := range g.members {
		m.assignment = nil
		g.propagate(s, m, code)
	}
}

// propagate answers the SyncGroup of a member, which begins to send heartbeats then.
func (g *classicGroup) propagate(s *Shard, m *classicMember, code wire.ErrorCode) {
	if m.syncing == nil {
		return
	}
	g.answerSync(m, syncRefused(code))
	g.touch(s, m)
}

// loaded has members send heartbeats again. A group that has become too large loses those who join last.
func (g *classicGroup) loaded(s *Shard) {
	for _, m := range g.members {
		g.touch(s, m)
	}
	if len(g.members) > int(s.config().MaxSize) {
		g.prepareRebalance(s, "the group is larger than it may be")
	}
}

// unloaded sends everybody who waits to look for the coordinator again.
func (g *classicGroup) unloaded() { g.dismiss(wire.NotCoordinator) }

// dismiss ends the group for everybody who waits in there.
func (g *classicGroup) dismiss(code wire.ErrorCode) {
	for _, m := range g.members {
		g.answerJoin(m, joinRefused(code, m.id))
		g.answerSync(m, syncRefused(code))
	}
	g.transition(classicDead, g.sinceMs)
	if g.clock != nil {
		g.clock.session.Stop()
		g.clock.join.Stop()
		g.clock.sync.Stop()
	}
}

// syncRefused is the answer to a SyncGroup for which there is no assignment.
func syncRefused(code wire.ErrorCode) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.ErrorCode, resp.MemberAssignment = int16(code), []byte{}
	return resp
}
