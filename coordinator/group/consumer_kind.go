package group

import "github.com/clatterhq/clatter/wire"

var _ anyGroup = (*consumerGroup)(nil)

// memberEpochs is the version of OffsetCommit and OffsetFetch from which on they know member epochs.
const memberEpochs = 9

func (g *consumerGroup) groupID() string    { return g.id }
func (g *consumerGroup) kind() string       { return kindConsumer }
func (g *consumerGroup) listedType() string { return consumerProtocolType }
func (g *consumerGroup) isEmpty() bool      { return len(g.members) == 0 }

func (g *consumerGroup) subscribedTo(topic string) bool {
	_, ok := g.subscriptions.topics[topic]
	return ok
}

// checkCommit refuses those who are no members, and epochs that are still to come. Of older ones it depends on the partition:
// see checkCommitOf (ConsumerGroup.validateOffsetCommit).
func (g *consumerGroup) checkCommit(by *committer) wire.ErrorCode {
	if by.generation < 0 && len(g.members) == 0 {
		return wire.None // Somebody outside of the group protocol, an operator say.
	}
	if by.transactional && by.generation == -1 && by.memberID == "" && by.instanceID == nil {
		return wire.None // A producer that doesn't say for whom it commits, and needn't.
	}
	m := g.members[by.memberID]
	switch {
	case m == nil:
		return wire.UnknownMemberID
	case !by.transactional && !m.classic() && by.version < memberEpochs:
		return wire.UnsupportedVersion
	case by.generation > m.MemberEpoch:
		return m.staleCode()
	}
	return wire.None
}

// behind reports whether a commit comes from a member that has not heard of its last epoch.
func (g *consumerGroup) behind(by *committer) bool {
	m := g.members[by.memberID]
	return m != nil && by.generation < m.MemberEpoch
}

// checkCommitOf is the code for one partition of a commit of a member that is behind. It may commit for a partition that it has had since then or longer (KIP-1251).
func (g *consumerGroup) checkCommitOf(by *committer, topic [16]byte, partition int32) wire.ErrorCode {
	m := g.members[by.memberID]
	since, ok := m.Assigned[topic][partition]
	if !ok {
		since, ok = m.Revoking[topic][partition]
	}
	if !ok || by.generation < since {
		return m.staleCode()
	}
	return wire.None
}

// staleCode is what a member is told whose epoch isn't its own.
func (m *consumerMember) staleCode() wire.ErrorCode {
	if m.classic() {
		return wire.IllegalGeneration
	}
	return wire.StaleMemberEpoch
}

// checkFetch wants members that say who they are to have their own epoch (ConsumerGroup.validateOffsetFetch).
func (g *consumerGroup) checkFetch(memberID *string, memberEpoch int32) wire.ErrorCode {
	if memberID == nil && memberEpoch < 0 {
		return wire.None
	}
	m := g.members[orEmpty(memberID)]
	switch {
	case m == nil:
		return wire.UnknownMemberID
	case m.MemberEpoch != memberEpoch:
		return m.staleCode()
	}
	return wire.None
}

// checkOffsetDelete lets everybody: what is subscribed to is asked for each topic.
func (g *consumerGroup) checkOffsetDelete() wire.ErrorCode { return wire.None }

func (g *consumerGroup) checkDelete() wire.ErrorCode {
	if len(g.members) > 0 {
		return wire.NonEmptyGroup
	}
	return wire.None
}

// tombstones come in the order that replay wants: the group goes last.
func (g *consumerGroup) tombstones() []Record { return g.tombstonesWith("", "") }

// tombstonesWith are those of the group after one member has been replaced by another.
func (g *consumerGroup) tombstonesWith(old, replacement string) []Record {
	ids := g.ids()
	for i := range ids {
		if ids[i] == old {
			ids[i] = replacement
		}
	}
	var records []Record
	for _, id := range ids {
		records = append(records, &CurrentRecord{Group: g.id, Member: id})
	}
	for _, id := range ids {
		records = append(records, &TargetRecord{Group: g.id, Member: id})
	}
	records = append(records, &TargetEpochRecord{Group: g.id})
	for _, id := range ids {
		records = append(records, &ConsumerMemberRecord{Group: g.id, Member: id})
	}
	for _, regex := range sortedKeys(g.resolved) {
		records = append(records, &RegexRecord{Group: g.id, Regex: regex})
	}
	return append(records, &SubscriptionMetadataRecord{Group: g.id}, &ConsumerGroupRecord{Group: g.id})
}

func (g *consumerGroup) expiryBase() (since func(*Commit) int64, ok bool) {
	return func(c *Commit) int64 { return c.CommitTimestamp }, true
}

// loaded gives every member a new session: nobody could send a heartbeat meanwhile.
func (g *consumerGroup) loaded(s *Shard) {
	session := s.consumerConfig(g.id).SessionTimeoutMs
	for id, m := range g.members {
		if m.classic() {
			s.touchConsumer(g.id, id, m.Classic.SessionTimeoutMs)
			continue
		}
		s.touchConsumer(g.id, id, session)
		s.limitRevocation(g.id, m)
	}
}

// unloaded has nobody to answer: members of consumer groups never wait.
func (g *consumerGroup) unloaded() {}

// stop stops all timers.
func (g *consumerGroup) stop() {
	for _, t := range g.timers {
		t.stop()
	}
	clear(g.timers)
}
