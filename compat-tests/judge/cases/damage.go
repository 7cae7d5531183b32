package cases

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// served is an API with the versions that Kafka 4.4 serves and a good request for each.
type served struct {
	name        string
	key         int16
	first, last int16
	build       func(version int16) func(r *script.Run) kmsg.Request
	group       string        // Of the cases: the broker that they need.
	prepare     []script.Step // What must come before a request that is not damaged so badly that it is refused.
}

// apis lists every API that the judge knows.
func apis() []served { return slices.Concat(topicAPIs(), groupAPIs(), txnAPIs()) }

func topicAPIs() []served {
	return []served{
		{name: "Produce", key: 0, first: 3, last: 13, build: func(v int16) func(*script.Run) kmsg.Request { return produceTo(v, "missing", 0, plain("a")) }},
		{name: "Fetch", key: 1, first: 4, last: 18, build: func(v int16) func(*script.Run) kmsg.Request { return fetch(v, "missing", 0, 0) }},
		{name: "ListOffsets", key: 2, first: 1, last: 11, build: func(v int16) func(*script.Run) kmsg.Request { return listOffsets(v, "missing", 0, -1) }},
		{name: "Metadata", key: 3, first: 0, last: 13, build: func(v int16) func(*script.Run) kmsg.Request { return metadata(v, "a b") }},
		{name: "ApiVersions", key: 18, first: 0, last: 5, build: apiVersions},
		{name: "CreateTopics", key: 19, first: 2, last: 7, build: func(v int16) func(*script.Run) kmsg.Request {
			return createTopics(v, newTopic{name: "a b", partitions: 1, replicas: 1})
		}},
		{name: "DeleteTopics", key: 20, first: 1, last: 6, build: func(v int16) func(*script.Run) kmsg.Request { return deleteTopics(v, "~missing") }},
		{name: "DeleteRecords", key: 21, first: 0, last: 2, build: func(v int16) func(*script.Run) kmsg.Request { return deleteRecords(v, "missing", 0, 0) }},
		{name: "InitProducerID", key: 22, first: 0, last: 5, build: initProducerID},
		{name: "OffsetForLeaderEpoch", key: 23, first: 2, last: 4, build: func(v int16) func(*script.Run) kmsg.Request { return offsetForLeaderEpoch(v, "missing", 0, 0) }},
		{name: "DescribeConfigs", key: 32, first: 1, last: 4, build: func(v int16) func(*script.Run) kmsg.Request {
			return describeConfigs(v, kmsg.ConfigResourceTypeTopic, "~missing", "retention.ms")
		}},
		{name: "AlterConfigs", key: 33, first: 0, last: 2, build: func(v int16) func(*script.Run) kmsg.Request {
			return alterConfigs(v, kmsg.ConfigResourceTypeTopic, "~missing", "retention.ms=5")
		}},
		{name: "DescribeLogDirs", key: 35, first: 1, last: 5, build: func(v int16) func(*script.Run) kmsg.Request { return describeLogDirs(v, "~missing", 0) }},
		{name: "CreatePartitions", key: 37, first: 0, last: 3, build: func(v int16) func(*script.Run) kmsg.Request { return createPartitions(v, "~missing", 2) }},
		{name: "IncrementalAlterConfigs", key: 44, first: 0, last: 1, build: func(v int16) func(*script.Run) kmsg.Request {
			return incrementalAlterConfigs(v, kmsg.ConfigResourceTypeTopic, "~missing", "set retention.ms=5")
		}},
		{name: "DescribeQuorum", key: 55, first: 0, last: 2, build: func(v int16) func(*script.Run) kmsg.Request { return describeQuorum(v, "missing", 0) }},
		{name: "DescribeCluster", key: 60, first: 0, last: 2, build: describeCluster},
		{name: "DescribeProducers", key: 61, first: 0, last: 0, build: func(int16) func(*script.Run) kmsg.Request { return describeProducers("~missing", 0) }},
		{name: "ListConfigResources", key: 74, first: 0, last: 1, build: func(v int16) func(*script.Run) kmsg.Request { return listConfigResources(v, 16) }},
		{name: "DescribeTopicPartitions", key: 75, first: 0, last: 0, build: func(int16) func(*script.Run) kmsg.Request { return describeTopicPartitions(10, nil, "~missing") }},
	}
}

