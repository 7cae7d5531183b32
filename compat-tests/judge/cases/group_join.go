package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// with returns a function that adds cases of one API and version, each behind a coordinator that is ready.
func (b *book) with(api string, version int16) func(what string, parts ...any) {
	return func(what string, parts ...any) {
		b.add(api, version, what, steps(append([]any{ready("g")}, parts...)...)...)
	}
}

func joinGroupCases(b *book) {
	b.in("groups", func() {
		for _, v := range versions(0, 9) {
			joinFirst(b, v)
			joinMisuse(b, v)
			joinStable(b, v)
		}
		for _, v := range []int16{0, 3, 4, 9} {
			joinTogether(b, v)
			joinTypes(b, v)
		}
		for _, v := range versions(5, 9) {
			joinStatic(b, v)
		}
		for _, v := range []int16{5, 9} {
			joinStaticMisuse(b, v)
		}
		joinGenerations(b)
	})
}

// joinFirst is about the first member of a group: up to version 3 it is taken at once, then it is given an id to come back with (KIP-394).
func joinFirst(b *book, v int16) {
	with := b.with("JoinGroup", v)
	with("first-member", join(v, "a"), rejoin(v, "a"), describe(4, "~g"))
	with("first-member-stable", join(v, "a"), rejoin(v, "a"), sync(min(v, 5), "a", 1, assigns("@a")), heartbeat(min(v, 4), "a", 1), describe(4, "~g"))
	with("several-protocols", join(v, "a", protocols("x", "y")), rejoin(v, "a", protocols("x", "y")))
	with("other-protocol-type", join(v, "a", protocolType("connect"), protocols("sessioned", "compatible")), rejoin(v, "a", protocolType("connect"), protocols("sessioned", "compatible")), describe(4, "~g"))
	if v >= 4 {
		with("two-ids-for-one-client", join(v, "a"), join(v, "a"), groupIs("Empty", 0), describe(0, "~g"))
	}
	if v >= 8 {
		with("reason", join(v, "a", joinReason("to test")), rejoin(v, "a", joinReason("to test")))
		with("reason-empty", rejoin(v, "a", memberID(""), joinReason("")))
		with("reason-long", rejoin(v, "a", memberID(""), joinReason(longText(300))))
	}
}

// joinMisuse is what Kafka refuses before or after it looks for the group.
func joinMisuse(b *book, v int16) {
	with := b.with("JoinGroup", v)
	with("empty-group", join(v, "a", group("")))
	with("unknown-member-of-unknown-group", join(v, "a", memberID("nobody")))
	with("unknown-member-of-a-group", stable("a"), join(v, "b", memberID("nobody")), describe(0, "~g"))
	for _, ms := range []int32{5999, 6000, 1800000, 1800001, 0, -1} {
		with("session-timeout="+itoa(ms), join(v, "a", timeouts(ms, longRebalance)), describe(0, "~g"))
	}
	for _, ms := range []int32{0, -1, 2147483647} {
		with("rebalance-timeout="+itoa(ms), join(v, "a", timeouts(longSession, ms)))
	}
	with("no-protocols", join(v, "a", protocols()))
	with("empty-protocol-type", join(v, "a", protocolType("")))
	with("empty-protocol-name", join(v, "a", protocols("")), rejoin(v, "a", protocols("")))
	with("metadata-that-is-no-subscription", join(v, "a", protocols("range")), rejoin(v, "a", protocols("range")))
	with("large-metadata", as("a", describe(0, "~g").Build), join(v, "a", large), rejoin(v, "a", large), describe(0, "~g"))
}

func large(_ *script.Run, req *kmsg.JoinGroupRequest) {
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte(longText(200_000))}}
}

// joinStable is about joins into a group that is stable.
func joinStable(b *book, v int16) {
	with := b.with("JoinGroup", v)
	with("leader-comes-back", stable("a"), rejoin(v, "a"), describe(0, "~g"))
	with("leader-comes-back-and-another-follows", stable("a", "b"), waiting(2, rejoin(v, "a")), rejoin(v, "b"), answerTo("a"), describe(0, "~g"))
	with("follower-comes-back", stable("a", "b"), rejoin(v, "b"), describe(0, "~g"))
	with("follower-comes-back-with-another-subscription", stable("a", "b"), waiting(2, rejoin(v, "b", subscribed("u"))), heartbeat(0, "a", 2), rejoin(v, "a"), answerTo("b"))
	with("follower-comes-back-with-other-timeouts", stable("a", "b"), rejoin(v, "b", timeouts(10_000, 11_000)))
	with("from-another-client", stable("a", "b"), join(v, "c", memberID("@b")), describe(0, "~g"))
	with("other-type-than-the-group", stable("a"), join(v, "b", protocolType("connect")), describe(0, "~g"))
	with("other-protocol-than-the-group", stable("a"), join(v, "b", protocols("roundrobin")), describe(0, "~g"))
	with("no-protocols-into-a-group", stable("a"), join(v, "b", protocols()))
}

