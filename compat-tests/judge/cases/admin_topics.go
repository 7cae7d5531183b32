package cases

import (
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
	"github.com/clatterhq/clatter/compat-tests/judge/transcript"
)

// deleteTopics deletes topics by name.
func deleteTopics(version int16, names ...string) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version, req.TimeoutMillis = version, 10_000
		for _, name := range names {
			if version >= 6 {
				req.Topics = append(req.Topics, kmsg.DeleteTopicsRequestTopic{Topic: &name})
			} else {
				req.TopicNames = append(req.TopicNames, name)
			}
		}
		return req
	}
}

// deleteEntries deletes topics by name or id, as version 6 can.
func deleteEntries(entries func(r *script.Run) []kmsg.DeleteTopicsRequestTopic) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version, req.TimeoutMillis, req.Topics = 6, 10_000, entries(r)
		return req
	}
}

// barrier waits until the broker shows all changes of metadata that were made before: it makes one more and waits for that.
func barrier() script.Setup {
	return func(r *script.Run) error { return topic("barrier"+itoa(r.Count()), 1)(r) }
}

func deleteTopicsCases(b *book) {
	api := "DeleteTopics"
	for _, v := range versions(1, 6) {
		b.add(api, v, "one", topic("t", 1), ask(deleteTopics(v, "~t")), barrier(), ask(metadata(8, "~t")))
		b.add(api, v, "two", topic("t", 1), topic("u", 1), ask(deleteTopics(v, "~t", "~u")), barrier(), ask(metadata(8, "~t", "~u")))
		b.add(api, v, "unknown", ask(deleteTopics(v, "~missing")))
		b.add(api, v, "known-and-unknown", topic("t", 1), ask(deleteTopics(v, "~missing", "~t")))
		b.add(api, v, "same-twice", topic("t", 1), ask(deleteTopics(v, "~t", "~t")), barrier(), ask(metadata(8, "~t")))
		b.add(api, v, "empty-name", ask(deleteTopics(v, "")))
		b.add(api, v, "bad-name", ask(deleteTopics(v, "a b")))
		b.add(api, v, "none", ask(deleteTopics(v)))
		b.add(api, v, "again", topic("t", 1), ask(deleteTopics(v, "~t")), ask(deleteTopics(v, "~t")))
		b.add(api, v, "and-create-again-at-once", topic("t", 1), wrote("t", 0, plain("a")), ask(deleteTopics(v, "~t")),
			ask(createTopics(7, newTopic{name: "~t", partitions: 2, replicas: 1})), usable("t", 2), ask(listOffsets(7, "t", 0, -1)), ask(metadata(12, "~t")))
		b.in("strict", func() {
			b.add(api, v, "disabled", topic("t", 1), ask(deleteTopics(v, "~t")), ask(deleteTopics(v, "~missing")), ask(metadata(8, "~t")))
		})
	}
	type entries = []kmsg.DeleteTopicsRequestTopic
	b.add(api, 6, "by-id", topic("t", 1), ask(deleteEntries(func(r *script.Run) entries { return entries{{TopicID: r.TopicID("t")}} })), barrier(), ask(metadata(8, "~t")))
	b.add(api, 6, "by-unknown-id", ask(deleteEntries(func(*script.Run) entries { return entries{{TopicID: transcript.UnknownID}} })))
	b.add(api, 6, "by-zero-id", ask(deleteEntries(func(*script.Run) entries { return entries{{}} })))
	b.add(api, 6, "by-id-and-name", topic("t", 1), ask(deleteEntries(func(r *script.Run) entries { return entries{{TopicID: r.TopicID("t"), Topic: new("~t")}} })))
	b.add(api, 6, "by-id-and-other-name", topic("t", 1), topic("u", 1), ask(deleteEntries(func(r *script.Run) entries { return entries{{TopicID: r.TopicID("t"), Topic: new("~u")}} })))
	b.add(api, 6, "by-unknown-id-and-name", topic("t", 1), ask(deleteEntries(func(*script.Run) entries { return entries{{TopicID: transcript.UnknownID, Topic: new("~t")}} })))
	b.add(api, 6, "by-id-twice", topic("t", 1), ask(deleteEntries(func(r *script.Run) entries { return entries{{TopicID: r.TopicID("t")}, {TopicID: r.TopicID("t")}} })))
	b.add(api, 6, "by-id-and-again-by-name", topic("t", 1), ask(deleteEntries(func(r *script.Run) entries { return entries{{TopicID: r.TopicID("t")}, {Topic: new("~t")}} })))
	b.add(api, 6, "by-empty-name", ask(deleteEntries(func(*script.Run) entries { return entries{{Topic: new("")}} })))
	b.in("strict", func() {
		b.add(api, 6, "by-id-disabled", topic("t", 1), ask(deleteEntries(func(r *script.Run) entries { return entries{{TopicID: r.TopicID("t")}} })))
	})
}

