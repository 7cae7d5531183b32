package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func metadataRequest(version int16, names ...string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = version
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, name := range names {
		req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &name})
	}
	return req
}

// metadataNames are the topics of an answer.
func metadataNames(resp *kmsg.MetadataResponse) (names []string) {
	for _, t := range resp.Topics {
		names = append(names, deref(t.Topic))
	}
	return names
}

func TestMetadataDescribesInEveryVersion(t *testing.T) {
	b := newTestBroker(t, "broker.rack", "r1")
	b.createTopic("t", 2)
	for _, v := range versionsOf(t, wire.KeyMetadata) {
		resp := ask[*kmsg.MetadataResponse](b, metadataRequest(v, "t"))
		broker := resp.Brokers[0]
		wantEqual(t, "node ID", broker.NodeID, 1)
		wantEqual(t, "host", broker.Host, "192.0.2.1")
		wantEqual(t, "port", broker.Port, 9092)
		if v >= 1 {
			wantEqual(t, "controller", resp.ControllerID, 1)
			wantEqual(t, "rack", deref(broker.Rack), "r1")
		}
		if v >= 2 {
			wantEqual(t, "cluster ID", deref(resp.ClusterID), b.catalog.ClusterID())
		}
		topic := resp.Topics[0]
		wantCode(t, "topic", topic.ErrorCode, wire.None)
		wantEqual(t, "name", deref(topic.Topic), "t")
		wantEqual(t, "partitions", len(topic.Partitions), 2)
		if v >= 10 {
			wantEqual(t, "topic ID", topic.TopicID, b.topicID("t"))
		}
		for i, p := range topic.Partitions {
			wantEqual(t, "index", p.Partition, int32(i))
			wantEqual(t, "leader", p.Leader, 1)
			wantEqual(t, "replicas", len(p.Replicas), 1)
			wantEqual(t, "ISR", len(p.ISR), 1)
			wantEqual(t, "offline replicas", len(p.OfflineReplicas), 0)
			if v >= 7 {
				wantEqual(t, "leader epoch", p.LeaderEpoch, 0)
			}
		}
	}
}

func TestRegression8WhichTopicsAreMeant(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("a", 1)
	b.createTopic("b", 1)
	for _, v := range versionsOf(t, wire.KeyMetadata) {
		all := metadataRequest(v)
		all.Topics = nil
		wantEqual(t, "null", len(ask[*kmsg.MetadataResponse](b, all).Topics), 2)
		want := 0
		if v == 0 {
			want = 2
		}
		wantEqual(t, "empty list", len(ask[*kmsg.MetadataResponse](b, metadataRequest(v)).Topics), want)
		wantEqual(t, "the same twice", len(ask[*kmsg.MetadataResponse](b, metadataRequest(v, "a", "a")).Topics), 1)
	}
}

func TestRegression8UnknownTopicsAreComplete(t *testing.T) {
	b := newTestBroker(t, "auto.create.topics.enable", "false")
	b.createTopic("t", 1)
	for _, v := range versionsOf(t, wire.KeyMetadata) {
		resp := ask[*kmsg.MetadataResponse](b, metadataRequest(v, "missing", "a b", "t"))
		wantEqual(t, "topics", len(resp.Topics), 3)
		wantEqual(t, "known topics come first", metadataNames(resp)[0], "t")
		for _, topic := range resp.Topics[1:] {
			want := wire.UnknownTopicOrPartition
			if deref(topic.Topic) == "a b" {
				want = wire.InvalidTopicException
			}
			wantCode(t, deref(topic.Topic), topic.ErrorCode, want)
		}
	}
}

func TestRegression8AuthorizedOperationsWhenAsked(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for v := int16(8); v <= 13; v++ {
		req := metadataRequest(v, "t")
		resp := ask[*kmsg.MetadataResponse](b, req)
		wantEqual(t, "topic, not asked", resp.Topics[0].AuthorizedOperations, operationsNotAsked)
		if v <= 10 {
			wantEqual(t, "cluster, not asked", resp.AuthorizedOperations, operationsNotAsked)
		}
		req.IncludeTopicAuthorizedOperations, req.IncludeClusterAuthorizedOperations = true, true
		resp = ask[*kmsg.MetadataResponse](b, req)
		wantEqual(t, "topic", resp.Topics[0].AuthorizedOperations, 3576)
		if v <= 10 {
			wantEqual(t, "cluster", resp.AuthorizedOperations, 8096)
		}
	}
}

