package handlers

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func createRequest(version int16, topics ...kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.Topics = version, topics
	return req
}

func wantedTopic(name string, partitions int32, replicas int16, keys ...string) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, replicas
	for i := 0; i+1 < len(keys); i += 2 {
		t.Configs = append(t.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: keys[i], Value: &keys[i+1]})
	}
	return t
}

func assignedTopic(name string, assignment ...kmsg.CreateTopicsRequestTopicReplicaAssignment) kmsg.CreateTopicsRequestTopic {
	t := wantedTopic(name, -1, -1)
	t.ReplicaAssignment = assignment
	return t
}

func replicasOf(partition int32, replicas ...int32) kmsg.CreateTopicsRequestTopicReplicaAssignment {
	return kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: partition, Replicas: replicas}
}

func TestRegression39CreateTopicsInEveryVersion(t *testing.T) {
	b := newTestBroker(t, "num.partitions", "3")
	for _, v := range versionsOf(t, wire.KeyCreateTopics) {
		name := "t-" + itoa(int(v))
		for _, validateOnly := range []bool{true, false} {
			req := createRequest(v, wantedTopic(name, -1, -1, "retention.ms", "1000"))
			req.ValidateOnly = validateOnly
			topic := ask[*kmsg.CreateTopicsResponse](b, req).Topics[0]
			wantCode(t, name, topic.ErrorCode, wire.None)
			wantEqual(t, "message", deref(topic.ErrorMessage), "")
			if v >= 5 {
				wantEqual(t, "partitions", topic.NumPartitions, 3)
				wantEqual(t, "replication factor", topic.ReplicationFactor, 1)
				values := map[string]kmsg.CreateTopicsResponseTopicConfig{}
				for _, c := range topic.Configs {
					values[c.Name] = c
				}
				wantEqual(t, "retention.ms", deref(values["retention.ms"].Value), "1000")
				wantEqual(t, "source of retention.ms", values["retention.ms"].Source, 1)
				wantEqual(t, "cleanup.policy", deref(values["cleanup.policy"].Value), "delete")
				wantEqual(t, "source of cleanup.policy", values["cleanup.policy"].Source, 5)
			}
			if v >= 7 && topic.TopicID == ([16]byte{}) {
				t.Error("no topic ID")
			}
			wantEqual(t, "topic is there", b.dispatcher.topics().TopicByName(name) != nil, !validateOnly)
		}
		b.produce(name, b.batch("a"))
	}
}

