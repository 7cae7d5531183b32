package group

import (
	"fmt"

	"github.com/clatterhq/clatter/coordinator"
)

// replayConsumer applies a record of a consumer group. ok is false if it is of another kind. Tombstones of what isn't there are nothing
// unusual: the log may have been compacted.
func (s *Shard) replayConsumer(r Record) (ok bool, err error) {
	switch r := r.(type) {
	case *ConsumerGroupRecord:
		err = s.replayConsumerGroup(r)
	case *SubscriptionMetadataRecord:
		if g := s.persistedConsumer(r.Group, r.Present); g != nil {
			g.oldMetadata = r.Present
		}
	case *ConsumerMemberRecord:
		err = s.replayConsumerMember(r)
	case *TargetEpochRecord:
		if g := s.persistedConsumer(r.Group, r.Value != nil); g != nil {
			g.target = TargetEpoch{Epoch: -1}
			if r.Value != nil {
				g.target = *r.Value
			}
		}
	case *TargetRecord:
		if g := s.persistedConsumer(r.Group, r.Partitions != nil); g != nil {
			if r.Partitions == nil {
				delete(g.targets, r.Member)
			} else {
				g.targets[r.Member] = r.Partitions
			}
		}
	case *CurrentRecord:
		err = s.replayCurrent(r)
	case *RegexRecord:
		if g := s.persistedConsumer(r.Group, r.Value != nil); g != nil {
			g.subscriptions.countRegex(g.resolved[r.Regex], -1)
			delete(g.resolved, r.Regex)
			if r.Value != nil {
				g.resolved[r.Regex] = r.Value
				g.subscriptions.countRegex(r.Value, 1)
			}
		}
	default:
		return false, nil
	}
	return true, err
}

// persistedConsumer is the group of a record, made if it says something. It takes the place of a group that is only a name for
// offsets. Nil is a group of another kind, or none.
func (s *Shard) persistedConsumer(id string, create bool) *consumerGroup {
	switch g := s.groups[id].(type) {
	case *consumerGroup:
		return g
	case nil:
	case *classicGroup:
		if !g.simple() {
			return nil
		}
	default:
		return nil
	}
	if !create {
		return nil
	}
	g := newConsumerGroup(id)
	s.groups[id] = g
	return g
}

func (s *Shard) replayConsumerGroup(r *ConsumerGroupRecord) error {
	g := s.persistedConsumer(r.Group, r.Value != nil)
	switch {
	case g == nil && r.Value == nil:
		return nil
	case g == nil:
		return fmt.Errorf("%w: %q is no consumer group", coordinator.ErrMalformed, r.Group)
	case r.Value != nil:
		g.epoch, g.metadataHash = r.Value.Epoch, r.Value.MetadataHash
		return nil
	case len(g.members) > 0:
		return fmt.Errorf("%w: consumer group %q is deleted with %d members", coordinator.ErrMalformed, r.Group, len(g.members))
	}
	g.stop()
	delete(s.groups, r.Group)
	return nil
}

func (s *Shard) replayConsumerMember(r *ConsumerMemberRecord) error {
	g := s.persistedConsumer(r.Group, r.Value != nil)
	if g == nil {
		if r.Value == nil {
			return nil
		}
		return fmt.Errorf("%w: %q is no consumer group", coordinator.ErrMalformed, r.Group)
	}
	if r.Value == nil {
		g.remove(r.Member)
		return nil
	}
	m := newConsumerMember(r.Member)
	if old := g.members[r.Member]; old != nil {
		*m = *old
	}
	m.ConsumerMember = *r.Value
	g.put(m)
	return nil
}

func (s *Shard) replayCurrent(r *CurrentRecord) error {
	g := s.persistedConsumer(r.Group, r.Value != nil)
	if g == nil {
		if r.Value == nil {
			return nil
		}
		return fmt.Errorf("%w: %q is no consumer group", coordinator.ErrMalformed, r.Group)
	}
	old := g.members[r.Member]
	if old == nil && r.Value == nil {
		return nil
	}
	m := newConsumerMember(r.Member)
	if old != nil {
		*m = *old
	}
	m.Current = Current{MemberEpoch: leaveEpoch, PreviousMemberEpoch: leaveEpoch, State: m.State}
	if r.Value != nil {
		m.Current = *r.Value
	}
	g.put(m)
	return nil
}
