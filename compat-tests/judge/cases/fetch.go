package cases

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// fetchOptions changes a fetch request that is good otherwise.
type fetchOptions func(r *script.Run, req *kmsg.FetchRequest)

// fetch reads one partition from an offset, without waiting, outside sessions.
func fetch(version int16, name string, partition int32, offset int64, options ...fetchOptions) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrFetchRequest()
		req.Version, req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = version, 0, 1, 1<<20, -1
		addFetch(r, req, name, partition, offset)
		for _, option := range options {
			option(r, req)
		}
		return req
	}
}

// emptyFetch names no partition.
func emptyFetch(version int16, options ...fetchOptions) func(r *script.Run) kmsg.Request {
	return fetch(version, "", 0, 0, append([]fetchOptions{func(_ *script.Run, req *kmsg.FetchRequest) { req.Topics = nil }}, options...)...)
}

func addFetch(r *script.Run, req *kmsg.FetchRequest, name string, partition int32, offset int64) {
	t := kmsg.NewFetchRequestTopic()
	if req.Version >= 13 {
		t.TopicID = topicID(r, name)
	} else {
		t.Topic = "~" + name
	}
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LogStartOffset = partition, offset, 1<<20, -1, -1
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
}

func alsoFetch(name string, partition int32, offset int64) fetchOptions {
	return func(r *script.Run, req *kmsg.FetchRequest) { addFetch(r, req, name, partition, offset) }
}

// session makes a fetch part of the n-th session of the case (0: none yet) at an epoch.
func session(n int, epoch int32) fetchOptions {
	return func(r *script.Run, req *kmsg.FetchRequest) {
		req.SessionEpoch = epoch
		if n > 0 {
			req.SessionID = r.Symbols.Session(n)
		}
	}
}

func forget(name string, partitions ...int32) fetchOptions {
	return func(r *script.Run, req *kmsg.FetchRequest) {
		f := kmsg.FetchRequestForgottenTopic{Partitions: partitions}
		if req.Version >= 13 {
			f.TopicID = topicID(r, name)
		} else {
			f.Topic = "~" + name
		}
		req.ForgottenTopics = append(req.ForgottenTopics, f)
	}
}

func maxBytes(request, partition int32) fetchOptions {
	return func(_ *script.Run, req *kmsg.FetchRequest) {
		req.MaxBytes = request
		for i := range req.Topics {
			req.Topics[i].Partitions[0].PartitionMaxBytes = partition
		}
	}
}

func wait(ms, minBytes int32) fetchOptions {
	return func(_ *script.Run, req *kmsg.FetchRequest) { req.MaxWaitMillis, req.MinBytes = ms, minBytes }
}

func leaderEpoch(current int32) fetchOptions {
	return func(_ *script.Run, req *kmsg.FetchRequest) { req.Topics[0].Partitions[0].CurrentLeaderEpoch = current }
}

func fetchCases(b *book) {
	for _, v := range versions(4, 18) {
		fetchEveryVersion(b, v)
		if v >= 7 {
			fetchSessions(b, v)
		}
	}
	fetchSessionsOfTwoVersions(b)
	for _, v := range []int16{4, 18} {
		fetchLimits(b, v)
		fetchOffsets(b, v)
	}
	for _, v := range []int16{12, 18} {
		fetchEpochs(b, v)
	}
	for _, v := range []int16{13, 18} {
		fetchTopicIDs(b, v)
	}
}

func fetchEveryVersion(b *book, v int16) {
	api := "Fetch"
	three := []script.Step{topic("t", 1), wrote("t", 0, plain("a", "b"), plain("c"), keyed("k", "d"))}
	with := func(what string, steps ...script.Step) {
		b.add(api, v, what, append(append([]script.Step{}, three...), steps...)...)
	}
	with("all", ask(fetch(v, "t", 0, 0)))
	with("middle-of-a-batch", ask(fetch(v, "t", 0, 1)))
	with("at-the-end", ask(fetch(v, "t", 0, 4)))
	with("past-the-end", ask(fetch(v, "t", 0, 5)))
	with("negative-offset", ask(fetch(v, "t", 0, -1)))
	with("read-committed", ask(fetch(v, "t", 0, 0, func(_ *script.Run, req *kmsg.FetchRequest) { req.IsolationLevel = 1 })))
	with("first-batch-is-whole-though-larger", ask(fetch(v, "t", 0, 0, maxBytes(1, 1))))
	with("unknown-partition", ask(fetch(v, "t", 1, 0)))
	with("negative-partition", ask(fetch(v, "t", -1, 0)))
	with("good-and-bad-partitions", ask(fetch(v, "t", 0, 2, alsoFetch("t", 5, 0), alsoFetch("missing", 0, 0))))
	with("same-partition-twice", ask(fetch(v, "t", 0, 0, alsoFetch("t", 0, 2))))
	with("below-log-start", deletedBefore(2), ask(fetch(v, "t", 0, 1)), ask(fetch(v, "t", 0, 2)))
	with("as-follower-that-is-none", ask(fetch(v, "t", 0, 0, func(_ *script.Run, req *kmsg.FetchRequest) {
		req.ReplicaID = 5
		req.ReplicaState.ID = 5
	})))
	b.add(api, v, "empty-log", topic("t", 1), ask(fetch(v, "t", 0, 0)))
	b.add(api, v, "unknown-topic", ask(fetch(v, "missing", 0, 0)))
	b.add(api, v, "no-topics", ask(emptyFetch(v)))
	b.add(api, v, "waits-for-data", topic("t", 1), on(1, send(ask(fetch(v, "t", 0, 0, wait(5000, 1))))), wrote("t", 0, plain("late")), script.Receive{Conn: 1})
	b.add(api, v, "waits-in-vain", topic("t", 1), ask(fetch(v, "t", 0, 0, wait(60, 1))))
}