// joinTogether is about two members that come one after the other.
func joinTogether(b *book, v int16) {
	with := b.with("JoinGroup", v)
	joins := []script.Step{join(v, "b")}
	if v < 4 {
		joins = nil
	}
	second := func() script.Ask {
		if v < 4 {
			return join(v, "b")
		}
		return rejoin(v, "b")
	}
	with("second-member", stable("a"), joins, waiting(2, second()), heartbeat(0, "a", 1), describe(0, "~g"), rejoin(v, "a"), answerTo("b"), describe(4, "~g"),
		send(sync(min(v, 5), "b", 2)), sync(min(v, 5), "a", 2, assigns("@a", "@b")), answerTo("b"), describe(4, "~g"))
	with("second-member-while-the-first-syncs", join(v, "a"), rejoin(v, "a"), joins, waiting(2, second()), sync(min(v, 5), "a", 1, assigns("@a")), rejoin(v, "a"), answerTo("b"))
	with("second-member-and-the-first-leaves", stable("a"), joins, waiting(2, second()), leave(1, "a"), answerTo("b"), describe(0, "~g"))
	if v >= 4 {
		with("second-member-leaves-while-it-waits", stable("a"), joins, waiting(2, second()), on(7, leaveFor("b")), rejoin(v, "a"), answerTo("b"), describe(0, "~g"))
	}
	with("third-member-comes-during-the-rebalance", stable("a", "b"), waiting(3, join(3, "c")), send(rejoin(v, "b")), rejoin(v, "a"), answerTo("b"), answerTo("c"), describe(0, "~g"))
}

// leaveFor is the LeaveGroup of a client that waits in a join, on any connection.
func leaveFor(client string) script.Ask {
	return ask(leave(1, client).Build)
}

// joinTypes is about what members have in common: the protocol that most prefer among those that all know.
func joinTypes(b *book, v int16) {
	with := b.with("JoinGroup", v)
	meet := func(what string, first, second, again joinOption) {
		with(what, alone("a", first), waiting(2, join(3, "b", second)), rejoin(v, "a", again), answerTo("b"), describe(0, "~g"))
	}
	meet("protocol-that-both-know", protocols("x", "y"), protocols("y", "z"), protocols("x", "y"))
	meet("protocol-that-both-prefer-differently", protocols("x", "y"), protocols("y", "x"), protocols("x", "y"))
	meet("protocol-changes-with-the-rejoin", protocols("x", "y"), protocols("y", "x"), protocols("y", "x"))
	with("protocol-of-the-third-decides", alone("a", protocols("x", "y")), waiting(2, join(3, "b", protocols("y", "x"))), waiting(3, join(3, "c", protocols("y", "x"))), rejoin(v, "a", protocols("x", "y")),
		answerTo("b"), answerTo("c"))
	with("rejoin-without-the-common-protocol", alone("a", protocols("x", "y")), waiting(2, join(3, "b", protocols("y", "z"))), rejoin(v, "a", protocols("x")), rejoin(v, "a", protocols("y")), answerTo("b"))
	with("empty-group-changes-its-type", typed("a", "connect"), left("a"), describe(0, "~g"), join(v, "b"), rejoin(v, "b"), describe(0, "~g"))
	with("group-of-offsets-only", topic("t", 1), committed(), describe(0, "~g"), join(v, "a"), rejoin(v, "a"), describe(0, "~g"))
}

// alone makes a client the only member, with options.
func alone(client string, options ...joinOption) script.Setup {
	return func(r *script.Run) error { return joinedAlone(r, client, options...) }
}

// joinStatic is about members with a name that outlives them (KIP-345).
func joinStatic(b *book, v int16) {
	with := b.with("JoinGroup", v)
	s := instanceID("s")
	with("static/first", join(v, "a", s), describe(4, "~g"), sync(min(v, 5), "s", 1, assigns("@s")))
	with("static/comes-back-as-a-new-process", static("a", "s"), join(v, "b", s), describe(4, "~g"), heartbeat(4, "s", 1), sync(min(v, 5), "s", 1))
	with("static/comes-back-with-another-protocol", static("a", "s"), join(v, "b", s, subscribed("u")), describe(4, "~g"))
	with("static/old-process-is-fenced", topic("t", 1), static("a", "s"), join(v, "b", s), join(v, "a", s, memberID("@s/1")), heartbeat(4, "a", 1, heartbeatAs("@s/1", "s")), sync(min(v, 5), "a", 1, syncAs("@s/1", "s")),
		commit(8, commitMember("@s/1", 1), commitInstance("s")))
	with("static/comes-back-with-its-id", static("a", "s"), join(v, "a", s, memberID("@s")), describe(4, "~g"))
}

func heartbeatAs(id, instance string) func(req *kmsg.HeartbeatRequest) {
	return func(req *kmsg.HeartbeatRequest) { req.MemberID, req.InstanceID = id, &instance }
}

func syncAs(id, instance string) syncOption {
	return func(_ *script.Run, req *kmsg.SyncGroupRequest) { req.MemberID, req.InstanceID = id, &instance }
}

