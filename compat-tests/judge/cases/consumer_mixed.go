package cases

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// consumerMixedCases are about consumer groups seen through the APIs of classic groups, and about members of both kinds in one group.
func consumerMixedCases(b *book) {
	b.in("groups", func() {
		for _, v := range versions(0, 1) {
			consumerDescribe(b, v)
		}
		consumerOffsets(b)
		consumerThroughClassic(b)
		migrationUp(b)
		migrationMembers(b)
		consumerConfigs(b)
	})
	b.in("group-limits", func() {
		for _, v := range versions(0, 1) {
			with := b.with("ConsumerGroupHeartbeat", v)
			with("limit/third-member", consumers("a", "b"), enter(v, "c"), enter(v, "a"), describeConsumers(1, "~g"))
			with("limit/third-member-is-classic", consumers("a", "b"), join(3, "c"))
		}
	})
	b.in("group-timers", func() { consumerTimers(b) })
}

func consumerDescribe(b *book, v int16) {
	with := b.with("ConsumerGroupDescribe", v)
	with("one-member", consumers("a"), describeConsumers(v, "~g"))
	with("two-members", consumers("a", "b"), describeConsumers(v, "~g"))
	with("reconciling", consumers("a"), enter(v, "b"), describeConsumers(v, "~g"))
	with("empty", consumers("a"), beat(1, "a", -1), describeConsumers(v, "~g"))
	with("static", onTopicT(), enter(1, "a", consumerInstance("s"), rack("r")), describeConsumers(v, "~g"))
	with("unknown", describeConsumers(v, "~g"))
	with("empty-name", describeConsumers(v, ""))
	with("none", describeConsumers(v))
	with("two", ready("h"), consumers("a"), describeConsumers(v, "~g", "~h"))
	with("same-twice", consumers("a"), describeConsumers(v, "~g", "~g"))
	with("classic-group", stable("a"), describeConsumers(v, "~g"))
	with("group-of-offsets-only", topic("t", 1), committed(), describeConsumers(v, "~g"))
	with("deleted", consumers("a"), beat(1, "a", -1), deleteGroups(2, "~g"), describeConsumers(v, "~g"))
	with("topic-deleted", consumers("a"), deleted("t"), gone("t"), until(describeConsumers(v, "~g"), unassigned))
	operations := describeConsumers(v, "~g")
	operations.Build = allOperations(operations.Build)
	with("operations", consumers("a"), operations)
	with("operations-of-unknown", operations)
	with("mixed-members", topic("t", 2), barrier(), stable("a"), enter(1, "b"), describeConsumers(v, "~g"))
	with("regex", topic("t", 2), barrier(), enter(1, "a", matching("t.*")), until(beat(1, "a", 1), assigned), describeConsumers(v, "~g"))
}

// unassigned says whether nobody in a group has partitions.
func unassigned(resp kmsg.Response) bool {
	answer, ok := resp.(*kmsg.ConsumerGroupDescribeResponse)
	return ok && len(answer.Groups) == 1 && !slices.ContainsFunc(answer.Groups[0].Members, func(m kmsg.ConsumerGroupDescribeResponseGroupMember) bool {
		return len(m.Assignment.TopicPartitions) > 0
	})
}

// consumerOffsets is about commits and fetches of members with epochs.
func consumerOffsets(b *book) {
	for _, v := range []int16{2, 8, 9, 10} {
		with := b.with("OffsetCommit", v)
		by := func(id string, epoch int32) script.Ask { return commit(v, commitMember(id, epoch)) }
		with("consumer/member", consumers("a"), by("member-a", 2), see())
		with("consumer/epoch-too-high", consumers("a"), by("member-a", 3))
		with("consumer/epoch-too-low", consumers("a", "b"), by("member-a", 2), see())
		with("consumer/epoch-minus-1", consumers("a"), by("member-a", -1))
		with("consumer/epoch-0", consumers("a"), by("member-a", 0))
		with("consumer/unknown-member", consumers("a"), by("nobody", 1))
		with("consumer/nobody", consumers("a"), by("", -1), see())
		with("consumer/empty-member-with-epoch", consumers("a"), by("", 1))
		with("consumer/empty-group", consumers("a"), beat(1, "a", -1), by("", -1), by("member-a", 2), see(), describeConsumers(1, "~g"))
		with("consumer/of-what-is-not-its-own", consumers("a", "b"), commit(v, commitMember("member-a", 3), offset("t", 1, 2), offset("t", 2, 3), offset("t", 3, 4)), offsetsOf(7, nil))
		with("consumer/static", onTopicT(), enter(1, "a", consumerInstance("s")), commit(v, commitMember("member-a", 2)), see())
	}
	for _, v := range []int16{8, 9, 10} {
		with := b.with("OffsetFetch", v)
		of := func(options ...fetchOption) script.Ask { return offsetsOf(v, partitions{"t": {0, 1}}, options...) }
		owned := steps(consumers("a"), script.Setup(func(r *script.Run) error {
			_, err := r.Do(commitRequest(9, commitMember("member-a", 2))(r))
			return err
		}))
		with("consumer/nobody", owned, of(), offsetsOf(v, nil))
		with("consumer/require-stable", owned, of(requireStable))
		if v == 8 {
			continue
		}
		for _, epoch := range []int32{-1, 0, 1, 2, 3} {
			with("consumer/member-epoch="+itoa(epoch), owned, of(asMember("member-a", epoch)))
			with("consumer/unknown-member-epoch="+itoa(epoch), owned, of(asMember("nobody", epoch)))
			with("consumer/empty-member-epoch="+itoa(epoch), owned, of(asMember("", epoch)))
		}
		with("consumer/all-of-a-stale-member", owned, offsetsOf(v, nil, asMember("member-a", 0)))
		with("consumer/one-stale-one-good", owned, ready("h"), committed(commitGroup("~h")), offsetsOf(v, nil, asMember("member-a", 0), alsoGroup("~h", nil)))
		with("consumer/member-of-an-empty-group", owned, beat(1, "a", -1), of(asMember("member-a", 2)), of())
	}
}

