package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// groupCases are about everything that concerns groups and their offsets.
func groupCases(b *book) {
	for _, add := range []func(*book){
		findCoordinatorCases, joinGroupCases, syncGroupCases, heartbeatCases, leaveGroupCases,
		offsetCommitCases, offsetFetchCases, offsetDeleteCases, describeGroupsCases, listGroupsCases, deleteGroupsCases,
		groupLimitCases, regressionsOfGroups, consumerGroupCases, consumerMixedCases,
	} {
		add(b)
	}
}

// see asks for the offsets of partitions 0 and 1 of topic t.
func see() script.Ask { return offsetsOf(7, map[string][]int32{"t": {0, 1}}) }

func offsetCommitCases(b *book) {
	b.in("groups", func() {
		for _, v := range versions(2, 10) {
			commitOffsets(b, v)
			commitMisuse(b, v)
			commitMembers(b, v)
		}
		for _, v := range []int16{7, 8, 9, 10} {
			commitStatic(b, v)
		}
		commitIDs(b)
	})
}

func commitOffsets(b *book, v int16) {
	with := b.with("OffsetCommit", v)
	t := topic("t", 2)
	with("without-group", t, commit(v), see(), describe(5, "~g"), list(5))
	with("two-partitions", t, commit(v, offset("t", 1, 9)), see())
	with("two-topics", t, topic("u", 1), commit(v, offset("u", 0, 9)), offsetsOf(7, nil))
	with("again", t, commit(v), commit(v, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Offset = 3 })), see())
	with("partition-twice", t, commit(v, offset("t", 0, 9)), see())
	with("no-topics", t, commit(v, noOffsets), describe(5, "~g"))
	with("no-partitions", t, commit(v, func(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.Topics[0].Partitions = nil }))
	with("metadata", t, commit(v, metadataOf("a note ü")), see())
	with("metadata-empty", t, commit(v, metadataOf("")), see())
	with("metadata-null", t, commit(v, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Metadata = nil })), see())
	with("metadata-longest", t, commit(v, metadataOf(longText(4096))), see())
	with("metadata-too-long", t, commit(v, metadataOf(longText(4097)), offset("t", 1, 9)), see())
	with("metadata-longest-in-two-byte-letters", t, commit(v, metadataOf(longText(4094)+"üü")), see())
	with("metadata-huge", t, commit(v, metadataOf(longText(30_000))), see())
	for _, at := range []int64{0, -1, -2, 9223372036854775807} {
		with("offset="+itoa(at), t, commit(v, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Offset = at })), see())
	}
	if v >= 6 {
		for _, epoch := range []int32{0, 7, -2} {
			with("leader-epoch="+itoa(epoch), t, commit(v, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.LeaderEpoch = epoch })), see())
		}
	}
	if v <= 4 {
		for _, ms := range []int64{0, 1, 3_600_000} {
			with("retention="+itoa(ms), t, commit(v, func(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.RetentionTimeMillis = ms }), see())
		}
	}
}

func commitMisuse(b *book, v int16) {
	with := b.with("OffsetCommit", v)
	t := topic("t", 2)
	with("unknown-topic", t, commit(v, offset("missing", 0, 1)), see())
	with("only-unknown-topic", commit(v, noOffsets, offset("missing", 0, 1)), describe(5, "~g"))
	with("unknown-partition", t, commit(v, offset("t", 2, 1)), see())
	with("negative-partition", t, commit(v, offset("t", -1, 1)), see())
	with("generation-of-unknown-group", t, commit(v, commitMember("nobody", 1)), see())
	with("generation-0-of-unknown-group", t, commit(v, commitMember("", 0)), see())
	with("member-without-generation-of-unknown-group", t, commit(v, commitMember("nobody", -1)), see())
	with("generation-minus-2-of-unknown-group", t, commit(v, commitMember("", -2)), see())
	if v < 10 {
		with("topic-with-bad-name", t, commit(v, func(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.Topics[0].Topic = "a b" }))
		with("topic-without-name", t, commit(v, func(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.Topics[0].Topic = "" }))
	}
}

func commitMembers(b *book, v int16) {
	with := b.with("OffsetCommit", v)
	t := topic("t", 2)
	with("member", t, stable("a"), commitAs(v, "a", 1), see())
	with("follower", t, stable("a", "b"), commitAs(v, "b", 2, offset("t", 1, 8)), see())
	with("old-generation", t, stable("a", "b"), commitAs(v, "b", 1), see())
	with("future-generation", t, stable("a"), commitAs(v, "a", 2))
	with("member-without-generation", t, stable("a"), commitAs(v, "a", -1))
	with("unknown-member", t, stable("a"), commit(v, commitMember("nobody", 1)))
	with("generation-without-member", t, stable("a"), commit(v, commitMember("", 1)))
	with("nobody-into-a-group-with-members", t, stable("a"), commit(v), see())
	with("during-a-rebalance", t, preparing(), commitAs(v, "a", 2), on(8, ask(commitRequest(v, commitMember("@b", 2)))), on(8, ask(commitRequest(v, commitMember("@b", 3)))), see())
	with("before-the-sync", t, completing(), commitAs(v, "a", 3), commitAs(v, "b", 2), commitAs(v, "b", 3), see())
	with("after-the-group-was-left", t, stable("a"), left("a"), commitAs(v, "a", 1), commit(v), see(), describe(5, "~g"))
	with("group-of-other-type", t, typed("a", "connect"), commitAs(v, "a", 1), commit(v))
	with("by-the-member-of-another-client", t, stable("a", "b"), commitAs(v, "c", 2, commitMember("@b", 2)))
}

func commitStatic(b *book, v int16) {
	with := b.with("OffsetCommit", v)
	t := topic("t", 2)
	with("static", t, static("a", "s"), commitAs(v, "a", 1, commitMember("@s", 1), commitInstance("s")), see())
	with("static-fenced", t, static("a", "s"), commit(v, commitMember("nobody", 1), commitInstance("s")), see())
	with("static-fenced-and-old-generation", t, static("a", "s"), commit(v, commitMember("nobody", 0), commitInstance("s")))
	with("static-unknown-name", t, static("a", "s"), commit(v, commitMember("@s", 1), commitInstance("other")))
	with("static-name-without-group", t, commit(v, commitInstance("s")), see())
	with("static-without-member-id", t, static("a", "s"), commit(v, commitMember("", 1), commitInstance("s")))
}

// commitIDs is about version 10, which names topics by their ids.
func commitIDs(b *book) {
	with := b.with("OffsetCommit", 10)
	t := topic("t", 2)
	with("zero-id", t, commit(10, func(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.Topics[0].TopicID = [16]byte{} }))
	with("same-id-twice", t, commit(10, offset("t", 1, 2)), see())
	with("unknown-id-and-bad-partition", t, commit(10, noOffsets, offset("missing", -1, 1), offset("missing", 9, 1)))
	with("id-of-a-deleted-topic", t, deleted("t"), gone("t"), commit(10))
	with("id-of-the-topic-before", t, deleted("t"), script.Setup(func(r *script.Run) error {
		old := topicID(r, "t")
		if err := recreated("t", 1)(r); err != nil {
			return err
		}
		r.Symbols.LearnTopic("old", old)
		return nil
	}), commit(10, offset("old", 0, 3)), see())
}
