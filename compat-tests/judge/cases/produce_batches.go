package cases

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

func itoa[T int16 | int32 | int64 | int](n T) string { return fmt.Sprint(n) }

// badBatch is a batch that a broker should look at twice.
type badBatch struct {
	what string
	batch
}

func badBatches() []badBatch {
	big := bytes.Repeat([]byte("x"), 300)
	return []badBatch{
		{"count-too-large", batch{records: values("a", "b"), count: new(int32(3))}},
		{"count-too-small", batch{records: values("a", "b"), count: new(int32(1))}},
		{"count-huge", batch{records: values("a", "b"), count: new(int32(1 << 30))}},
		{"count-negative", batch{records: values("a", "b"), count: new(int32(-1))}},
		{"count-zero", batch{}},
		{"count-zero-with-records", batch{records: values("a"), count: new(int32(0))}},
		{"last-delta-too-large", batch{records: values("a", "b"), lastDelta: new(int32(2))}},
		{"last-delta-too-small", batch{records: values("a", "b"), lastDelta: new(int32(0))}},
		{"last-delta-negative", batch{records: values("a", "b"), lastDelta: new(int32(-2))}},
		{"last-delta-and-count-huge", batch{records: values("a", "b"), lastDelta: new(int32(1<<30 - 1)), count: new(int32(1 << 30))}},
		{"base-offset-5", batch{records: values("a", "b"), baseOffset: 5}},
		{"base-offset-negative", batch{records: values("a", "b"), baseOffset: -5}},
		{"leader-epoch-7", batch{records: values("a"), leaderEpoch: 7}},
		{"offset-delta-jumps", batch{records: []record{{value: []byte("a")}, {value: []byte("b"), offsetDelta: new(int32(5))}}}},
		{"offset-delta-repeats", batch{records: []record{{value: []byte("a")}, {value: []byte("b"), offsetDelta: new(int32(0))}}}},
		{"offset-delta-negative", batch{records: []record{{value: []byte("a"), offsetDelta: new(int32(-1))}}}},
		{"offset-delta-starts-at-1", batch{records: []record{{value: []byte("a"), offsetDelta: new(int32(1))}}}},
		{"control", batch{records: []record{{key: []byte{0, 0, 0, 0}, value: []byte{0, 0, 0, 0, 0, 0}}}, attributes: 0x20}},
		{"control-of-producer", batch{records: []record{{key: []byte{0, 0, 0, 1}, value: []byte{0, 0, 0, 0, 0, 0}}}, attributes: 0x30, producer: &producer{id: 4_000_000_000}}},
		{"timestamp-type-append", batch{records: values("a"), attributes: 0x08}},
		{"delete-horizon-flag", batch{records: values("a"), attributes: 0x40}},
		{"reserved-attributes", batch{records: values("a"), attributes: 0x7f80}},
		{"transactional-without-id", batch{records: values("a"), attributes: 0x10}},
		{"codec-5", batch{records: values("a"), codec: 5}},
		{"codec-7", batch{records: values("a"), codec: 7}},
		{"magic-0", batch{records: values("a"), magic: new(int8(0))}},
		{"magic-1", batch{records: values("a"), magic: new(int8(1))}},
		{"magic-3", batch{records: values("a"), magic: new(int8(3))}},
		{"magic-negative", batch{records: values("a"), magic: new(int8(-1))}},
		{"length-plus-1", batch{records: values("a"), lengthPlus: 1}},
		{"length-plus-huge", batch{records: values("a"), lengthPlus: 1 << 30}},
		{"length-minus-1", batch{records: values("a"), lengthPlus: -1}},
		{"length-below-header", batch{records: values("a"), lengthPlus: -30}},
		{"length-zero", batch{records: values("a"), lengthPlus: -int32(49 + 8)}},
		{"length-negative", batch{records: values("a"), lengthPlus: -1000}},
		{"rest-inside-the-batch", batch{records: values("a"), after: []byte("rest")}},
		{"record-length-too-large", batch{records: []record{{raw: []byte{40, 0, 0, 0, 1, 2, 'a', 0}}}}},
		{"record-length-too-small", batch{records: []record{{raw: []byte{8, 0, 0, 0, 1, 2, 'a', 0}}}}},
		{"record-length-zero", batch{records: []record{{raw: []byte{0}}}}},
		{"record-length-negative", batch{records: []record{{raw: []byte{1, 0, 0, 0, 1, 2, 'a', 0}}}}},
		{"record-length-endless", batch{records: []record{{raw: bytes.Repeat([]byte{0xff}, 12)}}}},
		{"record-attributes", batch{records: []record{{value: []byte("a"), attributes: 0x7f}}}},
		{"key-length-below-minus-1", batch{records: []record{{raw: []byte{14, 0, 0, 0, 3, 2, 'a', 0}}}}},
		{"value-length-past-the-end", batch{records: []record{{raw: []byte{14, 0, 0, 0, 1, 100, 'a', 0}}}}},
		{"header-count-negative", batch{records: []record{{raw: []byte{14, 0, 0, 0, 1, 2, 'a', 1}}}}},
		{"header-count-too-large", batch{records: []record{{raw: []byte{14, 0, 0, 0, 1, 2, 'a', 8}}}}},
		{"header-key-null", batch{records: []record{{raw: []byte{18, 0, 0, 0, 1, 2, 'a', 2, 1, 1}}}}},
		{"headers", batch{records: []record{{value: []byte("a"), headers: []kmsg.Header{{Key: "h", Value: []byte("1")}, {Key: "", Value: nil}, {Key: "h", Value: []byte{}}}}}}},
		{"null-value", batch{records: []record{{}}}},
		{"empty-key-and-value", batch{records: []record{{key: []byte{}, value: []byte{}}}}},
		{"gzip-garbage", batch{records: values("a"), codec: 1, payload: big}},
		{"snappy-garbage", batch{records: values("a"), codec: 2, payload: big}},
		{"lz4-garbage", batch{records: values("a"), codec: 3, payload: big}},
		{"zstd-garbage", batch{records: values("a"), codec: 4, payload: big}},
		{"gzip-empty", batch{records: values("a"), codec: 1, payload: []byte{}}},
		{"gzip-cut-off", batch{records: values("a"), codec: 1, payload: compress(1, false, record{value: big}.encode(0))[:20]}},
		{"lz4-cut-off", batch{records: values("a"), codec: 3, payload: compress(3, false, record{value: big}.encode(0))[:12]}},
		{"zstd-cut-off", batch{records: values("a"), codec: 4, payload: compress(4, false, record{value: big}.encode(0))[:12]}},
		{"zstd-fewer-records-than-declared", batch{records: values("a"), codec: 4, count: new(int32(2)), lastDelta: new(int32(1))}},
	}
}

