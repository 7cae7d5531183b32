package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// listOffsetsOptions changes a request that is good otherwise.
type listOffsetsOptions func(r *script.Run, req *kmsg.ListOffsetsRequest)

// listOffsets asks for the offset of a timestamp; those above 0 count from T0.
func listOffsets(version int16, name string, partition int32, timestamp int64, options ...listOffsetsOptions) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrListOffsetsRequest()
		req.Version, req.ReplicaID, req.TimeoutMillis = version, -1, 5000
		addListOffsets(r, req, name, partition, timestamp)
		for _, option := range options {
			option(r, req)
		}
		return req
	}
}

func addListOffsets(r *script.Run, req *kmsg.ListOffsetsRequest, name string, partition int32, timestamp int64) {
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = "~" + name
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.CurrentLeaderEpoch = partition, -1
	if p.Timestamp = timestamp; timestamp > 0 {
		p.Timestamp += r.T0
	}
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
}

func alsoList(name string, partition int32, timestamp int64) listOffsetsOptions {
	return func(r *script.Run, req *kmsg.ListOffsetsRequest) { addListOffsets(r, req, name, partition, timestamp) }
}

// timed is a batch whose records have the given times.
func timed(times ...int64) batch {
	b := batch{first: times[0]}
	for _, t := range times {
		b.records = append(b.records, record{value: []byte("at " + itoa(t)), delta: t - times[0]})
	}
	return b
}

func listOffsetsCases(b *book) {
	api := "ListOffsets"
	for _, v := range versions(1, 11) {
		some := []script.Step{topic("t", 2), wrote("t", 0, timed(100, 300), timed(200), timed(400, 400, 250))}
		with := func(what string, steps ...script.Step) {
			b.add(api, v, what, append(append([]script.Step{}, some...), steps...)...)
		}
		for _, special := range []int64{-1, -2, -3, -4, -5, -6, -7, -9223372036854775808} {
			with("special="+itoa(special), ask(listOffsets(v, "t", 0, special)), ask(listOffsets(v, "t", 1, special)))
		}
		with("by-time", ask(listOffsets(v, "t", 0, 100)), ask(listOffsets(v, "t", 0, 101)), ask(listOffsets(v, "t", 0, 300)), ask(listOffsets(v, "t", 0, 301)),
			ask(listOffsets(v, "t", 0, 400)), ask(listOffsets(v, "t", 0, 401)), ask(listOffsets(v, "t", 0, 0)), ask(listOffsets(v, "t", 1, 5)))
		with("unknown-topic", ask(listOffsets(v, "missing", 0, -1)))
		with("unknown-partition", ask(listOffsets(v, "t", 2, -1)), ask(listOffsets(v, "t", -1, -1)))
		with("good-and-bad", ask(listOffsets(v, "t", 0, -1, alsoList("missing", 0, -1), alsoList("t", 9, -1))))
		with("after-delete-records", deletedBefore(3), ask(listOffsets(v, "t", 0, -2)), ask(listOffsets(v, "t", 0, 100)), ask(listOffsets(v, "t", 0, -3)), ask(listOffsets(v, "t", 0, -4)))
		with("after-delete-of-all-records", deletedBefore(-1), ask(listOffsets(v, "t", 0, -2)), ask(listOffsets(v, "t", 0, -1)), ask(listOffsets(v, "t", 0, 100)), ask(listOffsets(v, "t", 0, -3)))
		b.add(api, v, "no-topics", ask(func(*script.Run) kmsg.Request {
			req := kmsg.NewPtrListOffsetsRequest()
			req.Version, req.ReplicaID = v, -1
			return req
		}))
		if v >= 4 {
			for _, epoch := range []int32{0, 1, -2} {
				with("current-epoch="+itoa(epoch), ask(listOffsets(v, "t", 0, -1, func(_ *script.Run, req *kmsg.ListOffsetsRequest) {
					req.Topics[0].Partitions[0].CurrentLeaderEpoch = epoch
				})))
			}
		}
		if v == 1 || v == 5 || v == 11 {
			listOffsetsRarely(b, v, with)
		}
	}
}

// listOffsetsRarely asks what does not depend on the version.
func listOffsetsRarely(b *book, v int16, with func(what string, steps ...script.Step)) {
	api := "ListOffsets"
	with("same-partition-twice", ask(listOffsets(v, "t", 0, -1, alsoList("t", 0, -2))))
	with("partition-twice-in-one-entry", ask(listOffsets(v, "t", 0, -1, func(_ *script.Run, req *kmsg.ListOffsetsRequest) {
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, req.Topics[0].Partitions[0])
	})))
	with("read-committed", ask(listOffsets(v, "t", 0, -1, func(_ *script.Run, req *kmsg.ListOffsetsRequest) { req.IsolationLevel = 1 })),
		ask(listOffsets(v, "t", 0, 350, func(_ *script.Run, req *kmsg.ListOffsetsRequest) { req.IsolationLevel = 1 })))
	with("isolation-level-2", ask(listOffsets(v, "t", 0, -1, func(_ *script.Run, req *kmsg.ListOffsetsRequest) { req.IsolationLevel = 2 })))
	with("as-replica", ask(listOffsets(v, "t", 0, -1, func(_ *script.Run, req *kmsg.ListOffsetsRequest) { req.ReplicaID = 4 })))
	with("as-debugging-client", ask(listOffsets(v, "t", 0, -1, func(_ *script.Run, req *kmsg.ListOffsetsRequest) { req.ReplicaID = -2 })))
	b.add(api, v, "log-append-time", topic("t", 1, "message.timestamp.type=LogAppendTime"), wrote("t", 0, plain("a", "b")), ask(listOffsets(v, "t", 0, 100)), ask(listOffsets(v, "t", 0, -3)))
	b.add(api, v, "compressed", topic("t", 1), wrote("t", 0, batch{records: timed(100, 300, 200).records, first: 100, codec: 4}), ask(listOffsets(v, "t", 0, 150)), ask(listOffsets(v, "t", 0, -3)))
	b.add(api, v, "records-without-time", topic("t", 1), wrote("t", 0, batch{records: values("a"), first: -1, absoluteTimes: true}), ask(listOffsets(v, "t", 0, 100)), ask(listOffsets(v, "t", 0, 0)), ask(listOffsets(v, "t", 0, -3)))
}
