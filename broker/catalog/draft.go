package catalog

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
)

// draft is the next image while a batch of changes is made in it. It belongs to the
// leader of the batch.
type draft struct {
	catalog  *Catalog
	snapshot *config.Snapshot
	base     *Image

	byName    *tableDraft[string]
	byID      *tableDraft[logstore.TopicID]
	byUnified *tableDraft[string]
	count     int
	deleting  []*Topic
	configs   map[config.Resource]map[string]string

	nextProducerID int64
	features       Features

	writes []write
	change Change
	// brokers are the scopes whose dynamic keys change.
	brokers map[config.Scope]map[string]string
}

func newDraft(c *Catalog) *draft {
	base := c.image.Load()
	return &draft{
		catalog: c, snapshot: c.config.Current(), base: base,
		byName: base.byName.draft(placeOfName), byID: base.byID.draft(placeOfID), byUnified: base.byUnified.draft(placeOfName),
		count: base.count, deleting: base.deleting, configs: base.configs, nextProducerID: c.nextProducerID,
		features: base.features,
	}
}

// changed reports whether there is anything new to see.
func (d *draft) changed() bool { return len(d.writes) > 0 || !d.change.isEmpty() }

// image is the finished draft.
func (d *draft) image() *Image {
	version := d.base.version
	if len(d.change.Created)+len(d.change.Grown)+len(d.change.Deleted) > 0 {
		version++
	}
	return &Image{
		version: version,
		byName:  d.byName.table, byID: d.byID.table, byUnified: d.byUnified.table,
		count: d.count, deleting: d.deleting, configs: d.configs,
		features: d.features,
	}
}

func (d *draft) write(bucket bucket, key, value []byte) {
	d.writes = append(d.writes, write{bucket, key, value})
}

// set puts a topic into the tables, in the place of one with the same ID.
func (d *draft) set(t *Topic) {
	d.byName.put(t.Name, t)
	d.byID.put(t.ID, t)
	if unified, ok := unify(t.Name); ok {
		d.byUnified.put(unified, t)
	}
}

// resolve gives a topic its effective configuration.
func (d *draft) resolve(t *Topic) {
	t.Config = d.snapshot.TopicConfig(t.Overrides)
	t.MaxDecompressedBytes = d.snapshot.MaxDecompressedBytes(t.Overrides)
}

// create adds one topic. The zero ID draws one.
func (d *draft) create(n NewTopic, id logstore.TopicID) error {
	if err := config.ValidateTopicName(n.Name); err != nil {
		return err
	}
	if n.Partitions < 1 {
		return fmt.Errorf("%w: %d", ErrPartitionCount, n.Partitions)
	}
	if d.byName.find(n.Name) != nil {
		return ErrTopicExists
	}
	if unified, ok := unify(n.Name); ok {
		if other := d.byUnified.find(unified); other != nil {
			return &CollisionError{Name: n.Name, Existing: other.Name}
		}
	}
	if d.byID.find(id) != nil {
		return ErrTopicExists
	}
	if id == (logstore.TopicID{}) {
		var err error
		if id, err = d.newID(); err != nil {
			return err
		}
	}
	t := &Topic{Name: n.Name, ID: id, Partitions: n.Partitions, Overrides: ownedCopy(n.Overrides), Internal: IsInternal(n.Name)}
	d.resolve(t)
	d.set(t)
	d.count++
	d.write(bucketTopics, t.ID[:], encodeTopic(bucketTopics, t))
	d.change.Created = append(d.change.Created, t)
	return nil
}

// newID draws an ID that was never used: random, as Kafka's (Uuid.randomUuid).
func (d *draft) newID() (logstore.TopicID, error) {
	for {
		id, err := randomUUID(d.catalog.random)
		if err != nil || d.byID.find(id) == nil {
			return id, err
		}
	}
}

// ownedCopy keeps a map from being changed by the one who gave it; an empty one is nil.
func ownedCopy(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return maps.Clone(m)
}

// find finds a topic by its ID.
func (d *draft) find(id logstore.TopicID) (*Topic, error) {
	if t := d.byID.find(id); t != nil {
		return t, nil
	}
	return nil, ErrUnknownTopic
}