// produceBadBatches sends batches that are wrong or strange, each with a look at what was kept of it.
func produceBadBatches(b *book, v int16) {
	api := "Produce"
	for _, bad := range badBatches() {
		b.add(api, v, "batch/"+bad.what, topic("t", 1), ask(produceTo(v, "t", 0, bad.batch)), fetched(0))
	}
	many := func(parts ...[]byte) func(r *script.Run) kmsg.Request {
		return produceBytes(v, "t", 0, bytes.Join(parts, nil))
	}
	none := func(int) int64 { return -1 }
	b.add(api, v, "batch/two", topic("t", 1), ask(func(r *script.Run) kmsg.Request {
		return many(plain("a").encode(r.T0, none), plain("b").encode(r.T0, none))(r)
	}), fetched(0))
	b.add(api, v, "batch/half", topic("t", 1), ask(func(r *script.Run) kmsg.Request { return many(plain("a").encode(r.T0, none)[:50])(r) }), fetched(0))
	b.add(api, v, "batch/one-and-a-half", topic("t", 1), ask(func(r *script.Run) kmsg.Request {
		return many(plain("a").encode(r.T0, none), plain("b").encode(r.T0, none)[:50])(r)
	}), fetched(0))
	b.add(api, v, "batch/garbage-behind", topic("t", 1), ask(func(r *script.Run) kmsg.Request {
		return many(plain("a").encode(r.T0, none), []byte("garbage"))(r)
	}), fetched(0))
	b.add(api, v, "batch/garbage-only", topic("t", 1), ask(many([]byte(strings.Repeat("garbage", 20)))), fetched(0))
	b.add(api, v, "batch/short-garbage", topic("t", 1), ask(many([]byte("garbage"))), fetched(0))
	b.add(api, v, "batch/header-only", topic("t", 1), ask(func(r *script.Run) kmsg.Request { return many(plain("a").encode(r.T0, none)[:61])(r) }), fetched(0))
	// One message of the formats before record batches: offset, size, then crc, magic, attributes, (timestamp), key, value.
	message0 := append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15}, 0x81, 0x26, 0x54, 0x56, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 'a')
	b.add(api, v, "batch/message-set-0", topic("t", 1), ask(many(message0)), fetched(0))
	b.add(api, v, "same-partition-twice", topic("t", 1), ask(produceTo(v, "t", 0, plain("a"), alsoTo("t", 0, plain("b")))), fetched(0))
	b.add(api, v, "partition-twice-in-one-entry", topic("t", 1), ask(produceTo(v, "t", 0, plain("a"), func(r *script.Run, req *kmsg.ProduceRequest) {
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, kmsg.ProduceRequestTopicPartition{Partition: 0, Records: plain("b").encode(r.T0, none)})
	})), fetched(0))
	b.add(api, v, "topic-without-partitions", topic("t", 1), ask(produceTo(v, "t", 0, plain("a"), func(_ *script.Run, req *kmsg.ProduceRequest) {
		req.Topics[0].Partitions = nil
	})))
}