func fetchLimits(b *book, v int16) {
	api := "Fetch"
	two := []script.Step{topic("t", 2), wrote("t", 0, plain("a"), plain("b"), plain("c")), wrote("t", 1, plain("d"), plain("e"))}
	with := func(what string, steps ...script.Step) {
		b.add(api, v, "limit/"+what, append(append([]script.Step{}, two...), steps...)...)
	}
	with("two-batches-fit", ask(fetch(v, "t", 0, 0, maxBytes(1<<20, 138))))
	with("two-batches-almost-fit", ask(fetch(v, "t", 0, 0, maxBytes(1<<20, 137))))
	with("request-limit-cuts-the-second-partition", ask(fetch(v, "t", 0, 0, alsoFetch("t", 1, 0), maxBytes(100, 1<<20))))
	with("request-limit-spent-by-the-first-partition", ask(fetch(v, "t", 0, 0, alsoFetch("t", 1, 0), maxBytes(69, 1<<20))))
	with("first-partition-empty-second-whole", ask(fetch(v, "t", 0, 3, alsoFetch("t", 1, 0), maxBytes(1, 1))))
	with("zero", ask(fetch(v, "t", 0, 0, maxBytes(0, 0))))
	with("negative", ask(fetch(v, "t", 0, 0, maxBytes(-1, -1))))
	with("partition-zero", ask(fetch(v, "t", 0, 0, maxBytes(1<<20, 0))))
	with("largest", ask(fetch(v, "t", 0, 0, maxBytes(2147483647, 2147483647))))
	with("min-bytes-zero", ask(fetch(v, "t", 0, 3, wait(5000, 0))))
	with("min-bytes-negative", ask(fetch(v, "t", 0, 3, wait(5000, -1))))
	with("min-bytes-there", ask(fetch(v, "t", 0, 0, wait(5000, 207))))
	with("min-bytes-not-there", ask(fetch(v, "t", 0, 0, wait(60, 208))))
	with("min-bytes-above-max-bytes", ask(fetch(v, "t", 0, 0, wait(5000, 500), maxBytes(100, 100))))
	if v == 18 {
		with("min-bytes-above-the-limit-of-the-partition", ask(fetch(v, "t", 0, 0, wait(5000, 200), maxBytes(1<<20, 100))))
		with("unknown-partition-does-not-end-the-wait", ask(fetch(v, "t", 0, 3, alsoFetch("t", 9, 0), wait(5000, 1))))
	}
	with("wait-negative", ask(fetch(v, "t", 0, 3, wait(-1, 1))))
	with("min-bytes-over-two-partitions", on(1, send(ask(fetch(v, "t", 0, 3, alsoFetch("t", 1, 2), wait(5000, 100))))),
		wrote("t", 0, plain("f")), wrote("t", 1, plain("g")), script.Receive{Conn: 1})
	with("out-of-range-answers-at-once", ask(fetch(v, "t", 0, 77, alsoFetch("t", 1, 2), wait(5000, 1))))
	with("isolation-level-2", ask(fetch(v, "t", 0, 0, func(_ *script.Run, req *kmsg.FetchRequest) { req.IsolationLevel = 2 })))
	with("isolation-level-negative", ask(fetch(v, "t", 0, 0, func(_ *script.Run, req *kmsg.FetchRequest) { req.IsolationLevel = -1 })))
	with("rack", ask(fetch(v, "t", 0, 0, func(_ *script.Run, req *kmsg.FetchRequest) { req.Rack = "somewhere" })))
}

