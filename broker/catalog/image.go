package catalog

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
)

// Topic is one topic at one moment. It never changes; a change of the topic makes a
// new value.
type Topic struct {
	Name       string
	ID         logstore.TopicID
	Partitions int32 // partitions 0 to Partitions-1 exist
	// Overrides are the topic's own keys as they were written; nil where there are
	// none. The map is shared and must not be changed.
	Overrides map[string]string
	// Config is the topic's effective configuration; topics without keys share one.
	Config *logstore.Config
	// MaxDecompressedBytes bounds what one compressed batch may become; 0 is the
	// default of the one who unpacks.
	MaxDecompressedBytes int
	// Internal topics are written by the broker itself.
	Internal bool
}

// Stored is the topic as a store needs it.
func (t *Topic) Stored() logstore.TopicPartitions {
	return logstore.TopicPartitions{ID: t.ID, Topic: t.Name, Partitions: t.Partitions, Config: t.Config}
}

// internalTopics are those that Kafka calls internal (Topic.INTERNAL_TOPICS).
var internalTopics = []string{"__consumer_offsets", "__transaction_state", "__share_group_state"}

// IsInternal reports whether a topic of that name is written by the broker itself.
func IsInternal(name string) bool { return slices.Contains(internalTopics, name) }

// Image is the whole catalog at one moment. It never changes.
type Image struct {
	byName table[string]
	byID   table[logstore.TopicID]
	// byUnified finds topics by their names with '_' for '.', those that have either.
	byUnified table[string]
	count     int
	deleting  []*Topic
	configs   map[config.Resource]map[string]string
	features  Features
	version   int64

	// sorted is made when it is first asked for: a stream of new topics doesn't pay for it.
	sorted atomic.Pointer[[]*Topic]
}

// TopicByName finds a topic; nil means that there is none.
func (i *Image) TopicByName(name string) *Topic { return i.byName.parts[placeOfName(name)][name] }

// TopicByID finds a topic; nil means that there is none.
func (i *Image) TopicByID(id logstore.TopicID) *Topic { return i.byID.parts[placeOfID(id)][id] }

// Len is the number of topics.
func (i *Image) Len() int { return i.count }

// Version rises whenever topics are created or deleted, or get more partitions. It
// begins anew with the process.
func (i *Image) Version() int64 { return i.version }

// Topics are all topics, sorted by name. The slice is shared: it must not be changed.
func (i *Image) Topics() []*Topic {
	if sorted := i.sorted.Load(); sorted != nil {
		return *sorted
	}
	topics := make([]*Topic, 0, i.count)
	for _, part := range i.byName.parts {
		for _, topic := range part {
			topics = append(topics, topic)
		}
	}
	slices.SortFunc(topics, func(a, b *Topic) int { return strings.Compare(a.Name, b.Name) })
	// Two readers may sort at once; both get the same.
	i.sorted.Store(&topics)
	return topics
}

// Deleting are the topics that are gone for clients while their files may still be
// there. The slice is shared: it must not be changed.
func (i *Image) Deleting() []*Topic { return i.deleting }

// Overrides are the own keys of a broker, group or client metrics subscription, nil
// where there are none; for topics see [Topic.Overrides]. The map is shared and must
// not be changed.
func (i *Image) Overrides(r config.Resource) map[string]string { return i.configs[r] }

// Configured are the names of the resources of a type that have keys of their own,
// sorted; for topics see [Image.Topics].
func (i *Image) Configured(t config.ResourceType) []string {
	var names []string
	for r := range i.configs {
		if r.Type == t {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names
}

// CheckName says whether a topic of that name could be created now. It is for answers
// that create nothing; [Catalog.CreateTopics] checks again.
// Errors: *config.Error for the name itself, [ErrTopicExists], [*CollisionError].
func (i *Image) CheckName(name string) error {
	if err := config.ValidateTopicName(name); err != nil {
		return err
	}
	if i.TopicByName(name) != nil {
		return ErrTopicExists
	}
	if unified, ok := unify(name); ok {
		if other := i.byUnified.parts[placeOfName(unified)][unified]; other != nil {
			return &CollisionError{Name: name, Existing: other.Name}
		}
	}
	return nil
}

// unify makes names equal that differ by '.' and '_' only; ok is false for a name
// without either, which collides with nothing (Topic.unifyCollisionChars in Kafka).
func unify(name string) (unified string, ok bool) {
	if !strings.ContainsAny(name, "._") {
		return "", false
	}
	return strings.ReplaceAll(name, ".", "_"), true
}