// produceCodecs writes with each codec and looks whether the bytes were kept.
func produceCodecs(b *book, v int16) {
	names := []string{"none", "gzip", "snappy", "lz4", "zstd"}
	long := strings.Repeat("a line that compresses well; ", 20)
	for codec, name := range names {
		b.add("Produce", v, "codec/"+name, topic("t", 1), ask(produceTo(v, "t", 0, batch{records: values(long, "b"), codec: int16(codec)})), fetched(0))
	}
	b.add("Produce", v, "codec/snappy-xerial", topic("t", 1), ask(produceTo(v, "t", 0, batch{records: values(long, "b"), codec: 2, xerial: true})), fetched(0))
	if v != 13 {
		return
	}
	for _, to := range []string{"uncompressed", "gzip", "snappy", "lz4", "zstd"} {
		for codec, name := range names {
			b.add("Produce", v, "recompress/"+name+"-to-"+to, topic("t", 1, "compression.type="+to),
				ask(produceTo(v, "t", 0, batch{records: values(long, "b"), codec: int16(codec), producer: &producer{id: -1, epoch: -1, sequence: -1}})), fetched(0))
		}
	}
}

// produceTopicSettings is about the settings of topics that a write meets.
func produceTopicSettings(b *book, v int16) {
	api := "Produce"
	b.add(api, v, "exactly-max-message-bytes", topic("t", 1, "max.message.bytes=69"), ask(produceTo(v, "t", 0, plain("a"))), ask(produceTo(v, "t", 0, plain("ab"))), fetched(0))
	b.add(api, v, "max-message-bytes-zero", topic("t", 1, "max.message.bytes=0"), ask(produceTo(v, "t", 0, plain("a"))))
	b.add(api, v, "compressed-below-max-message-bytes", topic("t", 1, "max.message.bytes=200"),
		ask(produceTo(v, "t", 0, batch{records: values(strings.Repeat("x", 5000)), codec: 1})), fetched(0))
	b.add(api, v, "recompressed-above-max-message-bytes", topic("t", 1, "max.message.bytes=200", "compression.type=uncompressed"),
		ask(produceTo(v, "t", 0, batch{records: values(strings.Repeat("x", 5000)), codec: 1})), fetched(0))
	b.add(api, v, "larger-than-segment", topic("t", 1, "segment.bytes=1048576", "max.message.bytes=4000000"),
		ask(produceTo(v, "t", 0, plain(strings.Repeat("x", 1_100_000)))), ask(listOffsets(7, "t", 0, -1)))
	b.add(api, v, "compact-and-delete-needs-keys", topic("t", 1, "cleanup.policy=compact,delete"), ask(produceTo(v, "t", 0, plain("a"))), ask(produceTo(v, "t", 0, keyed("k", "v"))))
	b.add(api, v, "compacted-compressed-without-key", topic("t", 1, "cleanup.policy=compact"), ask(produceTo(v, "t", 0, batch{records: values("a", "b"), codec: 3})), fetched(0))
	b.add(api, v, "compacted-empty-key", topic("t", 1, "cleanup.policy=compact"), ask(produceTo(v, "t", 0, keyed("", "v"))), fetched(0))
	b.add(api, v, "log-append-time-compressed", topic("t", 1, "message.timestamp.type=LogAppendTime"),
		ask(produceTo(v, "t", 0, batch{records: values("a", "b"), codec: 4})), fetched(0))
	b.add(api, v, "log-append-time-flagged-by-producer", topic("t", 1, "message.timestamp.type=LogAppendTime"),
		ask(produceTo(v, "t", 0, batch{records: values("a"), attributes: 8})), fetched(0))
	b.add(api, v, "log-append-time-ignores-bounds", topic("t", 1, "message.timestamp.type=LogAppendTime", "message.timestamp.before.max.ms=1000"),
		ask(produceTo(v, "t", 0, plain("a"))), fetched(0))
}

