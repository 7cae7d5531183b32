package cases

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// partitions of topics by logical name.
type partitions = map[string][]int32

// withOffsets makes topics t and u with three offsets of group g: two of t, one of them with metadata and an epoch, and one of u.
func withOffsets() []script.Step {
	return steps(ready("g"), topic("t", 3), topic("u", 1), committed(offset("t", 1, 9), offset("u", 0, 2), func(_ *script.Run, req *kmsg.OffsetCommitRequest) {
		p := &req.Topics[1].Partitions[0]
		p.Metadata, p.LeaderEpoch = new("a note"), 0
	}))
}

func offsetFetchCases(b *book) {
	b.in("groups", func() {
		for _, v := range versions(1, 10) {
			fetchCommitted(b, v)
			fetchStates(b, v)
		}
		for _, v := range versions(8, 10) {
			fetchSeveralGroups(b, v)
		}
		for _, v := range versions(9, 10) {
			fetchAsMember(b, v)
		}
		fetchDeleted(b)
	})
}

func fetchCommitted(b *book, v int16) {
	with := func(what string, parts ...any) { b.add("OffsetFetch", v, what, steps(parts...)...) }
	with("some", withOffsets(), offsetsOf(v, partitions{"t": {0}}))
	with("two-topics", withOffsets(), offsetsOf(v, partitions{"t": {1, 0}, "u": {0}}))
	with("none-committed", withOffsets(), offsetsOf(v, partitions{"t": {2}}))
	with("partition-that-does-not-exist", withOffsets(), offsetsOf(v, partitions{"t": {0, 7, -1}}))
	with("topic-that-does-not-exist", withOffsets(), offsetsOf(v, partitions{"missing": {0}, "t": {0}}))
	with("partition-twice", withOffsets(), offsetsOf(v, partitions{"t": {0, 0}}))
	with("no-partitions", withOffsets(), offsetsOf(v, partitions{"t": {}}))
	with("no-topics", withOffsets(), offsetsOf(v, partitions{}))
	with("unknown-group", withOffsets(), ready("h"), offsetsOf(v, partitions{"t": {0, 1}}, fetchGroup("~h")))
	with("topic-twice", withOffsets(), offsetsOf(v, partitions{"t": {0}}, func(_ *script.Run, req *kmsg.OffsetFetchRequest) {
		if v >= 8 {
			req.Groups[0].Topics = append(req.Groups[0].Topics, req.Groups[0].Topics[0])
		} else {
			req.Topics = append(req.Topics, req.Topics[0])
		}
	}))
	if v >= 2 {
		with("all", withOffsets(), offsetsOf(v, nil))
		with("all-of-unknown-group", withOffsets(), ready("h"), offsetsOf(v, nil, fetchGroup("~h")))
		with("all-of-a-group-without-offsets", ready("g"), stable("a"), offsetsOf(v, nil))
	}
	if v >= 7 {
		with("require-stable", withOffsets(), offsetsOf(v, partitions{"t": {0, 2}}, requireStable))
		with("require-stable-all", withOffsets(), offsetsOf(v, nil, requireStable))
		with("require-stable-of-unknown-group", withOffsets(), ready("h"), offsetsOf(v, partitions{"t": {0, 2}}, requireStable, fetchGroup("~h")))
	}
}

// fetchStates shows that the state of the group does not matter to who reads its offsets.
func fetchStates(b *book, v int16) {
	with := func(what string, parts ...any) { b.add("OffsetFetch", v, what, steps(parts...)...) }
	at := offsetsOf(v, partitions{"t": {0, 1}})
	with("stable", withOffsets(), stable("a"), at)
	with("during-a-rebalance", withOffsets(), preparing(), at)
	with("empty-group", withOffsets(), stable("a"), left("a"), at)
	with("deleted-group", withOffsets(), deleteGroups(2, "~g"), at)
}

// fetchSeveralGroups is what version 8 added (KIP-709).
func fetchSeveralGroups(b *book, v int16) {
	with := func(what string, parts ...any) { b.add("OffsetFetch", v, what, steps(parts...)...) }
	other := steps(withOffsets(), ready("h", "i"), committed(commitGroup("~h"), noOffsets, offset("t", 2, 77)))
	with("groups/two", other, offsetsOf(v, partitions{"t": {0, 2}}, alsoGroup("~h", partitions{"t": {0, 2}})))
	with("groups/two-all", other, offsetsOf(v, nil, alsoGroup("~h", nil)))
	with("groups/all-of-one-and-some-of-another", other, offsetsOf(v, nil, alsoGroup("~h", partitions{"t": {2}, "u": {0}})))
	with("groups/unknown-one", other, offsetsOf(v, partitions{"t": {0}}, alsoGroup("~i", partitions{"t": {0}})))
	with("groups/empty-name", other, offsetsOf(v, partitions{"t": {0}}, fetchGroup("")))
	with("groups/empty-name-all", other, offsetsOf(v, nil, fetchGroup("")))
	with("groups/same-twice", other, offsetsOf(v, partitions{"t": {0}}, alsoGroup("~g", partitions{"t": {0, 1}})))
	with("groups/none", other, offsetsOf(v, nil, func(_ *script.Run, req *kmsg.OffsetFetchRequest) { req.Groups = []kmsg.OffsetFetchRequestGroup{} }))
}

