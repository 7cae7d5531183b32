package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// completing makes group g wait for its leader's assignment in generation 3: a is the leader, b the follower.
func completing() []script.Step {
	return steps(stable("a", "b"), script.Setup(func(r *script.Run) error {
		if err := r.Send(connOf("b"), "b", joinRequest(3, memberID("@b"), subscribed("u"))(r)); err != nil {
			return err
		}
		if err := groupIs("PreparingRebalance", 2)(r); err != nil {
			return err
		}
		if _, err := r.DoOn(connOf("a"), "a", joinRequest(3, memberID("@a"))(r)); err != nil {
			return err
		}
		_, err := r.Take(connOf("b"))
		return err
	}))
}

// preparing makes group g wait for the join of its leader a; b has joined again.
func preparing() []script.Step {
	return steps(stable("a", "b"), script.Setup(func(r *script.Run) error {
		if err := r.Send(connOf("b"), "b", joinRequest(3, memberID("@b"), subscribed("u"))(r)); err != nil {
			return err
		}
		return groupIs("PreparingRebalance", 2)(r)
	}))
}

func syncGroupCases(b *book) {
	b.in("groups", func() {
		for _, v := range versions(0, 5) {
			syncEveryVersion(b, v)
			syncMisuse(b, v)
		}
		for _, v := range versions(3, 5) {
			with := b.with("SyncGroup", v)
			with("static", static("a", "s"), sync(v, "a", 1, syncAs("@s", "s")))
			with("static-fenced", static("a", "s"), sync(v, "a", 1, syncAs("nobody", "s")))
			with("static-unknown-name", static("a", "s"), sync(v, "a", 1, syncAs("@s", "other")))
			with("static-name-of-a-dynamic-member", stable("a"), sync(v, "a", 1, syncAs("@a", "s")))
			with("static-without-its-name", static("a", "s"), sync(v, "s", 1))
		}
		syncProtocol(b)
	})
}

func syncEveryVersion(b *book, v int16) {
	with := b.with("SyncGroup", v)
	with("leader", completing(), sync(v, "a", 3, assigns("@a", "@b")), describe(4, "~g"))
	with("follower-waits-for-the-leader", completing(), send(sync(v, "b", 3)), sync(v, "a", 3, assigns("@a", "@b")), answerTo("b"), heartbeat(0, "b", 3))
	with("follower-after-the-leader", completing(), sync(v, "a", 3, assigns("@a", "@b")), sync(v, "b", 3))
	with("follower-assigns-too", completing(), send(sync(v, "b", 3, assigns("@b", "@a"))), sync(v, "a", 3, assigns("@a", "@b")), answerTo("b"))
	with("leader-forgets-the-follower", completing(), sync(v, "a", 3, assigns("@a")), sync(v, "b", 3), describe(4, "~g"))
	with("leader-assigns-nothing", completing(), sync(v, "a", 3), sync(v, "b", 3))
	with("leader-assigns-to-strangers", completing(), sync(v, "a", 3, assigns("nobody", "@b", "@a")), sync(v, "b", 3), describe(4, "~g"))
	with("leader-assigns-twice-to-one", completing(), sync(v, "a", 3, assigns("@a", "@b", "@b")), sync(v, "b", 3))
	with("leader-again", completing(), sync(v, "a", 3, assigns("@a", "@b")), sync(v, "a", 3, assigns("@b", "@a")), sync(v, "b", 3))
	with("when-stable", stable("a", "b"), sync(v, "b", 2), sync(v, "a", 2))
	with("large-assignment", completing(), sync(v, "a", 3, func(_ *script.Run, req *kmsg.SyncGroupRequest) {
		req.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: "@a", MemberAssignment: []byte(longText(100_000))}, {MemberID: "@b", MemberAssignment: []byte{}}}
	}), sync(v, "b", 3))
}

