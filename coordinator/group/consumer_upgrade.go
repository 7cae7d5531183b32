package group

import (
	"github.com/clatterhq/clatter/coordinator/group/assignor"
	"github.com/clatterhq/clatter/wire"
)

// upgrade makes a consumer group of a classic one, whose members go on by the classic protocol until they come by the other
// (convertToConsumerGroup). An empty one is just deleted.
func (u *consumerUpdate) upgrade(c *classicGroup) *refusalError {
	if c.isEmpty() {
		u.g, u.records = newConsumerGroup(c.id), c.tombstones()
		u.after = append(u.after, func() { u.s.logConsumer("empty classic group becomes a consumer group", c.id) })
		return nil
	}
	config := u.s.config().Consumers
	switch {
	case !config.Upgrade:
		return refuse(wire.GroupIDNotFound, "Cannot upgrade classic group %s to consumer group because online upgrade is disabled.", c.id)
	case c.protocolType != consumerProtocolType:
		return refuse(wire.GroupIDNotFound,
			"Cannot upgrade classic group %s to consumer group because the group does not use the consumer embedded protocol.", c.id)
	case len(c.members) > int(config.MaxSize):
		return refuse(wire.GroupIDNotFound,
			"Cannot upgrade classic group %s to consumer group because the group size exceeds the consumer group maximum size.", c.id)
	}
	g, err := consumersOf(c, u.s.topics())
	if err != nil {
		u.s.logConsumer("classic group can't become a consumer group", c.id, "reason", err.message)
		return err
	}
	u.g, u.records = g, append(c.tombstones(), g.records()...)
	u.after = append(u.after, func() {
		// Those who wait are to join again. They find a consumer group then.
		for _, m := range c.members {
			c.answerJoin(m, joinRefused(wire.RebalanceInProgress, m.id))
			c.answerSync(m, syncRefused(wire.RebalanceInProgress))
		}
		for id, m := range g.members {
			u.s.touchConsumer(g.id, id, m.Classic.SessionTimeoutMs)
		}
		u.s.logConsumer("classic group becomes a consumer group", c.id, "members", len(c.members))
	})
	return nil
}

// consumersOf is a classic group of consumers as a consumer group: its last assignment is the target, and everybody has got it
// (ConsumerGroup.fromClassicGroup).
func consumersOf(c *classicGroup, topics Topics) (*consumerGroup, *refusalError) {
	g := newConsumerGroup(c.id)
	g.epoch, g.target = c.generation, TargetEpoch{Epoch: c.generation}
	protocol := c.protocol
	if protocol == "" {
		protocol = c.selectProtocol() // The group has not ended its first rebalance yet.
	}
	given := Owned{}
	for _, x := range c.members {
		said, ok := parseSubscription(x.metadata(protocol))
		if !ok {
			return nil, malformedGroup(c.id)
		}
		var partitions []namedPartitions
		if len(x.assignment) > 0 {
			var custom bool
			if partitions, custom, ok = parseAssignment(x.assignment); !ok {
				return nil, malformedGroup(c.id)
			}
			if custom {
				return nil, refuse(wire.GroupIDNotFound, "Cannot upgrade classic group %s to consumer group because an unsupported custom assignor is in use. "+
					"Please refer to the documentation or switch to a default assignor before re-attempting the upgrade.", c.id)
			}
		}
		target := ungiven(byID(partitions, topics), given, c.generation)
		g.targets[x.id] = target
		g.put(classicConsumer(x, &said, target, c.generation))
	}
	g.metadataHash = g.subscriptions.metadataHash(topics)
	return g, nil
}

func malformedGroup(id string) *refusalError {
	return refuse(wire.GroupIDNotFound, "Cannot upgrade classic group %s to consumer group because the embedded consumer protocol is malformed.", id)
}

// ungiven are those partitions that no other member has got, and remembers them: a leader may have assigned one twice.
func ungiven(p assignor.Partitions, given Owned, epoch int32) assignor.Partitions {
	left := assignor.Partitions{}
	for _, id := range p.Topics() {
		for _, number := range p[id] {
			if !given.has(id, number) {
				given.set(id, number, epoch)
				left[id] = append(left[id], number)
			}
		}
	}
	return left
}

// classicConsumer is a member of a classic group as a member of a consumer group.
func classicConsumer(x *classicMember, said *consumerSubscription, target assignor.Partitions, generation int32) *consumerMember {
	m := newConsumerMember(x.id)
	m.InstanceID, m.ClientID, m.ClientHost, m.RebalanceTimeoutMs = x.instanceID, x.clientID, x.clientHost, x.rebalanceTimeoutMs
	m.RackID, m.Topics = optional(said.rackID), topicSet(nil, said.topics)
	m.Classic = &ClassicMember{SessionTimeoutMs: x.sessionTimeoutMs, Protocols: classicProtocols(x.protocols)}
	m.MemberEpoch, m.PreviousMemberEpoch = generation, generation
	m.Assigned, m.Revoking = ownedSince(target, generation), Owned{}
	return m
}

func classicProtocols(protocols []protocol) []ClassicProtocol {
	list := make([]ClassicProtocol, len(protocols))
	for i, p := range protocols {
		list[i] = ClassicProtocol{Name: p.name, Metadata: p.metadata}
	}
	return list
}

// records are the whole group.
func (g *consumerGroup) records() []Record {
	var records []Record
	ids := g.ids()
	for _, id := range ids {
		records = append(records, g.members[id].record(g.id))
	}
	records = append(records, &ConsumerGroupRecord{Group: g.id, Value: &ConsumerGroup{Epoch: g.epoch, MetadataHash: g.metadataHash}})
	for _, id := range ids {
		records = append(records, &TargetRecord{Group: g.id, Member: id, Partitions: g.targets[id]})
	}
	records = append(records, &TargetEpochRecord{Group: g.id, Value: new(g.target)})
	for _, id := range ids {
		records = append(records, g.members[id].currentRecord(g.id))
	}
	return records
}
