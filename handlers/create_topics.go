// CreateTopics (key 19), versions 2-7.
//
// 1 validate only; 2 throttle time; 3 throttled clients wait by themselves; 4 default partitions and
// replication factor (KIP-464); 5 flexible, answers with the configuration (KIP-525); 6 quotas
// (KIP-599); 7 topic IDs (KIP-516).
//
// Knowingly absent: creation policies and mutation quotas.

package handlers

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/wire"
)

// maxPartitionsPerRequest is how many partitions one request may create (ReplicationControlManager).
const maxPartitionsPerRequest = 10_000

func (d *Dispatcher) createTopics(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.CreateTopicsRequest)
	resp := r.ResponseKind().(*kmsg.CreateTopicsResponse)
	refused := outOfTime(r.TimeoutMillis)
	if d.partitionsWanted(r) > maxPartitionsPerRequest && !refused.failed() {
		refused = failure(wire.PolicyViolation, "Excessively large number of partitions per request.")
	}
	if refused.failed() {
		for i := range r.Topics {
			resp.Topics = append(resp.Topics, refusedTopic(r.Topics[i].Topic, refused))
		}
		return answer(resp)
	}
	once, twice := topicsOnce(r)
	var refusedLater []kmsg.CreateTopicsResponseTopic
	image := d.topics()
	var create []catalog.NewTopic
	var places []int // of these in the answer
	for _, rt := range once {
		if rt.Topic == clusterMetadataTopic {
			refusedLater = append(refusedLater, refusedTopic(rt.Topic, failure(wire.InvalidRequest,
				"Creation of internal topic %s is prohibited.", clusterMetadataTopic)))
			continue
		}
		topic, refused := d.checkNewTopic(image, rt)
		if refused.failed() {
			resp.Topics = append(resp.Topics, refusedTopic(rt.Topic, refused))
			continue
		}
		create, places = append(create, topic), append(places, len(resp.Topics))
		resp.Topics = append(resp.Topics, d.acceptedTopic(r.Version, topic))
	}
	if !r.ValidateOnly && len(create) > 0 {
		for i, err := range d.createAll(ctx, create) {
			d.tellCreated(&resp.Topics[places[i]], err)
		}
	}
	for _, name := range twice {
		resp.Topics = append(resp.Topics, refusedTopic(name, failure(wire.InvalidRequest, "Duplicate topic name.")))
	}
	resp.Topics = append(resp.Topics, refusedLater...)
	return answer(resp)
}

// partitionsWanted is how many partitions a request would create if nothing were wrong with it.
func (d *Dispatcher) partitionsWanted(r *kmsg.CreateTopicsRequest) (n int64) {
	for i := range r.Topics {
		switch t := &r.Topics[i]; {
		case len(t.ReplicaAssignment) > 0:
			n += int64(len(t.ReplicaAssignment))
		case t.NumPartitions == -1:
			n += int64(d.config().NumPartitions)
		case t.NumPartitions > 0:
			n += int64(t.NumPartitions)
		}
	}
	return n
}

// topicsOnce are the topics that a request names once, and the names that it repeats.
func topicsOnce(r *kmsg.CreateTopicsRequest) (once []*kmsg.CreateTopicsRequestTopic, twice []string) {
	count := make(map[string]int, len(r.Topics))
	for i := range r.Topics {
		name := r.Topics[i].Topic
		if count[name]++; count[name] == 2 {
			twice = append(twice, name)
		}
	}
	for i := range r.Topics {
		if count[r.Topics[i].Topic] == 1 {
			once = append(once, &r.Topics[i])
		}
	}
	return once, twice
}

func refusedTopic(name string, refused apiError) kmsg.CreateTopicsResponseTopic {
	t := kmsg.NewCreateTopicsResponseTopic()
	t.Topic = name
	t.ErrorCode, t.ErrorMessage = int16(refused.code), refused.message
	t.NumPartitions, t.ReplicationFactor = -1, -1
	t.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
	return t
}

// acceptedTopic describes a topic that may be created, with an ID that it gets if it isn't: as in Kafka, one that is
// only validated has an ID, too.
func (d *Dispatcher) acceptedTopic(version int16, topic catalog.NewTopic) kmsg.CreateTopicsResponseTopic {
	t := kmsg.NewCreateTopicsResponseTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic.Name, topic.Partitions, 1
	if version >= 7 {
		t.TopicID = randomTopicID()
	}
	if version < 5 {
		return t
	}
	entries := d.config().DescribeNewTopic(topic.Overrides)
	t.Configs = make([]kmsg.CreateTopicsResponseTopicConfig, len(entries))
	for i := range entries {
		e := &entries[i]
		t.Configs[i] = kmsg.CreateTopicsResponseTopicConfig{
			Name: e.Name, Value: e.Value, ReadOnly: e.ReadOnly, Source: int8(e.Source), IsSensitive: e.Sensitive,
		}
	}
	return t
}

