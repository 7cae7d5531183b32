package group

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// OffsetDelete deletes offsets of topics that the group doesn't read (KafkaApis.handleOffsetDeleteRequest, OffsetMetadataManager.deleteOffsets).
func (c *Coordinator) OffsetDelete(ctx context.Context, req *kmsg.OffsetDeleteRequest) *kmsg.OffsetDeleteResponse {
	x := &offsetDelete{req: req, place: map[string]int{}}
	if req.Group == "" {
		return x.refused(wire.InvalidGroupID)
	}
	x.divide(c.options.Topics)
	return ask(ctx, c, req.Group, question[*kmsg.OffsetDeleteResponse]{decide: x.decide, refused: x.refused})
}

// offsetDelete is one request.
type offsetDelete struct {
	req *kmsg.OffsetDeleteRequest
	// existing are the topics that exist, with the partitions that exist, and missing is the answer about everything else.
	existing []kmsg.OffsetDeleteRequestTopic
	missing  []kmsg.OffsetDeleteResponseTopic
	place    map[string]int // of a topic in missing
}

func (x *offsetDelete) divide(topics Topics) {
	for i := range x.req.Topics {
		t := &x.req.Topics[i]
		info, exists := topics.ByName(t.Topic)
		existing := kmsg.OffsetDeleteRequestTopic{Topic: t.Topic}
		var missing []kmsg.OffsetDeleteResponseTopicPartition
		for _, p := range t.Partitions {
			if info.has(p.Partition) {
				existing.Partitions = append(existing.Partitions, p)
				continue
			}
			missing = append(missing, deletedPartition(p.Partition, wire.UnknownTopicOrPartition))
		}
		if len(existing.Partitions) > 0 {
			x.existing = append(x.existing, existing)
		}
		if len(missing) > 0 || !exists {
			x.missing = addDeleted(x.missing, x.place, t.Topic, missing)
		}
	}
}

func deletedPartition(partition int32, code wire.ErrorCode) kmsg.OffsetDeleteResponseTopicPartition {
	return kmsg.OffsetDeleteResponseTopicPartition{Partition: partition, ErrorCode: int16(code)}
}

// addDeleted adds partitions to a topic of an answer, which has each topic once.
func addDeleted(
	topics []kmsg.OffsetDeleteResponseTopic, place map[string]int, name string, partitions []kmsg.OffsetDeleteResponseTopicPartition,
) []kmsg.OffsetDeleteResponseTopic {
	i, ok := place[name]
	if !ok {
		i = len(topics)
		place[name] = i
		topics = append(topics, kmsg.OffsetDeleteResponseTopic{Topic: name})
	}
	t := &topics[i]
	t.Partitions = append(slices.Clip(t.Partitions), partitions...)
	return topics
}

// refused answers with an error for the whole request.
func (x *offsetDelete) refused(code wire.ErrorCode) *kmsg.OffsetDeleteResponse {
	resp := x.req.ResponseKind().(*kmsg.OffsetDeleteResponse)
	resp.ErrorCode = int16(code)
	return resp
}

func (x *offsetDelete) decide(s *Shard, reply func(*kmsg.OffsetDeleteResponse)) []Record {
	code := wire.GroupIDNotFound
	g := s.groups[x.req.Group]
	if g != nil {
		code = g.checkOffsetDelete()
	}
	if code != wire.None {
		reply(x.refused(code))
		return nil
	}
	resp := x.refused(wire.None)
	resp.Topics = slices.Clone(x.missing)
	var records []Record
	committed, pending := s.offsets[x.req.Group], s.pending.byGroup[x.req.Group]
	for i := range x.existing {
		t := &x.existing[i]
		code := wire.None
		if g.subscribedTo(t.Topic) {
			code = wire.GroupSubscribedToTopic
		}
		told := make([]kmsg.OffsetDeleteResponseTopicPartition, 0, len(t.Partitions))
		for _, p := range t.Partitions {
			told = append(told, deletedPartition(p.Partition, code))
			_, ok := committed.get(t.Topic, [topicIDSize]byte{}, p.Partition)
			if code == wire.None && (ok || pending.has(t.Topic, p.Partition)) {
				records = append(records, &OffsetRecord{Group: x.req.Group, Topic: t.Topic, Partition: p.Partition})
			}
		}
		resp.Topics = addDeleted(resp.Topics, x.place, t.Topic, told)
	}
	reply(resp)
	return records
}