func joinStaticMisuse(b *book, v int16) {
	with := b.with("JoinGroup", v)
	s := instanceID("s")
	with("static/unknown-member-id-in-unknown-group", join(v, "a", s, memberID("nobody")))
	with("static/unknown-member-id", static("a", "s"), join(v, "b", s, memberID("nobody")))
	with("static/id-of-another", static("a", "s"), join(4, "b"), join(v, "b", s, memberID("@b")), heartbeat(4, "a", 1, heartbeatAs("@s", "s")))
	with("static/unknown-name-with-known-id", static("a", "s"), join(v, "a", instanceID("other"), memberID("@s")))
	with("static/empty-name", join(v, "a", instanceID("")), describe(4, "~g"))
	with("static/long-name", join(v, "a", instanceID(longText(249))))
	with("static/too-long-name", join(v, "a", instanceID(longText(250))))
	with("static/strange-name", join(v, "a", instanceID("a b/ü")))
	with("static/dot", join(v, "a", instanceID(".")))
	with("static/dynamic-member-names-itself", stable("a"), join(v, "a", s, memberID("@a")))
	with("static/second-static-member", static("a", "s"), waiting(2, join(v, "b", instanceID("u"))), join(v, "a", s, memberID("@s")), answerTo("b"), describe(4, "~g"))
	with("static/replaced-while-the-group-rebalances", static("a", "s"), waiting(2, join(3, "b")), join(v, "c", s), answerTo("b"), describe(4, "~g"))
	with("static/replaced-while-it-waits-for-others", static("a", "s"), waiting(2, join(3, "b")), join(v, "a", s, memberID("@s")), answerTo("b"), waiting(2, join(v, "c", s)), rejoin(3, "b"), answerTo("c"), describe(4, "~g"))
	with("static/leader-comes-back-among-others", static("a", "s"), waiting(2, join(v, "b", instanceID("u"))), join(v, "a", s, memberID("@s")), answerTo("b"), sync(5, "s", 2, assigns("@s", "@u")), sync(5, "u", 2),
		join(v, "c", s), sync(5, "s", 2), join(v, "d", instanceID("u")), describe(4, "~g"))
}

// joinGenerations are longer conversations, in the newest version.
func joinGenerations(b *book) {
	with := b.with("JoinGroup", 9)
	// Kafka fails with an exception on a protocol that is named twice, and never answers.
	with("protocol-twice", join(9, "a", protocols("x", "x")), rejoin(9, "a", protocols("x", "x")))
	with("generations-go-on-after-the-group-was-empty", stable("a"), left("a"), join(9, "b"), rejoin(9, "b"), describe(5, "~g"))
	with("generations-begin-anew-after-deletion", stable("a"), left("a"), deleteGroups(2, "~g"), join(9, "b"), rejoin(9, "b"))
	with("pending-member-never-comes", join(9, "a"), groupIs("Empty", 0), describe(5, "~g"), list(4), heartbeat(4, "a", 0), deleteGroups(2, "~g"))
	with("pending-member-in-a-stable-group", topic("t", 1), stable("a"), join(9, "b"), describe(5, "~g"), heartbeat(4, "b", 1), sync(5, "b", 1), commitAs(9, "b", 1), leave(5, "b"), rejoin(9, "b"))
	with("pending-member-joins-with-another-client-id", join(9, "a"), join(9, "b", memberID("@a")), describe(5, "~g"))
	with("leader-is-the-first-that-came", stable("a", "b"), leave(5, "a"), heartbeat(4, "b", 2), rejoin(9, "b"), describe(5, "~g"))
	with("all-come-again", stable("a", "b", "c"), waiting(3, rejoin(9, "c", subscribed("t", "u"))), send(rejoin(9, "b")), rejoin(9, "a"), answerTo("b"), answerTo("c"),
		sync(5, "a", 3, assigns("@a", "@b", "@c")), sync(5, "c", 3), sync(5, "b", 3), describe(5, "~g"))
	with("leader-does-not-sync-and-leaves", stable("a", "b"), waiting(2, rejoin(9, "b", subscribed("u"))), rejoin(9, "a"), answerTo("b"), send(sync(5, "b", 3)), leave(5, "a"), answerTo("b"), rejoin(9, "b"), sync(5, "b", 4, assigns("@b")))
	with("join-again-while-others-sync", stable("a", "b"), waiting(2, rejoin(9, "b", subscribed("u"))), rejoin(9, "a"), answerTo("b"), rejoin(9, "b", subscribed("u")), rejoin(9, "a"), describe(5, "~g"))
	with("join-with-new-metadata-while-others-sync", stable("a", "b"), waiting(2, rejoin(9, "b", subscribed("u"))), rejoin(9, "a"), answerTo("b"), waiting(2, rejoin(9, "b", subscribed("t", "u"))), sync(5, "a", 3, assigns("@a")),
		rejoin(9, "a"), answerTo("b"))
}
