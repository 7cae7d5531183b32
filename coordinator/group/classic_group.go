package group

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// classicGroup is who is in a group of the classic protocol, and how far its rebalance is (ClassicGroup). The methods of this file
// keep its books: they set no timers, write no records and answer nobody but those whom they drop. What a request does to the
// group is in classic_join.go and its neighbours.
//
// Members are kept in the order in which they joined, where Kafka has a hash map: elections and answers
// then depend on nothing but what happened. Maps are made when somebody joins: most groups only ever commit offsets.
type classicGroup struct {
	id       string
	state    classicState
	previous classicState // before the last transition
	sinceMs  int64        // when the last transition was, -1 if unknown
	since    int32        // [uptime] when it was seen

	protocolType string // "": none, as in groups that commit offsets only
	protocol     string // of the generation; "" while there is none
	generation   int32
	leader       string // a member's ID, "": nobody

	members []*classicMember
	byID    map[string]*classicMember
	// instances has the IDs of static members by their instance IDs.
	instances map[string]string
	// pendingJoin has IDs that were given out and that nobody has joined with yet (KIP-394), and when they expire.
	pendingJoin map[string]time.Time
	// pendingOrder has them as they were given out, and some that somebody has joined with.
	pendingOrder []string
	// pendingSync has the members that know the generation and have not sent a SyncGroup yet.
	pendingSync map[string]struct{}
	// supporters counts the members that know a protocol.
	supporters   map[string]int
	joining      int // members that wait for the answer to a JoinGroup
	subscription subscription
	bytes        int // that members take with what they say about themselves

	clock    *classicClock // nil until somebody joins
	newcomer bool          // somebody has joined since the first rebalance was put off
	reason   string        // of the rebalance
	began    time.Time     // when it did
}

func newClassicGroup(id string, nowMs int64) *classicGroup {
	return &classicGroup{id: id, state: classicEmpty, previous: classicDead, sinceMs: nowMs, since: uptime()}
}

// transition brings the group into another state. One that may not follow is a bug, and the runtime starts again from the log.
func (g *classicGroup) transition(to classicState, nowMs int64) {
	if !to.mayFollow(g.state) {
		panic("group " + g.id + " can't go from " + g.state.String() + " to " + to.String())
	}
	g.previous, g.state, g.sinceMs, g.since = g.state, to, nowMs, uptime()
}

// simple reports whether the group is only a name for offsets.
func (g *classicGroup) simple() bool {
	return g.protocolType == "" && g.state == classicEmpty && len(g.pendingJoin) == 0
}

// add makes a member of a group whose protocols it supports. The first one decides on the type of the protocol and leads.
func (g *classicGroup) add(m *classicMember, protocolType string) {
	if len(g.members) == 0 {
		g.protocolType = protocolType
	}
	if g.byID == nil {
		g.byID, g.instances, g.supporters = map[string]*classicMember{}, map[string]string{}, map[string]int{}
	}
	if m.instanceID != nil {
		g.instances[*m.instanceID] = m.id
	}
	if g.leader == "" {
		g.leader = m.id
	}
	g.members = append(g.members, m)
	g.byID[m.id] = m
	g.bytes += memberBytes(m)
	g.countProtocols(m, 1)
	if m.joining != nil {
		g.joining++
	}
	g.forgetPending(m.id)
}

// expectJoin remembers an ID that was given out.
func (g *classicGroup) expectJoin(id string, deadline time.Time) {
	if g.pendingJoin == nil {
		g.pendingJoin = map[string]time.Time{}
	}
	if len(g.pendingJoin) >= maxPendingJoins {
		g.dropOldestPending()
	}
	g.pendingJoin[id] = deadline
	if len(g.pendingOrder) > 2*len(g.pendingJoin) {
		g.pendingOrder = slices.DeleteFunc(g.pendingOrder, func(id string) bool {
			_, pending := g.pendingJoin[id]
			return !pending
		})
	}
	g.pendingOrder = append(g.pendingOrder, id)
}

// forgetPending forgets an ID that was given out, if it was.
func (g *classicGroup) forgetPending(id string) {
	delete(g.pendingJoin, id)
	if len(g.pendingJoin) == 0 {
		g.pendingOrder = nil
	}
}

// expectSync remembers a member that was told the generation.
func (g *classicGroup) expectSync(id string) {
	if g.pendingSync == nil {
		g.pendingSync = map[string]struct{}{}
	}
	g.pendingSync[id] = struct{}{}
}

// remove forgets a member or a pending one. Whoever waits for it must have been answered. The next oldest member leads if it did.
func (g *classicGroup) remove(id string) {
	g.forgetPending(id)
	delete(g.pendingSync, id)
	m := g.byID[id]
	if m == nil {
		return
	}
	delete(g.byID, id)
	g.members = slices.DeleteFunc(g.members, func(x *classicMember) bool { return x == m })
	g.bytes -= memberBytes(m)
	g.countProtocols(m, -1)
	if m.joining != nil {
		g.joining--
	}
	if m.instanceID != nil {
		delete(g.instances, *m.instanceID)
	}
	if g.leader == id {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id
		}
	}
}

