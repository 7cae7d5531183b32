package group

// metadata is what outlives a restart, with these assignments by member ID; one that is missing is empty.
func (g *classicGroup) metadata(assignments map[string][]byte) *Metadata {
	m := &Metadata{
		ProtocolType: g.protocolType, Generation: g.generation,
		Protocol: optional(g.protocol), Leader: optional(g.leader), CurrentStateTimestamp: g.sinceMs,
	}
	for _, x := range g.members {
		m.Members = append(m.Members, Member{
			ID: x.id, InstanceID: x.instanceID, ClientID: x.clientID, ClientHost: x.clientHost,
			RebalanceTimeoutMs: x.rebalanceTimeoutMs, SessionTimeoutMs: x.sessionTimeoutMs,
			Subscription: x.metadata(g.protocol), Assignment: assignments[x.id],
		})
	}
	return m
}

// assignments are those of all members by their IDs.
func (g *classicGroup) assignments() map[string][]byte {
	all := make(map[string][]byte, len(g.members))
	for _, m := range g.members {
		all[m.id] = m.assignment
	}
	return all
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// loadClassicGroup is a group as its last record has it. Members know one protocol each then: the others come
// with their next JoinGroup.
func loadClassicGroup(id string, m *Metadata) *classicGroup {
	g := newClassicGroup(id, m.CurrentStateTimestamp)
	g.generation = m.Generation
	g.protocol, g.leader = orEmpty(m.Protocol), orEmpty(m.Leader)
	for i := range m.Members {
		x := &m.Members[i]
		if g.byID[x.ID] != nil {
			continue // No broker writes that; of two the first counts.
		}
		loaded := &classicMember{
			id: x.ID, instanceID: x.InstanceID, clientID: x.ClientID, clientHost: x.ClientHost,
			rebalanceTimeoutMs: x.RebalanceTimeoutMs, sessionTimeoutMs: x.SessionTimeoutMs,
			protocols:  []protocol{{name: g.protocol, metadata: x.Subscription}},
			assignment: x.Assignment,
		}
		if loaded.rebalanceTimeoutMs == -1 {
			loaded.rebalanceTimeoutMs = loaded.sessionTimeoutMs
		}
		g.add(loaded, m.ProtocolType)
	}
	g.protocolType = m.ProtocolType
	if len(g.members) > 0 {
		g.state = classicStable
		if g.byID[g.leader] == nil {
			g.leader = g.members[0].id // A damaged record must not leave a group that nobody can lead.
		}
	}
	g.subscription = g.subscribed()
	return g
}

// replay takes over a record that was decided on here. The group is what the record says, and more, but for what a leader has
// assigned: with that the group becomes stable.
func (g *classicGroup) replay(m *Metadata, nowMs int64) {
	if g.state != classicCompleting || m.Generation != g.generation || len(m.Members) == 0 {
		return
	}
	for i := range m.Members {
		if member := g.byID[m.Members[i].ID]; member != nil {
			member.assignment = m.Members[i].Assignment
		}
	}
	g.transition(classicStable, nowMs)
}
