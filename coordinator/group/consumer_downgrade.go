package group

import (
	"slices"
	"strings"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
)

// downgradeWithout makes a classic group of a consumer group, if only members of the classic protocol are left when some have gone. ok is
// false if that isn't so, or not wanted.
func (s *Shard) downgradeWithout(g *consumerGroup, gone []*consumerMember) (records []Record, ok bool) {
	classic := g.classicMembers
	for _, m := range gone {
		if m.classic() {
			classic--
		}
	}
	left := len(g.members) - len(gone)
	if left == 0 || classic != left || !s.mayDowngrade(g.id, left) {
		return nil, false
	}
	var members []*consumerMember
	for _, id := range g.ids() {
		if m := g.members[id]; !slices.Contains(gone, m) {
			members = append(members, m)
		}
	}
	return s.downgrade(g, members, g.tombstones(), "members of the consumer protocol have gone")
}

// mayDowngrade reports whether a group of a size may become a classic one.
func (s *Shard) mayDowngrade(group string, size int) bool {
	config := s.config()
	if config.Consumers.Downgrade && size <= int(config.MaxSize) {
		return true
	}
	s.logConsumer("consumer group of classic members stays one", group, "members", size, "allowed", config.Consumers.Downgrade)
	return false
}

// replacesLastConsumer reports whether a classic member that takes the place of a static one leaves nobody who uses the consumer protocol.
func (s *Shard) replacesLastConsumer(g *consumerGroup, replaced *consumerMember) bool {
	return replaced != nil && !replaced.classic() && g.classicMembers == len(g.members)-1 && s.mayDowngrade(g.id, len(g.members))
}

// downgradeWith makes a classic group of a consumer group in which a classic member has taken the place of the last one of the consumer
// protocol. A rebalance is needed only if not everybody has what the target of the group's last epoch gives it.
func (u *consumerUpdate) downgradeWith(replaced *consumerMember) {
	members := []*consumerMember{u.m}
	for _, id := range u.g.ids() {
		if id != replaced.id {
			members = append(members, u.g.members[id])
		}
	}
	slices.SortFunc(members, func(a, b *consumerMember) int { return strings.Compare(a.id, b.id) })
	reason := ""
	for _, m := range members {
		if !m.reconciledTo(u.epoch) {
			reason = "a static member of the classic protocol came, and the assignment is stale"
		}
	}
	records, _ := u.s.downgrade(u.g, members, u.g.tombstonesWith(replaced.id, u.m.id), reason)
	u.records = append(u.records, records...)
}

// downgrade makes a classic group of members, with what they have and with what is free of their targets (ClassicGroup.fromConsumerGroup).
// It takes the place of the consumer group when the records are in the log. With a reason it rebalances at once.
//
// Kafka gives them their targets. But whoever has not heard of its target yet still reads what it has, and if the group goes back to
// the consumer protocol before it has rebalanced, or the coordinator starts again, somebody else would get that.
func (s *Shard) downgrade(g *consumerGroup, members []*consumerMember, records []Record, reason string) ([]Record, bool) {
	c := newClassicGroup(g.id, s.nowMs())
	c.generation = g.epoch
	for _, m := range members {
		x := &classicMember{
			id: m.id, instanceID: m.InstanceID, clientID: m.ClientID, clientHost: m.ClientHost,
			rebalanceTimeoutMs: m.RebalanceTimeoutMs, sessionTimeoutMs: m.Classic.SessionTimeoutMs,
		}
		for _, p := range m.Classic.Protocols {
			x.protocols = append(x.protocols, protocol{name: p.Name, metadata: p.Metadata})
		}
		c.add(x, consumerProtocolType)
	}
	c.state, c.protocol = classicStable, c.selectProtocol()
	c.subscription = c.subscribed()
	held := Owned{}
	for _, m := range members {
		held.add(m.held(), m.MemberEpoch)
	}
	for i, x := range c.members {
		said, ok := parseSubscription(x.metadata(c.protocol))
		if !ok {
			s.logConsumer("consumer group of classic members stays one, because their protocol is malformed", g.id, "member", x.id)
			return nil, false
		}
		x.assignment = appendAssignment(said.version, byName(g.free(members[i], held), s.topics()))
	}
	records = append(records, &MetadataRecord{Group: g.id, Metadata: c.metadata(c.assignments())})
	s.downgraded[g.id] = c
	s.undo(func(error) { delete(s.downgraded, g.id) })
	for _, x := range c.members {
		c.touch(s, x)
	}
	if reason != "" {
		c.prepareRebalance(s, reason)
	}
	s.logConsumer("consumer group becomes a classic group", g.id, "members", len(c.members))
	return records, true
}

// free is what a member holds, and what nobody holds of its target.
func (g *consumerGroup) free(m *consumerMember, held Owned) assignor.Partitions {
	p := m.held()
	for topic, numbers := range g.targetOf(m) {
		given := slices.Clone(p[topic])
		for _, number := range numbers {
			if !held.has(topic, number) {
				given = append(given, number)
			}
		}
		if len(given) > 0 {
			slices.Sort(given)
			p[topic] = given
		}
	}
	return p
}