// consumerThroughClassic asks about a consumer group through APIs that are older than such groups.
func consumerThroughClassic(b *book) {
	for _, v := range versions(0, 6) {
		b.with("DescribeGroups", v)("consumer", consumers("a"), describe(v, "~g"))
	}
	for _, v := range versions(0, 5) {
		b.with("ListGroups", v)("consumer", consumers("a"), list(v))
	}
	with := b.with("ListGroups", 5)
	with("consumer/types-and-states", ready("h"), consumers("a"), committed(commitGroup("~h")), list(5, types("consumer")), list(5, types("classic")), list(5, states("stable")), list(5, states("empty"), types("consumer")))
	with("consumer/reconciling", consumers("a"), enter(1, "b"), list(5), list(5, states("reconciling")), list(5, states("assigning")))
	with("consumer/empty", consumers("a"), beat(1, "a", -1), list(5), list(5, states("Empty")))
	for _, v := range []int16{0, 3} {
		with := b.with("DeleteGroups", v)
		with("consumer/with-members", consumers("a"), deleteGroups(v, "~g"), beat(1, "a", 2))
		with("consumer/empty", consumers("a"), committed9(), beat(1, "a", -1), deleteGroups(v, "~g"), see(), list(5), enter(1, "a"))
	}
	with = b.with("OffsetDelete", 0)
	with("consumer/subscribed", consumers("a"), topic("u", 1), committed9(offset("u", 0, 3)), offsetDelete("~g", partitions{"~t": {0}, "~u": {0}}), offsetsOf(7, nil))
	with("consumer/empty", consumers("a"), committed9(), beat(1, "a", -1), offsetDelete("~g", partitions{"~t": {0}}), offsetsOf(7, nil))
	with("consumer/subscribed-by-regex", topic("t", 2), barrier(), enter(1, "a", matching("t.*")), until(beat(1, "a", 1), assigned), offsetDelete("~g", partitions{"~t": {0}}))
	with = b.with("Heartbeat", 4)
	byID := func(req *kmsg.HeartbeatRequest) { req.MemberID = "member-a" }
	with("consumer/its-member", consumers("a"), heartbeat(4, "a", 1, byID))
	with("consumer/unknown-member", consumers("a"), heartbeat(4, "a", 1, func(req *kmsg.HeartbeatRequest) { req.MemberID = "nobody" }))
	with = b.with("SyncGroup", 5)
	with("consumer/its-member", consumers("a"), sync(5, "a", 1, func(_ *script.Run, req *kmsg.SyncGroupRequest) { req.MemberID = "member-a" }))
	with("consumer/unknown-member", consumers("a"), sync(5, "a", 1, func(_ *script.Run, req *kmsg.SyncGroupRequest) { req.MemberID = "nobody" }))
	for _, v := range []int16{1, 5} {
		with := b.with("LeaveGroup", v)
		of := func(id string) func(req *kmsg.LeaveGroupRequest) {
			return func(req *kmsg.LeaveGroupRequest) {
				req.MemberID = id
				for i := range req.Members {
					req.Members[i].MemberID = id
				}
			}
		}
		with("consumer/its-member", consumers("a"), leave(v, "a", of("member-a")), describeConsumers(1, "~g"))
		with("consumer/unknown-member", consumers("a"), leave(v, "a", of("nobody")))
	}
	b.with("LeaveGroup", 5)("consumer/static-by-name", onTopicT(), enter(1, "a", consumerInstance("s")), leave(5, "a", leaving(kmsg.LeaveGroupRequestMember{InstanceID: new("s")})), describeConsumers(1, "~g"))
}

