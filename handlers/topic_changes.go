package handlers

import (
	"context"
	"errors"
	"strconv"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
)

// Internal topics that the broker makes when they are needed.
const (
	offsetsTopic      = "__consumer_offsets"  // groups and committed offsets
	transactionsTopic = "__transaction_state" // transactional IDs
)

// createAll creates topics in one step of the catalog; nil for each that is there then.
func (d *Dispatcher) createAll(ctx context.Context, wanted []catalog.NewTopic) []error {
	return outcomes(d.deps.Catalog.CreateTopics(ctx, wanted), len(wanted))
}

// deleteAll deletes topics in one step of the catalog; nil for each that is gone then, also from the store, which follows the catalog.
func (d *Dispatcher) deleteAll(ctx context.Context, topics []*catalog.Topic) []error {
	ids := make([]topicID, len(topics))
	for i, t := range topics {
		ids[i] = t.ID
	}
	return outcomes(d.deps.Catalog.DeleteTopics(ctx, ids), len(ids))
}

// outcomes is the result of a change of n topics for each of them.
func outcomes(err error, n int) []error {
	if each, ok := errors.AsType[catalog.TopicErrors](err); ok {
		return each
	}
	all := make([]error, n)
	for i := range all {
		all[i] = err
	}
	return all
}

// autoCreate creates a topic with what the broker's configuration says about it, or finds the one that somebody else has just created.
func (d *Dispatcher) autoCreate(ctx context.Context, name string) (*catalog.Topic, error) {
	topic := catalog.NewTopic{Name: name, Partitions: d.config().NumPartitions}
	var err error
	switch name {
	case offsetsTopic:
		topic, err = newOffsetsTopic(d.config())
	case transactionsTopic:
		topic, err = newTransactionsTopic(d.config())
	}
	if err != nil {
		return nil, err
	}
	err = d.createAll(ctx, []catalog.NewTopic{topic})[0]
	if err != nil && !errors.Is(err, catalog.ErrTopicExists) {
		return nil, err
	}
	if t := d.topics().TopicByName(name); t != nil {
		return t, nil
	}
	return nil, catalog.ErrUnknownTopic // Deleted again.
}

// needTopic makes one of those topics if it isn't there.
func (d *Dispatcher) needTopic(ctx context.Context, name string) error {
	if d.topics().TopicByName(name) != nil {
		return nil
	}
	_, err := d.autoCreate(ctx, name)
	return err
}

// newOffsetsTopic is how the broker creates that topic (GroupCoordinator.groupMetadataTopicConfigs).
func newOffsetsTopic(c *config.Snapshot) (catalog.NewTopic, error) {
	overrides, err := c.NewTopic([]config.Setting{
		{Name: "cleanup.policy", Value: new("compact")},
		{Name: "compression.type", Value: new("producer")},
		{Name: "segment.bytes", Value: new(strconv.Itoa(int(c.Groups.OffsetsTopicSegmentBytes)))},
	})
	return catalog.NewTopic{Name: offsetsTopic, Partitions: c.Groups.OffsetsTopicPartitions, Overrides: overrides}, err
}

// newTransactionsTopic is how the broker creates the topic of transactions (TransactionStateManager.transactionTopicConfigs).
func newTransactionsTopic(c *config.Snapshot) (catalog.NewTopic, error) {
	overrides, err := c.NewTopic([]config.Setting{
		{Name: "unclean.leader.election.enable", Value: new("false")},
		{Name: "compression.type", Value: new("uncompressed")},
		{Name: "cleanup.policy", Value: new("compact")},
		{Name: "min.insync.replicas", Value: new(strconv.Itoa(int(c.Transactions.StateTopicMinISR)))},
		{Name: "segment.bytes", Value: new(strconv.Itoa(int(c.Transactions.StateTopicSegmentBytes)))},
	})
	return catalog.NewTopic{Name: transactionsTopic, Partitions: c.Transactions.StateTopicPartitions, Overrides: overrides}, err
}
