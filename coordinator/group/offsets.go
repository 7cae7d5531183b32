package group

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unique"
)

// offsets are what one group has committed, in the order of topics and partitions.
//
// Most groups read few topics, and there may be a hundred thousand groups: lists take a third of what maps would, whose smallest
// has room for eight. Names are shared by all groups. A commit to a place that is there moves nothing.
type offsets []topicOffsets

type topicOffsets struct {
	topic      unique.Handle[string]
	partitions []partitionOffset
}

type partitionOffset struct {
	Commit
	partition int32
}

// find is where a topic is, or would be.
func (o offsets) find(topic string) (place int, ok bool) {
	return slices.BinarySearchFunc(o, topic, func(t topicOffsets, name string) int { return strings.Compare(t.topic.Value(), name) })
}

// find is where a partition is, or would be.
func (t *topicOffsets) find(partition int32) (place int, ok bool) {
	return slices.BinarySearchFunc(t.partitions, partition, func(p partitionOffset, wanted int32) int { return cmp.Compare(p.partition, wanted) })
}

// replay applies a record.
func (o *offsets) replay(r *OffsetRecord) {
	i, ok := o.find(r.Topic)
	if !ok {
		if r.Commit == nil {
			return
		}
		*o = insert(*o, i, topicOffsets{topic: unique.Make(r.Topic)})
	}
	t := &(*o)[i]
	j, ok := t.find(r.Partition)
	switch {
	case r.Commit != nil && ok:
		t.partitions[j].Commit = *r.Commit
	case r.Commit != nil:
		t.partitions = insert(t.partitions, j, partitionOffset{*r.Commit, r.Partition})
	case ok:
		t.partitions = slices.Delete(t.partitions, j, j+1)
	}
	if len(t.partitions) == 0 {
		*o = slices.Delete(*o, i, i+1)
	}
}

// insert is [slices.Insert] that grows by an eighth: a list that isn't going to grow any more is the rule.
func insert[E any](list []E, place int, e E) []E {
	if len(list) == cap(list) {
		grown := make([]E, len(list), len(list)+1+len(list)/8)
		copy(grown, list)
		list = grown
	}
	return slices.Insert(list, place, e)
}

// get is the offset of a partition. One that was committed for another topic of the same name isn't the one that is asked for, as far as both
// sides know IDs; the zero ID is no ID.
func (o offsets) get(topic string, id [16]byte, partition int32) (Commit, bool) {
	i, ok := o.find(topic)
	if !ok {
		return Commit{}, false
	}
	j, ok := o[i].find(partition)
	if !ok {
		return Commit{}, false
	}
	c := o[i].partitions[j].Commit
	none := [16]byte{}
	if c.TopicID != none && id != none && c.TopicID != id {
		return Commit{}, false
	}
	return c, true
}

// names are the topics in order.
func (o offsets) names() []string {
	names := make([]string, len(o))
	for i := range o {
		names[i] = o[i].topic.Value()
	}
	return names
}

// of yields the partitions of a topic in order.
func (o offsets) of(topic string) iter.Seq2[int32, Commit] {
	return func(yield func(int32, Commit) bool) {
		i, ok := o.find(topic)
		if !ok {
			return
		}
		for _, p := range o[i].partitions {
			if !yield(p.partition, p.Commit) {
				return
			}
		}
	}
}

// tombstones deletes those offsets of a group that are chosen. They are in order, so that the same state always
// leads to the same records.
func (o offsets) tombstones(group string, chosen func(topic string, partition int32, c *Commit) bool) []Record {
	var records []Record
	for i := range o {
		topic := o[i].topic.Value()
		for j := range o[i].partitions {
			p := &o[i].partitions[j]
			if chosen(topic, p.partition, &p.Commit) {
				records = append(records, &OffsetRecord{Group: group, Topic: topic, Partition: p.partition})
			}
		}
	}
	return records
}

// expired are the tombstones of a group's offsets that nobody needs any more (KIP-211), and whether nothing is left without them. Offsets of
// topics that the group reads stay, however old they are, and so do those for which a transaction has another one.
func (o offsets) expired(g anyGroup, pending groupPending, look retention) (records []Record, all bool) {
	since, ok := g.expiryBase()
	if !ok {
		return nil, len(o) == 0 && len(pending) == 0
	}
	var emptySince int32
	if c, classic := g.(*classicGroup); classic {
		emptySince = c.since
	}
	all = len(pending) == 0
	records = o.tombstones(g.groupID(), func(topic string, partition int32, c *Commit) bool {
		expired := !g.subscribedTo(topic) && !pending.has(topic, partition)
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