func TestCreateTopicsRefuses(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("exists", 1)
	b.createTopic("a.b", 1)
	for _, c := range []struct {
		what    string
		topic   kmsg.CreateTopicsRequestTopic
		code    wire.ErrorCode
		message string
	}{
		{"exists", wantedTopic("exists", 0, 9, "nonsense", "1"), wire.TopicAlreadyExists, "Topic 'exists' already exists."},
		{"empty name", wantedTopic("", 1, 1), wire.InvalidTopicException, "Topic name is invalid: the empty string is not allowed"},
		{"dot", wantedTopic(".", 1, 1), wire.InvalidTopicException, "Topic name is invalid: '.' is not allowed"},
		{"blank", wantedTopic("a b", 1, 1), wire.InvalidTopicException, "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"},
		{"long name", wantedTopic(strings.Repeat("n", 250), 1, 1), wire.InvalidTopicException, "Topic name is invalid: the length of '" + strings.Repeat("n", 250) + "' is longer than the max allowed length 249"},
		{"collision", wantedTopic("a_b", 1, 1), wire.InvalidTopicException, "Topic 'a_b' collides with existing topic: a.b"},
		{"metadata topic", wantedTopic(clusterMetadataTopic, 1, 1), wire.InvalidRequest, "Creation of internal topic __cluster_metadata is prohibited."},
		{"no partitions", wantedTopic("t", 0, 1), wire.InvalidPartitions, "Number of partitions was set to an invalid non-positive value."},
		{"negative partitions", wantedTopic("t", -2, 1), wire.InvalidPartitions, "Number of partitions was set to an invalid non-positive value."},
		{"no replicas", wantedTopic("t", 1, 0), wire.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value."},
		{"replicas", wantedTopic("t", 1, 3), wire.InvalidReplicationFactor, "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned."},
		{"unknown key", wantedTopic("t", 1, 1, "nonsense", "1"), wire.InvalidConfig, "Unknown topic config name: nonsense"},
		{"bad value", wantedTopic("t", 1, 1, "retention.ms", "soon"), wire.InvalidConfig, "Invalid value soon for configuration retention.ms: Not a number of type LONG"},
		{"remote storage", wantedTopic("t", 1, 1, "remote.storage.enable", "true"), wire.InvalidConfig, "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."},
		{"gap", assignedTopic("t", replicasOf(0, 1), replicasOf(2, 1)), wire.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence"},
		{"unknown broker", assignedTopic("t", replicasOf(0, 7)), wire.InvalidReplicaAssignment, "The manual partition assignment includes broker 7, but no such broker is registered."},
		{"broker twice", assignedTopic("t", replicasOf(0, 1, 1)), wire.InvalidReplicaAssignment, "The manual partition assignment includes the broker 1 more than once."},
		{"no broker", assignedTopic("t", replicasOf(0)), wire.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list."},
		{"partition twice", assignedTopic("t", replicasOf(0, 1), replicasOf(0, 1)), wire.InvalidReplicaAssignment, "Found multiple manual partition assignments for partition 0"},
		{"assignment with replicas", func() kmsg.CreateTopicsRequestTopic {
			t := assignedTopic("t", replicasOf(0, 1))
			t.ReplicationFactor = 1
			return t
		}(), wire.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1."},
		{"assignment with partitions", func() kmsg.CreateTopicsRequestTopic {
			t := assignedTopic("t", replicasOf(0, 1))
			t.NumPartitions = 1
			return t
		}(), wire.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1."},
	} {
		topic := ask[*kmsg.CreateTopicsResponse](b, createRequest(7, c.topic)).Topics[0]
		wantCode(t, c.what, topic.ErrorCode, c.code)
		wantEqual(t, c.what+": message", deref(topic.ErrorMessage), c.message)
		wantEqual(t, c.what+": partitions", topic.NumPartitions, -1)
		wantEqual(t, c.what+": replication factor", topic.ReplicationFactor, -1)
		if b.dispatcher.topics().TopicByName("t") != nil {
			t.Fatalf("%s: the topic was created", c.what)
		}
	}
	null := wantedTopic("t", 1, 1)
	null.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: "retention.ms"}}
	topic := ask[*kmsg.CreateTopicsResponse](b, createRequest(7, null)).Topics[0]
	wantCode(t, "null value", topic.ErrorCode, wire.InvalidConfig)
	wantEqual(t, "null value: message", deref(topic.ErrorMessage), "Null value not supported for topic configs: retention.ms")
}

func TestCreateTopicsAnswersEachTopic(t *testing.T) {
	b := newTestBroker(t)
	resp := ask[*kmsg.CreateTopicsResponse](b, createRequest(7,
		wantedTopic("good", 1, 1), wantedTopic("bad", 0, 1), wantedTopic("twice", 1, 1), wantedTopic("twice", 2, 1),
		assignedTopic("assigned", replicasOf(1, 1), replicasOf(0, 1))))
	got := map[string]int16{}
	for _, topic := range resp.Topics {
		got[topic.Topic] = topic.ErrorCode
	}
	wantEqual(t, "topics", len(resp.Topics), 4)
	wantCode(t, "good", got["good"], wire.None)
	wantCode(t, "bad", got["bad"], wire.InvalidPartitions)
	wantCode(t, "twice", got["twice"], wire.InvalidRequest)
	wantCode(t, "assigned", got["assigned"], wire.None)
	wantEqual(t, "assigned partitions", b.dispatcher.topics().TopicByName("assigned").Partitions, 2)
}

func TestCreateTopicsBoundsPartitionsPerRequest(t *testing.T) {
	b := newTestBroker(t)
	resp := ask[*kmsg.CreateTopicsResponse](b, createRequest(7, wantedTopic("a", 9_999, 1), wantedTopic("b", 2, 1)))
	for _, topic := range resp.Topics {
		wantCode(t, topic.Topic, topic.ErrorCode, wire.PolicyViolation)
		wantEqual(t, "message", deref(topic.ErrorMessage), "Excessively large number of partitions per request.")
	}
	resp = ask[*kmsg.CreateTopicsResponse](b, createRequest(7, wantedTopic("a", 1<<31-1, 1), wantedTopic("b", 1<<31-1, 1)))
	wantCode(t, "sums don't overflow", resp.Topics[0].ErrorCode, wire.PolicyViolation)
}

// TestRegression38CleanupPolicyIsVisible: Kafka Connect and schema registries read it before they start.
func TestRegression38CleanupPolicyIsVisible(t *testing.T) {
	b := newTestBroker(t)
	for _, policy := range []string{"delete", "compact", "compact,delete"} {
		name := strings.ReplaceAll(policy, ",", "-")
		b.createTopic(name, 1, "cleanup.policy", policy)
		wantEqual(t, name, b.configValue(topicResource, name, "cleanup.policy"), policy)
	}
}
