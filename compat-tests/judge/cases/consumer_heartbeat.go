package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

func consumerGroupCases(b *book) {
	b.in("groups", func() {
		for _, v := range versions(0, 1) {
			consumerFirst(b, v)
			consumerMisuse(b, v)
			consumerEpochs(b, v)
			consumersTogether(b, v)
			consumerStatic(b, v)
			consumerSubscriptions(b, v)
		}
		consumerRegex(b)
	})
}

// onTopicT makes topic t with four partitions, and waits until the coordinator must know it.
func onTopicT() []script.Step { return steps(topic("t", 4), barrier()) }

func consumerFirst(b *book, v int16) {
	with := b.with("ConsumerGroupHeartbeat", v)
	with("first", onTopicT(), enter(v, "a"), beat(v, "a", 2), beat(v, "a", 2, owns(0, 1, 2, 3)), describeConsumers(1, "~g"), list(5), describe(5, "~g"))
	with("first-without-id", onTopicT(), enter(v, "a", consumerID("")))
	with("first-with-rack", onTopicT(), enter(v, "a", rack("r")), describeConsumers(1, "~g"))
	with("first-of-an-unknown-topic", enter(v, "a", to("missing")), describeConsumers(1, "~g"), topic("missing", 1), barrier(), until(beat(v, "a", 2), assigned), describeConsumers(1, "~g"))
	with("first-of-no-topics", enter(v, "a", to()), beat(v, "a", 2), describeConsumers(1, "~g"))
	with("first-of-a-topic-twice", onTopicT(), enter(v, "a", to("t", "t")), describeConsumers(1, "~g"))
	with("first-of-two-topics", onTopicT(), topic("u", 2), barrier(), enter(v, "a", to("u", "t")), describeConsumers(1, "~g"))
	for _, name := range []string{"range", "uniform"} {
		with("first-with-assignor-"+name, onTopicT(), enter(v, "a", assignor(name)), describeConsumers(1, "~g"))
	}
	with("strange-ids", onTopicT(), enter(v, "a", consumerID("a b/ü")), beat(v, "a", 2, consumerID("a b/ü")))
	with("long-id", onTopicT(), enter(v, "a", consumerID(longText(500))))
	with("assignor-changes", onTopicT(), enter(v, "a"), beat(v, "a", 2, assignor("range")), describeConsumers(1, "~g"))
	with("rack-changes", onTopicT(), enter(v, "a", rack("r")), beat(v, "a", 2, rack("s")), describeConsumers(1, "~g"))
}

// assigned says whether a heartbeat was answered with an assignment of something.
func assigned(resp kmsg.Response) bool {
	answer, ok := resp.(*kmsg.ConsumerGroupHeartbeatResponse)
	return ok && answer.Assignment != nil && len(answer.Assignment.Topics) > 0
}

// assigning says whether the group is behind its subscriptions. A regular expression is resolved beside the heartbeat that brings it.
func assigning(resp kmsg.Response) bool {
	answer, ok := resp.(*kmsg.ConsumerGroupDescribeResponse)
	return ok && len(answer.Groups) == 1 && answer.Groups[0].State == "Assigning"
}

