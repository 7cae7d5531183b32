package group

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// Versions in which OffsetFetch changed.
const (
	offsetFetchAllTopics  = 2
	offsetFetchGroupError = 2
	offsetFetchGroups     = 8
	offsetFetchTopicIDs   = 10
)

// OffsetFetch tells committed offsets, -1 where there is none (KafkaApis.handleOffsetFetchRequest, OffsetMetadataManager.fetchOffsets). It
// waits for commits that are under way, as Kafka does for those who require stable offsets. These are told of partitions for which
// open transactions have offsets, too (KIP-447).
func (c *Coordinator) OffsetFetch(ctx context.Context, req *kmsg.OffsetFetchRequest) *kmsg.OffsetFetchResponse {
	resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
	if req.Version >= offsetFetchGroups {
		resp.Groups = make([]kmsg.OffsetFetchResponseGroup, 0, len(req.Groups))
		for i := range req.Groups {
			x := offsetFetch{c: c, version: req.Version, stable: req.RequireStable, req: &req.Groups[i]}
			resp.Groups = append(resp.Groups, x.fetch(ctx))
		}
		return resp
	}
	x := offsetFetch{c: c, version: req.Version, stable: req.RequireStable, req: singleGroup(req)}
	g := x.fetch(ctx)
	resp.ErrorCode = g.ErrorCode
	resp.Topics = make([]kmsg.OffsetFetchResponseTopic, len(g.Topics))
	for i := range g.Topics {
		t := &resp.Topics[i]
		t.Topic = g.Topics[i].Topic
		t.Partitions = make([]kmsg.OffsetFetchResponseTopicPartition, len(g.Topics[i].Partitions))
		for j := range t.Partitions {
			p := &g.Topics[i].Partitions[j]
			t.Partitions[j] = kmsg.OffsetFetchResponseTopicPartition{
				Partition: p.Partition, Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: p.Metadata, ErrorCode: p.ErrorCode,
			}
		}
	}
	return resp
}

// singleGroup is an older request in the form of later ones.
func singleGroup(req *kmsg.OffsetFetchRequest) *kmsg.OffsetFetchRequestGroup {
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = req.Group
	if req.Topics == nil && req.Version >= offsetFetchAllTopics {
		return &g
	}
	g.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, len(req.Topics))
	for i := range req.Topics {
		g.Topics[i].Topic, g.Topics[i].Partitions = req.Topics[i].Topic, req.Topics[i].Partitions
	}
	return &g
}

// offsetFetch is one group of a request. Nothing in it changes once the shard has it.
type offsetFetch struct {
	c       *Coordinator
	version int16
	stable  bool // offsets that a transaction may change are not wanted
	req     *kmsg.OffsetFetchRequestGroup
	// existing are the topics of the request but those whose ID is unknown, and missing is the answer about these. Neither is used if
	// the request wants all topics.
	existing []kmsg.OffsetFetchRequestGroupTopic
	missing  []kmsg.OffsetFetchResponseGroupTopic
}

func (x *offsetFetch) fetch(ctx context.Context) kmsg.OffsetFetchResponseGroup {
	x.existing = x.req.Topics
	if x.version >= offsetFetchTopicIDs {
		x.divide()
	}
	return ask(ctx, x.c, x.req.Group, question[kmsg.OffsetFetchResponseGroup]{decide: x.decide, refused: x.refused})
}

// divide finds the names of topics by their IDs.
func (x *offsetFetch) divide() {
	x.existing = nil
	for i := range x.req.Topics {
		t := x.req.Topics[i]
		if info, ok := x.c.options.Topics.ByID(t.TopicID); ok {
			t.Topic = info.Name
			x.existing = append(x.existing, t)
			continue
		}
		x.missing = append(x.missing, noOffsets(&t, wire.UnknownTopicID))
	}
}

// noOffsets says of all partitions of a topic that they have none.
func noOffsets(t *kmsg.OffsetFetchRequestGroupTopic, code wire.ErrorCode) kmsg.OffsetFetchResponseGroupTopic {
	none := kmsg.OffsetFetchResponseGroupTopic{Topic: t.Topic, TopicID: t.TopicID}
	none.Partitions = make([]kmsg.OffsetFetchResponseGroupTopicPartition, len(t.Partitions))
	for i, partition := range t.Partitions {
		none.Partitions[i] = noOffset(partition)
		none.Partitions[i].ErrorCode = int16(code)
	}
	return none
}

// noMetadata is that of offsets that don't exist: clients want a text and no null.
var noMetadata = ""

