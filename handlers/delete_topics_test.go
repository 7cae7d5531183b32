package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// deleteRequest deletes by name.
func deleteRequest(version int16, names ...string) *kmsg.DeleteTopicsRequest {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = version
	if version < 6 {
		req.TopicNames = names
		return req
	}
	for _, name := range names {
		req.Topics = append(req.Topics, kmsg.DeleteTopicsRequestTopic{Topic: &name})
	}
	return req
}

func TestDeleteTopicsInEveryVersion(t *testing.T) {
	b := newTestBroker(t)
	for _, v := range versionsOf(t, wire.KeyDeleteTopics) {
		b.createTopic("t", 1)
		id := b.topicID("t")
		b.produce("t", b.batch("a"))
		resp := ask[*kmsg.DeleteTopicsResponse](b, deleteRequest(v, "t", "missing"))
		wantEqual(t, "topics", len(resp.Topics), 2)
		for _, topic := range resp.Topics {
			want := wire.None
			if deref(topic.Topic) == "missing" {
				want = wire.UnknownTopicOrPartition
			} else if v >= 6 {
				wantEqual(t, "topic ID", topic.TopicID, id)
			}
			wantCode(t, deref(topic.Topic), topic.ErrorCode, want)
		}
	}
}

// TestRegression41DeletionIsVisibleAtOnce: the name can be used again in the next request, for another topic.
func TestRegression41DeletionIsVisibleAtOnce(t *testing.T) {
	b := newTestBroker(t, "auto.create.topics.enable", "false")
	b.createTopic("t", 1)
	first := b.topicID("t")
	b.produce("t", b.batch("a"))
	b.deleteTopic("t")
	wantCode(t, "metadata", ask[*kmsg.MetadataResponse](b, metadataRequest(9, "t")).Topics[0].ErrorCode, wire.UnknownTopicOrPartition)
	wantCode(t, "produce", produceOne(b, b.produceRequest(9, "t", b.batch("b"))).ErrorCode, wire.UnknownTopicOrPartition)
	wantCode(t, "unknown topic", ask[*kmsg.DeleteTopicsResponse](b, deleteRequest(5, "t")).Topics[0].ErrorCode, wire.UnknownTopicOrPartition)
	b.createTopic("t", 1)
	if b.topicID("t") == first {
		t.Error("the new topic has the old ID")
	}
	wantEqual(t, "records of the old topic", b.offsets(0).LogEndOffset, 0)
}

func TestDeleteTopicsByID(t *testing.T) {
	b := newTestBroker(t)
	for _, name := range []string{"a", "b", "c"} {
		b.createTopic(name, 1)
	}
	name, idA, idB, idC := "a", b.topicID("a"), b.topicID("b"), b.topicID("c")
	unknown := [16]byte{1}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = 6
	req.Topics = []kmsg.DeleteTopicsRequestTopic{
		{TopicID: idB}, {TopicID: unknown}, {}, {Topic: &name, TopicID: idA}, {TopicID: idC}, {TopicID: idC},
	}
	type result struct {
		code    wire.ErrorCode
		name    string
		message string
	}
	want := map[[16]byte]result{
		idB:     {wire.None, "b", ""},
		unknown: {wire.UnknownTopicID, "", "This server does not host this topic ID."},
		{}:      {wire.InvalidRequest, "", "Neither topic name nor id were specified."},
		idA:     {wire.InvalidRequest, "a", "You may not specify both topic name and topic id."},
		idC:     {wire.InvalidRequest, "", "Duplicate topic id."},
	}
	resp := ask[*kmsg.DeleteTopicsResponse](b, req)
	wantEqual(t, "topics", len(resp.Topics), len(want))
	for _, topic := range resp.Topics {
		wantEqual(t, "result", result{wire.ErrorCode(topic.ErrorCode), deref(topic.Topic), deref(topic.ErrorMessage)}, want[topic.TopicID])
	}
	wantEqual(t, "topics left", len(b.dispatcher.topics().Topics()), 2)
}

func TestDeleteTopicsRefusesWhatIsNamedTwice(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	req := deleteRequest(6, "t")
	req.Topics = append(req.Topics, kmsg.DeleteTopicsRequestTopic{TopicID: b.topicID("t")})
	resp := ask[*kmsg.DeleteTopicsResponse](b, req)
	wantEqual(t, "by name and ID: topics", len(resp.Topics), 1)
	wantCode(t, "by name and ID", resp.Topics[0].ErrorCode, wire.InvalidRequest)
	wantEqual(t, "message", deref(resp.Topics[0].ErrorMessage), "The provided topic name maps to an ID that was already supplied.")
	resp = ask[*kmsg.DeleteTopicsResponse](b, deleteRequest(5, "t", "t"))
	wantEqual(t, "by name: topics", len(resp.Topics), 1)
	wantCode(t, "by name", resp.Topics[0].ErrorCode, wire.InvalidRequest)
	if b.dispatcher.topics().TopicByName("t") == nil {
		t.Error("the topic was deleted")
	}
}

func TestDeleteTopicsCanBeForbidden(t *testing.T) {
	b := newTestBroker(t, "delete.topic.enable", "false")
	b.createTopic("t", 1)
	for _, v := range versionsOf(t, wire.KeyDeleteTopics) {
		want := wire.TopicDeletionDisabled
		if v < 3 {
			want = wire.InvalidRequest
		}
		wantCode(t, "forbidden", ask[*kmsg.DeleteTopicsResponse](b, deleteRequest(v, "t")).Topics[0].ErrorCode, want)
	}
}
