package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func describePartitions(limit int32, cursor string, at int32, names ...string) *kmsg.DescribeTopicPartitionsRequest {
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = limit
	for _, name := range names {
		req.Topics = append(req.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: name})
	}
	if cursor != "" {
		req.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: cursor, Partition: at}
	}
	return req
}

func TestDescribeTopicPartitions(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("b", 2)
	b.createTopic("a", 1)
	resp := ask[*kmsg.DescribeTopicPartitionsResponse](b, describePartitions(2000, "", 0, "b", "missing", "a", "a b", "a"))
	var names []string
	for _, topic := range resp.Topics {
		names = append(names, deref(topic.Topic))
		wantEqual(t, "operations", topic.AuthorizedOperations, 3576)
	}
	wantEqual(t, "topics", len(names), 4)
	for i, want := range []string{"a", "a b", "b", "missing"} {
		wantEqual(t, "sorted", names[i], want)
	}
	wantCode(t, "invalid name", resp.Topics[1].ErrorCode, wire.InvalidTopicException)
	wantCode(t, "unknown topic", resp.Topics[3].ErrorCode, wire.UnknownTopicOrPartition)
	wantEqual(t, "topic ID", resp.Topics[2].TopicID, b.topicID("b"))
	p := resp.Topics[2].Partitions[1]
	wantEqual(t, "partition", p.Partition, 1)
	wantEqual(t, "leader", p.LeaderID, 1)
	wantEqual(t, "leader epoch", p.LeaderEpoch, 0)
	if p.EligibleLeaderReplicas == nil || p.LastKnownELR == nil {
		t.Error("null lists")
	}
	if resp.NextCursor != nil {
		t.Errorf("cursor %v", *resp.NextCursor)
	}
}

func TestDescribeTopicPartitionsPages(t *testing.T) {
	b := newTestBroker(t, "max.request.partition.size.limit", "3")
	b.createTopic("a", 2)
	b.createTopic("b", 4)
	b.createTopic("c", 1)
	for _, limit := range []int32{2000, 3, 2, 1, 0, -5} {
		var seen []string
		req := describePartitions(limit, "", 0)
		for range 20 {
			resp := ask[*kmsg.DescribeTopicPartitionsResponse](b, req)
			page := 0
			for _, topic := range resp.Topics {
				for _, p := range topic.Partitions {
					seen = append(seen, deref(topic.Topic)+itoa(int(p.Partition)))
					page++
				}
			}
			if most := max(1, min(3, int(limit))); page > most {
				t.Errorf("page of %d partitions with a limit of %d", page, most)
			}
			if resp.NextCursor == nil {
				break
			}
			req = describePartitions(limit, resp.NextCursor.Topic, resp.NextCursor.Partition)
		}
		wantEqual(t, "partitions", len(seen), 7)
		for i, want := range []string{"a0", "a1", "b0", "b1", "b2", "b3", "c0"} {
			wantEqual(t, "partition", seen[i], want)
		}
	}
}

func TestDescribeTopicPartitionsRefusesBadCursors(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("a", 1)
	for _, req := range []*kmsg.DescribeTopicPartitionsRequest{
		describePartitions(10, "b", 0, "a"), describePartitions(10, "a", -1, "a"),
	} {
		resp := ask[*kmsg.DescribeTopicPartitionsResponse](b, req)
		wantEqual(t, "topics", len(resp.Topics), 1)
		wantCode(t, "cursor", resp.Topics[0].ErrorCode, wire.InvalidRequest)
	}
	resp := ask[*kmsg.DescribeTopicPartitionsResponse](b, describePartitions(10, "a", 7))
	wantEqual(t, "cursor past the end: partitions", len(resp.Topics[0].Partitions), 0)
}