func consumerMisuse(b *book, v int16) {
	with := b.with("ConsumerGroupHeartbeat", v)
	with("empty-group", enter(v, "a", func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) { req.Group = "" }))
	with("without-rebalance-timeout", enter(v, "a", rebalanceTimeout(-1)))
	with("rebalance-timeout=0", onTopicT(), enter(v, "a", rebalanceTimeout(0)))
	with("rebalance-timeout=-2", onTopicT(), enter(v, "a", rebalanceTimeout(-2)))
	with("without-subscription", enter(v, "a", func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) { req.SubscribedTopicNames = nil }))
	with("without-owned", enter(v, "a", func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) { req.Topics = nil }))
	with("first-that-owns", topic("t", 1), enter(v, "a", owns(0)))
	with("empty-instance", enter(v, "a", consumerInstance("")))
	with("empty-rack", enter(v, "a", rack("")))
	with("unknown-assignor", enter(v, "a", assignor("sticky")))
	with("empty-assignor", enter(v, "a", assignor("")))
	with("empty-topic-name", enter(v, "a", func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) { req.SubscribedTopicNames = []string{""} }))
	with("bad-topic-name", enter(v, "a", func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) {
		req.SubscribedTopicNames = []string{"a b"}
	}))
	for _, epoch := range []int32{1, -1, -2, -3, 2147483647} {
		with("unknown-group-epoch="+itoa(epoch), beat(v, "a", epoch))
		with("unknown-group-without-id-epoch="+itoa(epoch), beat(v, "a", epoch, consumerID("")))
		with("unknown-group-static-epoch="+itoa(epoch), beat(v, "a", epoch, consumerInstance("s")))
		with("unknown-member-epoch="+itoa(epoch), consumers("a"), beat(v, "b", epoch))
	}
	with("unknown-group-leave-and-regex", beat(v, "a", 4, to("t")))
	with("group-of-offsets-only", onTopicT(), committed(), enter(v, "a"), describeConsumers(1, "~g"), offsetsOf(7, nil))
	with("group-of-offsets-only-epoch=1", onTopicT(), committed(), beat(v, "a", 2))
}

func consumerEpochs(b *book, v int16) {
	with := b.with("ConsumerGroupHeartbeat", v)
	with("epoch-too-high", consumers("a"), beat(v, "a", 3), beat(v, "a", 2))
	with("epoch-too-low", consumers("a", "b"), beat(v, "a", 2))
	with("epoch-too-low-by-one-that-owns-what-it-should", consumers("a", "b"), beat(v, "a", 2, owns(0, 1)), beat(v, "a", 2, owns(2, 3)), beat(v, "a", 2, owns()), beat(v, "a", 2, owns(0, 1, 2, 3)))
	with("epoch-too-low-by-two", consumers("a", "b", "c"), beat(v, "a", 2, owns()))
	with("comes-again-with-epoch-0", consumers("a"), enter(v, "a"), beat(v, "a", 3), describeConsumers(1, "~g"))
	with("comes-again-with-epoch-0-and-another-subscription", consumers("a"), topic("u", 1), barrier(), enter(v, "a", to("u")), describeConsumers(1, "~g"))
	with("leaves", consumers("a"), beat(v, "a", -1), describeConsumers(1, "~g"), list(5), beat(v, "a", 2), enter(v, "a"))
	with("leaves-twice", consumers("a"), beat(v, "a", -1), beat(v, "a", -1))
	with("leaves-with-a-static-epoch", consumers("a"), beat(v, "a", -2))
	with("owns-what-is-not-its-own", consumers("a", "b"), beat(v, "a", 3, owns(0, 1, 2, 3)), beat(v, "b", 3, owns()))
	with("owns-an-unknown-topic", consumers("a"), beat(v, "a", 2, func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) {
		req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{{TopicID: [16]byte{1}, Partitions: []int32{0}}}
	}))
	with("owns-unknown-partitions", consumers("a"), beat(v, "a", 2, owns(0, 1, 2, 3, 9, -1)))
	with("owns-less-than-assigned", consumers("a"), beat(v, "a", 2, owns(0)))
	with("owns-twice-the-same", consumers("a"), beat(v, "a", 2, owns(0, 0, 1, 2, 3)))
	with("id-of-another-client", consumers("a"), beat(v, "b", 2, consumerID("member-a")), describeConsumers(1, "~g"))
}