// groupAPIs are the APIs of groups; their requests are about group g, which does not exist.
func groupAPIs() []served {
	list := []served{
		{name: "OffsetCommit", key: 8, first: 2, last: 10, build: func(v int16) func(*script.Run) kmsg.Request {
			return commitRequest(v, noOffsets, offset("missing", 0, 1))
		}},
		{name: "OffsetFetch", key: 9, first: 1, last: 10, build: func(v int16) func(*script.Run) kmsg.Request {
			return offsetFetchRequest(v, partitions{"missing": {0}})
		}},
		{name: "FindCoordinator", key: 10, first: 0, last: 6, build: func(v int16) func(*script.Run) kmsg.Request { return findCoordinator(v, 0, "~g") }},
		{name: "JoinGroup", key: 11, first: 0, last: 9, build: func(v int16) func(*script.Run) kmsg.Request { return joinRequest(v, memberID("nobody")) }},
		{name: "Heartbeat", key: 12, first: 0, last: 4, build: func(v int16) func(*script.Run) kmsg.Request { return heartbeat(v, "a", 1).Build }},
		{name: "LeaveGroup", key: 13, first: 0, last: 5, build: func(v int16) func(*script.Run) kmsg.Request { return leave(v, "a").Build }},
		{name: "SyncGroup", key: 14, first: 0, last: 5, build: func(v int16) func(*script.Run) kmsg.Request { return sync(v, "a", 1, assigns("nobody")).Build }},
		{name: "DescribeGroups", key: 15, first: 0, last: 6, build: func(v int16) func(*script.Run) kmsg.Request { return describe(v, "~g").Build }},
		{name: "ListGroups", key: 16, first: 0, last: 5, build: func(v int16) func(*script.Run) kmsg.Request { return list(v).Build }},
		{name: "DeleteGroups", key: 42, first: 0, last: 3, build: func(v int16) func(*script.Run) kmsg.Request { return deleteGroups(v, "~g").Build }},
		{name: "OffsetDelete", key: 47, first: 0, last: 0, build: func(int16) func(*script.Run) kmsg.Request {
			return offsetDelete("~g", partitions{"~missing": {0}}).Build
		}},
		{name: "ConsumerGroupHeartbeat", key: 68, first: 0, last: 1, build: func(v int16) func(*script.Run) kmsg.Request { return beat(v, "a", 1).Build }},
		{name: "ConsumerGroupDescribe", key: 69, first: 0, last: 1, build: func(v int16) func(*script.Run) kmsg.Request { return describeConsumers(v, "~g").Build }},
	}
	for i := range list {
		list[i].group, list[i].prepare = "groups", []script.Step{ready("g")}
	}
	return list
}

