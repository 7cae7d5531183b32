package assignor

import (
	"maps"
	"slices"
)

// Uniform gives all members equally many partitions, and lets them keep what they have as far as that allows (UniformAssignor).
type Uniform struct{}

// Name implements [Assignor].
func (Uniform) Name() string { return "uniform" }

// Assign implements [Assignor].
func (Uniform) Assign(s *Spec) (map[string]Partitions, error) {
	switch {
	case len(s.Members) == 0:
		return map[string]Partitions{}, nil
	case s.Homogeneous:
		return assignHomogeneous(s)
	}
	return assignHeterogeneous(s)
}

// partition is one of a topic.
type partition struct {
	topic  TopicID
	number int32
}

// unfilled is a member that has room for more.
type unfilled struct {
	id   string
	room int
}

// homogeneous assigns the partitions of topics that all members have (UniformHomogeneousAssignmentBuilder).
type homogeneous struct {
	spec       *Spec
	target     map[string]Partitions
	unassigned []partition
	unfilled   []unfilled
	quota      int // that everybody gets
	extras     int // how many members get one more
}

func assignHomogeneous(s *Spec) (map[string]Partitions, error) {
	b := &homogeneous{spec: s, target: make(map[string]Partitions, len(s.Members))}
	topics := s.Members[0].Topics
	if len(topics) == 0 {
		return b.target, nil
	}
	total := 0
	assigned := b.assigned()
	for _, id := range topics {
		n, err := s.count(id)
		if err != nil {
			return nil, err
		}
		owned := assigned[id]
		for number := range n {
			if _, ok := owned[number]; !ok {
				b.unassigned = append(b.unassigned, partition{id, number})
			}
		}
		total += int(n)
	}
	b.quota, b.extras = total/len(s.Members), total%len(s.Members)
	for i := range s.Members {
		b.revoke(i)
	}
	b.assign()
	return b.target, nil
}

// assigned is what somebody has been promised.
func (b *homogeneous) assigned() map[TopicID]map[int32]struct{} {
	all := map[TopicID]map[int32]struct{}{}
	for i := range b.spec.Members {
		for id, numbers := range b.spec.Members[i].Target {
			if all[id] == nil {
				all[id] = make(map[int32]struct{}, len(numbers))
			}
			for _, number := range numbers {
				all[id][number] = struct{}{}
			}
		}
	}
	return all
}

// revoke takes from a member what it isn't subscribed to, and what is more than its share. One that doesn't need an extra
// partition leaves that to others, as long as there are enough others.
func (b *homogeneous) revoke(index int) {
	m := &b.spec.Members[index]
	room, extra := b.quota, b.extras > 0
	if extra {
		room++
	}
	kept, copied := m.Target, false
	for _, id := range m.Target.Topics() {
		numbers := m.Target[id]
		keep := min(len(numbers), room)
		if !m.subscribed(id) {
			keep = 0 // Nobody is: its partitions are not to be given to others.
		}
		room -= keep
		if keep == len(numbers) {
			continue
		}
		if !copied {
			kept, copied = maps.Clone(m.Target), true
		}
		if m.subscribed(id) {
			for _, number := range numbers[keep:] {
				b.unassigned = append(b.unassigned, partition{id, number})
			}
		}
		if keep == 0 {
			delete(kept, id)
		} else {
			kept[id] = numbers[:keep:keep]
		}
	}
	if room > 0 && extra && len(b.spec.Members)-index > b.extras {
		room--
		extra = false
	}
	if room > 0 {
		b.unfilled = append(b.unfilled, unfilled{m.ID, room})
	}
	if extra {
		b.extras--
	}
	b.target[m.ID] = kept
}

// assign hands out what nobody has. There is as much room as there are partitions.
func (b *homogeneous) assign() {
	for _, u := range b.unfilled {
		n := min(u.room, len(b.unassigned))
		if n == 0 {
			continue
		}
		b.target[u.id] = withPartitions(b.target[u.id], b.unassigned[:n])
		b.unassigned = b.unassigned[n:]
	}
}

// withPartitions is a copy with more in it.
func withPartitions(p Partitions, more []partition) Partitions {
	c := make(Partitions, len(p)+1)
	maps.Copy(c, p)
	changed := map[TopicID]struct{}{}
	for _, x := range more {
		if _, own := changed[x.topic]; !own {
			changed[x.topic] = struct{}{}
			c[x.topic] = slices.Clone(c[x.topic])
		}
		c[x.topic] = append(c[x.topic], x.number)
	}
	for id := range changed {
		slices.Sort(c[id])
	}
	return c
}
