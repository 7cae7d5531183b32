// Metadata (key 3), versions 0-13.
//
// 0 all topics for an empty list; 1 all topics for null, controller and racks; 2 cluster ID
// (KIP-78); 3 throttle time; 4 the client may forbid creation (KIP-204); 5 offline replicas
// (KIP-112); 7 leader epoch (KIP-320); 8 authorized operations (KIP-430); 9 flexible;
// 10 topic IDs in answers (KIP-516); 11 cluster operations moved to DescribeCluster
// (KIP-700); 12 topics asked for by ID; 13 an error for the whole answer (KIP-1102).
//
// Knowingly absent: other brokers; the creation of internal topics that nobody keeps records in yet. A topic that the request creates is in the same
// answer, ready for use, where Kafka answers UNKNOWN_TOPIC_OR_PARTITION first.

package handlers

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) metadata(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.MetadataRequest)
	resp := r.ResponseKind().(*kmsg.MetadataResponse)
	resp.AuthorizedOperations = operationsNotAsked
	resp.ControllerID = -1
	if code := checkMetadata(r); code != wire.None {
		refuseMetadata(resp, r, code)
		return answer(resp)
	}
	address := d.addressFor(req.Peer)
	node := kmsg.NewMetadataResponseBroker()
	node.NodeID, node.Host, node.Port, node.Rack = d.nodeID, address.host, address.port, d.config().Rack
	resp.Brokers = []kmsg.MetadataResponseBroker{node}
	resp.ClusterID = new(d.clusterID())
	resp.ControllerID = d.nodeID
	if r.IncludeClusterAuthorizedOperations && r.Version >= 8 && r.Version <= 10 {
		resp.AuthorizedOperations = clusterOperations
	}
	resp.Topics = d.metadataTopics(ctx, r)
	if r.IncludeTopicAuthorizedOperations {
		for i := range resp.Topics {
			if resp.Topics[i].ErrorCode != int16(wire.UnknownTopicID) {
				resp.Topics[i].AuthorizedOperations = topicOperations
			}
		}
	}
	return answer(resp)
}

// checkMetadata finds what is wrong with a request as a whole.
func checkMetadata(r *kmsg.MetadataRequest) wire.ErrorCode {
	switch {
	case r.Version < 12 && !onlyNames(r):
		return wire.InvalidRequest
	case r.Version >= 12 && namesNothing(r):
		return wire.UnknownServerError // A null name is Kafka's NullPointerException.
	}
	return wire.None
}

// namesNothing reports whether a topic has neither name nor ID in a request that asks for none by ID.
func namesNothing(r *kmsg.MetadataRequest) bool {
	nothing := false
	for i := range r.Topics {
		if r.Topics[i].TopicID != (topicID{}) {
			return false
		}
		nothing = nothing || r.Topics[i].Topic == nil
	}
	return nothing
}

// onlyNames reports whether every topic is asked for by name, as versions 10 and 11
// want it although they have a field for the ID.
func onlyNames(r *kmsg.MetadataRequest) bool {
	for i := range r.Topics {
		if r.Topics[i].Topic == nil || r.Topics[i].TopicID != (topicID{}) {
			return false
		}
	}
	return true
}

// refuseMetadata answers every topic of the request with code, and nothing else.
func refuseMetadata(resp *kmsg.MetadataResponse, r *kmsg.MetadataRequest, code wire.ErrorCode) {
	resp.ErrorCode = int16(code)
	for i := range r.Topics {
		topic := newMetadataTopic(r.Topics[i].Topic, r.Topics[i].TopicID, code)
		if topic.Topic == nil {
			topic.Topic = new("")
		}
		resp.Topics = append(resp.Topics, topic)
	}
}

func newMetadataTopic(name *string, id topicID, code wire.ErrorCode) kmsg.MetadataResponseTopic {
	t := kmsg.NewMetadataResponseTopic()
	t.Topic, t.TopicID, t.ErrorCode = name, id, int16(code)
	t.Partitions = []kmsg.MetadataResponseTopicPartition{}
	t.AuthorizedOperations = operationsNotAsked
	return t
}

