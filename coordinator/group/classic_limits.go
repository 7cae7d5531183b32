package group

const (
	// maxPendingJoins bounds the IDs of one group that were given out and that nobody has joined with. Beyond it the oldest
	// one is forgotten: who comes back within a moment always finds its place, and a flood of requests doesn't fill memory.
	maxPendingJoins = 10_000

	// maxGroupBytes bounds what the members of one group say about themselves, and the assignments that a leader gives them. Kafka
	// refuses a group whose record is larger than a batch of __consumer_offsets may be, 1 MB as a rule.
	maxGroupBytes = 64 << 20

	// protocolBytes is about what a protocol takes besides its name and metadata.
	protocolBytes = 64
)

// accepts reports whether there is room for somebody (acceptJoiningMember, KIP-389). While a rebalance is prepared those count that wait: a
// group that was allowed to be larger loses those who come last.
func (g *classicGroup) accepts(memberID string, maxSize int) bool {
	m := g.byID[memberID]
	switch g.state {
	case classicPreparing:
		return m != nil && m.joining != nil || g.joining < maxSize
	case classicCompleting, classicStable:
		return m != nil || len(g.members) < maxSize
	default:
		return true
	}
}

// fits reports whether there is room for what somebody says about itself.
func (g *classicGroup) fits(j *joiner) bool {
	bytes := g.bytes + protocolsBytes(j.protocols) + len(j.ClientID)
	if m := g.byID[j.MemberID]; m != nil {
		bytes -= protocolsBytes(m.protocols)
	}
	return bytes <= maxGroupBytes
}

func protocolsBytes(protocols []protocol) int {
	n := 0
	for _, p := range protocols {
		n += len(p.name) + len(p.metadata) + protocolBytes
	}
	return n
}

// memberBytes is what a member counts for.
func memberBytes(m *classicMember) int {
	return protocolsBytes(m.protocols) + len(m.clientID)
}

// dropOldestPending makes room for one more pending member. It doesn't look at all of them: whoever floods a group with requests would keep
// others waiting.
func (g *classicGroup) dropOldestPending() {
	for len(g.pendingOrder) > 0 {
		oldest := g.pendingOrder[0]
		g.pendingOrder = g.pendingOrder[1:]
		if _, pending := g.pendingJoin[oldest]; pending {
			delete(g.pendingJoin, oldest)
			return
		}
	}
}