// txnAPIs are the APIs of transactions; their requests are about transactional id x, which does not exist.
func txnAPIs() []served {
	nobody, none := foreign(4_000_000_000, 0), partitions{"missing": {0}}
	list := []served{
		{name: "AddPartitionsToTxn", key: 24, first: 0, last: 5, build: func(v int16) func(*script.Run) kmsg.Request { return addPartitions(v, nobody, none).Build }},
		{name: "AddOffsetsToTxn", key: 25, first: 0, last: 4, build: func(v int16) func(*script.Run) kmsg.Request { return addOffsets(v, nobody).Build }},
		{name: "EndTxn", key: 26, first: 0, last: 5, build: func(v int16) func(*script.Run) kmsg.Request { return endTxn(v, nobody, true).Build }},
		{name: "WriteTxnMarkers", key: 27, first: 1, last: 2, build: func(v int16) func(*script.Run) kmsg.Request {
			return writeMarkers(v, marker{owner: nobody, topics: none}).Build
		}},
		{name: "TxnOffsetCommit", key: 28, first: 0, last: 6, build: func(v int16) func(*script.Run) kmsg.Request { return txnCommit(v, nobody).Build }},
		{name: "DescribeTransactions", key: 65, first: 0, last: 0, build: func(int16) func(*script.Run) kmsg.Request { return describeTxns(txnID).Build }},
		{name: "ListTransactions", key: 66, first: 0, last: 2, build: func(v int16) func(*script.Run) kmsg.Request { return listTxns(v).Build }},
	}
	for i := range list {
		list[i].group, list[i].prepare = "txn", []script.Step{coordinated(txnID), ready("g")}
	}
	return list
}

// Keys lists the keys of the APIs that the judge asks about, all of which must be advertised.
func Keys() []int16 {
	var keys []int16
	for _, api := range apis() {
		keys = append(keys, api.key)
	}
	return keys
}

// damageCases sends frames that are damaged below the level of fields, and versions that are not served.
func damageCases(b *book) {
	for _, api := range apis() {
		b.in(api.group, func() {
			b.notServed(api)
			b.damaged(api, api.first)
			if api.last != api.first {
				b.damaged(api, api.last)
			}
		})
	}
	for _, key := range []int16{-1, 4, 5, 6, 7, 52, 56, 58, 62, 63, 67, 70, 73, 82, 95, 1000, 32767} {
		b.add("UnknownAPI", 0, fmt.Sprintf("key=%d", key), script.Raw{
			What:  fmt.Sprintf("a request of key %d, version 0, without body", key),
			Build: func(_ *script.Run, id int32) []byte { return rawconn.Header(key, 0, id, new("judge"), false) },
		})
	}
	frameCases(b)
}

// notServed asks in versions around those that are served.
func (b *book) notServed(api served) {
	not := []int16{-1, api.last + 1, 32767}
	if api.first > 0 {
		not = append(not, api.first-1)
	}
	for _, v := range not {
		if api.key == 18 && v != -1 {
			continue // ApiVersions answers versions that it does not know; its own file asks for those.
		}
		b.add(api.name, v, "version-not-served", versionNotServed(api, v), ask(apiVersions(0)))
	}
}

// versionNotServed sends the header of a version that is not served. What follows can't matter: the broker does not know its form.
func versionNotServed(api served, version int16) script.Step {
	return script.Raw{
		What: fmt.Sprintf("%s v%d, a header and eight zero bytes", api.name, version),
		Build: func(_ *script.Run, id int32) []byte {
			return append(rawconn.Header(api.key, version, id, new("judge"), false), make([]byte, 8)...)
		},
	}
}

