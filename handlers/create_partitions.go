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
	image := d.topics()
	refused := outOfTime(r.TimeoutMillis)
	if !refused.failed() && image.partitionsAdded(r) > maxPartitionsPerRequest {
		refused = failure(wire.PolicyViolation, "Excessively large number of additional partitions per request.")
	}
	if refused.failed() {
		for i := range r.Topics {
			tell(r.Topics[i].Topic, refused)
		}
		return answer(resp)
	}
	count := make(map[string]int, len(r.Topics))
	for i := range r.Topics {
		name := r.Topics[i].Topic
		if count[name]++; count[name] == 2 {
			tell(name, failure(wire.InvalidRequest, "Duplicate topic name."))
		}
	}
	for i := range r.Topics {
		rt := &r.Topics[i]
		if count[rt.Topic] > 1 {
			continue
		}
		topic := image.TopicByName(rt.Topic)
		refused := d.checkMorePartitions(topic, rt)
		if !refused.failed() && !r.ValidateOnly {
			refused = bare(errorCode(d.deps.Catalog.AddPartitions(ctx, topic.ID, rt.Count)))
		}
		tell(rt.Topic, refused)
	}
	return answer(resp)
}

// checkMorePartitions follows ReplicationControlManager.createPartitions.
func (d *Dispatcher) checkMorePartitions(topic *catalog.Topic, rt *kmsg.CreatePartitionsRequestTopic) apiError {
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
	return apiError{}
}

// partitionsAdded is how many partitions a request would add if nothing else were wrong with it.
func (t topics) partitionsAdded(r *kmsg.CreatePartitionsRequest) (n int64) {
	for i := range r.Topics {
		if topic := t.TopicByName(r.Topics[i].Topic); topic != nil {
			n += max(0, int64(r.Topics[i].Count)-int64(topic.Partitions))
		}
	}
	return n
}