// createPartitions grows one topic; assignments name the replicas of the new partitions.
func createPartitions(version int16, name string, count int32, assignments ...[]int32) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrCreatePartitionsRequest()
		req.Version, req.TimeoutMillis = version, 10_000
		t := kmsg.CreatePartitionsRequestTopic{Topic: name, Count: count}
		for _, replicas := range assignments {
			t.Assignment = append(t.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: replicas})
		}
		req.Topics = append(req.Topics, t)
		return req
	}
}

func createPartitionsCases(b *book) {
	api := "CreatePartitions"
	for _, v := range versions(0, 3) {
		see := ask(metadata(8, "~t"))
		with := func(what string, count int32, assignments ...[]int32) {
			b.add(api, v, what, topic("t", 2), ask(createPartitions(v, "~t", count, assignments...)), barrier(), see)
		}
		with("more", 4)
		with("same", 2)
		with("fewer", 1)
		with("zero", 0)
		with("negative", -1)
		with("too-many", 10_003)
		with("largest", math.MaxInt32)
		with("assigned", 4, []int32{1}, []int32{1})
		with("assigned-too-few", 4, []int32{1})
		with("assigned-too-many", 3, []int32{1}, []int32{1})
		with("assigned-unknown-broker", 3, []int32{9})
		with("assigned-same-broker-twice", 3, []int32{1, 1})
		with("assigned-no-broker", 3, []int32{})
		b.add(api, v, "validate-only", topic("t", 2), ask(validateOnly(createPartitions(v, "~t", 4))), barrier(), see)
		b.add(api, v, "validate-only-fewer", topic("t", 2), ask(validateOnly(createPartitions(v, "~t", 1))))
		b.add(api, v, "unknown-topic", ask(createPartitions(v, "~missing", 2)))
		b.add(api, v, "bad-name", ask(createPartitions(v, "a b", 2)))
		b.add(api, v, "new-partition-is-usable", topic("t", 1), wrote("t", 0, plain("a")), ask(createPartitions(v, "~t", 2)), usable("t", 2), ask(produceTo(9, "t", 1, plain("b"))), fetched(0), fetched(1))
		b.add(api, v, "topic-twice", topic("t", 1), ask(func(_ *script.Run) kmsg.Request {
			req := kmsg.NewPtrCreatePartitionsRequest()
			req.Version, req.TimeoutMillis = v, 10_000
			req.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "~t", Count: 2}, {Topic: "~t", Count: 3}, {Topic: "~missing", Count: 3}}
			return req
		}), barrier(), see)
		b.add(api, v, "good-and-bad", topic("t", 1), topic("u", 3), ask(func(_ *script.Run) kmsg.Request {
			req := kmsg.NewPtrCreatePartitionsRequest()
			req.Version, req.TimeoutMillis = v, 10_000
			req.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "~t", Count: 2}, {Topic: "~u", Count: 3}, {Topic: "~missing", Count: 3}}
			return req
		}), barrier(), see)
	}
}

