package assignor

import (
	"cmp"
	"slices"
)

// maxBalanceRounds bounds the last phase. Where all subscribers of a topic have the same topics, one round is enough and another
// finds nothing to do; where subscriptions overlap, each round about halves what is uneven.
const maxBalanceRounds = 16

// nobody owns a partition.
const nobody = -1

// heterogeneous assigns where members have different topics (UniformHeterogeneousAssignmentBuilder): first everybody keeps what it may keep,
// then each topic's free partitions go to its least loaded subscribers, then partitions move from the most to the least loaded.
// Members are known by their places in the spec.
type heterogeneous struct {
	spec        *Spec
	topics      []TopicID // in the order in which they are dealt with
	subscribers map[TopicID][]int
	owners      map[TopicID][]int // by partition
	loads       []int             // partitions of each member
}

func assignHeterogeneous(s *Spec) (map[string]Partitions, error) {
	b := &heterogeneous{
		spec: s, subscribers: map[TopicID][]int{}, owners: map[TopicID][]int{}, loads: make([]int, len(s.Members)),
	}
	for i := range s.Members {
		for _, id := range s.Members[i].Topics {
			if _, ok := b.owners[id]; !ok {
				n, err := s.count(id)
				if err != nil {
					return nil, err
				}
				b.topics = append(b.topics, id)
				b.owners[id] = slices.Repeat([]int{nobody}, int(n))
			}
			b.subscribers[id] = append(b.subscribers[id], i)
		}
	}
	if len(b.topics) == 0 {
		return map[string]Partitions{}, nil
	}
	slices.SortFunc(b.topics, b.compareTopics)
	b.keep()
	b.assign()
	b.balance()
	return b.target(), nil
}

// compareTopics puts those with most partitions for each subscriber first, then those with fewest subscribers.
func (b *heterogeneous) compareTopics(x, y TopicID) int {
	perSubscriber := func(id TopicID) float64 {
		return float64(len(b.owners[id])) / float64(len(b.subscribers[id]))
	}
	return cmp.Or(
		cmp.Compare(perSubscriber(y), perSubscriber(x)),
		cmp.Compare(len(b.subscribers[x]), len(b.subscribers[y])),
		compareTopics(x, y),
	)
}

// keep leaves the partitions of subscribed topics where they are.
func (b *heterogeneous) keep() {
	for i := range b.spec.Members {
		m := &b.spec.Members[i]
		for id, numbers := range m.Target {
			if !m.subscribed(id) {
				continue
			}
			for _, number := range numbers {
				if int(number) < len(b.owners[id]) && b.owners[id][number] == nobody {
					b.move(id, number, i)
				}
			}
		}
	}
}

// move gives a partition to a member.
func (b *heterogeneous) move(id TopicID, number int32, member int) {
	if old := b.owners[id][number]; old != nobody {
		b.loads[old]--
	}
	b.owners[id][number] = member
	b.loads[member]++
}

func (b *heterogeneous) assign() {
	var l balancer
	for _, id := range b.topics {
		l.start(b.loads, b.subscribers[id])
		for number, owner := range b.owners[id] {
			if owner == nobody {
				b.move(id, int32(number), l.nextLeast())
			}
		}
	}
}

// balance goes round the topics until a whole round has moved nothing.
func (b *heterogeneous) balance() {
	var topics []TopicID
	for _, id := range b.topics {
		if len(b.subscribers[id]) > 1 {
			topics = append(topics, id)
		}
	}
	last := -1 // topic that was the last one to change
	for range maxBalanceRounds {
		for i, id := range topics {
			if i == last {
				return
			}
			if b.balanceTopic(id) || last == -1 {
				last = i
			}
		}
	}
}

// balanceTopic moves partitions of a topic from its most to its least loaded subscribers, and reports whether it moved any.
func (b *heterogeneous) balanceTopic(id TopicID) bool {
	var l balancer
	if l.start(b.loads, b.subscribers[id]) <= 1 {
		return false
	}
	owned := make(map[int][]int32, len(b.subscribers[id]))
	for number, owner := range b.owners[id] {
		owned[owner] = append(owned[owner], int32(number))
	}
	moved := false
	for !l.balanced() {
		from := l.nextMost()
		for from != nobody && len(owned[from]) == 0 {
			l.excludeMost() // Its load is of other topics.
			from = l.nextMost()
		}
		if from == nobody {
			break
		}
		last := len(owned[from]) - 1
		number := owned[from][last]
		owned[from] = owned[from][:last]
		to := l.nextLeast()
		if l.balanced() {
			break
		}
		b.move(id, number, to)
		moved = true
	}
	return moved
}

// target is who owns what. Members without a change get what they had.
func (b *heterogeneous) target() map[string]Partitions {
	all := make(map[string]Partitions, len(b.spec.Members))
	for i := range b.spec.Members {
		all[b.spec.Members[i].ID] = Partitions{}
	}
	for id, owners := range b.owners {
		for number, owner := range owners {
			mine := all[b.spec.Members[owner].ID]
			mine[id] = append(mine[id], int32(number))
		}
	}
	return all
}
