// CreatePartitions (key 37), versions 0-3.
//
// 0 KIP-195; 1 throttled clients wait by themselves; 2 flexible; 3 quotas (KIP-599).
//
// Knowingly absent: mutation quotas.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) createPartitions(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.CreatePartitionsRequest)
	resp := r.ResponseKind().(*kmsg.CreatePartitionsResponse)
	tell := func(name string, e apiError) {
		t := kmsg.NewCreatePartitionsResponseTopic()
		t.Topic = name
		t.ErrorCode, t.ErrorMessage = int16(e.code), e.message
		resp.Topics = append(resp.Topics, t)
	}
	count := make(map[string]int, len(r.Topics))
	for i := range r.Topics {
		name := r.Topics[i].Topic
		if count[name]++; count[name] == 2 {
			tell(name, failure(wire.InvalidRequest, "Duplicate topic name."))
		}
	}
	image := d.topics()
	room := int64(maxPartitionsPerRequest)
	for i := range r.Topics {
		rt := &r.Topics[i]
		if count[rt.Topic] > 1 {
			continue
		}
		topic := image.TopicByName(rt.Topic)
		refused := d.checkMorePartitions(topic, rt, &room)
		if !refused.failed() && !r.ValidateOnly {
			refused = bare(errorCode(d.deps.Catalog.AddPartitions(ctx, topic.ID, rt.Count)))
		}
		tell(rt.Topic, refused)
	}
	return answer(resp)
}

// checkMorePartitions follows ReplicationControlManager.createPartitions. It takes what is added from room.
func (d *Dispatcher) checkMorePartitions(topic *catalog.Topic, rt *kmsg.CreatePartitionsRequestTopic, room *int64) apiError {
	switch {
	case topic == nil:
		return bare(wire.UnknownTopicOrPartition)
	case rt.Count == topic.Partitions:
		return failure(wire.InvalidPartitions, "Topic already has %d partition(s).", topic.Partitions)
	case rt.Count < topic.Partitions:
		return failure(wire.InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.",
			rt.Topic, topic.Partitions, rt.Count)
	}
	added := rt.Count - topic.Partitions
	if rt.Assignment != nil {
		if len(rt.Assignment) != int(added) {
			return failure(wire.InvalidReplicaAssignment, "Attempted to add %d additional partition(s), but only %d assignment(s) were specified.",
				added, len(rt.Assignment))
		}
		for i := range rt.Assignment {
			if refused := d.checkReplicas(rt.Assignment[i].Replicas); refused.failed() {
				return refused
			}
		}
	}
	if *room -= int64(added); *room < 0 {
		return failure(wire.PolicyViolation, "Unable to perform excessively large batch operation.")
	}
	return apiError{}
}