func TestMetadataCreatesTopicsReadyForUse(t *testing.T) {
	b := newTestBroker(t, "num.partitions", "3")
	for _, v := range versionsOf(t, wire.KeyMetadata) {
		name := "new-" + itoa(int(v))
		req := metadataRequest(v, name)
		if v >= 4 {
			wantCode(t, "not allowed by the client", ask[*kmsg.MetadataResponse](b, req).Topics[0].ErrorCode, wire.UnknownTopicOrPartition)
			req.AllowAutoTopicCreation = true
		}
		topic := ask[*kmsg.MetadataResponse](b, req).Topics[0]
		wantCode(t, name, topic.ErrorCode, wire.None)
		wantEqual(t, "partitions", len(topic.Partitions), 3)
		b.produce(name, b.batch("a"))
	}
}

func TestMetadataByID(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.createTopic("u", 1)
	known, unknown := b.topicID("t"), [16]byte{1}
	ask1 := func(v int16, topics ...kmsg.MetadataRequestTopic) *kmsg.MetadataResponse {
		req := metadataRequest(v)
		req.Topics = append(req.Topics, topics...)
		return ask[*kmsg.MetadataResponse](b, req)
	}
	for _, v := range []int16{12, 13} {
		resp := ask1(v, kmsg.MetadataRequestTopic{TopicID: known}, kmsg.MetadataRequestTopic{TopicID: unknown}, kmsg.MetadataRequestTopic{TopicID: known})
		wantEqual(t, "topics", len(resp.Topics), 2)
		wantCode(t, "unknown comes first", resp.Topics[0].ErrorCode, wire.UnknownTopicID)
		if resp.Topics[0].Topic != nil {
			t.Error("an unknown ID has a name")
		}
		wantEqual(t, "known", deref(resp.Topics[1].Topic), "t")
		resp = ask1(v, kmsg.MetadataRequestTopic{TopicID: known}, kmsg.MetadataRequestTopic{Topic: new("u")})
		wantEqual(t, "with an ID, names don't count", len(resp.Topics), 1)
	}
	for _, v := range []int16{10, 11} {
		for _, topic := range []kmsg.MetadataRequestTopic{{TopicID: known, Topic: new("t")}, {}} {
			resp := ask1(v, topic)
			wantCode(t, "before version 12", resp.Topics[0].ErrorCode, wire.InvalidRequest)
			wantEqual(t, "brokers", len(resp.Brokers), 0)
		}
	}
}

func TestRegression9AdvertisedAddress(t *testing.T) {
	b := newTestBroker(t, "listeners", "PLAINTEXT://:9092,OUTSIDE://:0",
		"listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,OUTSIDE:PLAINTEXT",
		"advertised.listeners", "OUTSIDE://kafka.example:19092", "node.id", "0")
	for listener, want := range map[string]address{
		"PLAINTEXT": {"192.0.2.1", 9092},
		"OUTSIDE":   {"kafka.example", 19092},
	} {
		b.peer.Listener = listener
		node := ask[*kmsg.MetadataResponse](b, metadataRequest(9)).Brokers[0]
		wantEqual(t, listener, address{node.Host, node.Port}, want)
		wantEqual(t, "node ID", node.NodeID, 0)
	}
}

func TestMetadataDoesNotCreateWhatCannotBe(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("a.b", 1)
	for _, name := range []string{"a_b", "__share_group_state"} {
		req := metadataRequest(13, name)
		req.AllowAutoTopicCreation = true
		topic := ask[*kmsg.MetadataResponse](b, req).Topics[0]
		wantCode(t, name, topic.ErrorCode, wire.UnknownTopicOrPartition)
		wantEqual(t, name+" is internal", topic.IsInternal, name == "__share_group_state")
	}
}

func TestMetadataCreatesTheTopicOfOffsetsAsTheCoordinatorDoes(t *testing.T) {
	b := newTestBroker(t, "offsets.topic.num.partitions", "7")
	req := metadataRequest(13, offsetsTopic)
	req.AllowAutoTopicCreation = true
	topic := ask[*kmsg.MetadataResponse](b, req).Topics[0]
	wantCode(t, "topic", topic.ErrorCode, wire.None)
	wantEqual(t, "internal", topic.IsInternal, true)
	wantEqual(t, "partitions", len(topic.Partitions), 7)
}

func TestMetadataOfNeitherNameNorID(t *testing.T) {
	b := newTestBroker(t)
	for _, v := range []int16{10, 11, 12, 13} {
		req := metadataRequest(v, "t")
		req.Topics[0].Topic = nil
		want := wire.InvalidRequest
		if v >= 12 {
			want = wire.UnknownServerError
		}
		resp := ask[*kmsg.MetadataResponse](b, req)
		wantCode(t, "topic", resp.Topics[0].ErrorCode, want)
		wantEqual(t, "brokers", len(resp.Brokers), 0)
		if v >= 13 {
			wantCode(t, "whole", resp.ErrorCode, want)
		}
	}
}
