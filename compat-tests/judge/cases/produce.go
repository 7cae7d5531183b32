package cases

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
	"github.com/clatterhq/clatter/compat-tests/judge/transcript"
)

// produceOptions changes a produce request that is good otherwise.
type produceOptions func(r *script.Run, req *kmsg.ProduceRequest)

// produceTo writes one batch to one partition with acks=all.
func produceTo(version int16, name string, partition int32, b batch, options ...produceOptions) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		return produceBytes(version, name, partition, b.encode(r.T0, r.Symbols.Producer), options...)(r)
	}
}

// produceBytes writes bytes to one partition with acks=all.
func produceBytes(version int16, name string, partition int32, records []byte, options ...produceOptions) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrProduceRequest()
		req.Version, req.Acks, req.TimeoutMillis = version, -1, 5000
		addProduce(r, req, name, partition, records)
		for _, option := range options {
			option(r, req)
		}
		return req
	}
}

// addProduce adds a topic entry, by name or id as the version wants it.
func addProduce(r *script.Run, req *kmsg.ProduceRequest, name string, partition int32, records []byte) {
	t := kmsg.NewProduceRequestTopic()
	if req.Version >= 13 {
		t.TopicID = topicID(r, name)
	} else {
		t.Topic = "~" + name
	}
	t.Partitions = []kmsg.ProduceRequestTopicPartition{{Partition: partition, Records: records}}
	req.Topics = append(req.Topics, t)
}

// topicID is the id of a topic; of one that does not exist an id that none has.
func topicID(r *script.Run, name string) [16]byte {
	if id := r.TopicID(name); id != ([16]byte{}) {
		return id
	}
	return transcript.UnknownID
}

func acks(n int16) produceOptions {
	return func(_ *script.Run, req *kmsg.ProduceRequest) { req.Acks = n }
}

// alsoTo adds another partition entry to a produce request.
func alsoTo(name string, partition int32, b batch) produceOptions {
	return func(r *script.Run, req *kmsg.ProduceRequest) {
		addProduce(r, req, name, partition, b.encode(r.T0, r.Symbols.Producer))
	}
}

// fetched notes what a partition of topic t holds, by a fetch of everything.
func fetched(partition int32) script.Ask {
	return on(9, ask(fetch(11, "t", partition, 0)))
}

// fetchedOnce notes what is in partition 0 once something is there: what was written with acks=0 or 1 may be seen a moment after the answer.
func fetchedOnce() script.Ask { return fetchedUpTo(1) }

// fetchedUpTo notes it once so many offsets are taken.
func fetchedUpTo(offset int64) script.Ask {
	return until(fetched(0), func(resp kmsg.Response) bool {
		answer, ok := resp.(*kmsg.FetchResponse)
		return ok && len(answer.Topics) > 0 && answer.Topics[0].Partitions[0].HighWatermark >= offset
	})
}

func produceCases(b *book) {
	for _, v := range versions(3, 13) {
		produceEveryVersion(b, v)
	}
	for _, v := range []int16{3, 13} {
		produceBadBatches(b, v)
		b.add("Produce", v, "null-records", topic("t", 1), ask(produceBytes(v, "t", 0, nil)))
		produceIdempotence(b, v)
	}
	for _, v := range []int16{6, 7, 13} {
		produceCodecs(b, v)
	}
	produceTopicSettings(b, 12)
	produceTimestamps(b, 12)
	produceAcks(b, 12)
}

