package group

import (
	"context"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// Versions in which OffsetCommit changed.
const (
	offsetCommitGroupNotFound = 9
	offsetCommitTopicIDs      = 10
)

// OffsetCommit commits offsets for partitions that exist, if their group lets the caller
// (KafkaApis.handleOffsetCommitRequest, OffsetMetadataManager.commitOffset). Who has no use for the answer any more may call recycle once, which
// may be nil: its memory serves again then.
func (c *Coordinator) OffsetCommit(ctx context.Context, req *kmsg.OffsetCommitRequest) (resp *kmsg.OffsetCommitResponse, recycle func()) {
	x := c.newOffsetCommit()
	x.req, x.metadataMax = req, int(c.options.Config().OffsetMetadataMaxBytes)
	x.exist()
	code, settled := wire.None, true
	if len(x.existing) > 0 {
		code, settled = c.codes.ask(ctx, c, req.Group, question[wire.ErrorCode]{shared: true, decide: x.judge, refused: theSame})
	}
	resp = x.answer(code)
	if !settled { // Records of it may be on their way.
		return resp, nil
	}
	return resp, x.recycle
}

// theSame is what is told of a code that the request has no other name for.
func theSame(code wire.ErrorCode) wire.ErrorCode { return code }

// offsetCommit is one request. Many of one group are decided on before any is in the log, so it looks at members and
// not at offsets. Nothing in it that the shard looks at changes once the shard has it. Its memory serves again when the answer was encoded.
type offsetCommit struct {
	c           *Coordinator
	req         *kmsg.OffsetCommitRequest
	metadataMax int
	// existing are the topics that exist, with their names and the partitions that exist, and missing is the answer about
	// everything else.
	existing []kmsg.OffsetCommitRequestTopic
	missing  []kmsg.OffsetCommitResponseTopic

	// by is who commits, made and records what comes of it. The records are read until they are in the state, or never will be:
	// both is before the answer.
	by      committer
	made    []offsetAndCommit
	records []Record

	resp       kmsg.OffsetCommitResponse
	partitions []kmsg.OffsetCommitResponseTopicPartition // of all existing topics

	// Methods, bound once.
	judge   func(s *Shard, reply func(wire.ErrorCode)) []Record
	recycle func()
}

// offsetAndCommit is a record and what it points to.
type offsetAndCommit struct {
	record OffsetRecord
	commit Commit
}

// recycledOffsets bounds the memory that a large request leaves behind.
const recycledOffsets = 64

// newOffsetCommit is a commit that has nothing in it.
func (c *Coordinator) newOffsetCommit() *offsetCommit {
	if x, ok := c.offsetCommits.Get().(*offsetCommit); ok {
		return x
	}
	x := &offsetCommit{c: c}
	x.judge = x.decide
	x.recycle = func() {
		if max(cap(x.made), cap(x.resp.Topics), cap(x.partitions)) <= recycledOffsets {
			x.clear()
			c.offsetCommits.Put(x)
		}
	}
	return x
}

// clear lets go of everything but memory.
func (x *offsetCommit) clear() {
	clear(x.made)
	clear(x.records)
	clear(x.resp.Topics)
	*x = offsetCommit{
		c: x.c, made: x.made[:0], records: x.records[:0], resp: kmsg.OffsetCommitResponse{Topics: x.resp.Topics[:0]}, partitions: x.partitions[:0],
		judge: x.judge, recycle: x.recycle,
	}
}

// exist looks for what exists.
func (x *offsetCommit) exist() {
	if x.allExist() {
		x.existing = x.req.Topics
		return
	}
	x.divide()
}

// allExist reports whether everything in the request exists, as is the rule.
func (x *offsetCommit) allExist() bool {
	for i := range x.req.Topics {
		t := &x.req.Topics[i]
		info, _ := x.find(t)
		for j := range t.Partitions {
			if !info.has(t.Partitions[j].Partition) {
				return false
			}
		}
		if len(t.Partitions) == 0 {
			return false
		}
	}
	return true
}

// find finds a topic by what identifies it in the version, and completes it with what doesn't: Kafka writes the ID with every offset.
// The code is for partitions that the topic doesn't have.
func (x *offsetCommit) find(t *kmsg.OffsetCommitRequestTopic) (TopicInfo, wire.ErrorCode) {
	topics := x.c.options.Topics
	if x.req.Version < offsetCommitTopicIDs {
		info, _ := topics.ByName(t.Topic)
		t.TopicID = info.ID
		return info, wire.UnknownTopicOrPartition
	}
	info, ok := topics.ByID(t.TopicID)
	if !ok {
		return TopicInfo{}, wire.UnknownTopicID
	}
	t.Topic = info.Name
	return info, wire.UnknownTopicOrPartition
}

// has reports whether a topic exists and has a partition.
func (t *TopicInfo) has(partition int32) bool { return partition >= 0 && partition < t.Partitions }

// divide divides the request into what exists and what doesn't. What doesn't is gathered by topic.
func (x *offsetCommit) divide() {
	places := x.places(nil)
	for i := range x.req.Topics {
		t := &x.req.Topics[i]
		info, code := x.find(t)
		existing := *t
		existing.Partitions = nil
		var missing []kmsg.OffsetCommitResponseTopicPartition
		for j := range t.Partitions {
			if p := t.Partitions[j].Partition; info.has(p) {
				existing.Partitions = append(existing.Partitions, t.Partitions[j])
			} else {
				missing = append(missing, kmsg.OffsetCommitResponseTopicPartition{Partition: p, ErrorCode: int16(code)})
			}
		}
		if len(existing.Partitions) > 0 {
			x.existing = append(x.existing, existing)
		}
		if len(missing) > 0 || info.Partitions == 0 {
			x.missing = places.add(x.missing, t, missing)
		}
	}
}

// commitPlaces says where the topics of an answer are, by name or ID.
type commitPlaces struct {
	byID  bool
	place map[string]int
}

func (x *offsetCommit) places(topics []kmsg.OffsetCommitResponseTopic) commitPlaces {
	p := commitPlaces{byID: x.req.Version >= offsetCommitTopicIDs, place: make(map[string]int, len(topics))}
	for i := range topics {
		p.place[p.key(topics[i].Topic, topics[i].TopicID)] = i
	}
	return p
}

func (p commitPlaces) key(name string, id [topicIDSize]byte) string {
	if p.byID {
		return string(id[:])
	}
	return name
}

// add adds partitions to those of a topic that is there already, or to a new one.
func (p commitPlaces) add(
	topics []kmsg.OffsetCommitResponseTopic, t *kmsg.OffsetCommitRequestTopic, partitions []kmsg.OffsetCommitResponseTopicPartition,
) []kmsg.OffsetCommitResponseTopic {
	key := p.key(t.Topic, t.TopicID)
	if i, ok := p.place[key]; ok {
		topics[i].Partitions = append(slices.Clip(topics[i].Partitions), partitions...)
		return topics
	}
	p.place[key] = len(topics)
	return append(topics, kmsg.OffsetCommitResponseTopic{Topic: t.Topic, TopicID: t.TopicID, Partitions: partitions})
}

// count is how many of the partitions exist.
func (x *offsetCommit) count() int {
	n := 0
	for i := range x.existing {
		n += len(x.existing[i].Partitions)
	}
	return n
}

// answer is the answer if the group says this to the commit.
func (x *offsetCommit) answer(code wire.ErrorCode) *kmsg.OffsetCommitResponse {
	x.resp.Version = x.req.Version
	topics := slices.Grow(x.resp.Topics[:0], len(x.missing)+len(x.existing))
	topics = append(topics, x.missing...)
	var places commitPlaces
	if len(x.missing) > 0 {
		places = x.places(x.missing)
	}
	n := x.count()
	x.partitions = slices.Grow(x.partitions[:0], n)[:n]
	rest := x.partitions
	for i := range x.existing {
		t := &x.existing[i]
		partitions := rest[:len(t.Partitions):len(t.Partitions)]
		rest = rest[len(t.Partitions):]
		for j := range partitions {
			partitions[j] = kmsg.OffsetCommitResponseTopicPartition{Partition: t.Partitions[j].Partition, ErrorCode: int16(code)}
			if code == wire.None && x.tooLarge(&t.Partitions[j]) {
				partitions[j].ErrorCode = int16(wire.OffsetMetadataTooLarge)
			}
		}
		if len(x.missing) > 0 {
			topics = places.add(topics, t, partitions)
			continue
		}
		topics = append(topics, kmsg.OffsetCommitResponseTopic{Topic: t.Topic, TopicID: t.TopicID, Partitions: partitions})
	}
	x.resp.Topics = topics
	return &x.resp
}

// tooLarge reports whether the metadata of an offset is longer than it may be. Kafka counts as Java does: in UTF-16 units.
func (x *offsetCommit) tooLarge(p *kmsg.OffsetCommitRequestTopicPartition) bool {
	if p.Metadata == nil || len(*p.Metadata) <= x.metadataMax {
		return false
	}
	units := 0
	for _, r := range *p.Metadata {
		units++
		if r > 0xffff {
			units++
		}
	}
	return units > x.metadataMax
}

// decide has the group judge the commit, and makes its records.
func (x *offsetCommit) decide(s *Shard, reply func(wire.ErrorCode)) []Record {
	code := x.check(s)
	reply(code)
	if code != wire.None {
		return nil
	}
	return x.record(s.nowMs())
}

// check is the code of the group. One that doesn't exist is made by a commit from outside of the group protocol.
func (x *offsetCommit) check(s *Shard) wire.ErrorCode {
	x.by = committer{memberID: x.req.MemberID, instanceID: x.req.InstanceID, generation: x.req.Generation, version: x.req.Version}
	by, g := &x.by, s.groups[x.req.Group]
	switch {
	case g != nil:
		code := g.checkCommit(by)
		if code != wire.None {
			return code
		}
		switch g := g.(type) {
		case *classicGroup:
			g.heardOf(s, by.memberID)
		case *consumerGroup:
			return x.checkOwned(g, by)
		}
		return wire.None
	case by.generation < 0:
		return wire.None
	case by.version >= offsetCommitGroupNotFound:
		return wire.GroupIDNotFound
	}
	return wire.IllegalGeneration
}

// checkOwned asks a consumer group about each partition. One that it refuses makes it refuse all, as in Kafka.
func (x *offsetCommit) checkOwned(g *consumerGroup, by *committer) wire.ErrorCode {
	if !g.behind(by) {
		return wire.None
	}
	for i := range x.existing {
		t := &x.existing[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			if x.tooLarge(p) {
				continue
			}
			if code := g.checkCommitOf(by, t.TopicID, p.Partition); code != wire.None {
				return code
			}
		}
	}
	return wire.None
}

// record makes the records of the offsets whose metadata isn't too large.
func (x *offsetCommit) record(nowMs int64) []Record {
	n := x.count()
	x.made = slices.Grow(x.made[:0], n)[:n]
	x.records = slices.Grow(x.records[:0], n)
	for i := range x.existing {
		t := &x.existing[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			if x.tooLarge(p) {
				continue
			}
			m := &x.made[len(x.records)]
			m.commit = Commit{
				Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, CommitTimestamp: nowMs,
				ExpireTimestamp: expiry(nowMs, x.req.RetentionTimeMillis), TopicID: t.TopicID,
			}
			if p.Metadata != nil {
				m.commit.Metadata = *p.Metadata
			}
			m.record = OffsetRecord{Group: x.req.Group, Topic: t.Topic, Partition: p.Partition, Commit: &m.commit}
			x.records = append(x.records, &m.record)
		}
	}
	return x.records
}

// expiry is when an offset expires that is to be kept for so long; -1 for as long as others.
func expiry(nowMs, retentionMs int64) int64 {
	switch {
	case retentionMs == -1:
		return -1
	case retentionMs > math.MaxInt64-nowMs:
		return math.MaxInt64
	}
	return max(0, nowMs+retentionMs)
}
