package group

import (
	"slices"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
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
	r := reader{p: p}
	s.version = r.int16()
	s.topics = r.strings()
	r.skipBytes()
	if s.version >= subscriptionOwned {
		s.owned = r.namedPartitions()
	}
	if s.version >= subscriptionGeneration {
		r.int32()
	}
	if s.version >= subscriptionRack {
		s.rackID = orEmpty(r.nullableString())
	}
	return s, !r.bad && s.version >= 0
}

// parseAssignment reads the assignment of a consumer (ConsumerProtocolAssignment). custom says that there is more in it than partitions:
// something of an assignor of the client's own.
func parseAssignment(p []byte) (partitions []namedPartitions, custom, ok bool) {
	r := reader{p: p}
	version := r.int16()
	partitions = r.namedPartitions()
	custom = r.skipBytes() > 0
	return partitions, custom, !r.bad && version >= 0
}

// appendAssignment writes the assignment of a consumer in the version of its subscription.
func appendAssignment(version int16, partitions []namedPartitions) []byte {
	p := appendInt16(nil, min(version, subscriptionRack))
	p = appendInt32(p, int32(len(partitions)))
	for _, t := range partitions {
		p = appendString(p, t.topic)
		p = appendInt32(p, int32(len(t.partitions)))
		for _, number := range t.partitions {
			p = appendInt32(p, number)
		}
	}
	return appendInt32(p, -1) // No user data.
}

// skipBytes skips nullable bytes and returns how many there were.
func (r *reader) skipBytes() int {
	n := r.arrayLen()
	if n == -1 {
		return 0
	}
	return len(r.take(n))
}

func (r *reader) namedPartitions() []namedPartitions {
	var all []namedPartitions
	for n := r.arrayLen(); n > 0 && !r.bad; n-- {
		all = append(all, namedPartitions{topic: r.string(), partitions: r.int32s()})
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