// consumersTogether is about what one member must give up before another has it.
func consumersTogether(b *book, v int16) {
	with := b.with("ConsumerGroupHeartbeat", v)
	with("second-member", consumers("a"), enter(v, "b"), describeConsumers(1, "~g"), beat(v, "a", 2), describeConsumers(1, "~g"), beat(v, "b", 3, owns()), beat(v, "a", 2, owns(0, 1)), until(beat(v, "b", 3, owns()), assigned),
		describeConsumers(1, "~g"), list(5))
	with("second-member-before-the-first-acknowledges", onTopicT(), enter(v, "a"), enter(v, "b"), describeConsumers(1, "~g"), beat(v, "a", 2, owns(0, 1, 2, 3)), beat(v, "a", 2, owns()))
	with("second-member-with-another-assignor", consumers("a"), enter(v, "b", assignor("range")), describeConsumers(1, "~g"))
	with("second-member-of-another-topic", consumers("a"), topic("u", 2), barrier(), enter(v, "b", to("u")), beat(v, "a", 2), describeConsumers(1, "~g"))
	with("range-of-two-members", onTopicT(), topic("u", 3), barrier(), enter(v, "a", to("t", "u"), assignor("range")), beat(v, "a", -1), enter(v, "b", to("t", "u"), assignor("range")), enter(v, "a", to("t", "u"), assignor("range")), describeConsumers(1, "~g"))
	with("one-leaves", consumers("a", "b"), beat(v, "a", -1), beat(v, "b", 3), describeConsumers(1, "~g"))
	with("three-members", consumers("a", "b", "c"), describeConsumers(1, "~g"), beat(v, "b", -1), describeConsumers(1, "~g"))
	with("members-of-nothing-and-of-something", consumers("a", "b"), enter(v, "c", to()), enter(v, "d"), describeConsumers(1, "~g"))
	with("partitions-are-added", consumers("a"), ask(createPartitions(3, "~t", 6)), barrier(), until(beat(v, "a", 2), assigned), describeConsumers(1, "~g"))
	with("topic-is-deleted", consumers("a"), deleted("t"), gone("t"), until(beat(v, "a", 2), moved), describeConsumers(1, "~g"))
}

// moved says whether a heartbeat was answered with an assignment.
func moved(resp kmsg.Response) bool {
	answer, ok := resp.(*kmsg.ConsumerGroupHeartbeatResponse)
	return ok && answer.Assignment != nil
}

func consumerStatic(b *book, v int16) {
	with := b.with("ConsumerGroupHeartbeat", v)
	s := consumerInstance("s")
	first := steps(onTopicT(), enter(v, "a", s), beat(v, "a", 2, s, owns(0, 1, 2, 3)))
	with("static/first", first, describeConsumers(1, "~g"))
	with("static/name-in-use", first, enter(v, "b", s))
	with("static/leaves-for-a-while", first, beat(v, "a", -2, s), describeConsumers(1, "~g"), beat(v, "a", 2, s), enter(v, "b", s), describeConsumers(1, "~g"), beat(v, "b", 2, s, owns(0, 1, 2, 3)))
	with("static/comes-back-with-the-same-id", first, beat(v, "a", -2, s), enter(v, "a", s), describeConsumers(1, "~g"))
	with("static/comes-back-with-another-subscription", first, topic("u", 1), barrier(), beat(v, "a", -2, s), enter(v, "b", s, to("u")), describeConsumers(1, "~g"))
	with("static/old-id-is-fenced", first, beat(v, "a", -2, s), enter(v, "b", s), beat(v, "a", 2, s), beat(v, "a", -1, s))
	with("static/leaves-for-good", first, beat(v, "a", -1, s), describeConsumers(1, "~g"))
	with("static/wrong-id", first, beat(v, "b", 2, s))
	with("static/unknown-name", first, beat(v, "a", 2, consumerInstance("other")), beat(v, "a", -2, consumerInstance("other")))
	with("static/without-its-name", first, beat(v, "a", 2), beat(v, "a", -1))
	with("static/leaves-for-a-while-by-another-id", first, beat(v, "b", -2, s))
	with("static/enters-again-without-leaving", first, enter(v, "a", s))
	with("static/partitions-stay-while-it-is-away", steps(onTopicT(), enter(v, "a", s), enter(v, "b")), beat(v, "a", -2, s), beat(v, "b", 3), describeConsumers(1, "~g"))
	with("static/dynamic-member-takes-a-name", consumers("a"), beat(v, "a", 2, s), enter(v, "a", s), describeConsumers(1, "~g"))
}