func syncMisuse(b *book, v int16) {
	with := b.with("SyncGroup", v)
	byID := func(id string) syncOption {
		return func(_ *script.Run, req *kmsg.SyncGroupRequest) { req.MemberID = id }
	}
	with("empty-group", sync(v, "a", 1, func(_ *script.Run, req *kmsg.SyncGroupRequest) { req.Group = "" }))
	with("unknown-group", sync(v, "a", 1, byID("nobody")))
	with("unknown-member", stable("a"), sync(v, "a", 1, byID("nobody")))
	with("empty-member", stable("a"), sync(v, "a", 1, byID("")))
	for _, generation := range []int32{0, 2, -1, 2147483647} {
		with("generation="+itoa(generation), stable("a"), sync(v, "a", generation))
	}
	with("during-a-rebalance", preparing(), on(7, sync(v, "b", 2)), on(8, ask(syncRequest(v, "a", 2))), on(8, ask(syncRequest(v, "a", 3))))
	with("rebalance-begins-while-the-follower-waits", completing(), send(sync(v, "b", 3)), send(rejoin(3, "a", subscribed("v"))), answerTo("b"), rejoin(3, "b", subscribed("u")), answerTo("a"))
	with("follower-leaves-and-syncs", completing(), on(7, leaveFor("b")), sync(v, "b", 3), heartbeat(0, "a", 3))
	with("group-of-offsets-only", topic("t", 1), committed(), sync(v, "a", 0, byID("nobody")))
	with("empty-after-its-members-left", stable("a"), left("a"), sync(v, "a", 1))
}

// syncProtocol is about the type and name that a member says it knows since version 5.
func syncProtocol(b *book) {
	with := b.with("SyncGroup", 5)
	saying := func(protocolType, protocol *string) syncOption {
		return func(_ *script.Run, req *kmsg.SyncGroupRequest) {
			req.ProtocolType, req.Protocol = protocolType, protocol
		}
	}
	with("other-type", stable("a"), sync(5, "a", 1, saying(new("connect"), new("range"))))
	with("other-protocol", stable("a"), sync(5, "a", 1, saying(new("consumer"), new("roundrobin"))))
	with("no-type", stable("a"), sync(5, "a", 1, saying(nil, new("range"))))
	with("no-protocol", stable("a"), sync(5, "a", 1, saying(new("consumer"), nil)))
	with("neither", stable("a"), sync(5, "a", 1, saying(nil, nil)))
	with("empty-type", stable("a"), sync(5, "a", 1, saying(new(""), new("range"))))
	with("other-type-and-old-generation", stable("a"), sync(5, "a", 0, saying(new("connect"), new("range"))))
}

func heartbeatCases(b *book) {
	b.in("groups", func() {
		for _, v := range versions(0, 4) {
			with := b.with("Heartbeat", v)
			byID := func(id string) func(req *kmsg.HeartbeatRequest) {
				return func(req *kmsg.HeartbeatRequest) { req.MemberID = id }
			}
			with("stable", stable("a", "b"), heartbeat(v, "a", 2), heartbeat(v, "b", 2))
			with("completing", completing(), heartbeat(v, "a", 3), heartbeat(v, "b", 3), heartbeat(v, "a", 2))
			with("preparing", preparing(), heartbeat(v, "a", 2), on(8, heartbeat(v, "b", 2)), heartbeat(v, "a", 3), heartbeat(v, "a", 1))
			for _, generation := range []int32{0, 2, -1} {
				with("generation="+itoa(generation), stable("a"), heartbeat(v, "a", generation))
			}
			with("empty-group", heartbeat(v, "a", 1, func(req *kmsg.HeartbeatRequest) { req.Group = "" }))
			with("unknown-group", heartbeat(v, "a", 1, byID("nobody")))
			with("unknown-member", stable("a"), heartbeat(v, "a", 1, byID("nobody")))
			with("unknown-member-and-generation", stable("a"), heartbeat(v, "a", 9, byID("nobody")))
			with("empty-member", stable("a"), heartbeat(v, "a", 1, byID("")))
			with("of-a-member-that-left", stable("a", "b"), leave(1, "b"), heartbeat(v, "b", 2), heartbeat(v, "a", 2))
			with("of-an-empty-group", stable("a"), left("a"), heartbeat(v, "a", 1))
			with("of-a-group-of-offsets-only", topic("t", 1), committed(), heartbeat(v, "a", -1, byID("")))
			with("from-another-connection", stable("a"), on(8, heartbeat(v, "a", 1)))
			if v < 3 {
				continue
			}
			with("static", static("a", "x"), heartbeat(v, "a", 1, heartbeatAs("@x", "x")))
			with("static-fenced", static("a", "s"), heartbeat(v, "a", 1, heartbeatAs("nobody", "s")))
			with("static-fenced-and-old-generation", static("a", "s"), heartbeat(v, "a", 0, heartbeatAs("nobody", "s")))
			with("static-unknown-name", static("a", "s"), heartbeat(v, "a", 1, heartbeatAs("@s", "other")))
			with("static-empty-name", static("a", "s"), heartbeat(v, "a", 1, heartbeatAs("@s", "")))
		}
	})
}

