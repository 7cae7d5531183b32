package handlers

import (
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// topicID identifies a topic; the zero ID is none.
type topicID = logstore.TopicID

// topics is one image of the catalog's topics.
type topics struct{ *catalog.Image }

// topics loads the image as it is now; it takes no lock.
func (d *Dispatcher) topics() topics { return topics{d.deps.Catalog.Image()} }

// of finds a topic by its ID, or by its name where the request has names; nil if there is none.
func (t topics) of(name string, id topicID) *catalog.Topic {
	if id != (topicID{}) {
		return t.TopicByID(id)
	}
	return t.TopicByName(name)
}

// hasPartition checks that a topic is there and has the partition.
func hasPartition(t *catalog.Topic, partition int32) (*catalog.Topic, wire.ErrorCode) {
	if t == nil || partition < 0 || partition >= t.Partitions {
		return nil, wire.UnknownTopicOrPartition
	}
	return t, wire.None
}

// partition finds the log of a partition.
func (d *Dispatcher) partition(t *catalog.Topic, partition int32) (logstore.Partition, wire.ErrorCode) {
	if _, code := hasPartition(t, partition); code != wire.None {
		return nil, code
	}
	log, err := d.deps.Store.Partition(t.ID, partition)
	return log, errorCode(err)
}