// randomTopicID is an ID of nobody.
func randomTopicID() (id topicID) {
	binary.BigEndian.PutUint64(id[:8], rand.Uint64()|1)
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return id
}

// tellCreated completes the answer on a topic that the catalog has created, or not.
func (d *Dispatcher) tellCreated(t *kmsg.CreateTopicsResponseTopic, err error) {
	if err != nil {
		*t = refusedTopic(t.Topic, nameRefusal(t.Topic, err))
		return
	}
	if created := d.topics().TopicByName(t.Topic); created != nil {
		t.TopicID = created.ID
	}
}

// checkNewTopic follows ReplicationControlManager.createTopics: the name, the configuration, the partitions.
func (d *Dispatcher) checkNewTopic(image topics, rt *kmsg.CreateTopicsRequestTopic) (catalog.NewTopic, apiError) {
	if err := image.CheckName(rt.Topic); err != nil {
		return catalog.NewTopic{}, nameRefusal(rt.Topic, err)
	}
	settings := make([]config.Setting, len(rt.Configs))
	for i := range rt.Configs {
		settings[i] = config.Setting{Name: rt.Configs[i].Name, Value: rt.Configs[i].Value}
	}
	overrides, err := d.config().NewTopic(settings)
	if err != nil {
		return catalog.NewTopic{}, refusal(err)
	}
	partitions, refused := d.checkPartitions(rt)
	return catalog.NewTopic{Name: rt.Topic, Partitions: partitions, Overrides: overrides}, refused
}

// nameRefusal is what a client is told of a name that no new topic can have.
func nameRefusal(name string, err error) apiError {
	if errors.Is(err, catalog.ErrTopicExists) {
		return failure(wire.TopicAlreadyExists, "Topic '%s' already exists.", name)
	}
	if _, ok := errors.AsType[*catalog.CollisionError](err); ok {
		return failure(wire.InvalidTopicException, "%s", err.Error())
	}
	return refusal(err)
}

// checkPartitions decides how many partitions a topic gets.
func (d *Dispatcher) checkPartitions(rt *kmsg.CreateTopicsRequestTopic) (int32, apiError) {
	if len(rt.ReplicaAssignment) > 0 {
		return d.checkAssignment(rt)
	}
	switch {
	case rt.ReplicationFactor < -1 || rt.ReplicationFactor == 0:
		return 0, failure(wire.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	case rt.NumPartitions < -1 || rt.NumPartitions == 0:
		return 0, failure(wire.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	}
	replicas := int(rt.ReplicationFactor)
	if replicas == -1 {
		replicas = int(d.config().DefaultReplicationFactor)
	}
	if replicas > 1 {
		return 0, failure(wire.InvalidReplicationFactor, "Unable to replicate the partition %d time(s): The target replication factor of %d "+
			"cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.", replicas, replicas)
	}
	if rt.NumPartitions == -1 {
		return d.config().NumPartitions, apiError{}
	}
	return rt.NumPartitions, apiError{}
}

// checkAssignment checks partitions that the client places itself: with one broker there is one place.
func (d *Dispatcher) checkAssignment(rt *kmsg.CreateTopicsRequestTopic) (int32, apiError) {
	switch {
	case rt.ReplicationFactor != -1:
		return 0, failure(wire.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
	case rt.NumPartitions != -1:
		return 0, failure(wire.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
	}
	seen := make(map[int32]struct{}, len(rt.ReplicaAssignment))
	for i := range rt.ReplicaAssignment {
		a := &rt.ReplicaAssignment[i]
		if _, again := seen[a.Partition]; again {
			return 0, failure(wire.InvalidReplicaAssignment, "Found multiple manual partition assignments for partition %d", a.Partition)
		}
		seen[a.Partition] = struct{}{}
		if refused := d.checkReplicas(a.Replicas); refused.failed() {
			return 0, refused
		}
	}
	n := int32(len(seen))
	for i := range n {
		if _, ok := seen[i]; !ok {
			return 0, failure(wire.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
		}
	}
	return n, apiError{}
}

// checkReplicas checks where a client wants one partition.
func (d *Dispatcher) checkReplicas(replicas []int32) apiError {
	if len(replicas) == 0 {
		return failure(wire.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	}
	sorted := slices.Sorted(slices.Values(replicas))
	for i, id := range sorted {
		if id != d.nodeID {
			return failure(wire.InvalidReplicaAssignment, "The manual partition assignment includes broker %d, but no such broker is registered.", id)
		}
		if i > 0 && sorted[i-1] == id {
			return failure(wire.InvalidReplicaAssignment, "The manual partition assignment includes the broker %d more than once.", id)
		}
	}
	return apiError{}
}