// metadataTopics describes the topics that a request asks for: all, some by ID, or
// some by name. One that names any ID is answered by IDs alone.
func (d *Dispatcher) metadataTopics(ctx context.Context, r *kmsg.MetadataRequest) []kmsg.MetadataResponseTopic {
	image := d.topics()
	if r.Topics == nil || r.Version == 0 && len(r.Topics) == 0 {
		all := image.Topics()
		topics := make([]kmsg.MetadataResponseTopic, 0, len(all))
		for _, t := range all {
			topics = append(topics, d.metadataTopic(t))
		}
		return topics
	}
	if topics, byID := d.metadataByID(image, r); byID {
		return topics
	}
	topics := make([]kmsg.MetadataResponseTopic, 0, len(r.Topics))
	var missing []string
	seen := make(map[string]struct{}, len(r.Topics))
	for i := range r.Topics {
		name := *r.Topics[i].Topic
		if _, again := seen[name]; again {
			continue
		}
		seen[name] = struct{}{}
		if t := image.TopicByName(name); t != nil {
			topics = append(topics, d.metadataTopic(t))
		} else {
			missing = append(missing, name)
		}
	}
	mayCreate := r.Version < 4 || r.AllowAutoTopicCreation
	for _, name := range missing {
		topics = append(topics, d.missingTopic(ctx, name, mayCreate))
	}
	return topics
}

// metadataByID answers by ID, if any topic is asked for so: unknown ones first.
func (d *Dispatcher) metadataByID(image topics, r *kmsg.MetadataRequest) (described []kmsg.MetadataResponseTopic, byID bool) {
	var known []kmsg.MetadataResponseTopic
	seen := make(map[topicID]struct{}, 1)
	for i := range r.Topics {
		id := topicID(r.Topics[i].TopicID)
		if id == (topicID{}) {
			continue
		}
		byID = true
		if _, again := seen[id]; again {
			continue
		}
		seen[id] = struct{}{}
		if t := image.TopicByID(id); t != nil {
			known = append(known, d.metadataTopic(t))
		} else {
			described = append(described, newMetadataTopic(nil, id, wire.UnknownTopicID))
		}
	}
	return append(described, known...), byID
}

// missingTopic creates a topic that is asked for and isn't there, if that is allowed, and
// describes it, or says why it isn't there.
func (d *Dispatcher) missingTopic(ctx context.Context, name string, mayCreate bool) kmsg.MetadataResponseTopic {
	code := wire.UnknownTopicOrPartition
	switch {
	case config.ValidateTopicName(name) != nil:
		code = wire.InvalidTopicException
	case mayCreate && d.config().AutoCreateTopicsEnable && (!catalog.IsInternal(name) || name == offsetsTopic || name == transactionsTopic):
		topic, err := d.autoCreate(ctx, name)
		if err == nil {
			return d.metadataTopic(topic)
		}
		if _, collides := errors.AsType[*catalog.CollisionError](err); !collides {
			code = errorCode(err)
		}
	}
	t := newMetadataTopic(&name, topicID{}, code)
	t.IsInternal = catalog.IsInternal(name)
	return t
}

// metadataTopic describes a topic: this broker leads every partition, but for those in a log directory that is offline, and is its
// only replica.
func (d *Dispatcher) metadataTopic(t *catalog.Topic) kmsg.MetadataResponseTopic {
	out := newMetadataTopic(&t.Name, t.ID, wire.None)
	out.IsInternal = t.Internal
	out.Partitions = make([]kmsg.MetadataResponseTopicPartition, t.Partitions)
	for i := range out.Partitions {
		p := &out.Partitions[i]
		p.Default()
		p.Partition = int32(i)
		p.Leader = d.nodeID
		p.LeaderEpoch = d.deps.Store.LeaderEpoch(t.ID, int32(i))
		p.Replicas, p.ISR, p.OfflineReplicas = d.replicas, d.replicas, noReplicas
		if p.LeaderEpoch < 0 { // Its log directory is offline.
			p.ErrorCode = int16(wire.LeaderNotAvailable)
			p.Leader, p.OfflineReplicas = noLeader.id, d.replicas
		}
	}
	return out
}
