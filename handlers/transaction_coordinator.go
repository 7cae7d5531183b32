package handlers

import (
	"context"
	"log/slog"
	"time"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/coordinator/group"
	"github.com/clatterhq/clatter/coordinator/txn"
	"github.com/clatterhq/clatter/logstore"
)

// completeDelay is longer than producers that are busy take from one transaction to the next.
const completeDelay = 50 * time.Millisecond

// NewTransactions makes the coordinator of transactions over what the other handlers work with. Its state is in a topic like any other, so it
// must be closed before the store is, and before markers.
func NewTransactions(
	store logstore.Store, topics *catalog.Catalog, c *config.Config, groups *group.Coordinator, markers txn.Markers, log *slog.Logger,
) *txn.Coordinator {
	return txn.New(txn.Options{
		Topic:       internalLog{store: store, catalog: topics, topic: transactionsTopic},
		Config:      func() txn.Config { return transactionConfig(&c.Current().Transactions) },
		ProducerIDs: newProducerIDs(topics),
		Markers:     markers,
		Version:     func() int16 { return transactionVersion(topics.Image()) },
		Exists: func(p txn.TopicPartition) bool {
			t := topics.Image().TopicByName(p.Topic)
			return t != nil && p.Partition >= 0 && p.Partition < t.Partitions
		},
		Internal: catalog.IsInternal,
		OffsetsPartition: func(name string) txn.TopicPartition {
			partition, ok := groups.PartitionOf(name)
			if !ok {
				partition = coordinator.ShardOf(name, c.Current().Groups.OffsetsTopicPartitions)
			}
			return txn.TopicPartition{Topic: offsetsTopic, Partition: partition}
		},
		CompleteDelay: completeDelay,
		Log:           log,
	})
}

// Next implements [txn.ProducerIDs].
func (p *producerIDs) Next(ctx context.Context) (int64, error) { return p.next(ctx) }

// transactionConfig is the part of the configuration that transactions obey.
func transactionConfig(t *config.Transactions) txn.Config {
	return txn.Config{
		MaxTimeoutMs: t.MaxTimeoutMs, IDExpirationMs: t.IDExpirationMs,
		RemoveExpiredIntervalMs: t.RemoveExpiredIntervalMs, PatienceMs: t.RetryBackoffMaxMs,
	}
}

// transactionVersion is the finalized level of transaction.version.
func transactionVersion(image *catalog.Image) int16 {
	return transactionFeature.level(image.Features())
}
