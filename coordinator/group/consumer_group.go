package group

import (
	"maps"
	"slices"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
)

// consumerGroup is a group of the consumer protocol (ConsumerGroup, KIP-848). All that outlives a restart changes by records
// alone; decisions are made on what it would be with a member changed.
//
// The group's epoch rises with every change of members, subscriptions or topics. A target assignment is made for an epoch, and each
// member moves towards it on its own: it gives up what it must before it gets anything, and gets only what nobody else has.
type consumerGroup struct {
	id           string
	epoch        int32
	metadataHash int64
	target       TargetEpoch

	members map[string]*consumerMember
	// instances has the IDs of static members by their instance IDs.
	instances map[string]string
	// targets are the target assignments by member ID.
	targets map[string]assignor.Partitions
	// owners are the member epochs of those that have a partition, or have not given it up yet.
	owners Owned
	// subscriptions counts who is subscribed to what.
	subscriptions subscriptions
	// resolved is what the regular expressions stand for.
	resolved map[string]*ResolvedRegex
	// assignors counts the members that prefer one.
	assignors map[string]int
	// classicMembers use the classic protocol, and classicProtocols counts those that know a protocol.
	classicMembers   int
	classicProtocols map[string]int
	// oldMetadata says that there is a record of an old broker to be deleted.
	oldMetadata bool
	// bytes is what the members take.
	bytes int

	// What follows isn't in the log.

	timers map[string]*consumerTimers // by member ID
	// topicsVersion is that of the topics which metadataHash was last computed of; -1: it wasn't yet.
	topicsVersion int64
	regexes       regexRefresh
}

// firstEpoch is the epoch of a group that nobody has joined yet.
const firstEpoch = 1

func newConsumerGroup(id string) *consumerGroup {
	return &consumerGroup{
		id: id, epoch: firstEpoch, target: TargetEpoch{Epoch: firstEpoch},
		members: map[string]*consumerMember{}, instances: map[string]string{}, targets: map[string]assignor.Partitions{},
		owners: Owned{}, subscriptions: newSubscriptions(), resolved: map[string]*ResolvedRegex{},
		assignors: map[string]int{}, classicProtocols: map[string]int{},
		timers: map[string]*consumerTimers{}, topicsVersion: -1,
	}
}

// ids are the members' IDs in order.
func (g *consumerGroup) ids() []string { return sortedKeys(g.members) }

// static is the member of an instance ID, nil if there is none.
func (g *consumerGroup) static(instanceID *string) *consumerMember {
	if instanceID == nil {
		return nil
	}
	id, ok := g.instances[*instanceID]
	if !ok {
		return nil
	}
	return g.members[id]
}

// targetOf is the target of a member, or of the static member that it replaces.
func (g *consumerGroup) targetOf(m *consumerMember) assignor.Partitions {
	if m.InstanceID != nil {
		if id, ok := g.instances[*m.InstanceID]; ok {
			return g.targets[id]
		}
	}
	return g.targets[m.id] // A dynamic member that becomes a static one has a target, too.
}

// put makes a member, or replaces it.
func (g *consumerGroup) put(m *consumerMember) {
	old := g.members[m.id]
	g.members[m.id] = m
	g.count(old, -1)
	g.count(m, 1)
	if old != nil && old.InstanceID != nil && g.instances[*old.InstanceID] == m.id {
		delete(g.instances, *old.InstanceID)
	}
	if m.InstanceID != nil {
		g.instances[*m.InstanceID] = m.id
	}
}

// remove forgets a member.
func (g *consumerGroup) remove(id string) {
	old := g.members[id]
	delete(g.members, id)
	g.count(old, -1)
	if old != nil && old.InstanceID != nil && g.instances[*old.InstanceID] == id {
		delete(g.instances, *old.InstanceID)
	}
	if t := g.timers[id]; t != nil {
		t.stop()
		delete(g.timers, id)
	}
}

// count adds what a member stands for to the sums, or takes it away; nil is nobody.
func (g *consumerGroup) count(m *consumerMember, by int) {
	if m == nil {
		return
	}
	g.subscriptions.count(m, by)
	g.bytes += by * m.bytes()
	if m.Assignor != nil {
		addCount(g.assignors, *m.Assignor, by)
	}
	if m.classic() {
		g.classicMembers += by
		for _, p := range m.Classic.Protocols {
			addCount(g.classicProtocols, p.Name, by)
		}
	}
	g.countOwned(m.Assigned, m.MemberEpoch, by)
	g.countOwned(m.Revoking, m.MemberEpoch, by)
}

// countOwned keeps the epochs of owners. An epoch is only taken away by the one who has put it there: while records of a group are loaded,
// a partition may have moved on already.
func (g *consumerGroup) countOwned(o Owned, epoch int32, by int) {
	for topic, partitions := range o {
		owners := g.owners[topic]
		if owners == nil {
			owners = make(map[int32]int32, len(partitions))
			g.owners[topic] = owners
		}
		for partition := range partitions {
			current, owned := owners[partition]
			switch {
			case by > 0 && (!owned || current < epoch):
				owners[partition] = epoch
			case by < 0 && owned && current == epoch:
				delete(owners, partition)
			}
		}
		if len(owners) == 0 {
			delete(g.owners, topic)
		}
	}
}

func addCount(counts map[string]int, name string, by int) {
	counts[name] += by
	if counts[name] <= 0 {
		delete(counts, name)
	}
}

// preferredAssignor is what most members prefer with one of them changed, the fallback if nobody prefers any. Among equals
// it is the last one by name: so does Kafka's hash map with the two that there are.
func (g *consumerGroup) preferredAssignor(old, changed *consumerMember, fallback string) string {
	counts := maps.Clone(g.assignors)
	if old != nil && old.Assignor != nil {
		addCount(counts, *old.Assignor, -1)
	}
	if changed != nil && changed.Assignor != nil {
		addCount(counts, *changed.Assignor, 1)
	}
	preferred := ""
	for _, name := range sortedKeys(counts) {
		if preferred == "" || counts[name] >= counts[preferred] {
			preferred = name
		}
	}
	if preferred == "" {
		return fallback
	}
	return preferred
}

// consumerState is the state that clients are told (ConsumerGroup.ConsumerGroupState).
func (g *consumerGroup) stateName() string {
	switch {
	case len(g.members) == 0:
		return "Empty"
	case g.epoch > g.target.Epoch:
		return "Assigning"
	}
	for _, m := range g.members {
		if !m.reconciledTo(g.target.Epoch) {
			return "Reconciling"
		}
	}
	return "Stable"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
