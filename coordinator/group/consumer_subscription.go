package group

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"
)

// subscribers are those of a topic.
type subscribers struct {
	names   int // members that name it
	regexes int // resolved regular expressions that match it
}

// subscriptions are what the members of a group are subscribed to.
type subscriptions struct {
	topics  map[string]subscribers
	regexes map[string]int // members by regular expression
}

func newSubscriptions() subscriptions {
	return subscriptions{topics: map[string]subscribers{}, regexes: map[string]int{}}
}

func (s subscriptions) clone() subscriptions {
	return subscriptions{topics: maps.Clone(s.topics), regexes: maps.Clone(s.regexes)}
}

// count adds a member, or takes it away; nil is nobody.
func (s subscriptions) count(m *consumerMember, by int) {
	if m == nil {
		return
	}
	for _, topic := range m.Topics {
		s.countTopic(topic, subscribers{names: by})
	}
	if regex := m.regex(); regex != "" {
		addCount(s.regexes, regex, by)
	}
}

// countRegex adds the topics of a regular expression, or takes them away; nil is one that isn't resolved.
func (s subscriptions) countRegex(r *ResolvedRegex, by int) {
	if r == nil {
		return
	}
	for _, topic := range r.Topics {
		s.countTopic(topic, subscribers{regexes: by})
	}
}

func (s subscriptions) countTopic(topic string, by subscribers) {
	n := s.topics[topic]
	n.names, n.regexes = max(n.names+by.names, 0), max(n.regexes+by.regexes, 0)
	if n == (subscribers{}) {
		delete(s.topics, topic)
		return
	}
	s.topics[topic] = n
}

// homogeneous reports whether all members are subscribed to the same topics (ConsumerGroup.subscriptionType). With regular expressions
// it is sure only if there is one for all and nobody names topics.
func (s subscriptions) homogeneous(members int) bool {
	want := subscribers{names: members}
	if len(s.regexes) > 0 {
		want = subscribers{regexes: 1}
		for _, n := range s.regexes {
			if n != members {
				return false
			}
		}
	}
	for _, n := range s.topics {
		if len(s.regexes) == 0 && n.names != want.names || len(s.regexes) > 0 && n != want {
			return false
		}
	}
	return true
}

// metadataHash stands for those topics of a group that exist, and the number of their partitions; 0 is none. Kafka has another
// function for it: a group that one takes over from the other rebalances once.
func (s subscriptions) metadataHash(topics Topics) int64 {
	found := make([]TopicInfo, 0, len(s.topics))
	for name := range s.topics {
		if info, ok := topics.ByName(name); ok {
			found = append(found, info)
		}
	}
	if len(found) == 0 {
		return 0
	}
	slices.SortFunc(found, func(a, b TopicInfo) int { return cmp.Compare(a.Name, b.Name) })
	h := fnv.New64a()
	for i := range found {
		_, _ = h.Write(found[i].ID[:]) // It never fails.
		_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(found[i].Partitions)))
	}
	return int64(h.Sum64())
}

// with is what the members are subscribed to if one of them changes; nil is nobody.
func (g *consumerGroup) with(old, changed *consumerMember) subscriptions {
	s := g.subscriptions.clone()
	s.count(old, -1)
	s.count(changed, 1)
	if regex := old.regex(); regex != "" && s.regexes[regex] == 0 {
		s.countRegex(g.resolved[regex], -1)
	}
	return s
}

// without is what is left of it without some members.
func (g *consumerGroup) without(gone []*consumerMember) subscriptions {
	s := g.subscriptions.clone()
	for _, m := range gone {
		s.count(m, -1)
	}
	for regex := range g.subscriptions.regexes {
		if s.regexes[regex] == 0 {
			s.countRegex(g.resolved[regex], -1)
		}
	}
	return s
}
