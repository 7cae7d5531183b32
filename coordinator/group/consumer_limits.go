package group

import "github.com/clatterhq/clatter/wire"

const (
	// memberOverhead is about what a member takes besides its texts, and textOverhead what each of those takes besides its bytes.
	memberOverhead = 512
	textOverhead   = 16
)

// checkRoom refuses those who aren't in the group yet if it is full.
func (s *Shard) checkRoom(g *consumerGroup, memberID string, instanceID *string) *refusalError {
	if g.static(instanceID) != nil || g.members[memberID] != nil {
		return nil
	}
	if size := s.config().Consumers.MaxSize; len(g.members) >= int(size) {
		return refuse(wire.GroupMaxSizeReached, "The consumer group has reached its maximum capacity of %d members.", size)
	}
	return nil
}

// checkBytes refuses a member that says more about itself than before if the group takes too much then. Kafka has no such bound: it allows as
// many bytes as members can send.
func (u *consumerUpdate) checkBytes() *refusalError {
	more := u.m.bytes()
	if before := u.g.members[u.old.id]; before != nil {
		more -= before.bytes()
	}
	if more > 0 && u.g.bytes+more > maxGroupBytes {
		return refuse(wire.GroupMaxSizeReached, "The members of the consumer group take more than %d bytes.", maxGroupBytes)
	}
	return nil
}

// bytes is about what a member takes with what it says about itself.
func (m *consumerMember) bytes() int {
	n := memberOverhead + len(m.id) + len(m.ClientID) + len(m.ClientHost)
	for _, text := range []*string{m.InstanceID, m.RackID, m.Regex, m.Assignor} {
		n += len(orEmpty(text))
	}
	for _, topic := range m.Topics {
		n += len(topic) + textOverhead
	}
	if m.classic() {
		for _, p := range m.Classic.Protocols {
			n += len(p.Name) + len(p.Metadata) + protocolBytes
		}
	}
	return n
}