// fetchAsMember is about the member that version 9 can name; in a classic group it means nothing.
func fetchAsMember(b *book, v int16) {
	with := func(what string, parts ...any) { b.add("OffsetFetch", v, what, steps(parts...)...) }
	for _, epoch := range []int32{-1, 0, 1, 2} {
		with(fmt.Sprintf("member/classic-generation=%d", epoch), withOffsets(), stable("a"), offsetsOf(v, partitions{"t": {0}}, asMember("@a", epoch)))
		with(fmt.Sprintf("member/unknown-of-classic-generation=%d", epoch), withOffsets(), stable("a"), offsetsOf(v, partitions{"t": {0}}, asMember("nobody", epoch)))
		with(fmt.Sprintf("member/of-unknown-group-epoch=%d", epoch), withOffsets(), ready("h"), offsetsOf(v, partitions{"t": {0}}, asMember("nobody", epoch), fetchGroup("~h")))
		with(fmt.Sprintf("member/of-offsets-only-epoch=%d", epoch), withOffsets(), offsetsOf(v, partitions{"t": {0}}, asMember("nobody", epoch)))
		with(fmt.Sprintf("member/empty-of-offsets-only-epoch=%d", epoch), withOffsets(), offsetsOf(v, nil, asMember("", epoch)))
	}
}

// fetchDeleted is about offsets of topics that are no more.
func fetchDeleted(b *book) {
	for _, v := range []int16{1, 5, 8, 9} {
		dropped := until(offsetsOf(v, partitions{"t": {0}, "u": {0}}), func(resp kmsg.Response) bool {
			answer, ok := resp.(*kmsg.OffsetFetchResponse)
			if !ok {
				return true
			}
			for _, t := range answer.Topics {
				for _, p := range t.Partitions {
					if p.Offset == 5 {
						return false
					}
				}
			}
			for _, g := range answer.Groups {
				for _, t := range g.Topics {
					for _, p := range t.Partitions {
						if p.Offset == 5 {
							return false
						}
					}
				}
			}
			return true
		})
		b.add("OffsetFetch", v, "topic-was-deleted", steps(withOffsets(), deleted("t"), dropped)...)
		b.add("OffsetFetch", v, "topic-was-deleted-and-made-again", steps(withOffsets(), deleted("t"), dropped, recreated("t", 1), offsetsOf(v, partitions{"t": {0}}))...)
	}
	b.add("OffsetFetch", 10, "topic-was-deleted", steps(withOffsets(), deleted("t"), gone("t"), offsetsOf(10, partitions{"t": {0}, "u": {0}}))...)
}

func offsetDeleteCases(b *book) {
	b.in("groups", func() {
		with := b.with("OffsetDelete", 0)
		one := offsetDelete("~g", partitions{"~t": {0}})
		with("group-of-offsets-only", withOffsets(), one, offsetsOf(7, nil))
		with("two-topics", withOffsets(), offsetDelete("~g", partitions{"~t": {0, 1}, "~u": {0}}), offsetsOf(7, nil), describe(5, "~g"))
		with("nothing-committed-there", withOffsets(), offsetDelete("~g", partitions{"~t": {2}}))
		with("unknown-partition", withOffsets(), offsetDelete("~g", partitions{"~t": {0, 9, -1}}), offsetsOf(7, nil))
		with("unknown-topic", withOffsets(), offsetDelete("~g", partitions{"~missing": {0}, "~t": {0}}), offsetsOf(7, nil))
		with("partition-twice", withOffsets(), offsetDelete("~g", partitions{"~t": {0, 0}}))
		with("no-partitions", withOffsets(), offsetDelete("~g", partitions{"~t": {}}))
		with("no-topics", withOffsets(), offsetDelete("~g", nil))
		with("empty-topic-name", withOffsets(), offsetDelete("~g", partitions{"": {0}}))
		with("unknown-group", topic("t", 1), one)
		with("unknown-group-no-topics", offsetDelete("~g", nil))
		with("empty-group", topic("t", 1), offsetDelete("", partitions{"~t": {0}}))
		with("subscribed", withOffsets(), stable("a"), one, offsetsOf(7, nil))
		with("one-subscribed-one-not", withOffsets(), stable("a"), offsetDelete("~g", partitions{"~t": {0}, "~u": {0}}), offsetsOf(7, nil))
		with("subscribed-by-the-other-member", withOffsets(), completing(), offsetDelete("~g", partitions{"~t": {0}, "~u": {0}}))
		with("during-a-rebalance", withOffsets(), preparing(), offsetDelete("~g", partitions{"~t": {0}, "~u": {0}}))
		with("of-a-group-left-by-all", withOffsets(), stable("a"), left("a"), one, offsetsOf(7, nil))
		with("group-of-other-type", withOffsets(), typed("a", "connect"), one, offsetsOf(7, nil))
		with("empty-group-of-other-type", withOffsets(), typed("b", "connect"), left("b"), one)
		with("members-without-subscription", withOffsets(), alone("a", protocols("range")), one)
		with("members-with-empty-metadata", withOffsets(), alone("a", func(_ *script.Run, req *kmsg.JoinGroupRequest) { req.Protocols[0].Metadata = []byte{} }), one)
		with("deleted-topic", withOffsets(), deleted("t"), gone("t"), one)
		with("topic-made-again", withOffsets(), deleted("u"), recreated("u", 2), offsetDelete("~g", partitions{"~u": {0}}), see())
	})
}
