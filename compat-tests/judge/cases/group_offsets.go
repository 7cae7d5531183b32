package cases

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

func topicNames(topics map[string][]int32) []string { return slices.Sorted(maps.Keys(topics)) }

type commitOption func(r *script.Run, req *kmsg.OffsetCommitRequest)

// commitRequest commits offset 5 of partition 0 of topic t for group g, as one who is no member.
func commitRequest(v int16, options ...commitOption) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Version, req.Group, req.Generation, req.RetentionTimeMillis = v, "~g", -1, -1
		offset("t", 0, 5)(r, req)
		for _, o := range options {
			o(r, req)
		}
		return req
	}
}

func commit(v int16, options ...commitOption) script.Ask { return ask(commitRequest(v, options...)) }

// commitAs commits as a member in a generation.
func commitAs(v int16, client string, generation int32, options ...commitOption) script.Ask {
	return as(client, commitRequest(v, append([]commitOption{func(_ *script.Run, req *kmsg.OffsetCommitRequest) {
		req.MemberID, req.Generation = "@"+client, generation
	}}, options...)...))
}

// offset adds a partition to a commit; the id of a topic that does not exist is one that no topic has.
func offset(topic string, partition int32, at int64) commitOption {
	return func(r *script.Run, req *kmsg.OffsetCommitRequest) {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch = partition, at, -1
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic, t.Partitions = "~"+topic, []kmsg.OffsetCommitRequestTopicPartition{p}
		if req.Version >= 10 {
			t.Topic, t.TopicID = "", topicID(r, topic)
		}
		req.Topics = append(req.Topics, t)
	}
}

// noOffsets removes what a commit has by default.
func noOffsets(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.Topics = nil }

func commitGroup(name string) commitOption {
	return func(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.Group = name }
}

func commitMember(id string, generation int32) commitOption {
	return func(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.MemberID, req.Generation = id, generation }
}

func commitInstance(id string) commitOption {
	return func(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.InstanceID = &id }
}

// first changes the first partition of a commit.
func first(change func(p *kmsg.OffsetCommitRequestTopicPartition)) commitOption {
	return func(_ *script.Run, req *kmsg.OffsetCommitRequest) { change(&req.Topics[0].Partitions[0]) }
}

// metadataOf sets the metadata of the first partition.
func metadataOf(text string) commitOption {
	return first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Metadata = &text })
}

type fetchOption func(r *script.Run, req *kmsg.OffsetFetchRequest)

// offsetsOf asks for offsets of group g: the given partitions of topics by logical name, all of them where topics is nil. Before version 8 there is
// one group in a request.
func offsetsOf(v int16, topics map[string][]int32, options ...fetchOption) script.Ask {
	return ask(offsetFetchRequest(v, topics, options...))
}

func offsetFetchRequest(v int16, topics map[string][]int32, options ...fetchOption) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrOffsetFetchRequest()
		req.Version = v
		if v >= 8 {
			req.Groups = []kmsg.OffsetFetchRequestGroup{fetchedGroup(r, v, "~g", topics)}
		} else {
			req.Group = "~g"
			for _, t := range topicNames(topics) {
				req.Topics = append(req.Topics, kmsg.OffsetFetchRequestTopic{Topic: "~" + t, Partitions: topics[t]})
			}
			if topics != nil && req.Topics == nil {
				req.Topics = []kmsg.OffsetFetchRequestTopic{}
			}
		}
		for _, o := range options {
			o(r, req)
		}
		return req
	}
}

func fetchedGroup(r *script.Run, v int16, name string, topics map[string][]int32) kmsg.OffsetFetchRequestGroup {
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, g.MemberEpoch = name, -1
	for _, t := range topicNames(topics) {
		topic := kmsg.NewOffsetFetchRequestGroupTopic()
		topic.Topic, topic.Partitions = "~"+t, topics[t]
		if v >= 10 {
			topic.Topic, topic.TopicID = "", topicID(r, t)
		}
		g.Topics = append(g.Topics, topic)
	}
	if topics != nil && g.Topics == nil {
		g.Topics = []kmsg.OffsetFetchRequestGroupTopic{}
	}
	return g
}

// fetchGroup asks for another group.
func fetchGroup(name string) fetchOption {
	return func(_ *script.Run, req *kmsg.OffsetFetchRequest) {
		req.Group = name
		if len(req.Groups) > 0 {
			req.Groups[0].Group = name
		}
	}
}

// alsoGroup adds a group to a request of version 8 or later.
func alsoGroup(name string, topics map[string][]int32) fetchOption {
	return func(r *script.Run, req *kmsg.OffsetFetchRequest) {
		req.Groups = append(req.Groups, fetchedGroup(r, req.Version, name, topics))
	}
}

// asMember names the member that asks, in version 9 or later.
func asMember(id string, epoch int32) fetchOption {
	return func(_ *script.Run, req *kmsg.OffsetFetchRequest) {
		req.Groups[0].MemberID, req.Groups[0].MemberEpoch = &id, epoch
	}
}

func requireStable(_ *script.Run, req *kmsg.OffsetFetchRequest) { req.RequireStable = true }