// committed9 commits offset 5 of partition 0 of topic t as the first member of a consumer group in its first epoch.
func committed9(options ...commitOption) script.Setup {
	return func(r *script.Run) error {
		_, err := r.Do(commitRequest(9, append([]commitOption{commitMember("member-a", 2)}, options...)...)(r))
		return err
	}
}

// migrationUp is about classic groups that consumers enter.
func migrationUp(b *book) {
	with := b.with("ConsumerGroupHeartbeat", 1)
	// Of more partitions Kafka gives each member other ones every time.
	two := steps(topic("t", 2), barrier())
	with("migration/consumer-enters-a-stable-group", two, stable("a"), enter(1, "b"), describeConsumers(1, "~g"), describe(5, "~g"), list(5), heartbeat(4, "a", 1), heartbeat(4, "a", 2))
	with("migration/classic-member-follows", two, stable("a"), enter(1, "b"), heartbeat(4, "a", 1), rejoin(9, "a"), sync(5, "a", 2), heartbeat(4, "a", 2), beat(1, "b", 2, owns()), describeConsumers(1, "~g"))
	with("migration/consumer-enters-an-empty-group", two, stable("a"), left("a"), enter(1, "b"), describeConsumers(1, "~g"), list(5))
	with("migration/consumer-enters-during-a-rebalance", preparing(), enter(1, "c"), answerTo("b"), describeConsumers(1, "~g"))
	with("migration/consumer-enters-before-the-sync", completing(), enter(1, "c"), sync(5, "a", 3, assigns("@a", "@b")), describeConsumers(1, "~g"))
	with("migration/consumer-enters-another-type", two, typed("a", "connect"), enter(1, "b"), describe(5, "~g"))
	with("migration/consumer-enters-an-empty-group-of-another-type", two, typed("a", "connect"), left("a"), enter(1, "b"), describeConsumers(1, "~g"))
	with("migration/consumer-enters-members-without-subscription", two, alone("a", protocols("range")), enter(1, "b"), describe(5, "~g"))
	with("migration/consumer-enters-a-pending-member", two, join(4, "a"), groupIs("Empty", 0), enter(1, "b"), rejoin(4, "a"))
	with("migration/consumer-enters-and-leaves", two, stable("a"), enter(1, "b"), beat(1, "b", -1), describe(5, "~g"), list(5), heartbeat(4, "a", 1), heartbeat(4, "a", 3), rejoin(9, "a"))
	with("migration/offsets-stay", two, committed(), stable("a"), enter(1, "b"), see(), commitAs(9, "a", 1, offset("t", 1, 7)), commit(9, commitMember("member-b", 2), offset("t", 2, 8)), offsetsOf(7, nil))
	with("migration/static-member-becomes-a-consumer", two, static("a", "s"), enter(1, "b", consumerInstance("s")), describeConsumers(1, "~g"))
	with("migration/all-classic-members-leave", two, stable("a"), enter(1, "b"), leave(5, "a"), describeConsumers(1, "~g"), until(beat(1, "b", 2, owns()), assigned), describeConsumers(1, "~g"))
	with("migration/consumer-heartbeats-a-classic-group", two, stable("a"), beat(1, "b", 1), beat(1, "b", -1))
}

// migrationMembers is about classic members that join a consumer group.
func migrationMembers(b *book) {
	for _, v := range []int16{0, 3, 4, 5, 9} {
		with := b.with("JoinGroup", v)
		joins := []script.Step{join(v, "b")}
		if v >= 4 {
			joins = append(joins, rejoin(v, "b"))
		}
		with("consumer/classic-member-joins", consumers("a"), joins, describeConsumers(1, "~g"), sync(min(v, 5), "b", 3), heartbeat(min(v, 4), "b", 3))
		with("consumer/other-type", consumers("a"), join(v, "b", protocolType("connect"), protocols("p")))
		with("consumer/no-protocols", consumers("a"), join(v, "b", protocols()))
		with("consumer/metadata-that-is-no-subscription", consumers("a"), join(v, "b", protocols("range")))
		with("consumer/unknown-member", consumers("a"), join(v, "b", memberID("nobody")))
		with("consumer/id-of-a-consumer", consumers("a"), join(v, "b", memberID("member-a")))
		with("consumer/empty-group", consumers("a"), beat(1, "a", -1), joins, describe(4, "~g"), list(5))
	}
	with := b.with("JoinGroup", 9)
	with("consumer/partitions-move-to-the-classic-member", consumers("a"), join(9, "b"), rejoin(9, "b"), sync(5, "b", 3), beat(1, "a", 2), beat(1, "a", 2, owns(0, 1)), heartbeat(4, "b", 3), rejoin(9, "b"), sync(5, "b", 3), describeConsumers(1, "~g"))
	with("consumer/last-consumer-leaves", consumers("a"), join(9, "b"), rejoin(9, "b"), sync(5, "b", 3), beat(1, "a", -1), list(5), describe(5, "~g"), heartbeat(4, "b", 3), rejoin(9, "b"))
	with("consumer/wrong-generation", consumers("a"), join(9, "b"), rejoin(9, "b"), sync(5, "b", 2), sync(5, "b", 4), heartbeat(4, "b", 2), heartbeat(4, "b", 4), commitAs(9, "b", 2), commitAs(9, "b", 3))
	with("consumer/classic-member-changes-its-subscription", consumers("a"), topic("u", 1), barrier(), join(9, "b"), rejoin(9, "b"), sync(5, "b", 3), rejoin(9, "b", subscribed("t", "u")), sync(5, "b", 4), describeConsumers(1, "~g"))
	with("consumer/static-classic-member", consumers("a"), join(9, "b", instanceID("s")), sync(5, "s", 3, syncAs("@s", "s")), join(9, "c", instanceID("s")), describeConsumers(1, "~g"))
	with("consumer/classic-member-leaves", consumers("a"), join(9, "b"), rejoin(9, "b"), leave(5, "b"), beat(1, "a", 2), describeConsumers(1, "~g"))
}

