package group

import (
	"io"
	"iter"
	"log/slog"
	"time"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire/record"
)

// Caller is who sends a request.
type Caller struct {
	ClientID   string
	ClientHost string // as Kafka writes it: "/127.0.0.1"
}

// Options is what a coordinator of groups is made of. Topic, Config and Topics are required.
type Options struct {
	// Topic is __consumer_offsets.
	Topic coordinator.Topic
	// Config is the configuration as it is now. It is asked for with almost every request, from any goroutine.
	Config func() Config
	// ConsumerConfig is the configuration of one consumer group as it is now; nil is Kafka's default for all.
	ConsumerConfig func(group string) ConsumerConfig
	// Codec compresses records (offsets.topic.compression.codec).
	Codec record.Codec
	// Topics says which topics there are.
	Topics Topics
	// TopicsVersion is another number whenever topics are created, deleted or get more partitions: consumer groups look at theirs
	// again then. Nil: that never happens.
	TopicsVersion func() int64
	// VerifyTransaction is the coordinator of transactions. Nil: there is none, and no transaction can begin.
	VerifyTransaction VerifyTransaction
	// Log gets what an operator can act on; nil is the default logger.
	Log *slog.Logger
	// Now is the wall clock of time stamps in records; nil is [time.Now]. Timeouts run on monotonic time and don't ask it.
	Now func() time.Time
	// Random is where member IDs come from; nil is the system's generator.
	Random io.Reader
}

// Config has the keys of the broker that groups obey, by Kafka's names.
type Config struct {
	// MinSessionTimeoutMs and MaxSessionTimeoutMs bound what classic members ask for (group.min.session.timeout.ms,
	// group.max.session.timeout.ms).
	MinSessionTimeoutMs int32
	MaxSessionTimeoutMs int32
	// InitialRebalanceDelayMs is how long an empty group waits for more members (group.initial.rebalance.delay.ms).
	InitialRebalanceDelayMs int32
	// LeastRebalanceDelayMs is how long it waits if that is less. Kafka waits for nothing then: of members that start at once the first one
	// becomes a group of its own, and all others wait until it hears of them with its next heartbeat.
	LeastRebalanceDelayMs int32
	// MaxSize is the most members of a classic group (group.max.size).
	MaxSize int32
	// OffsetMetadataMaxBytes bounds the metadata of a committed offset (offset.metadata.max.bytes).
	OffsetMetadataMaxBytes int32
	// OffsetsRetentionMs is how long offsets stay that nobody needs (offsets.retention.minutes, in ms).
	OffsetsRetentionMs int64
	// OffsetsRetentionCheckIntervalMs is how often expired offsets are looked for (offsets.retention.check.interval.ms).
	OffsetsRetentionCheckIntervalMs int64
	// TrustProducers lets older producers commit offsets without asking the coordinator of transactions
	// (transaction.partition.verification.enable=false).
	TrustProducers bool
	// Consumers is about consumer groups.
	Consumers ConsumersConfig
}

// TopicInfo is one topic.
type TopicInfo struct {
	Name       string
	ID         [16]byte
	Partitions int32
}

// Topics is which topics there are. It is asked at any time, from any goroutine, and must not block.
type Topics interface {
	// ByName finds a topic.
	ByName(name string) (TopicInfo, bool)
	// ByID finds a topic.
	ByID(id [16]byte) (TopicInfo, bool)
	// All yields all topics, in no order.
	All() iter.Seq[TopicInfo]
}