func deleteRecordsCases(b *book) {
	api := "DeleteRecords"
	for _, v := range versions(0, 2) {
		with := func(what string, steps ...script.Step) {
			b.add(api, v, what, append([]script.Step{topic("t", 2), wrote("t", 0, plain("a", "b"), plain("c"))}, steps...)...)
		}
		bounds := []script.Step{ask(listOffsets(7, "t", 0, -2)), ask(listOffsets(7, "t", 0, -1))}
		at := func(what string, offset int64) {
			with(what, append([]script.Step{ask(deleteRecords(v, "t", 0, offset))}, bounds...)...)
		}
		at("none", 0)
		at("inside-a-batch", 1)
		at("batch-boundary", 2)
		at("all-by-offset", 3)
		at("all-by-minus-1", -1)
		at("past-the-end", 4)
		at("minus-2", -2)
		at("smallest", math.MinInt64)
		at("largest", math.MaxInt64)
		with("below-log-start", deletedBefore(2), ask(deleteRecords(v, "t", 0, 1)), bounds[0])
		with("same-again", deletedBefore(2), ask(deleteRecords(v, "t", 0, 2)), bounds[0])
		with("empty-log", ask(deleteRecords(v, "t", 1, -1)), ask(deleteRecords(v, "t", 1, 0)))
		with("unknown-topic", ask(deleteRecords(v, "missing", 0, 0)))
		with("unknown-partition", ask(deleteRecords(v, "t", 2, 0)), ask(deleteRecords(v, "t", -1, 0)))
		with("write-after", deletedBefore(-1), wrote("t", 0, plain("d")), fetched(0))
		with("good-and-bad", ask(func(_ *script.Run) kmsg.Request {
			req := kmsg.NewPtrDeleteRecordsRequest()
			req.Version, req.TimeoutMillis = v, 10_000
			type partitions = []kmsg.DeleteRecordsRequestTopicPartition
			req.Topics = []kmsg.DeleteRecordsRequestTopic{
				{Topic: "~t", Partitions: partitions{{Partition: 0, Offset: 1}, {Partition: 1, Offset: 5}, {Partition: 7, Offset: 0}}}, {Topic: "~missing", Partitions: partitions{{}}},
			}
			return req
		}))
		with("partition-twice", ask(func(_ *script.Run) kmsg.Request {
			req := kmsg.NewPtrDeleteRecordsRequest()
			req.Version, req.TimeoutMillis = v, 10_000
			req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: "~t", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: 1}, {Offset: 2}}}}
			return req
		}))
		b.add(api, v, "compacted", topic("t", 1, "cleanup.policy=compact"), wrote("t", 0, keyed("k", "v")), ask(deleteRecords(v, "t", 0, 1)))
		b.add(api, v, "compacted-and-deleted", topic("t", 1, "cleanup.policy=compact,delete"), wrote("t", 0, keyed("k", "v")), ask(deleteRecords(v, "t", 0, 1)))
		b.add(api, v, "neither-compacted-nor-deleted", topic("t", 1, "cleanup.policy="), wrote("t", 0, keyed("k", "v")), ask(deleteRecords(v, "t", 0, 1)))
		b.add(api, v, "no-topics", ask(func(*script.Run) kmsg.Request {
			req := kmsg.NewPtrDeleteRecordsRequest()
			req.Version, req.TimeoutMillis = v, 10_000
			return req
		}))
	}
}

// describeTopicPartitions asks for topics by name; none means all.
func describeTopicPartitions(limit int32, cursor *kmsg.DescribeTopicPartitionsRequestCursor, names ...string) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDescribeTopicPartitionsRequest()
		req.ResponsePartitionLimit = limit
		if cursor != nil {
			c := *cursor
			req.Cursor = &c
		}
		for _, name := range names {
			req.Topics = append(req.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: name})
		}
		return req
	}
}

func describeTopicPartitionsCases(b *book) {
	api := "DescribeTopicPartitions"
	type cursor = kmsg.DescribeTopicPartitionsRequestCursor
	prepared := []script.Step{topic("t", 3), topic("u", 2)}
	with := func(what string, limit int32, c *cursor, names ...string) {
		b.add(api, 0, what, append(append([]script.Step{}, prepared...), ask(describeTopicPartitions(limit, c, names...)))...)
	}
	with("one", 100, nil, "~t")
	with("two", 100, nil, "~u", "~t")
	with("unknown", 100, nil, "~missing")
	with("known-and-unknown", 100, nil, "~missing", "~t")
	with("same-twice", 100, nil, "~t", "~t")
	with("bad-name", 100, nil, "a b")
	with("empty-name", 100, nil, "")
	with("limit-2", 2, nil, "~t", "~u")
	with("limit-3", 3, nil, "~t", "~u")
	with("limit-4", 4, nil, "~t", "~u")
	with("limit-0", 0, nil, "~t", "~u")
	with("limit-negative", -5, nil, "~t", "~u")
	with("limit-largest", math.MaxInt32, nil, "~t")
	with("cursor", 100, &cursor{Topic: "~t", Partition: 1}, "~t", "~u")
	with("cursor-and-limit", 3, &cursor{Topic: "~t", Partition: 1}, "~t", "~u")
	with("cursor-at-second", 100, &cursor{Topic: "~u", Partition: 1}, "~t", "~u")
	with("cursor-past-partitions", 100, &cursor{Topic: "~t", Partition: 3}, "~t", "~u")
	with("cursor-at-unknown", 100, &cursor{Topic: "~tt"}, "~t", "~u")
	with("cursor-at-unknown-asked-for", 100, &cursor{Topic: "~missing"}, "~missing", "~t")
	with("cursor-negative", 100, &cursor{Topic: "~t", Partition: -1}, "~t", "~u")
	with("cursor-empty", 100, &cursor{}, "~t", "~u")
	b.in("serial", func() {
		with("all", 100, nil)
		with("all-with-cursor", 100, &cursor{Topic: "~t", Partition: 2})
	})
	b.in("limits", func() {
		with("limit-of-the-broker", 100, nil, "~t", "~u")
	})
}
