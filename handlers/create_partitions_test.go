package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func morePartitions(version int16, topics ...kmsg.CreatePartitionsRequestTopic) *kmsg.CreatePartitionsRequest {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.Version, req.Topics = version, topics
	return req
}

// TestRegression41CreatePartitionsListsTopics: an empty list crashed librdkafka.
func TestRegression41CreatePartitionsListsTopics(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for i, v := range versionsOf(t, wire.KeyCreatePartitions) {
		req := morePartitions(v, kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: int32(i + 2)})
		req.ValidateOnly = true
		for _, want := range []int32{int32(i + 1), int32(i + 2)} {
			resp := ask[*kmsg.CreatePartitionsResponse](b, req)
			wantEqual(t, "topics", len(resp.Topics), 1)
			wantEqual(t, "name", resp.Topics[0].Topic, "t")
			wantCode(t, "result", resp.Topics[0].ErrorCode, wire.None)
			wantEqual(t, "partitions", b.dispatcher.topics().TopicByName("t").Partitions, want)
			req.ValidateOnly = false
		}
		produce := b.produceRequest(9, "t", b.batch("a"))
		produce.Topics[0].Partitions[0].Partition = int32(i + 1)
		wantCode(t, "produce to the new partition", produceOne(b, produce).ErrorCode, wire.None)
	}
}

func TestCreatePartitionsRefuses(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 3)
	assigned := func(count int32, brokers ...int32) kmsg.CreatePartitionsRequestTopic {
		topic := kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: count}
		for _, id := range brokers {
			topic.Assignment = append(topic.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: []int32{id}})
		}
		return topic
	}
	for _, c := range []struct {
		what    string
		topic   kmsg.CreatePartitionsRequestTopic
		code    wire.ErrorCode
		message string
	}{
		{"unknown topic", kmsg.CreatePartitionsRequestTopic{Topic: "missing", Count: 2}, wire.UnknownTopicOrPartition, ""},
		{"the same", assigned(3), wire.InvalidPartitions, "Topic already has 3 partition(s)."},
		{"fewer", assigned(2), wire.InvalidPartitions, "The topic t currently has 3 partition(s); 2 would not be an increase."},
		{"negative", assigned(-1), wire.InvalidPartitions, "The topic t currently has 3 partition(s); -1 would not be an increase."},
		{"too few assigned", assigned(5, 1), wire.InvalidReplicaAssignment, "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified."},
		{"unknown broker", assigned(4, 9), wire.InvalidReplicaAssignment, "The manual partition assignment includes broker 9, but no such broker is registered."},
		{"far too many", assigned(1<<31 - 1), wire.PolicyViolation, "Excessively large number of additional partitions per request."},
	} {
		topic := ask[*kmsg.CreatePartitionsResponse](b, morePartitions(3, c.topic)).Topics[0]
		wantCode(t, c.what, topic.ErrorCode, c.code)
		wantEqual(t, c.what+": message", deref(topic.ErrorMessage), c.message)
		wantEqual(t, c.what+": partitions", b.dispatcher.topics().TopicByName("t").Partitions, 3)
	}
	resp := ask[*kmsg.CreatePartitionsResponse](b, morePartitions(3, assigned(4), assigned(5)))
	wantEqual(t, "twice: topics", len(resp.Topics), 1)
	wantCode(t, "twice", resp.Topics[0].ErrorCode, wire.InvalidRequest)
	wantCode(t, "assigned", ask[*kmsg.CreatePartitionsResponse](b, morePartitions(3, assigned(5, 1, 1))).Topics[0].ErrorCode, wire.None)
}