func consumerSubscriptions(b *book, v int16) {
	with := b.with("ConsumerGroupHeartbeat", v)
	other := steps(consumers("a"), topic("u", 2), barrier())
	with("subscription-grows", other, beat(v, "a", 2, to("t", "u")), describeConsumers(1, "~g"))
	with("subscription-changes", other, beat(v, "a", 2, to("u")), beat(v, "a", 2, owns()), describeConsumers(1, "~g"))
	with("subscription-to-nothing", other, beat(v, "a", 2, to()), beat(v, "a", 2, owns()), describeConsumers(1, "~g"))
	with("subscription-in-another-order", other, beat(v, "a", 2, to("t", "u")), beat(v, "a", 3, to("u", "t")))
	with("subscription-to-an-unknown-topic", other, beat(v, "a", 2, to("t", "missing")), describeConsumers(1, "~g"))
	with("subscription-said-again", other, beat(v, "a", 2, to("t")), beat(v, "a", 2, complete("t"), owns(0, 1, 2, 3)))
	with("everything-said-again", other, beat(v, "a", 2, complete("t"), owns(0, 1, 2, 3)), beat(v, "a", 2, complete("t"), owns(0, 1, 2, 3)))
}

// consumerRegex is about subscriptions by pattern, which version 1 brought (KIP-848, RE2).
func consumerRegex(b *book) {
	with := b.with("ConsumerGroupHeartbeat", 1)
	two := steps(topic("t", 2), topic("tu", 1), topic("x", 1), barrier())
	entering := func(pattern string, more ...beatOption) script.Ask {
		return enter(1, "a", append([]beatOption{matching(pattern)}, more...)...)
	}
	resolved := until(beat(1, "a", 1), assigned)
	with("regex/matches-two", two, entering("t.*"), resolved, describeConsumers(1, "~g"))
	with("regex/matches-whole-names-only", two, entering("t"), resolved, describeConsumers(1, "~g"))
	with("regex/alternatives", two, entering("(t|x)"), resolved, describeConsumers(1, "~g"))
	with("regex/matches-nothing", two, entering("nothing.*"), beat(1, "a", 2), describeConsumers(1, "~g"))
	with("regex/empty", two, entering(""), beat(1, "a", 2), describeConsumers(1, "~g"))
	for what, pattern := range map[string]string{"bracket": "t[", "repetition": "t**", "lookahead": "t(?=u)", "back-reference": "(t)\\1", "group": "(t", "named-group": "(?P<n>t", "utf8": "t\xff"} {
		with("regex/invalid-"+what, two, entering(pattern))
	}
	with("regex/and-names", two, entering("t", to("x")), until(beat(1, "a", 2), assigned), describeConsumers(1, "~g"))
	with("regex/new-topic-matches", two, entering("t.*"), resolved, topic("tv", 1), barrier(), beat(1, "a", 2, complete(), matching("t.*"), owns()), describeConsumers(1, "~g"))
	with("regex/replaces-names", two, enter(1, "a"), beat(1, "a", 2, matching("x"), func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) { req.SubscribedTopicNames = []string{} }), until(describeConsumers(1, "~g"), assigning))
	with("regex/two-members-share-it", two, entering("t"), resolved, enter(1, "b", matching("t")), describeConsumers(1, "~g"))
	with("regex/changes-to-an-invalid-one", two, entering("t.*"), resolved, beat(1, "a", 2, matching("t[")), beat(1, "a", 2))
}