// produceEveryVersion asks what every version answers in its own format.
func produceEveryVersion(b *book, v int16) {
	api := "Produce"
	b.add(api, v, "one-batch", topic("t", 1), ask(produceTo(v, "t", 0, keyed("k1", "v1", "k2", "v2"))), fetched(0))
	b.add(api, v, "second-batch-goes-behind-the-first", topic("t", 1), ask(produceTo(v, "t", 0, plain("a", "b", "c"))), ask(produceTo(v, "t", 0, plain("d"))), fetched(0))
	b.add(api, v, "acks-1", topic("t", 1), ask(produceTo(v, "t", 0, plain("a"), acks(1))))
	b.add(api, v, "acks-0-is-not-answered", topic("t", 1),
		silent(ask(produceTo(v, "t", 0, plain("a"), acks(0)))), ask(produceTo(v, "t", 0, plain("b"))), fetched(0))
	b.add(api, v, "acks-0-error-closes-the-connection", topic("t", 1),
		silent(ask(produceTo(v, "t", 7, plain("a"), acks(0)))), ask(produceTo(v, "t", 0, plain("b"))), fetched(0))
	b.add(api, v, "acks-2", topic("t", 1), ask(produceTo(v, "t", 0, plain("a"), acks(2))))
	b.add(api, v, "unknown-topic", ask(produceTo(v, "missing", 0, plain("a"))))
	b.add(api, v, "unknown-partition", topic("t", 1), ask(produceTo(v, "t", 1, plain("a"))))
	b.add(api, v, "negative-partition", topic("t", 1), ask(produceTo(v, "t", -1, plain("a"))))
	b.add(api, v, "wrong-crc", topic("t", 1), ask(produceTo(v, "t", 0, batch{records: values("a"), crcPlus: 1})), fetched(0))
	b.add(api, v, "too-large", topic("t", 1, "max.message.bytes=200"), ask(produceTo(v, "t", 0, plain(strings.Repeat("x", 200)))), fetched(0))
	b.add(api, v, "no-key-on-compacted", topic("t", 1, "cleanup.policy=compact"),
		ask(produceTo(v, "t", 0, batch{records: []record{{key: []byte("k"), value: []byte("a")}, {value: []byte("b")}, {value: []byte("c")}}})), fetched(0))
	b.add(api, v, "tombstone-on-compacted", topic("t", 1, "cleanup.policy=compact"), ask(produceTo(v, "t", 0, batch{records: []record{{key: []byte("k")}}})), fetched(0))
	b.add(api, v, "good-and-bad-partitions", topic("t", 2), ask(produceTo(v, "t", 0, plain("a"),
		alsoTo("t", 1, batch{records: values("b"), crcPlus: 1}), alsoTo("missing", 0, plain("c")))), fetched(0), fetched(1))
	b.add(api, v, "old-timestamp", topic("t", 1, "message.timestamp.before.max.ms=1000"), ask(produceTo(v, "t", 0, plain("a"))))
	b.add(api, v, "log-append-time", topic("t", 1, "message.timestamp.type=LogAppendTime"), ask(produceTo(v, "t", 0, plain("a", "b"))), fetched(0))
	b.add(api, v, "too-few-replicas", topic("t", 1, "min.insync.replicas=2"), ask(produceTo(v, "t", 0, plain("a"))))
	b.add(api, v, "empty-records", topic("t", 1), ask(produceBytes(v, "t", 0, []byte{})))
	b.add(api, v, "no-topics", ask(func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrProduceRequest()
		req.Version, req.Acks = v, -1
		return req
	}))
	b.add(api, v, "duplicate-sequence", topic("t", 1), producerID(), ask(produceTo(v, "t", 0, sequenced(1, 0, 0, "a"))),
		ask(produceTo(v, "t", 0, sequenced(1, 0, 1, "b"))), ask(produceTo(v, "t", 0, sequenced(1, 0, 0, "a"))), fetched(0))
	b.add(api, v, "sequence-gap", topic("t", 1), producerID(), ask(produceTo(v, "t", 0, sequenced(1, 0, 0, "a"))), ask(produceTo(v, "t", 0, sequenced(1, 0, 2, "c"))))
}

// silent marks a question that gets no answer.
func silent(a script.Ask) script.Ask {
	a.Silent = true
	return a
}

// produceAcks is about the number of acknowledgements and the order of answers.
func produceAcks(b *book, v int16) {
	api := "Produce"
	for _, n := range []int16{-2, 3, 32767, -32768} {
		b.add(api, v, "acks="+itoa(n), topic("t", 1), ask(produceTo(v, "t", 0, plain("a"), acks(n))), fetched(0))
	}
	b.add(api, v, "acks-0-too-large", topic("t", 1, "max.message.bytes=200"),
		silent(ask(produceTo(v, "t", 0, plain(strings.Repeat("x", 200)), acks(0)))), ask(produceTo(v, "t", 0, plain("b"))))
	b.add(api, v, "acks-0-unknown-topic", topic("t", 1), silent(ask(produceTo(v, "missing", 0, plain("a"), acks(0)))), ask(produceTo(v, "t", 0, plain("b"))))
	b.add(api, v, "acks-0-one-of-two-partitions-bad", topic("t", 1),
		silent(ask(produceTo(v, "t", 0, plain("a"), acks(0), alsoTo("t", 3, plain("b"))))), ask(produceTo(v, "t", 0, plain("c"))), fetchedOnce())
	b.add(api, v, "acks-1-too-few-replicas", topic("t", 1, "min.insync.replicas=2"), ask(produceTo(v, "t", 0, plain("a"), acks(1))), fetchedOnce())
	b.add(api, v, "pipelined-in-order", topic("t", 1),
		send(ask(produceTo(v, "t", 0, plain("a")))), send(ask(produceTo(v, "t", 9, plain("b")))), send(ask(produceTo(v, "t", 0, plain("c")))),
		send(ask(fetch(11, "t", 0, 0))), script.Receive{}, script.Receive{}, script.Receive{}, script.Receive{})
	b.add(api, v, "acks-0-between-answered-ones", topic("t", 1),
		send(ask(produceTo(v, "t", 0, plain("a")))), silent(ask(produceTo(v, "t", 0, plain("b"), acks(0)))), send(ask(produceTo(v, "t", 0, plain("c")))),
		script.Receive{}, script.Receive{}, fetched(0))
	for _, timeout := range []int32{0, -1, -2147483648, 2147483647} {
		b.add(api, v, "timeout="+itoa(timeout), topic("t", 1),
			ask(produceTo(v, "t", 0, plain("a"), func(_ *script.Run, req *kmsg.ProduceRequest) { req.TimeoutMillis = timeout })))
	}
}

// send marks a question whose answer is read later.
func send(a script.Ask) script.Ask {
	a.Send = true
	return a
}
