package group

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
)

// offsets are what one group has committed: by topic, then partition. Commits are values in the inner map, because a pointer and an
// allocation for each would cost more than the rest of it.
type offsets map[string]map[int32]Commit

// replay applies a record.
func (o offsets) replay(r *OffsetRecord) {
	partitions := o[r.Topic]
	if r.Commit == nil {
		delete(partitions, r.Partition)
		if len(partitions) == 0 {
			delete(o, r.Topic)
		}
		return
	}
	if partitions == nil {
		partitions = make(map[int32]Commit, 1)
		o[r.Topic] = partitions
	}
	partitions[r.Partition] = *r.Commit
}

// get is the offset of a partition. One that was committed for another topic of the same name isn't the one that is asked for, as far as both
// sides know IDs; the zero ID is no ID.
func (o offsets) get(topic string, id [16]byte, partition int32) (Commit, bool) {
	c, ok := o[topic][partition]
	none := [16]byte{}
	if !ok || (c.TopicID != none && id != none && c.TopicID != id) {
		return Commit{}, false
	}
	return c, true
}

// names yields the topics in order.
func (o offsets) names() []string { return slices.Sorted(maps.Keys(o)) }

// of yields the partitions of a topic in order.
func (o offsets) of(topic string) iter.Seq2[int32, Commit] {
	return func(yield func(int32, Commit) bool) {
		partitions := o[topic]
		for _, p := range slices.Sorted(maps.Keys(partitions)) {
			if !yield(p, partitions[p]) {
				return
			}
		}
	}
}

// tombstones deletes those offsets of a group that are chosen. They are in order, so that the same state always
// leads to the same records.
func (o offsets) tombstones(group string, chosen func(topic string, partition int32, c *Commit) bool) []Record {
	var chosenOnes []*OffsetRecord
	for topic, partitions := range o {
		for partition, c := range partitions {
			if chosen(topic, partition, &c) {
				chosenOnes = append(chosenOnes, &OffsetRecord{Group: group, Topic: topic, Partition: partition})
			}
		}
	}
	if len(chosenOnes) == 0 {
		return nil // As almost always when somebody looks for expired ones.
	}
	slices.SortFunc(chosenOnes, func(a, b *OffsetRecord) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	records := make([]Record, len(chosenOnes))
	for i, r := range chosenOnes {
		records[i] = r
	}
	return records
}

// expired are the tombstones of a group's offsets that nobody needs any more (KIP-211), and whether these are all. Offsets of topics
// that the group reads stay, however old they are.
func (o offsets) expired(g anyGroup, look retention) (records []Record, all bool) {
	since, ok := g.expiryBase()
	if !ok {
		return nil, len(o) == 0
	}
	var emptySince int32
	if c, classic := g.(*classicGroup); classic {
		emptySince = c.since
	}
	all = true
	records = o.tombstones(g.groupID(), func(topic string, _ int32, c *Commit) bool {
		expired := !g.subscribedTo(topic)
		switch {
		case !expired:
		case c.ExpireTimestamp >= 0:
			expired = look.over(c.CommitTimestamp, c.seen, c.ExpireTimestamp-c.CommitTimestamp)
		default:
			expired = look.over(since(c), max(c.seen, emptySince), look.keepMs)
		}
		all = all && expired
		return expired
	})
	return records, all
}

// expiryBase says from when on the retention of an offset counts; ok is false while none expires.
func (g *classicGroup) expiryBase() (since func(*Commit) int64, ok bool) {
	committed := func(c *Commit) int64 { return c.CommitTimestamp }
	switch {
	case g.protocolType == "":
		return committed, true // A consumer outside of the group protocol: nobody knows whether it lives but by its commits.
	case g.state == classicEmpty:
		if g.sinceMs < 0 {
			return committed, true // An old record, which doesn't say since when it is empty.
		}
		return func(*Commit) int64 { return g.sinceMs }, true
	case g.state == classicStable && g.subscription.known:
		return committed, true
	}
	return nil, false
}