// damaged adds the damaged forms of one good request.
func (b *book) damaged(api served, version int16) {
	req := api.build(version)(new(script.Run))
	raw := func(what string, build func(r *script.Run, id int32) []byte) {
		b.add(api.name, version, "damage/"+what, append(append([]script.Step{}, api.prepare...), script.Raw{
			What: fmt.Sprintf("%s v%d, %s", api.name, version, what), Build: build,
			Answer: versioned(req.ResponseKind(), version), Header: rawconn.FlexibleHeader(req),
		})...)
	}
	good := func(r *script.Run, id int32) []byte {
		req := api.build(version)(r)
		r.Expand(req)
		return rawconn.Frame(req, id, new("judge"))
	}
	header := len(rawconn.Header(api.key, version, 0, new("judge"), req.IsFlexible()))
	raw("last-byte-missing", func(r *script.Run, id int32) []byte { f := good(r, id); return f[:len(f)-1] })
	raw("one-byte-too-many", func(r *script.Run, id int32) []byte { return append(good(r, id), 7) })
	raw("no-body", func(r *script.Run, id int32) []byte { return good(r, id)[:header] })
	raw("null-client-id", func(r *script.Run, id int32) []byte {
		req := api.build(version)(r)
		r.Expand(req)
		return rawconn.Frame(req, id, nil)
	})
	raw("all-ones", func(r *script.Run, id int32) []byte {
		f := good(r, id)
		for i := header; i < len(f); i++ {
			f[i] = 0xff
		}
		return f
	})
	if !req.IsFlexible() {
		return
	}
	// The last byte of a flexible request is its empty tag section.
	raw("unknown-tag", func(r *script.Run, id int32) []byte {
		f := good(r, id)
		return append(f[:len(f)-1], 1, 99, 2, 0xaa, 0xbb)
	})
	raw("unknown-tag-in-header", func(r *script.Run, id int32) []byte {
		f := good(r, id)
		out := append([]byte{}, f[:header-1]...)
		return append(append(out, 1, 99, 2, 0xaa, 0xbb), f[header:]...)
	})
	raw("tag-longer-than-the-rest", func(r *script.Run, id int32) []byte { f := good(r, id); return append(f[:len(f)-1], 1, 99, 20, 0xaa) })
	raw("tag-count-huge", func(r *script.Run, id int32) []byte {
		f := good(r, id)
		return append(f[:len(f)-1], 0xff, 0xff, 0xff, 0xff, 0x07)
	})
	raw("tags-out-of-order", func(r *script.Run, id int32) []byte {
		f := good(r, id)
		return append(f[:len(f)-1], 2, 99, 1, 0xaa, 98, 1, 0xbb)
	})
	raw("same-tag-twice", func(r *script.Run, id int32) []byte {
		f := good(r, id)
		return append(f[:len(f)-1], 2, 99, 1, 0xaa, 99, 1, 0xbb)
	})
}

func versioned(resp kmsg.Response, version int16) kmsg.Response {
	resp.SetVersion(version)
	return resp
}

// frameCases are about the bytes before the header ends.
func frameCases(b *book) {
	size := func(n int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
	raw := func(what string, bytes []byte) {
		b.add("Frame", 0, what, script.Raw{What: what, Unsized: true, Build: func(*script.Run, int32) []byte { return bytes }})
	}
	raw("size-negative", append(size(-1), make([]byte, 16)...))
	raw("size-smallest", append(size(-2147483648), make([]byte, 16)...))
	raw("size-largest", append(size(2147483647), make([]byte, 16)...))
	raw("size-above-limit", append(size(104857601), make([]byte, 16)...))
	raw("size-1", append(size(1), 0))
	raw("size-4", append(size(4), 0, 18, 0, 0))
	raw("size-7", append(size(7), 0, 18, 0, 0, 0, 0, 0))
	raw("size-8-without-client-id", append(size(8), 0, 18, 0, 0, 0, 0, 0, 9))
	raw("client-id-longer-than-the-frame", append(size(12), 0, 18, 0, 0, 0, 0, 0, 9, 0x7f, 0xff, 'a', 'b'))
	raw("http", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	raw("tls", append([]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03}, make([]byte, 40)...))
	b.add("Frame", 0, "client-id-length-below-minus-1", script.Raw{
		What: "ApiVersions v0 whose client id has length -2", Answer: versioned(kmsg.NewPtrApiVersionsResponse(), 0),
		Build: func(_ *script.Run, id int32) []byte {
			return append(binary.BigEndian.AppendUint32([]byte{0, 18, 0, 0}, uint32(id)), 0xff, 0xfe, 'a', 'b')
		},
	})
	b.add("Frame", 0, "client-id-not-utf8", script.Raw{
		What: "ApiVersions v0 with a client id that is no text", Answer: versioned(kmsg.NewPtrApiVersionsResponse(), 0),
		Build: func(_ *script.Run, id int32) []byte { return rawconn.Header(18, 0, id, new("\xff\xfe"), false) },
	})
}
