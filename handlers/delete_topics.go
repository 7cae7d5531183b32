// DeleteTopics (key 20), versions 1-6.
//
// 1 throttle time; 2 throttled clients wait by themselves; 3 TOPIC_DELETION_DISABLED; 4 flexible;
// 5 error messages and quotas (KIP-599); 6 topic IDs (KIP-516).
//
// Knowingly absent: mutation quotas. A topic is gone when it is answered.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) deleteTopics(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.DeleteTopicsRequest)
	x := &deletion{resp: r.ResponseKind().(*kmsg.DeleteTopicsResponse), image: d.topics()}
	if !d.config().DeleteTopicEnable {
		refused := bare(wire.TopicDeletionDisabled)
		if r.Version < 3 {
			refused = failure(wire.InvalidRequest, "This version does not support topic deletion.")
		}
		x.refuseAll(r, refused)
		return answer(x.resp)
	}
	if late := outOfTime(r.TimeoutMillis); late.failed() {
		x.refuseAll(r, late)
		return answer(x.resp)
	}
	x.read(r)
	topics := x.topics()
	for i, err := range d.deleteAll(ctx, topics) {
		x.tell(&topics[i].Name, topics[i].ID, bare(errorCode(err)))
	}
	return answer(x.resp)
}

// deletion gathers what a DeleteTopics request wants, by ControllerApis.deleteTopics: names
// and IDs that occur once, and errors for the others.
type deletion struct {
	resp  *kmsg.DeleteTopicsResponse
	image topics

	names, ids         []string // in order; an ID as its 16 bytes
	nameCount, idCount map[string]int
}

// tell adds one result to the answer.
func (x *deletion) tell(name *string, id topicID, e apiError) {
	t := kmsg.NewDeleteTopicsResponseTopic()
	t.Topic, t.TopicID = name, id
	t.ErrorCode, t.ErrorMessage = int16(e.code), e.message
	x.resp.Topics = append(x.resp.Topics, t)
}

// refuseAll answers that nothing is deleted.
func (x *deletion) refuseAll(r *kmsg.DeleteTopicsRequest, refused apiError) {
	for i := range r.TopicNames {
		x.tell(&r.TopicNames[i], topicID{}, refused)
	}
	for i := range r.Topics {
		x.tell(r.Topics[i].Topic, r.Topics[i].TopicID, refused)
	}
}

// read takes the names and IDs of the request.
func (x *deletion) read(r *kmsg.DeleteTopicsRequest) {
	x.nameCount, x.idCount = map[string]int{}, map[string]int{}
	for _, name := range r.TopicNames {
		x.addName(name)
	}
	for i := range r.Topics {
		t := &r.Topics[i]
		id := topicID(t.TopicID)
		switch {
		case t.Topic == nil && id == topicID{}:
			x.tell(nil, id, failure(wire.InvalidRequest, "Neither topic name nor id were specified."))
		case t.Topic != nil && id != topicID{}:
			x.tell(t.Topic, id, failure(wire.InvalidRequest, "You may not specify both topic name and topic id."))
		case t.Topic != nil:
			x.addName(*t.Topic)
		default:
			if x.idCount[string(id[:])]++; x.idCount[string(id[:])] == 1 {
				x.ids = append(x.ids, string(id[:]))
			}
		}
	}
}

func (x *deletion) addName(name string) {
	if x.nameCount[name]++; x.nameCount[name] == 1 {
		x.names = append(x.names, name)
	}
}

// topics are those to delete; for all others the answer is told here.
func (x *deletion) topics() []*catalog.Topic {
	var found []*catalog.Topic
	byID := map[topicID]int{} // place in found
	for _, raw := range x.ids {
		id := topicID([]byte(raw))
		switch t := x.image.TopicByID(id); {
		case x.idCount[raw] > 1:
			x.tell(nil, id, failure(wire.InvalidRequest, "Duplicate topic id."))
		case t == nil:
			x.tell(nil, id, plain(wire.UnknownTopicID))
		default:
			byID[id] = len(found)
			found = append(found, t)
		}
	}
	for _, name := range x.names {
		t := x.image.TopicByName(name)
		switch {
		case x.nameCount[name] > 1:
			x.tell(&name, topicID{}, failure(wire.InvalidRequest, "Duplicate topic name."))
		case t == nil:
			x.tell(&name, topicID{}, plain(wire.UnknownTopicOrPartition))
		case x.idCount[string(t.ID[:])] > 0:
			x.tell(&name, t.ID, failure(wire.InvalidRequest, "The provided topic name maps to an ID that was already supplied."))
			if at, ok := byID[t.ID]; ok {
				found[at] = nil
			}
		default:
			found = append(found, t)
		}
	}
	kept := found[:0]
	for _, t := range found {
		if t != nil {
			kept = append(kept, t)
		}
	}
	return kept
}
