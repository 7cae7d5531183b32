package catalog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
)

// Keys of the meta bucket, besides nextProducerIDKey and featuresKey.
const (
	formatKey    = "format"
	clusterIDKey = "cluster.id"
	nodeIDKey    = "node.id"
)

// format is what the meta bucket's first key says.
var format = append([]byte("clatter catalog"), 0, 0, 0, 1)

// begin makes a new catalog: its image, and the records for its storage.
func (c *Catalog) begin() ([]write, error) {
	snapshot := c.config.Current()
	if snapshot.ClusterID != "" {
		c.clusterID = snapshot.ClusterID
	}
	if c.clusterID == "" {
		var err error
		if c.clusterID, err = newClusterID(c.random); err != nil {
			return nil, err
		}
	}
	c.image.Store(&Image{configs: make(map[config.Resource]map[string]string)})
	d := newDraft(c)
	for _, meta := range []struct {
		key   string
		value []byte
	}{
		{formatKey, format},
		{clusterIDKey, []byte(c.clusterID)},
		{nodeIDKey, binary.BigEndian.AppendUint32(nil, uint32(snapshot.NodeID))},
		{nextProducerIDKey, make([]byte, 8)},
	} {
		d.write(bucketMeta, []byte(meta.key), encodeMeta(meta.key, meta.value))
	}
	// A new cluster of Kafka keeps its min.insync.replicas as the default of all brokers,
	// so that brokers which were started with different ones agree (KIP-966).
	d.setOverrides(d.brokerResource(config.AllBrokers), map[string]string{
		"min.insync.replicas": strconv.Itoa(int(snapshot.MinInsyncReplicas)),
	})
	writes := d.writes
	c.publish(d)
	return writes, nil
}

// load reads a catalog that is there.
func (c *Catalog) load(path string) error {
	if err := c.loadMeta(path); err != nil {
		return err
	}
	image := &Image{configs: make(map[config.Resource]map[string]string)}
	if err := c.loadFeatures(image); err != nil {
		return err
	}
	err := c.storage.load(bucketConfigs, func(key, value []byte) error {
		if len(key) == 0 {
			return errRecordForm
		}
		overrides, err := decodeConfig(key, value)
		if err != nil {
			return fmt.Errorf("configuration %q: %w", key[1:], err)
		}
		image.configs[config.Resource{Type: config.ResourceType(key[0]), Name: string(key[1:])}] = overrides
		return nil
	})
	if err != nil {
		return err
	}
	c.image.Store(image)
	d := newDraft(c)
	for _, scope := range []config.Scope{config.AllBrokers, config.ThisBroker} {
		c.applyBroker(scope, image.configs[d.brokerResource(scope)])
	}
	d.snapshot = c.config.Current()
	if err := c.loadTopics(d); err != nil {
		return err
	}
	c.image.Store(d.image())
	return nil
}

// loadTopics reads both kinds of topics.
func (c *Catalog) loadTopics(d *draft) error {
	err := c.storage.load(bucketTopics, func(key, value []byte) error {
		t, err := decodeTopic(bucketTopics, key, value)
		if err != nil {
			return fmt.Errorf("topic %x: %w", key, err)
		}
		if d.byName.find(t.Name) != nil {
			return fmt.Errorf("topic %x: %w: there are two of the name %s", key, errRecordForm, t.Name)
		}
		d.resolve(t)
		d.set(t)
		d.count++
		return nil
	})
	if err != nil {
		return err
	}
	return c.storage.load(bucketDeleting, func(key, value []byte) error {
		t, err := decodeTopic(bucketDeleting, key, value)
		if err != nil {
			return fmt.Errorf("topic %x: %w", key, err)
		}
		d.resolve(t)
		d.deleting = append(d.deleting, t)
		return nil
	})
}

// loadFeatures reads the levels of features.
func (c *Catalog) loadFeatures(image *Image) error {
	return c.storage.load(bucketMeta, func(key, value []byte) error {
		if string(key) != featuresKey {
			return nil
		}
		b, err := unseal(bucketMeta, key, value)
		if err == nil {
			image.features, err = decodeFeatures(b)
		}
		if err != nil {
			return fmt.Errorf("features: %w", err)
		}
		return nil
	})
}

// loadMeta reads whose catalog it is, and refuses that of somebody else.
func (c *Catalog) loadMeta(path string) error {
	meta := make(map[string][]byte)
	err := c.storage.load(bucketMeta, func(key, value []byte) error {
		record, err := unseal(bucketMeta, key, value)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		meta[string(key)] = bytes.Clone(record)
		return nil
	})
	if err != nil {
		return err
	}
	corrupt := func(text string) error { return &CorruptError{Path: path, Err: errors.New(text)} }
	if !bytes.Equal(meta[formatKey], format) {
		return corrupt("it has another format or version")
	}
	node, next := meta[nodeIDKey], meta[nextProducerIDKey]
	if len(meta[clusterIDKey]) == 0 || len(node) != 4 || len(next) != 8 {
		return corrupt("it doesn't say whose it is")
	}
	c.clusterID = string(meta[clusterIDKey])
	c.nextProducerID = int64(binary.BigEndian.Uint64(next))
	if c.nextProducerID < 0 {
		return corrupt("negative producer ID")
	}
	wanted := c.config.Current()
	if stored := int32(binary.BigEndian.Uint32(node)); stored != wanted.NodeID {
		return fmt.Errorf("%w: node.id is %d, and %s is of node %d", ErrOtherIdentity, wanted.NodeID, path, stored)
	}
	if wanted.ClusterID != "" && wanted.ClusterID != c.clusterID {
		return fmt.Errorf("%w: the cluster id is %s, and %s is of cluster %s", ErrOtherIdentity, wanted.ClusterID, path, c.clusterID)
	}
	return nil
}

// brokerResource is the resource of a scope. The name of this broker is its number in
// plain form, however a client wrote it.
func (d *draft) brokerResource(scope config.Scope) config.Resource {
	r := config.Resource{Type: config.BrokerResource}
	if scope == config.ThisBroker {
		r.Name = strconv.Itoa(int(d.snapshot.NodeID))
	}
	return r
}

// alterTopic is Alter for a topic. As in Kafka the values are judged first, and only
// then whether the topic exists.
func (d *draft) alterTopic(name string, fn func(*config.Snapshot, map[string]string) (map[string]string, error)) error {
	t := d.byName.find(name)
	var current map[string]string
	if t != nil {
		current = t.Overrides
	}
	altered, err := fn(d.snapshot, current)
	switch {
	case err != nil:
		return err
	case t == nil:
		return ErrUnknownTopic
	}
	d.configure(t, altered)
	return nil
}

// newClusterID draws the ID of a new cluster, in Kafka's form. Error: that of the random source.
func newClusterID(random io.Reader) (string, error) {
	id, err := randomUUID(random)
	return uuidText(id), err
}

// randomUUID draws a UUID of version 4. As in Kafka its text never begins with a
// dash, which tools would take for an option.
func randomUUID(random io.Reader) (logstore.TopicID, error) {
	var id logstore.TopicID
	for {
		if _, err := io.ReadFull(random, id[:]); err != nil {
			return id, fmt.Errorf("random ID: %w", err)
		}
		id[6] = id[6]&0x0f | 0x40
		id[8] = id[8]&0x3f | 0x80
		if uuidText(id)[0] != '-' {
			return id, nil
		}
	}
}
