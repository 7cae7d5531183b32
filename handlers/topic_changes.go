package handlers

import (
	"context"
	"errors"

	"github.com/clatterhq/clatter/broker/catalog"
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

// autoCreate creates a topic with the broker's defaults, or finds the one that somebody else has just created.
func (d *Dispatcher) autoCreate(ctx context.Context, name string) (*catalog.Topic, error) {
	c := d.config()
	err := d.createAll(ctx, []catalog.NewTopic{{Name: name, Partitions: c.NumPartitions}})[0]
	if err != nil && !errors.Is(err, catalog.ErrTopicExists) {
		return nil, err
	}
	if t := d.topics().TopicByName(name); t != nil {
		return t, nil
	}
	return nil, catalog.ErrUnknownTopic // Deleted again.
}
