// DeleteRecords (key 21), versions 0-2.
//
// 0 KIP-107; 1 throttled clients wait by themselves; 2 flexible.
//
// Knowingly absent: the timeout, which in Kafka bounds the wait for followers.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// toHighWatermark is the offset that asks to delete everything that consumers can read.
const toHighWatermark = -1

func (d *Dispatcher) deleteRecords(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.DeleteRecordsRequest)
	wanted := newTopicGroups[kmsg.DeleteRecordsRequestTopicPartition](len(r.Topics))
	for i := range r.Topics {
		for _, rp := range r.Topics[i].Partitions {
			p, _ := wanted.at(r.Topics[i].Topic, rp.Partition) // The last wish counts.
			*p = rp
		}
	}
	resp := r.ResponseKind().(*kmsg.DeleteRecordsResponse)
	image := d.topics()
	for _, g := range wanted.topics {
		topic := image.TopicByName(g.name)
		out := kmsg.NewDeleteRecordsResponseTopic()
		out.Topic = g.name
		for _, rp := range g.partitions {
			p := kmsg.NewDeleteRecordsResponseTopicPartition()
			p.Partition, p.LowWatermark = rp.Partition, -1
			lowWatermark, code := d.deleteBefore(ctx, topic, rp.Partition, rp.Offset)
			if p.ErrorCode = int16(code); code == wire.None {
				p.LowWatermark = lowWatermark
			}
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return answer(resp)
}

// deleteBefore deletes the records before offset, durably, and returns the log start offset then.
func (d *Dispatcher) deleteBefore(ctx context.Context, topic *catalog.Topic, partition int32, offset int64) (int64, wire.ErrorCode) {
	if topic, code := hasPartition(topic, partition); code != wire.None {
		return 0, code
	} else if topic.Internal {
		return 0, wire.InvalidTopicException
	}
	log, code := d.partition(topic, partition)
	if code != wire.None {
		return 0, code
	}
	policy := topic.Config.CleanupPolicy
	if policy.Has(logstore.CleanupCompact) && !policy.Has(logstore.CleanupDelete) {
		return 0, wire.PolicyViolation
	}
	if offset < 0 && offset != toHighWatermark {
		return 0, wire.OffsetOutOfRange
	}
	logStartOffset, err := log.DeleteBefore(ctx, offset)
	if err != nil {
		return 0, errorCode(err)
	}
	return logStartOffset, wire.None
}