func noOffset(partition int32) kmsg.OffsetFetchResponseGroupTopicPartition {
	return kmsg.OffsetFetchResponseGroupTopicPartition{Partition: partition, Offset: -1, LeaderEpoch: -1, Metadata: &noMetadata}
}

// unstableOffset is one that a transaction may change.
func unstableOffset(partition int32) kmsg.OffsetFetchResponseGroupTopicPartition {
	p := noOffset(partition)
	p.ErrorCode = int16(wire.UnstableOffsetCommit)
	return p
}

func anOffset(partition int32, c *Commit) kmsg.OffsetFetchResponseGroupTopicPartition {
	p := kmsg.OffsetFetchResponseGroupTopicPartition{Partition: partition, Offset: c.Offset, LeaderEpoch: c.LeaderEpoch, Metadata: &noMetadata}
	if c.Metadata != "" {
		p.Metadata = &c.Metadata
	}
	return p
}

// refused is the answer if the group can't be asked. The first versions have no place for an error but partitions, and consumers
// don't come back after COORDINATOR_NOT_AVAILABLE.
func (x *offsetFetch) refused(code wire.ErrorCode) kmsg.OffsetFetchResponseGroup {
	if code == wire.CoordinatorNotAvailable {
		code = wire.NotCoordinator
	}
	g := kmsg.OffsetFetchResponseGroup{Group: x.req.Group}
	if x.version >= offsetFetchGroupError {
		g.ErrorCode = int16(code)
		return g
	}
	for i := range x.req.Topics {
		g.Topics = append(g.Topics, noOffsets(&x.req.Topics[i], code))
	}
	return g
}

func (x *offsetFetch) decide(s *Shard, reply func(kmsg.OffsetFetchResponseGroup)) []Record {
	var committed offsets
	if g := s.groups[x.req.Group]; g != nil {
		switch code := g.checkFetch(x.req.MemberID, x.req.MemberEpoch); code {
		case wire.None:
			committed = s.offsets[x.req.Group]
		case wire.GroupIDNotFound: // As if there were no group: nothing is committed.
		default:
			reply(x.refused(code))
			return nil
		}
	}
	var pending groupPending
	if x.stable {
		pending = s.pending.byGroup[x.req.Group]
	}
	resp := kmsg.OffsetFetchResponseGroup{Group: x.req.Group}
	if x.req.Topics == nil {
		resp.Topics = x.all(committed, pending)
	} else {
		resp.Topics = append(x.some(committed, pending), x.missing...)
	}
	reply(resp)
	return nil
}

// some answers about the partitions that are asked for.
func (x *offsetFetch) some(committed offsets, pending groupPending) []kmsg.OffsetFetchResponseGroupTopic {
	topics := make([]kmsg.OffsetFetchResponseGroupTopic, 0, len(x.req.Topics))
	for i := range x.existing {
		t := &x.existing[i]
		told := kmsg.OffsetFetchResponseGroupTopic{Topic: t.Topic, TopicID: t.TopicID}
		told.Partitions = make([]kmsg.OffsetFetchResponseGroupTopicPartition, len(t.Partitions))
		for j, partition := range t.Partitions {
			c, ok := committed.get(t.Topic, t.TopicID, partition)
			switch {
			case pending.has(t.Topic, partition):
				told.Partitions[j] = unstableOffset(partition)
			case ok:
				told.Partitions[j] = anOffset(partition, &c)
			default:
				told.Partitions[j] = noOffset(partition)
			}
		}
		topics = append(topics, told)
	}
	return topics
}

// all answers about everything that is committed. Who speaks of topics by their IDs isn't told of those that are gone.
func (x *offsetFetch) all(committed offsets, pending groupPending) []kmsg.OffsetFetchResponseGroupTopic {
	topics := make([]kmsg.OffsetFetchResponseGroupTopic, 0, len(committed))
	for _, name := range committed.names() {
		told := kmsg.OffsetFetchResponseGroupTopic{Topic: name}
		if x.version >= offsetFetchTopicIDs {
			info, ok := x.c.options.Topics.ByName(name)
			if !ok {
				continue
			}
			told.TopicID = info.ID
		}
		for partition, c := range committed.of(name) {
			if pending.has(name, partition) {
				told.Partitions = append(told.Partitions, unstableOffset(partition))
				continue
			}
			told.Partitions = append(told.Partitions, anOffset(partition, &c))
		}
		topics = append(topics, told)
	}
	return topics
}
