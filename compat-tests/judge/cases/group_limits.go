package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// groupLimitCases meet the limits of groups: how many members, how long they may be silent, how long others wait for them.
func groupLimitCases(b *book) {
	b.in("group-limits", func() {
		for _, v := range []int16{0, 3, 4, 9} {
			limitOfMembers(b, v)
		}
		for _, v := range []int16{2, 8, 10} {
			with := b.with("OffsetCommit", v)
			with("limit/metadata", topic("t", 2), commit(v, metadataOf(longText(10)), offset("t", 1, 1)), commit(v, metadataOf(longText(11)), offset("t", 1, 2)), see())
		}
		// A group without a name, which no other case on this broker may ask about.
		b.with("OffsetCommit", 8)("group-without-name", topic("t", 1), commit(8, commitGroup("")), offsetsOf(7, partitions{"t": {0}}, fetchGroup("")), describe(5, ""), deleteGroups(2, ""), describe(5, ""))
	})
	b.in("group-timers", func() {
		for _, v := range []int16{0, 3, 4, 9} {
			limitOfTime(b, v)
		}
	})
	b.in("group-delay", func() {
		for _, v := range []int16{3, 9} {
			limitOfDelay(b, v)
		}
	})
}

// limitOfMembers is about group.max.size.
func limitOfMembers(b *book, v int16) {
	with := b.with("JoinGroup", v)
	with("limit/third-member", stable("a", "b"), join(v, "c"), describe(0, "~g"))
	with("limit/the-last-to-come-back-is-one-too-many", preparing(), waiting(3, join(3, "c")), rejoin(v, "a"), describe(0, "~g"))
	with("limit/known-member-of-a-full-group", stable("a", "b"), rejoin(v, "b"))
	if v >= 4 {
		with("limit/pending-members-count", stable("b"), join(v, "c"), join(v, "d"), waiting(2, rejoin(v, "c")), waiting(3, rejoin(v, "d")), rejoin(v, "b"))
	}
	if v >= 5 {
		with("limit/third-member-is-static", stable("a", "b"), join(v, "c", instanceID("s")))
		with("limit/static-member-comes-back-to-a-full-group", static("b", "s"), waiting(2, join(3, "c")), join(v, "d", instanceID("s")), answerTo("c"))
	}
}

// limitOfTime is about members that fall silent.
func limitOfTime(b *book, v int16) {
	with := b.with("JoinGroup", v)
	short := timeouts(1000, 1000)
	with("limit/session-ends", topic("t", 1), alone("b", short), groupIs("Empty", 0), heartbeat(0, "b", 1), sync(0, "b", 1), commitAs(8, "b", 1), rejoin(v, "b"), describe(0, "~g"))
	with("limit/session-of-the-leader-ends", alone("b", short), waiting(2, join(3, "c", timeouts(longSession, 1000))), answerTo("c"), describe(0, "~g"))
	with("limit/session-ends-before-the-sync", join(3, "b", short), groupIs("Empty", 0), sync(0, "b", 1, assigns("@b")))
	with("limit/others-do-not-come-back", alone("b", timeouts(longSession, 1000)), waiting(2, join(3, "c", timeouts(longSession, 1000))), answerTo("c"), heartbeat(0, "b", 1), rejoin(v, "b"))
	if v < 4 {
		return
	}
	with("limit/session-of-a-pending-member-ends", join(v, "b", short), groupIs("Empty", 0), expired("c"), rejoin(v, "b", short))
	if v >= 5 {
		with("limit/session-of-a-static-member-ends", alone("b", short, instanceID("s")), groupIs("Empty", 0), join(v, "b", instanceID("s"), memberID("@s")), join(v, "b", instanceID("s")))
	}
}

// limitOfDelay is about new groups that wait for more members: their members are there from the first generation on.
func limitOfDelay(b *book, v int16) {
	with := b.with("JoinGroup", v)
	with("limit/leader-does-not-sync", together(timeouts(longSession, 1500)), send(sync(0, "b", 1)), answerTo("b"), describe(0, "~g"), heartbeat(0, "a", 1))
	with("limit/follower-does-not-sync", together(timeouts(longSession, 1500)), sync(0, "a", 1, assigns("@a", "@b")), groupIs("PreparingRebalance", 1), heartbeat(0, "b", 1), heartbeat(0, "a", 1))
	with("limit/two-within-the-delay", waiting(1, join(v, "a", instanceID("x"))), waiting(2, join(v, "b", instanceID("y"))), answerTo("a"), answerTo("b"), describe(0, "~g"))
}