// produceTimestamps is about the times that producers give their records.
func produceTimestamps(b *book, v int16) {
	const day = int64(24 * 3600 * 1000)
	api := "Produce"
	ask1 := func(bb batch) script.Ask { return ask(produceTo(v, "t", 0, bb)) }
	b.add(api, v, "time/none", topic("t", 1), ask1(batch{records: values("a"), first: -1, absoluteTimes: true}), fetched(0))
	b.add(api, v, "time/zero", topic("t", 1), ask1(batch{records: values("a"), absoluteTimes: true}), fetched(0))
	b.add(api, v, "time/negative", topic("t", 1), ask1(batch{records: values("a"), first: -1000, absoluteTimes: true}), fetched(0))
	b.add(api, v, "time/one-day-ahead", topic("t", 1), ask1(batch{records: values("a"), first: day}), fetched(0))
	b.add(api, v, "time/one-day-ahead-allowed", topic("t", 1, "message.timestamp.after.max.ms=200000000"), ask1(batch{records: values("a"), first: day}), fetched(0))
	b.add(api, v, "time/one-record-ahead", topic("t", 1), ask1(batch{records: []record{{value: []byte("a")}, {value: []byte("b"), delta: day}, {value: []byte("c"), delta: 2 * day}}}), fetched(0))
	b.add(api, v, "time/one-record-too-old", topic("t", 1, "message.timestamp.before.max.ms=86400000"),
		ask1(batch{records: []record{{value: []byte("a")}, {value: []byte("b"), delta: -3 * day}}}), fetched(0))
	b.add(api, v, "time/max-not-that-of-the-records", topic("t", 1), ask1(batch{records: values("a", "b"), max: new(int64(5000))}), fetched(0))
	b.add(api, v, "time/max-below-first", topic("t", 1), ask1(batch{records: values("a", "b"), max: new(int64(-5000))}), fetched(0))
	b.add(api, v, "time/max-none", topic("t", 1), ask1(batch{records: values("a"), first: 1000, max: new(int64(-1)), absoluteTimes: true}), fetched(0))
	b.add(api, v, "time/compressed-one-record-ahead", topic("t", 1), ask1(batch{records: []record{{value: []byte("a")}, {value: []byte("b"), delta: day}}, codec: 1}), fetched(0))
	b.add(api, v, "time/compressed-max-not-that-of-the-records", topic("t", 1), ask1(batch{records: values("a", "b"), codec: 1, max: new(int64(5000))}), fetched(0))
	b.add(api, v, "time/goes-back-within-the-batch", topic("t", 1), ask1(batch{records: []record{{value: []byte("a")}, {value: []byte("b"), delta: -500}}}), fetched(0))
	b.add(api, v, "time/overflow", topic("t", 1), ask1(batch{records: []record{{value: []byte("a"), delta: 1}}, first: 1<<63 - 1, absoluteTimes: true, max: new(int64(1<<63 - 1))}), fetched(0))
}