func leaveGroupCases(b *book) {
	b.in("groups", func() {
		for _, v := range versions(0, 5) {
			leaveEveryVersion(b, v)
		}
		for _, v := range versions(3, 5) {
			leaveBatch(b, v)
		}
		with := b.with("LeaveGroup", 5)
		for what, reason := range map[string]string{"reason": "to test", "reason-empty": "", "reason-long": longText(300)} {
			with(what, stable("a"), leave(5, "a", leaving(kmsg.LeaveGroupRequestMember{MemberID: "@a", Reason: &reason})))
		}
	})
}

func leaveEveryVersion(b *book, v int16) {
	with := b.with("LeaveGroup", v)
	byID := func(id string) func(req *kmsg.LeaveGroupRequest) {
		return func(req *kmsg.LeaveGroupRequest) {
			if v >= 3 {
				req.Members[0].MemberID = id
			} else {
				req.MemberID = id
			}
		}
	}
	with("last-member", stable("a"), leave(v, "a"), describe(4, "~g"), leave(v, "a"))
	with("follower", stable("a", "b"), leave(v, "b"), heartbeat(0, "a", 2), rejoin(3, "a"), describe(4, "~g"))
	with("leader", stable("a", "b"), leave(v, "a"), heartbeat(0, "b", 2), rejoin(3, "b"), describe(4, "~g"))
	with("during-a-rebalance", preparing(), leave(v, "a"), answerTo("b"), describe(0, "~g"))
	with("before-the-sync", completing(), leave(v, "b"), sync(0, "a", 3), describe(0, "~g"))
	with("empty-group", leave(v, "a", func(req *kmsg.LeaveGroupRequest) { req.Group = "" }))
	with("unknown-group", leave(v, "a", byID("nobody")))
	with("unknown-member", stable("a"), leave(v, "a", byID("nobody")), describe(0, "~g"))
	with("empty-member", stable("a"), leave(v, "a", byID("")))
	with("group-of-offsets-only", topic("t", 1), committed(), leave(v, "a", byID("nobody")))
	with("pending-member", join(4, "a"), leave(v, "a"), rejoin(4, "a"), groupIs("Empty", 0), describe(0, "~g"))
}

// leaveBatch is about versions that take several members (KIP-345).
func leaveBatch(b *book, v int16) {
	with := b.with("LeaveGroup", v)
	type members = kmsg.LeaveGroupRequestMember
	with("two-members", stable("a", "b"), leave(v, "a", leaving(members{MemberID: "@b"}, members{MemberID: "@a"})), describe(4, "~g"))
	with("one-known-one-unknown", stable("a", "b"), leave(v, "a", leaving(members{MemberID: "nobody"}, members{MemberID: "@b"})), describe(4, "~g"))
	with("member-twice", stable("a", "b"), leave(v, "a", leaving(members{MemberID: "@b"}, members{MemberID: "@b"})))
	with("no-members", stable("a"), leave(v, "a", leaving()), describe(4, "~g"))
	with("no-members-of-unknown-group", leave(v, "a", leaving()))
	with("two-members-of-unknown-group", leave(v, "a", leaving(members{MemberID: "nobody"}, members{InstanceID: new("s")})))
	with("static-by-name", static("a", "s"), leave(v, "a", leaving(members{InstanceID: new("s")})), describe(4, "~g"))
	with("static-by-name-and-id", static("a", "s"), leave(v, "a", leaving(members{MemberID: "@s", InstanceID: new("s")})), describe(4, "~g"))
	with("static-by-id", static("a", "s"), leave(v, "a", leaving(members{MemberID: "@s"})), describe(4, "~g"))
	with("static-by-name-and-wrong-id", static("a", "s"), leave(v, "a", leaving(members{MemberID: "nobody", InstanceID: new("s")})), describe(4, "~g"))
	with("static-by-unknown-name", static("a", "s"), leave(v, "a", leaving(members{InstanceID: new("other")})), describe(4, "~g"))
	with("static-by-unknown-name-and-id", static("a", "s"), leave(v, "a", leaving(members{MemberID: "@s", InstanceID: new("other")})))
	with("dynamic-with-a-name", stable("a"), leave(v, "a", leaving(members{MemberID: "@a", InstanceID: new("s")})))
}