// together makes a and b members of group g in its first generation, none of which has synced.
func together(option joinOption) []script.Step {
	return []script.Step{script.Setup(func(r *script.Run) error {
		for i, client := range []string{"a", "b"} {
			if err := r.Send(connOf(client), client, joinRequest(3, option)(r)); err != nil {
				return err
			}
			if err := groupIs("PreparingRebalance", i+1)(r); err != nil {
				return err
			}
		}
		for _, client := range []string{"a", "b"} {
			if _, err := r.Take(connOf(client)); err != nil {
				return err
			}
		}
		return nil
	})}
}

// expired waits as long as the session of a member of another group takes to end that began after what came before: then the shorter or equal
// sessions of the case have ended too.
func expired(client string) script.Setup {
	return func(r *script.Run) error {
		if err := ready("other")(r); err != nil {
			return err
		}
		if _, err := r.DoOn(connOf(client), client, joinRequest(3, group("~other"), timeouts(1200, 1200))(r)); err != nil {
			return err
		}
		return r.Poll(func() (bool, error) {
			described, err := describedGroup(r, "~other")
			return err == nil && described.State == "Empty", err
		})
	}
}

// regressionsOfGroups are the cases 24 to 32 of the project's list.
func regressionsOfGroups(b *book) {
	b.in("groups", func() {
		t := topic("t", 2)
		text := func(s *string) commitOption {
			return first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Metadata = s })
		}
		b.with("OffsetFetch", 5)("regression-24-partitions-without-offset-are-present", t, commit(6, text(new("librdkafka 0140"))), offsetsOf(5, partitions{"t": {0, 1}, "missing": {0}}),
			commit(6, text(nil)), offsetsOf(5, partitions{"t": {0}}))
		b.with("OffsetFetch", 1)("regression-25-no-error-of-the-group-in-version-1", ready("h"), t, committed(), offsetsOf(1, partitions{"t": {0}}, fetchGroup("~h")), offsetsOf(1, partitions{"t": {0}}), offsetsOf(2, nil))
		b.with("OffsetFetch", 8)("regression-25-several-groups", ready("h"), t, committed(), offsetsOf(8, nil, alsoGroup("~h", nil), requireStable))
		b.with("OffsetCommit", 2)("regression-26-retention-minus-1-is-the-default", t, commit(2), see())
		c, r := protocols("cooperative-sticky", "range"), protocols("range")
		b.with("JoinGroup", 5)("regression-27-cooperative-to-eager", join(5, "a", c), rejoin(5, "a", c), sync(3, "a", 1, assigns("@a")), join(5, "b", r), waiting(2, rejoin(5, "b", r)), rejoin(5, "a", c), answerTo("b"))
		b.with("JoinGroup", 5)("regression-27-one-generation-per-rebalance", stable("a"), join(5, "b"), waiting(2, rejoin(5, "b")), heartbeat(3, "a", 1), rejoin(5, "a"), answerTo("b"), rejoin(5, "a"), rejoin(5, "b"), heartbeat(3, "b", 2))
		b.with("JoinGroup", 5)("regression-27-static-member-keeps-its-assignment", static("a", "s"), join(5, "b", instanceID("s")), sync(3, "s", 1), heartbeat(3, "a", 1, heartbeatAs("@s/1", "s")))
		b.with("SyncGroup", 3)("regression-28-followers-get-their-assignment", completing(), send(sync(3, "b", 3)), sync(3, "a", 3, assigns("@b", "@a", "nobody")), answerTo("b"), describe(4, "~g"))
		b.with("OffsetCommit", 7)("regression-29-commit-during-a-rebalance", t, stable("a", "b"), waiting(2, rejoin(5, "b", subscribed("u"))), commitAs(7, "a", 2), heartbeat(3, "a", 2), rejoin(5, "a"), answerTo("b"), commitAs(7, "a", 3),
			commitAs(7, "b", 2), sync(3, "a", 3, assigns("@a", "@b")), commitAs(7, "b", 3), commitAs(7, "b", 2))
		b.with("OffsetCommit", 7)("regression-30-missing-partition", t, stable("a"), commitAs(7, "a", 1, offset("t", 9, 1), offset("missing", 0, 1)))
		b.with("ListGroups", 5)("regression-31-states-and-types", stable("a"), list(4, states("Stable")), list(5, types("classic")), list(5, types("consumer")), describe(5, "~g"), deleteGroups(2, "~g"))
	})
}