// produceIdempotence is about producers with ids.
func produceIdempotence(b *book, v int16) {
	api := "Produce"
	p := func(bb batch) script.Ask { return ask(produceTo(v, "t", 0, bb)) }
	s := func(epoch int16, sequence int32, vs ...string) batch { return sequenced(1, epoch, sequence, vs...) }
	prepared := func(what string, steps ...script.Step) {
		b.add(api, v, "producer/"+what, append([]script.Step{topic("t", 1), producerID()}, steps...)...)
	}
	prepared("starts-above-zero", p(s(0, 5, "a")), fetched(0))
	prepared("starts-at-negative-sequence", p(s(0, -1, "a")), fetched(0))
	prepared("starts-at-very-negative-sequence", p(s(0, -2147483648, "a")))
	prepared("negative-epoch", p(s(-1, 0, "a")))
	prepared("very-negative-epoch", p(s(-5, 0, "a")))
	prepared("old-epoch", p(s(3, 0, "a")), p(s(2, 1, "b")), p(s(3, 1, "c")), fetched(0))
	prepared("new-epoch-starts-at-zero", p(s(0, 0, "a", "b")), p(s(1, 0, "c")), p(s(1, 1, "d")), fetched(0))
	prepared("new-epoch-starts-above-zero", p(s(0, 0, "a", "b")), p(s(1, 2, "c")))
	prepared("new-epoch-goes-on-with-duplicate-of-old", p(s(0, 0, "a")), p(s(1, 0, "b")), p(s(0, 0, "a")))
	prepared("batch-of-duplicates-partly", p(s(0, 0, "a", "b")), p(s(0, 1, "b", "c")))
	prepared("duplicate-with-other-length", p(s(0, 0, "a", "b")), p(s(0, 0, "a")))
	steps := []script.Step{}
	for i := range int32(7) {
		steps = append(steps, p(s(0, i, "x"+itoa(i))))
	}
	for i := range int32(7) {
		steps = append(steps, p(s(0, i, "x"+itoa(i))))
	}
	prepared("five-batches-are-remembered", append(steps, fetched(0))...)
	prepared("sequence-wraps", p(s(0, 2147483646, "a", "b")), p(s(0, 0, "c")), p(s(0, 1, "d")), fetched(0))
	prepared("sequence-wraps-inside-a-batch", p(s(0, 2147483646, "a", "b", "c", "d")), p(s(0, 2, "e")), fetched(0))
	prepared("id-never-given", p(batch{records: values("a"), producer: &producer{id: 4_000_000_000}}), fetched(0))
	prepared("id-negative", p(batch{records: values("a"), producer: &producer{id: -7}}))
	prepared("id-without-epoch-and-sequence", p(batch{records: values("a"), producer: &producer{number: 1, epoch: -1, sequence: -1}}))
	prepared("epoch-without-id", p(batch{records: values("a"), producer: &producer{id: -1, epoch: 0, sequence: 0}}))
	prepared("sequence-without-id", p(batch{records: values("a"), producer: &producer{id: -1, epoch: -1, sequence: 4}}), fetched(0))
	prepared("two-partitions-count-apart", topic("u", 1), p(s(0, 0, "a")), ask(produceTo(v, "u", 0, s(0, 0, "b"))), p(s(0, 1, "c")), ask(produceTo(v, "u", 0, s(0, 1, "d"))))
	prepared("two-producers-count-apart", producerID(), p(s(0, 0, "a")), p(sequenced(2, 0, 0, "b")), p(s(0, 1, "c")), p(sequenced(2, 0, 1, "d")), fetched(0))
	prepared("acks-0-gap-closes-the-connection", p(s(0, 0, "a")), silent(ask(produceTo(v, "t", 0, s(0, 5, "b"), acks(0)))), p(s(0, 1, "c")), fetched(0))
	prepared("acks-1", ask(produceTo(v, "t", 0, s(0, 0, "a"), acks(1))), ask(produceTo(v, "t", 0, s(0, 0, "a"), acks(1))))
	prepared("forgotten-after-delete-records", p(s(0, 0, "a")), p(s(0, 1, "b")), deletedBefore(2), p(s(0, 1, "b")), p(s(0, 2, "c")), p(s(0, 5, "d")))
	prepared("compressed", p(batch{records: values("a", "b"), codec: 3, producer: &producer{number: 1}}), p(batch{records: values("a", "b"), codec: 3, producer: &producer{number: 1}}), fetched(0))
}
