package txn

import (
	"context"
	"log/slog"
	"time"

	"github.com/clatterhq/clatter/coordinator"
)

// Options is what a coordinator of transactions is made of. All but Log and Now are required.
type Options struct {
	// Topic is __transaction_state.
	Topic coordinator.Topic
	// Config is the configuration as it is now. It is asked for at any time, from any goroutine.
	Config func() Config
	// ProducerIDs is where producer IDs come from.
	ProducerIDs ProducerIDs
	// Markers writes the markers that end transactions.
	Markers Markers
	// Version is the finalized level of the feature transaction.version: what records are like, and how a transaction is
	// aborted that its producer doesn't end.
	Version func() int16
	// Exists reports whether there is a partition.
	Exists func(TopicPartition) bool
	// Internal reports whether a topic is the broker's own, so that clients can't add its partitions by name.
	Internal func(topic string) bool
	// OffsetsPartition is the partition of __consumer_offsets that a group's offsets are in.
	OffsetsPartition func(group string) TopicPartition
	// CompleteDelay is how long the Complete record of a transaction may wait for the first record of the next one, to share an append with
	// it: up to twice as long. Nobody who asks sees a difference. 0: it isn't kept waiting.
	CompleteDelay time.Duration
	// Log gets what an operator can act on; nil is the default logger.
	Log *slog.Logger
	// Now is the wall clock of time stamps in records; nil is [time.Now]. Timeouts run on monotonic time.
	Now func() time.Time
}

// Config has the keys of the broker that transactions obey, by Kafka's names.
type Config struct {
	// MaxTimeoutMs is the longest timeout that a producer may ask for (transaction.max.timeout.ms).
	MaxTimeoutMs int32
	// IDExpirationMs is how long a transactional ID stays that nobody uses (transactional.id.expiration.ms), and
	// RemoveExpiredIntervalMs how often such IDs are looked for (transaction.remove.expired.transaction.cleanup.interval.ms).
	IDExpirationMs          int32
	RemoveExpiredIntervalMs int32
	// PatienceMs is how long the first request of a transaction waits for the one before it to end, instead of being sent away
	// with CONCURRENT_TRANSACTIONS (add.partitions.to.txn.retry.backoff.max.ms).
	PatienceMs int32
}

// ProducerIDs gives out producer IDs.
type ProducerIDs interface {
	// Next is an ID that nobody else ever gets. It may write to the disk.
	Next(ctx context.Context) (int64, error)
}

// Marker is what ends a transaction in a partition (EndTransactionMarker).
type Marker struct {
	ProducerID    int64
	ProducerEpoch int16
	Commit        bool
	// CoordinatorEpoch is the leader epoch of the coordinator's partition. A partition refuses markers of an epoch that has passed.
	CoordinatorEpoch int32
	// TransactionVersion is that of the client: from 2 on the marker's epoch is the successor of the transaction's.
	TransactionVersion int16
}

// Markers writes markers.
type Markers interface {
	// Write appends the marker to each partition, and tells w of each. It must not wait for the disk; it may keep the slice, which
	// nobody changes.
	Write(m Marker, partitions []TopicPartition, w MarkerWaiter)
}

// MarkerWaiter waits for markers.
type MarkerWaiter interface {
	// Written is called once for each partition, by its index, when its marker is durable, or with the reason why it isn't there:
	// [logstore.ErrUnknownPartition] where the partition isn't there any more. Any goroutine may call it, and Write before it returns.
	Written(i int, err error)
}
