package group

import (
	"slices"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
	"github.com/clatterhq/clatter/coordinator/primitive"
)

// consumerSubscription is what a consumer of the classic protocol says to its group's leader (ConsumerProtocolSubscription, versions 0 to 3).
type consumerSubscription struct {
	version int16
	topics  []string
	owned   []namedPartitions // from version 1 on
	rackID  string            // from version 3 on
}

// namedPartitions are partitions of a topic by its name.
type namedPartitions struct {
	topic      string
	partitions []int32
}

// Versions of what consumers tell each other.
const (
	subscriptionOwned      = 1
	subscriptionGeneration = 2
	subscriptionRack       = 3
)

// parseSubscription reads a subscription of any version. ok is false if it isn't one.
func parseSubscription(p []byte) (s consumerSubscription, ok bool) {
	r := primitive.NewReader(p)
	s.version = r.Int16()
	s.topics = r.Strings()
	r.SkipBytes()
	if s.version >= subscriptionOwned {
		s.owned = readNamedPartitions(r)
	}
	if s.version >= subscriptionGeneration {
		r.Int32()
	}
	if s.version >= subscriptionRack {
		s.rackID = orEmpty(r.NullableString())
	}
	return s, !r.Bad() && s.version >= 0
}

// parseAssignment reads the assignment of a consumer (ConsumerProtocolAssignment). custom says that there is more in it than partitions:
// something of an assignor of the client's own.
func parseAssignment(p []byte) (partitions []namedPartitions, custom, ok bool) {
	r := primitive.NewReader(p)
	version := r.Int16()
	partitions = readNamedPartitions(r)
	custom = r.SkipBytes() > 0
	return partitions, custom, !r.Bad() && version >= 0
}

// appendAssignment writes the assignment of a consumer in the version of its subscription.
func appendAssignment(version int16, partitions []namedPartitions) []byte {
	p := primitive.AppendInt16(nil, min(version, subscriptionRack))
	p = primitive.AppendInt32(p, int32(len(partitions)))
	for _, t := range partitions {
		p = primitive.AppendString(p, t.topic)
		p = primitive.AppendInt32(p, int32(len(t.partitions)))
		for _, number := range t.partitions {
			p = primitive.AppendInt32(p, number)
		}
	}
	return primitive.AppendInt32(p, -1) // No user data.
}

func readNamedPartitions(r *primitive.Reader) []namedPartitions {
	var all []namedPartitions
	for n := r.ArrayLen(); n > 0 && !r.Bad(); n-- {
		all = append(all, namedPartitions{topic: r.String(), partitions: r.Int32s()})
	}
	return all
}

// byID are partitions by the IDs of those topics that exist.
func byID(named []namedPartitions, topics Topics) assignor.Partitions {
	p := assignor.Partitions{}
	for _, t := range named {
		info, ok := topics.ByName(t.topic)
		if !ok || len(t.partitions) == 0 {
			continue
		}
		numbers := append(slices.Clone(t.partitions), p[info.ID]...)
		slices.Sort(numbers)
		p[info.ID] = slices.Compact(numbers)
	}
	return p
}

// byName are partitions by the names of those topics that exist.
func byName(p assignor.Partitions, topics Topics) []namedPartitions {
	var named []namedPartitions
	for _, id := range p.Topics() {
		if info, ok := topics.ByID(id); ok {
			named = append(named, namedPartitions{topic: info.Name, partitions: p[id]})
		}
	}
	return named
}

// partitions are those that are owned, without their epochs.
func (o Owned) partitions() assignor.Partitions {
	p := make(assignor.Partitions, len(o))
	for id := range o {
		p[id] = o.numbers(id)
	}
	return p
}

// ownedSince are partitions that were all given at one epoch.
func ownedSince(p assignor.Partitions, epoch int32) Owned {
	o := make(Owned, len(p))
	o.add(p, epoch)
	return o
}

// add adds partitions that were all given at one epoch.
func (o Owned) add(p assignor.Partitions, epoch int32) {
	for id, numbers := range p {
		for _, number := range numbers {
			o.set(id, number, epoch)
		}
	}
}
