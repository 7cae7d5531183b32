package assignor

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// TopicID identifies a topic.
type TopicID = [16]byte

// Partitions are partitions by topic. The numbers are in ascending order, and no topic has none. They are shared freely, so
// nobody changes one that somebody else has seen.
type Partitions map[TopicID][]int32

// Topics are the topics in the order of their IDs.
func (p Partitions) Topics() []TopicID {
	return slices.SortedFunc(maps.Keys(p), compareTopics)
}

// Equal reports whether two have the same partitions.
func (p Partitions) Equal(q Partitions) bool {
	return maps.EqualFunc(p, q, slices.Equal)
}

// Size is the number of partitions.
func (p Partitions) Size() int {
	n := 0
	for _, partitions := range p {
		n += len(partitions)
	}
	return n
}

func compareTopics(a, b TopicID) int { return bytes.Compare(a[:], b[:]) }

// Member is somebody who wants partitions.
type Member struct {
	ID string
	// InstanceID is that of a static member (KIP-345), nil for others.
	InstanceID *string
	// Topics are those that exist of the ones that it is subscribed to, in the order of their IDs and once each.
	Topics []TopicID
	// Target is what it has been promised so far.
	Target Partitions
}

func (m *Member) subscribed(topic TopicID) bool {
	_, ok := slices.BinarySearchFunc(m.Topics, topic, compareTopics)
	return ok
}

// Spec is what an assignment is made for.
type Spec struct {
	// Members are in the order of their IDs.
	Members []Member
	// Homogeneous says that all members have the same topics.
	Homogeneous bool
	// PartitionCounts are those of all topics of all members.
	PartitionCounts map[TopicID]int32
}

// Assignor is a way to assign.
type Assignor interface {
	// Name is what members choose it by.
	Name() string
	// Assign returns what each member gets; one that is missing gets nothing. What is in a target may be shared with
	// the spec. Errors: [ErrUnknownTopic].
	Assign(s *Spec) (map[string]Partitions, error)
}

// ByName is the assignor of a name, nil if there is none.
func ByName(name string) Assignor {
	switch name {
	case Uniform{}.Name():
		return Uniform{}
	case Range{}.Name():
		return Range{}
	}
	return nil
}

// count is the number of partitions of a topic.
func (s *Spec) count(topic TopicID) (int32, error) {
	n, ok := s.PartitionCounts[topic]
	if !ok {
		return 0, fmt.Errorf("%w: %x", ErrUnknownTopic, topic)
	}
	return n, nil
}