// remove takes a topic away and remembers that its files are to be deleted.
func (d *draft) remove(id logstore.TopicID) error {
	t, err := d.find(id)
	if err != nil {
		return err
	}
	d.byName.put(t.Name, nil)
	d.byID.put(t.ID, nil)
	if unified, ok := unify(t.Name); ok {
		d.byUnified.put(unified, nil)
	}
	d.count--
	d.deleting = append(slices.Clip(d.deleting), t)
	d.write(bucketTopics, t.ID[:], nil)
	d.write(bucketDeleting, t.ID[:], encodeTopic(bucketDeleting, t))
	d.change.Deleted = append(d.change.Deleted, t)
	return nil
}

// forget drops the memory of a deleted topic.
func (d *draft) forget(id logstore.TopicID) {
	at := slices.IndexFunc(d.deleting, func(t *Topic) bool { return t.ID == id })
	if at < 0 {
		return
	}
	d.deleting = slices.Delete(slices.Clone(d.deleting), at, at+1)
	d.write(bucketDeleting, id[:], nil)
}

// grow adds partitions to a topic.
func (d *draft) grow(id logstore.TopicID, count int32) error {
	t, err := d.find(id)
	if err != nil {
		return err
	}
	if count <= t.Partitions {
		return fmt.Errorf("%w: %d, there are %d", ErrPartitionCount, count, t.Partitions)
	}
	next := *t
	next.Partitions = count
	d.set(&next)
	d.write(bucketTopics, next.ID[:], encodeTopic(bucketTopics, &next))
	d.change.Grown = append(d.change.Grown, &next)
	return nil
}

// configure replaces a topic's own keys.
func (d *draft) configure(t *Topic, overrides map[string]string) {
	if maps.Equal(t.Overrides, overrides) {
		return
	}
	next := *t
	next.Overrides = ownedCopy(overrides)
	d.resolve(&next)
	d.set(&next)
	d.write(bucketTopics, next.ID[:], encodeTopic(bucketTopics, &next))
	d.change.Reconfigured = append(d.change.Reconfigured, &next)
}

// configKey is the key of a resource's record.
func configKey(r config.Resource) []byte { return append([]byte{byte(r.Type)}, r.Name...) }

// setOverrides replaces the own keys of a resource that is no topic.
func (d *draft) setOverrides(r config.Resource, overrides map[string]string) {
	if maps.Equal(d.configs[r], overrides) {
		return
	}
	d.configs = maps.Clone(d.configs)
	key := configKey(r)
	if len(overrides) == 0 {
		delete(d.configs, r)
		d.write(bucketConfigs, key, nil)
	} else {
		d.configs[r] = maps.Clone(overrides)
		d.write(bucketConfigs, key, encodeConfig(key, overrides))
	}
	if r.Type == config.BrokerResource {
		if d.brokers == nil {
			d.brokers = make(map[config.Scope]map[string]string)
		}
		d.brokers[r.Scope()] = d.configs[r]
	}
}

// reconfigureAll gives every topic the configuration that it has by another snapshot
// of the broker's.
func (d *draft) reconfigureAll(snapshot *config.Snapshot) {
	d.snapshot = snapshot
	for _, part := range d.byID.parts {
		for _, t := range part {
			next := *t
			d.resolve(&next)
			if *next.Config == *t.Config && next.MaxDecompressedBytes == t.MaxDecompressedBytes {
				continue
			}
			d.set(&next)
			d.change.Reconfigured = append(d.change.Reconfigured, &next)
		}
	}
}

// producerIDBlock is how many producer IDs are handed out at once
// (ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE in Kafka).
const producerIDBlock = 1000

const nextProducerIDKey = "producer.id.next"

// takeProducerIDs takes the next block.
func (d *draft) takeProducerIDs() (first int64, err error) {
	first = d.nextProducerID
	if first+producerIDBlock < first {
		return 0, ErrProducerIDsExhausted
	}
	d.setNextProducerID(first + producerIDBlock)
	return first, nil
}

func (d *draft) setNextProducerID(next int64) {
	d.nextProducerID = next
	value := binary.BigEndian.AppendUint64(nil, uint64(next))
	d.write(bucketMeta, []byte(nextProducerIDKey), encodeMeta(nextProducerIDKey, value))
}

// uuidText is how Kafka writes a UUID (Uuid.toString).
func uuidText(id logstore.TopicID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }
