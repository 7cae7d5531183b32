package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/logstore"
)

// topicKeeper has the store keep what the catalog says. The catalog is the truth about topics, the store
// follows: before a change shows in the catalog's image, the store has made it.
type topicKeeper struct {
	log     *slog.Logger
	store   logstore.Store
	catalog *catalog.Catalog
	// deleted is told the names of topics that are gone; nil while nobody wants to know.
	deleted func(names []string)

	// finishing are the deletions of which the catalog isn't told yet that they are complete. It can't be told
	// from within onChange.
	finishing sync.WaitGroup
}

func newTopicKeeper(log *slog.Logger) *topicKeeper { return &topicKeeper{log: log} }

// begin makes the topics of the catalog usable, and completes deletions that a crash cut short. A name may be in use
// again, so the old topic's files go first.
func (k *topicKeeper) begin(ctx context.Context, store logstore.Store, c *catalog.Catalog) error {
	k.store, k.catalog = store, c
	image := c.Image()
	for _, t := range image.Deleting() {
		err := k.store.Delete(ctx, t.Stored())
		if errors.Is(err, logstore.ErrOffline) {
			k.log.Warn("a log directory is offline, so the deletion of a topic isn't complete; the next start goes on with it", "topic", t.Name)
			continue
		}
		if err != nil {
			return err
		}
		if err := c.FinishDelete(ctx, t.ID); err != nil {
			return err
		}
	}
	return k.create(image.Topics(), true)
}

// end waits for deletions to be complete.
func (k *topicKeeper) end() { k.finishing.Wait() }

// create makes topics known to the store. existing says that they are older than the process.
func (k *topicKeeper) create(topics []*catalog.Topic, existing bool) error {
	if len(topics) == 0 {
		return nil
	}
	stored := make([]logstore.TopicPartitions, len(topics))
	for i, t := range topics {
		stored[i] = t.Stored()
		stored[i].Existing = existing
	}
	return k.store.Create(stored...)
}

// onChange follows one change of the catalog, which is durable already: what the store can't do now it
// does at the next start.
func (k *topicKeeper) onChange(change catalog.Change) {
	if k.store == nil {
		return // the catalog is being opened; begin will see all of it
	}
	for _, topics := range [][]*catalog.Topic{change.Created, change.Grown} {
		if err := k.create(topics, false); err != nil {
			k.log.Error("cannot create topics in the store", "topics", len(topics), "err", err)
		}
	}
	for _, t := range change.Reconfigured {
		if err := k.store.Configure(t.ID, t.Config); err != nil {
			k.log.Error("cannot configure topic in the store", "topic", t.Name, "err", err)
		}
	}
	for _, t := range change.Deleted {
		if err := k.store.Delete(context.Background(), t.Stored()); err != nil {
			k.log.Error("cannot delete topic in the store; the next start will", "topic", t.Name, "err", err)
			continue
		}
		k.finishing.Go(func() { k.finish(t) })
	}
	if len(change.Deleted) > 0 && k.deleted != nil {
		k.deleted(namesOf(change.Deleted))
	}
}

func namesOf(topics []*catalog.Topic) []string {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	return names
}

// finish tells the catalog that a topic's files are gone.
func (k *topicKeeper) finish(t *catalog.Topic) {
	if err := k.catalog.FinishDelete(context.Background(), t.ID); err != nil {
		k.log.Error("cannot complete the deletion of a topic; the next start will", "topic", t.Name, "err", err)
	}
}
