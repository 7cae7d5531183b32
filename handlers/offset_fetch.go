// OffsetFetch (key 9), versions 1-10.
//
// 2 all topics, and an error for the whole answer; 3 throttle time; 4 throttled clients wait by themselves; 5 leader epoch
// (KIP-320); 6 flexible; 7 require stable (KIP-447); 8 many groups (KIP-709); 9 members of consumer groups (KIP-848); 10 topic IDs.
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
)

func (d *Dispatcher) offsetFetch(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.OffsetFetchRequest)
	r.Topics = atMostTwice(r.Topics, func(t *kmsg.OffsetFetchRequestTopic) string { return t.Topic })
	for i := range r.Topics {
		t := &r.Topics[i]
		t.Partitions = atMostTwice(t.Partitions, itself)
	}
	r.Groups = atMostTwice(r.Groups, func(g *kmsg.OffsetFetchRequestGroup) string { return g.Group })
	for i := range r.Groups {
		g := &r.Groups[i]
		g.Topics = atMostTwice(g.Topics, fetchedTopic)
		for j := range g.Topics {
			t := &g.Topics[j]
			t.Partitions = atMostTwice(t.Partitions, itself)
		}
	}
	return answer(d.deps.Groups.OffsetFetch(ctx, r))
}

// fetchedTopic identifies a topic in any version.
func fetchedTopic(t *kmsg.OffsetFetchRequestGroupTopic) topicKey { return topicKey{t.Topic, t.TopicID} }
