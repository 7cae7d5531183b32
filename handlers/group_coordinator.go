package handlers

import (
	"iter"
	"log/slog"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/coordinator/group"
	"github.com/clatterhq/clatter/logstore"
)

// NewGroups makes the coordinator of groups over what the other handlers work with. Its state is in a topic like any other, so it must be
// closed before the store is. verify is the coordinator of transactions, nil if there is none.
func NewGroups(
	store logstore.Store, topics *catalog.Catalog, c *config.Config, verify group.VerifyTransaction, log *slog.Logger,
) *group.Coordinator {
	return group.New(group.Options{
		Topic:  internalLog{store: store, catalog: topics, topic: offsetsTopic},
		Config: func() group.Config { return groupConfig(c.Current()) },
		Codec:  c.Current().Groups.OffsetsTopicCodec,
		Topics: groupTopics{topics},

		TopicsVersion:  func() int64 { return topics.Image().Version() },
		ConsumerConfig: func(name string) group.ConsumerConfig { return consumerConfig(c.Current(), topics.Image(), name) },
		Log:            log,

		VerifyTransaction: verify,
	})
}

// internalLog is the topic that a coordinator keeps its state in.
type internalLog struct {
	store   logstore.Store
	catalog *catalog.Catalog
	topic   string
}

// Partitions implements [coordinator.Topic].
func (l internalLog) Partitions() int32 {
	if t := l.catalog.Image().TopicByName(l.topic); t != nil {
		return t.Partitions
	}
	return 0
}

// Partition implements [coordinator.Topic].
func (l internalLog) Partition(partition int32) (logstore.Partition, error) {
	t := l.catalog.Image().TopicByName(l.topic)
	if t == nil {
		return nil, logstore.ErrUnknownPartition
	}
	return l.store.Partition(t.ID, partition)
}

// groupTopics are the topics that groups read.
type groupTopics struct{ catalog *catalog.Catalog }

// ByName implements [group.Topics].
func (t groupTopics) ByName(name string) (group.TopicInfo, bool) {
	return topicInfo(t.catalog.Image().TopicByName(name))
}

// ByID implements [group.Topics].
func (t groupTopics) ByID(id [16]byte) (group.TopicInfo, bool) {
	return topicInfo(t.catalog.Image().TopicByID(id))
}

// All implements [group.Topics].
func (t groupTopics) All() iter.Seq[group.TopicInfo] {
	return func(yield func(group.TopicInfo) bool) {
		for _, topic := range t.catalog.Image().Topics() {
			if info, _ := topicInfo(topic); !yield(info) {
				return
			}
		}
	}
}

func topicInfo(t *catalog.Topic) (group.TopicInfo, bool) {
	if t == nil {
		return group.TopicInfo{}, false
	}
	return group.TopicInfo{Name: t.Name, ID: t.ID, Partitions: t.Partitions}, true
}

// leastRebalanceDelayMs lets the members of a group that start at once be one generation, and is less than anybody notices.
const leastRebalanceDelayMs = 2

// groupConfig is the part of the configuration that groups obey.
func groupConfig(s *config.Snapshot) group.Config {
	g := &s.Groups
	return group.Config{
		MinSessionTimeoutMs: g.MinSessionTimeoutMs, MaxSessionTimeoutMs: g.MaxSessionTimeoutMs,
		InitialRebalanceDelayMs: g.InitialRebalanceDelayMs, LeastRebalanceDelayMs: leastRebalanceDelayMs, MaxSize: g.MaxSize,
		OffsetMetadataMaxBytes: g.OffsetMetadataMaxBytes,
		TrustProducers:         !s.TransactionPartitionVerification,
		OffsetsRetentionMs:     g.OffsetsRetentionMs, OffsetsRetentionCheckIntervalMs: g.OffsetsRetentionCheckIntervalMs,
		Consumers: group.ConsumersConfig{
			MaxSize: s.ConsumerGroups.MaxSize, Assignors: s.ConsumerGroups.Assignors,
			Upgrade: s.ConsumerGroups.Upgrade, Downgrade: s.ConsumerGroups.Downgrade,
		},
	}
}

// consumerConfig is what one consumer group obeys.
func consumerConfig(s *config.Snapshot, image *catalog.Image, name string) group.ConsumerConfig {
	return group.ConsumerConfig(s.ConsumerGroup(image.Overrides(config.Resource{Type: config.GroupResource, Name: name})))
}
