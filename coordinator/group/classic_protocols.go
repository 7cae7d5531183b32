package group

import "github.com/clatterhq/clatter/coordinator/primitive"

// consumerProtocolType is the protocol type of consumers, whose subscriptions are understood. All others are opaque.
const consumerProtocolType = "consumer"

func (g *classicGroup) countProtocols(m *classicMember, by int) {
	for _, p := range m.protocols {
		g.supporters[p.name] += by
		if g.supporters[p.name] == 0 {
			delete(g.supporters, p.name)
		}
	}
}

// supports reports whether somebody with these protocols can be in the group: one of them must be known to all members.
func (g *classicGroup) supports(protocolType string, protocols []protocol) bool {
	if g.state == classicEmpty {
		return protocolType != "" && len(protocols) > 0
	}
	if protocolType != g.protocolType {
		return false
	}
	for _, p := range protocols {
		if g.supporters[p.name] == len(g.members) {
			return true
		}
	}
	return false
}

// selectProtocol is the protocol that most members like best among those that all know, "" if there is none. Among equals it is the
// one whose first vote came from the oldest member; Kafka leaves that to a hash map.
func (g *classicGroup) selectProtocol() string {
	candidates := map[string]int{} // votes
	for name, n := range g.supporters {
		if n == len(g.members) {
			candidates[name] = 0
		}
	}
	var selected string
	votes := make([]string, 0, len(g.members))
	for _, m := range g.members {
		v := m.vote(candidates)
		if v == "" {
			continue
		}
		candidates[v]++
		votes = append(votes, v)
	}
	for _, v := range votes {
		if selected == "" || candidates[v] > candidates[selected] {
			selected = v
		}
	}
	return selected
}

// subscription is the topics of all members, as far as they are understood.
type subscription struct {
	known  bool
	topics map[string]struct{}
}

// subscribed finds the topics in the metadata of consumers. Of no other type they are known, and of none if one
// member can't be understood, or if there are too many.
func (g *classicGroup) subscribed() subscription {
	if g.protocolType != consumerProtocolType {
		return subscription{}
	}
	s := subscription{known: true, topics: map[string]struct{}{}}
	if len(g.members) == 0 {
		return s
	}
	if g.protocol == "" {
		return subscription{}
	}
	for _, m := range g.members {
		if !addTopics(s.topics, m.metadata(g.protocol)) {
			return subscription{}
		}
	}
	return s
}

// maxSubscribed bounds the topics of a group that are known. Metadata that fit into a request may name a hundred times as many, and would
// take ten times their size here.
const maxSubscribed = 100_000

// addTopics reads version 0 of ConsumerProtocolSubscription, which every version begins with: topics and the user's data.
func addTopics(topics map[string]struct{}, metadata []byte) bool {
	r := primitive.NewReader(metadata)
	r.Int16() // the version: any
	n := r.ArrayLen()
	if n < 0 {
		return false
	}
	for ; n > 0 && !r.Bad() && len(topics) <= maxSubscribed; n-- {
		topic := r.Take(int(r.Int16()))
		if _, known := topics[string(topic)]; !known && !r.Bad() {
			topics[string(topic)] = struct{}{}
		}
	}
	if len(topics) > maxSubscribed {
		return false
	}
	r.SkipBytes() // the user's data
	return !r.Bad()
}

// subscribedTo reports whether offsets of the topic are in use. While nothing is known about consumers they are.
func (g *classicGroup) subscribedTo(topic string) bool {
	if !g.subscription.known {
		return g.protocolType == consumerProtocolType
	}
	_, ok := g.subscription.topics[topic]
	return ok
}
