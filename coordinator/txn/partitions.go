package txn

import (
	"cmp"
	"slices"
)

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

func (p TopicPartition) compare(q TopicPartition) int {
	return cmp.Or(cmp.Compare(p.Topic, q.Topic), cmp.Compare(p.Partition, q.Partition))
}

// partitions is the set of partitions that a transaction writes to: topics in order, each with its partitions in order. It is never
// changed, so that the records of a transaction can share it.
type partitions []topicPartitions

// topicPartitions is never empty.
type topicPartitions struct {
	topic      string
	partitions []int32
}

func (p partitions) find(topic string) (int, bool) {
	return slices.BinarySearchFunc(p, topic, func(t topicPartitions, topic string) int { return cmp.Compare(t.topic, topic) })
}

func (p partitions) has(q TopicPartition) bool {
	i, ok := p.find(q.Topic)
	if !ok {
		return false
	}
	_, ok = slices.BinarySearch(p[i].partitions, q.Partition)
	return ok
}

func (p partitions) hasAll(all []TopicPartition) bool {
	for _, q := range all {
		if !p.has(q) {
			return false
		}
	}
	return true
}

func (p partitions) count() int {
	n := 0
	for i := range p {
		n += len(p[i].partitions)
	}
	return n
}

// all lists the partitions in order.
func (p partitions) all() []TopicPartition { return p.appendAll(nil) }

// appendAll is all behind what is in a slice, where there is room for it.
func (p partitions) appendAll(to []TopicPartition) []TopicPartition {
	to = slices.Grow(to, p.count())
	for i := range p {
		for _, partition := range p[i].partitions {
			to = append(to, TopicPartition{p[i].topic, partition})
		}
	}
	return to
}

// with is the set with more partitions in it.
func (p partitions) with(more []TopicPartition) partitions {
	if len(p) == 0 && len(more) == 1 { // As a rule: in one piece.
		one := &struct {
			topics     [1]topicPartitions
			partitions [1]int32
		}{partitions: [1]int32{more[0].Partition}}
		one.topics[0] = topicPartitions{more[0].Topic, one.partitions[:]}
		return one.topics[:]
	}
	return partitionsOf(append(p.all(), more...))
}

// without is the set without some.
func (p partitions) without(some []TopicPartition) partitions {
	gone := make(map[TopicPartition]struct{}, len(some))
	for _, q := range some {
		gone[q] = struct{}{}
	}
	return partitionsOf(slices.DeleteFunc(p.all(), func(q TopicPartition) bool {
		_, ok := gone[q]
		return ok
	}))
}

// partitionsOf is the set of these. It sorts its argument.
func partitionsOf(all []TopicPartition) partitions {
	slices.SortFunc(all, TopicPartition.compare)
	all = slices.Compact(all)
	topics := 0
	for i := range all {
		if i == 0 || all[i].Topic != all[i-1].Topic {
			topics++
		}
	}
	set := make(partitions, 0, topics)
	numbers := make([]int32, len(all)) // of all topics, in one piece
	for i, q := range all {
		numbers[i] = q.Partition
		if i == 0 || q.Topic != all[i-1].Topic {
			set = append(set, topicPartitions{q.Topic, numbers[i:i]})
		}
		t := &set[len(set)-1]
		t.partitions = t.partitions[:len(t.partitions)+1]
	}
	return set
}
