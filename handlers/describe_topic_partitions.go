// DescribeTopicPartitions (key 75), version 0 (KIP-966).
//
// Knowingly absent: eligible leader replicas other than the leader, which is the only replica.

package handlers

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) describeTopicPartitions(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.DescribeTopicPartitionsRequest)
	resp := r.ResponseKind().(*kmsg.DescribeTopicPartitionsResponse)
	image := d.topics()
	names, ok := topicsFrom(r, image)
	if !ok {
		refuseTopicPartitions(resp, r)
		return answer(resp)
	}
	room := max(1, min(d.config().MaxRequestPartitionSizeLimit, r.ResponsePartitionLimit))
	for _, name := range names {
		if room == 0 {
			resp.NextCursor = nextCursor(name, 0)
			break
		}
		topic := image.TopicByName(name)
		if topic == nil {
			if len(r.Topics) > 0 {
				resp.Topics = append(resp.Topics, unknownTopicPartitions(name))
			}
			continue
		}
		first := int32(0)
		if r.Cursor != nil && r.Cursor.Topic == name {
			first = r.Cursor.Partition
		}
		end := int32(min(int64(topic.Partitions), int64(first)+int64(room)))
		resp.Topics = append(resp.Topics, d.topicPartitions(topic, first, end))
		if end < topic.Partitions {
			resp.NextCursor = nextCursor(name, end)
			break
		}
		room -= max(0, end-first)
	}
	return answer(resp)
}

// topicsFrom is the sorted names from the cursor on. The second result is false if the cursor makes no sense.
func topicsFrom(r *kmsg.DescribeTopicPartitionsRequest, image topics) (names []string, ok bool) {
	from := ""
	if r.Cursor != nil {
		from = r.Cursor.Topic
		if r.Cursor.Partition < 0 {
			return nil, false
		}
	}
	if len(r.Topics) == 0 {
		for _, t := range image.Topics() {
			names = append(names, t.Name)
		}
	}
	for i := range r.Topics {
		names = append(names, r.Topics[i].Topic)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	at, found := slices.BinarySearch(names, from)
	if r.Cursor != nil && len(r.Topics) > 0 && !found {
		return nil, false
	}
	return names[at:], true
}

// refuseTopicPartitions answers a request whose cursor makes no sense.
func refuseTopicPartitions(resp *kmsg.DescribeTopicPartitionsResponse, r *kmsg.DescribeTopicPartitionsRequest) {
	for i := range r.Topics {
		t := kmsg.NewDescribeTopicPartitionsResponseTopic()
		t.Topic = &r.Topics[i].Topic
		t.ErrorCode = int16(wire.InvalidRequest)
		t.AuthorizedOperations = operationsNotAsked
		resp.Topics = append(resp.Topics, t)
	}
}

func nextCursor(topic string, partition int32) *kmsg.DescribeTopicPartitionsResponseNextCursor {
	c := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
	c.Topic, c.Partition = strings.Clone(topic), partition
	return &c
}

func unknownTopicPartitions(name string) kmsg.DescribeTopicPartitionsResponseTopic {
	t := kmsg.NewDescribeTopicPartitionsResponseTopic()
	t.Topic = &name
	t.IsInternal = catalog.IsInternal(name)
	t.AuthorizedOperations = topicOperations
	t.ErrorCode = int16(wire.UnknownTopicOrPartition)
	if config.ValidateTopicName(name) != nil {
		t.ErrorCode = int16(wire.InvalidTopicException)
	}
	return t
}

// topicPartitions describes the partitions of a topic from first to before end.
func (d *Dispatcher) topicPartitions(topic *catalog.Topic, first, end int32) kmsg.DescribeTopicPartitionsResponseTopic {
	t := kmsg.NewDescribeTopicPartitionsResponseTopic()
	t.Topic = &topic.Name
	t.TopicID = topic.ID
	t.IsInternal = topic.Internal
	t.AuthorizedOperations = topicOperations
	for i := first; i < end; i++ {
		p := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		p.Partition = i
		p.LeaderID, p.LeaderEpoch = d.nodeID, d.deps.Store.LeaderEpoch(topic.ID, i)
		p.Replicas, p.ISR, p.OfflineReplicas = d.replicas, d.replicas, noReplicas
		if p.LeaderEpoch < 0 { // Its log directory is offline.
			p.LeaderID, p.OfflineReplicas = noLeader.id, d.replicas
		}
		p.EligibleLeaderReplicas, p.LastKnownELR = noReplicas, noReplicas
		t.Partitions = append(t.Partitions, p)
	}
	return t
}
