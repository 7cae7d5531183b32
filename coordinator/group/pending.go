package group

import (
	"cmp"
	"slices"
	"unique"

	"github.com/clatterhq/clatter/coordinator"
)

var _ coordinator.TransactionalMachine[Record] = (*Shard)(nil)

// ReplayTransactional implements [coordinator.TransactionalMachine]. Offsets alone may be pending: a deletion counts at once, and so
// does everything else, which nobody writes in transactions.
func (s *Shard) ReplayTransactional(offset, producerID int64, r Record) error {
	committed, ok := r.(*OffsetRecord)
	if !ok || committed.Commit == nil {
		return s.Replay(offset, r)
	}
	s.pending.add(producerID, offset, committed)
	s.needGroup(committed.Group)
	s.armExpiry()
	return nil
}

// ReplayEndTransaction implements [coordinator.TransactionalMachine].
func (s *Shard) ReplayEndTransaction(producerID int64, _ int16, commit bool) {
	for _, o := range s.pending.end(producerID) {
		if !commit {
			continue
		}
		s.pending.overtake(o.group, o.place, o.offset)
		s.setOffset(&OffsetRecord{Group: o.group, Topic: o.place.topic.Value(), Partition: o.place.partition, Commit: &o.commit})
	}
}

// pendingOffsets are the offsets that producers have committed in transactions which are still open. Nobody is told of them until the
// transaction commits, and several producers may have one for the same partition.
//
// Kafka keeps with every committed offset where its record is in the log, so that a transaction which ends late takes nothing
// back. Here a pending offset is told when a later record overtakes it, and committed ones stay small: there may be
// millions of them, and few are ever pending.
type pendingOffsets struct {
	byProducer map[int64][]*pendingOffset // in the order of the log
	byGroup    map[string]groupPending
}

// groupPending is what is pending in one group, by partitions; none of the lists is empty.
type groupPending map[offsetPlace][]*pendingOffset

// offsetPlace is a partition.
type offsetPlace struct {
	topic     unique.Handle[string]
	partition int32
}

func placeOf(r *OffsetRecord) offsetPlace { return offsetPlace{unique.Make(r.Topic), r.Partition} }

type pendingOffset struct {
	producerID int64
	group      string
	place      offsetPlace
	offset     int64 // of its record
	commit     Commit
	// overtaken says that a later record for the partition has been committed meanwhile.
	overtaken bool
	// dropped says that the offset was deleted, and is in the list of its producer only.
	dropped bool
}

// empty reports whether no transaction is open.
func (p *pendingOffsets) empty() bool { return len(p.byProducer) == 0 }

// add takes a commit in. A producer's next one for a partition takes the place of the one before.
func (p *pendingOffsets) add(producerID, offset int64, r *OffsetRecord) {
	place := placeOf(r)
	group := p.byGroup[r.Group]
	for _, o := range group[place] {
		if o.producerID == producerID {
			o.offset, o.commit, o.overtaken = offset, *r.Commit, false
			return
		}
	}
	if group == nil {
		group = groupPending{}
		if p.byGroup == nil {
			p.byGroup = map[string]groupPending{}
		}
		p.byGroup[r.Group] = group
	}
	o := &pendingOffset{producerID: producerID, group: r.Group, place: place, offset: offset, commit: *r.Commit}
	group[place] = append(group[place], o)
	if p.byProducer == nil {
		p.byProducer = map[int64][]*pendingOffset{}
	}
	all := p.byProducer[producerID]
	if len(all) == cap(all) {
		// Who commits and deletes in turns should not fill the memory.
		all = slices.DeleteFunc(all, func(o *pendingOffset) bool { return o.dropped })
	}
	p.byProducer[producerID] = append(all, o)
}

// drop forgets what is pending for a partition, because its offset is deleted.
func (p *pendingOffsets) drop(group, topic string, partition int32) {
	place := offsetPlace{unique.Make(topic), partition}
	for _, o := range p.byGroup[group][place] {
		o.dropped = true
	}
	p.remove(group, place)
}

// remove removes a partition from its group.
func (p *pendingOffsets) remove(group string, place offsetPlace) {
	delete(p.byGroup[group], place)
	if len(p.byGroup[group]) == 0 {
		delete(p.byGroup, group)
	}
}

// overtake notes that a record at an offset of the log is committed for a partition: none of before will be.
func (p *pendingOffsets) overtake(group string, place offsetPlace, offset int64) {
	for _, o := range p.byGroup[group][place] {
		if o.offset < offset {
			o.overtaken = true
		}
	}
}

// end forgets a producer's offsets, and returns those that count if its transaction commits, in the order of the log.
func (p *pendingOffsets) end(producerID int64) []*pendingOffset {
	ended := p.byProducer[producerID]
	delete(p.byProducer, producerID)
	ended = slices.DeleteFunc(ended, func(o *pendingOffset) bool {
		if o.dropped {
			return true
		}
		group := p.byGroup[o.group]
		group[o.place] = slices.DeleteFunc(group[o.place], func(other *pendingOffset) bool { return other == o })
		if len(group[o.place]) == 0 {
			p.remove(o.group, o.place)
		}
		return o.overtaken
	})
	slices.SortFunc(ended, func(a, b *pendingOffset) int { return cmp.Compare(a.offset, b.offset) })
	return ended
}

// has reports whether anything is pending for a partition.
func (g groupPending) has(topic string, partition int32) bool {
	return len(g) > 0 && len(g[offsetPlace{unique.Make(topic), partition}]) > 0
}

// tombstones delete those of a group's pending offsets that are chosen and have no tombstone among others already. They are in
// order, so that the same state always leads to the same records.
func (g groupPending) tombstones(group string, committed offsets, chosen func(topic string, newest *Commit) bool) []Record {
	var records []Record
	for place, pending := range g {
		topic := place.topic.Value()
		newest := slices.MaxFunc(pending, func(a, b *pendingOffset) int { return cmp.Compare(a.offset, b.offset) })
		if _, ok := committed.get(topic, [topicIDSize]byte{}, place.partition); !ok && chosen(topic, &newest.commit) {
			records = append(records, &OffsetRecord{Group: group, Topic: topic, Partition: place.partition})
		}
	}
	slices.SortFunc(records, func(a, b Record) int {
		x, y := a.(*OffsetRecord), b.(*OffsetRecord)
		return cmp.Or(cmp.Compare(x.Topic, y.Topic), cmp.Compare(x.Partition, y.Partition))
	})
	return records
}