// consumerConfigs is about the settings that one group may have of its own.
func consumerConfigs(b *book) {
	set := func(changes ...string) script.Ask {
		return ask(incrementalAlterConfigs(1, onGroup, "~g", changes...))
	}
	get := func(keys ...string) script.Ask { return ask(describeConfigs(4, onGroup, "~g", keys...)) }
	with := b.with("IncrementalAlterConfigs", 1)
	with("group/heartbeat-interval", onTopicT(), set("set consumer.heartbeat.interval.ms=7000"), barrier(), get("consumer.heartbeat.interval.ms"), enter(1, "a"), set("delete consumer.heartbeat.interval.ms"), barrier(),
		beat(1, "a", 2), get("consumer.heartbeat.interval.ms"))
	with("group/all-of-a-consumer", set("set consumer.session.timeout.ms=50000", "set consumer.heartbeat.interval.ms=6000", "set consumer.assignment.interval.ms=10"), barrier(), get())
	for _, change := range []string{
		"consumer.heartbeat.interval.ms=4999", "consumer.heartbeat.interval.ms=15001", "consumer.session.timeout.ms=44999", "consumer.session.timeout.ms=60001",
		"consumer.assignment.interval.ms=-1", "consumer.assignment.interval.ms=15001", "consumer.session.timeout.ms=x", "nonsense=1",
	} {
		with("group/"+change, set("set "+change))
	}
	with("group/session-shorter-than-heartbeats", set("set consumer.session.timeout.ms=45000", "set consumer.heartbeat.interval.ms=15000"))
	with("group/append", set("append consumer.session.timeout.ms=50000"))
}

// consumerTimers are about members that fall silent or do not do what they are told.
func consumerTimers(b *book) {
	for _, v := range versions(0, 1) {
		with := b.with("ConsumerGroupHeartbeat", v)
		s := consumerInstance("s")
		with("limit/session-ends", onTopicT(), enter(v, "a"), emptied(), beat(v, "a", 2), describeConsumers(1, "~g"))
		with("limit/static-session-ends", onTopicT(), enter(v, "a", s), emptied(), beat(v, "a", 2, s), enter(v, "b", s))
		with("limit/static-member-does-not-come-back", onTopicT(), enter(v, "a", s), beat(v, "a", -2, s), emptied(), describeConsumers(1, "~g"))
		with("limit/partitions-are-not-given-up", onTopicT(), enter(v, "a", rebalanceTimeout(200)), enter(v, "b"), beat(v, "a", 2), script.Setup(removed), beat(v, "a", 2), until(beat(v, "b", 3), assigned), describeConsumers(1, "~g"))
	}
}

// emptied waits until group g has no members.
func emptied() script.Setup {
	return func(r *script.Run) error {
		return r.Poll(func() (bool, error) {
			resp, err := r.Do(describeConsumers(1, "~g").Build(r))
			answer, ok := resp.(*kmsg.ConsumerGroupDescribeResponse)
			return err == nil && ok && len(answer.Groups) == 1 && answer.Groups[0].State == "Empty", err
		})
	}
}

// removed sends heartbeats of client a, which give up nothing, until it is no member any more.
func removed(r *script.Run) error {
	return r.Poll(func() (bool, error) {
		resp, err := r.DoOn(connOf("a"), "a", beatRequest(1, "a", 2)(r))
		answer, ok := resp.(*kmsg.ConsumerGroupHeartbeatResponse)
		return err == nil && ok && answer.ErrorCode == kerr.UnknownMemberID.Code, err
	})
}