// update replaces what a member says about itself, and who waits for its JoinGroup.
func (g *classicGroup) update(m *classicMember, protocols []protocol, rebalanceTimeoutMs, sessionTimeoutMs int32, joining func(*kmsg.JoinGroupResponse)) {
	g.bytes -= memberBytes(m)
	g.countProtocols(m, -1)
	m.protocols = protocols
	g.bytes += memberBytes(m)
	g.countProtocols(m, 1)
	m.rebalanceTimeoutMs, m.sessionTimeoutMs = rebalanceTimeoutMs, sessionTimeoutMs
	if m.joining != nil {
		g.joining--
	}
	if joining != nil {
		g.joining++
	}
	m.joining = joining
}

// answerJoin answers the JoinGroup of a member, and reports whether there was one.
func (g *classicGroup) answerJoin(m *classicMember, resp *kmsg.JoinGroupResponse) bool {
	if m.joining == nil {
		return false
	}
	answer := m.joining
	m.joining = nil
	g.joining--
	answer(resp)
	return true
}

// answerSync answers the SyncGroup of a member, if there was one.
func (g *classicGroup) answerSync(m *classicMember, resp *kmsg.SyncGroupResponse) {
	if m.syncing == nil {
		return
	}
	answer := m.syncing
	m.syncing = nil
	answer(resp)
}

// replaceStatic gives a static member another ID, in its place and with everything that it has. Whoever waits under the
// old ID is fenced at once (KIP-345).
func (g *classicGroup) replaceStatic(instanceID, newID string) *classicMember {
	oldID := g.instances[instanceID]
	old := g.byID[oldID]
	join := kmsg.NewPtrJoinGroupResponse()
	join.ErrorCode, join.MemberID = int16(wire.FencedInstanceID), oldID
	g.answerJoin(old, join)
	sync := kmsg.NewPtrSyncGroupResponse()
	sync.ErrorCode, sync.MemberAssignment = int16(wire.FencedInstanceID), []byte{}
	g.answerSync(old, sync)

	replaced := *old
	replaced.id, replaced.isNew = newID, false
	g.members[slices.Index(g.members, old)] = &replaced
	delete(g.byID, oldID)
	g.byID[newID] = &replaced
	g.instances[instanceID] = newID
	if g.leader == oldID {
		g.leader = newID
	}
	return &replaced
}

// electJoined makes sure that the leader is among those that joined. It reports whether it is: not if the group is empty or nobody joined.
func (g *classicGroup) electJoined() bool {
	leader := g.byID[g.leader]
	if leader == nil {
		return false
	}
	if leader.joining != nil {
		return true
	}
	for _, m := range g.members {
		if m.joining != nil {
			g.leader = m.id
			return true
		}
	}
	return false
}

// allJoined reports whether the rebalance needs to wait for nobody.
func (g *classicGroup) allJoined() bool {
	return len(g.members) == g.joining && len(g.pendingJoin) == 0
}

// rebalanceTimeoutMs is that of the most patient member.
func (g *classicGroup) rebalanceTimeoutMs() int32 {
	var most int32
	for _, m := range g.members {
		most = max(most, m.rebalanceTimeoutMs)
	}
	return most
}

// nextGeneration ends the joining: the group agrees on a protocol, or is empty.
func (g *classicGroup) nextGeneration(nowMs int64) {
	g.generation++
	if len(g.members) == 0 {
		g.protocol = ""
		g.transition(classicEmpty, nowMs)
	} else {
		g.protocol = g.selectProtocol()
		g.transition(classicCompleting, nowMs)
	}
	g.subscription = g.subscribed()
	clear(g.pendingSync)
}

// validate is the code for a request of somebody who says to be a member: an instance ID must belong to the member ID.
func (g *classicGroup) validate(memberID string, instanceID *string) wire.ErrorCode {
	if instanceID != nil {
		current, ok := g.instances[*instanceID]
		if !ok {
			return wire.UnknownMemberID
		}
		if current != memberID {
			return wire.FencedInstanceID
		}
	}
	if g.byID[memberID] == nil {
		return wire.UnknownMemberID
	}
	return wire.None
}

// validateCommit is the code for a commit. A generation below 0 is that of somebody outside of the group protocol, who may commit
// while the group is empty, and in transactions always. These may be committed in the midst of a rebalance, too.
func (g *classicGroup) validateCommit(by *committer) wire.ErrorCode {
	switch {
	case g.state == classicDead:
		return wire.CoordinatorNotAvailable
	case by.generation < 0 && g.state == classicEmpty:
		return wire.None
	case by.generation >= 0 || by.memberID != "" || by.instanceID != nil:
		if code := g.validate(by.memberID, by.instanceID); code != wire.None {
			return code
		}
		if by.generation != g.generation {
			return wire.IllegalGeneration
		}
	case !by.transactional && g.state != classicEmpty:
		return wire.UnknownMemberID
	}
	if !by.transactional && g.state == classicCompleting {
		// The member knows the generation, but not yet what it may read: it should come back with its assignment.
		return wire.RebalanceInProgress
	}
	return wire.None
}