func fetchOffsets(b *book, v int16) {
	api := "Fetch"
	long := strings.Repeat("v", 40)
	for _, offset := range []int64{-9223372036854775808, -2, 3, 9223372036854775807} {
		b.add(api, v, "offset="+itoa(offset), topic("t", 1), wrote("t", 0, plain(long, long)), ask(fetch(v, "t", 0, offset)))
	}
	b.add(api, v, "log-start-moved-to-the-end", topic("t", 1), wrote("t", 0, plain("a", "b", "c")), deletedBefore(-1), ask(fetch(v, "t", 0, 0)), ask(fetch(v, "t", 0, 3)))
	b.add(api, v, "log-start-inside-a-batch", topic("t", 1), wrote("t", 0, plain("a", "b", "c")), deletedBefore(1), ask(fetch(v, "t", 0, 1)), ask(fetch(v, "t", 0, 0)))
	b.add(api, v, "topic-deleted", topic("t", 1), wrote("t", 0, plain("a")), ask(fetch(v, "t", 0, 0)), deleted("t"), until(ask(fetch(v, "t", 0, 0)), fetchFails))
	b.add(api, v, "topic-created-again", topic("t", 1), wrote("t", 0, plain("a")), deleted("t"), recreated("t", 1), ask(fetch(v, "t", 0, 0)), wrote("t", 0, plain("b")), ask(fetch(v, "t", 0, 0)))
}

func fetchFails(resp kmsg.Response) bool {
	answer, ok := resp.(*kmsg.FetchResponse)
	return ok && (answer.ErrorCode != 0 || (len(answer.Topics) > 0 && answer.Topics[0].Partitions[0].ErrorCode != 0))
}

func fetchEpochs(b *book, v int16) {
	api := "Fetch"
	with := func(what string, steps ...script.Step) {
		b.add(api, v, "epoch/"+what, append([]script.Step{topic("t", 1), wrote("t", 0, plain("a", "b"))}, steps...)...)
	}
	for _, epoch := range []int32{0, 1, -1, -2, 2147483647} {
		with("current="+itoa(epoch), ask(fetch(v, "t", 0, 0, leaderEpoch(epoch))))
	}
	for _, epoch := range []int32{0, 1, -1, -2} {
		with("last-fetched="+itoa(epoch), ask(fetch(v, "t", 0, 1, func(_ *script.Run, req *kmsg.FetchRequest) { req.Topics[0].Partitions[0].LastFetchedEpoch = epoch })))
	}
	with("last-fetched-0-at-the-end", ask(fetch(v, "t", 0, 2, func(_ *script.Run, req *kmsg.FetchRequest) { req.Topics[0].Partitions[0].LastFetchedEpoch = 0 })))
	with("last-fetched-0-past-the-end", ask(fetch(v, "t", 0, 3, func(_ *script.Run, req *kmsg.FetchRequest) { req.Topics[0].Partitions[0].LastFetchedEpoch = 0 })))
	with("log-start-of-follower", ask(fetch(v, "t", 0, 0, func(_ *script.Run, req *kmsg.FetchRequest) { req.Topics[0].Partitions[0].LogStartOffset = 1 })))
}

func fetchTopicIDs(b *book, v int16) {
	api := "Fetch"
	b.add(api, v, "id/zero", ask(fetch(v, "t", 0, 0, func(_ *script.Run, req *kmsg.FetchRequest) { req.Topics[0].TopicID = [16]byte{} })))
	b.add(api, v, "id/unknown", ask(fetch(v, "missing", 0, 0)))
	b.add(api, v, "id/unknown-among-known", topic("t", 1), wrote("t", 0, plain("a")), ask(fetch(v, "missing", 0, 0, alsoFetch("t", 0, 0))))
	b.add(api, v, "id/of-a-deleted-topic", topic("t", 1), wrote("t", 0, plain("a")), deleted("t"), until(ask(fetch(v, "t", 0, 0)), fetchFails))
	b.add(api, v, "id/session-starts-with-unknown", topic("t", 1), wrote("t", 0, plain("a")), ask(fetch(v, "missing", 0, 0, alsoFetch("t", 0, 0), session(0, 0))), ask(emptyFetch(v, session(1, 1))))
	b.add(api, v, "id/session-meets-deleted", topic("t", 1), topic("u", 1), wrote("t", 0, plain("a")), ask(fetch(v, "t", 0, 1, alsoFetch("u", 0, 0), session(0, 0))),
		deleted("u"), gone("u"), ask(emptyFetch(v, session(1, 1))), ask(emptyFetch(v, session(1, 2))))
	b.add(api, v, "id/session-meets-recreated", topic("t", 1), wrote("t", 0, plain("a")), ask(fetch(v, "t", 0, 1, session(0, 0))), deleted("t"), recreated("t", 1),
		ask(emptyFetch(v, session(1, 1))), ask(fetch(v, "t", 0, 0, session(1, 2))))
}
