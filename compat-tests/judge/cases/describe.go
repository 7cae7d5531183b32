package cases

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

func initProducerID(version int16) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.Version, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = version, 60_000, -1, -1
		return req
	}
}

func initProducerIDCases(b *book) {
	api := "InitProducerID"
	with := func(v int16, what string, change func(r *script.Run, req *kmsg.InitProducerIDRequest), before ...script.Step) {
		b.add(api, v, what, append(before, ask(func(r *script.Run) kmsg.Request {
			req := initProducerID(v)(r)
			if init, ok := req.(*kmsg.InitProducerIDRequest); ok {
				change(r, init)
			}
			return req
		}))...)
	}
	for _, v := range versions(0, 5) {
		b.add(api, v, "two-ids", producerID(), ask(initProducerID(v)), ask(initProducerID(v)))
		with(v, "empty-transactional-id", func(_ *script.Run, req *kmsg.InitProducerIDRequest) { req.TransactionalID = new("") })
		with(v, "timeout-0-without-transactional-id", func(_ *script.Run, req *kmsg.InitProducerIDRequest) { req.TransactionTimeoutMillis = 0 }, producerID())
		with(v, "timeout-negative-without-transactional-id", func(_ *script.Run, req *kmsg.InitProducerIDRequest) { req.TransactionTimeoutMillis = -1 }, producerID())
		if v < 3 {
			continue
		}
		with(v, "with-own-id", func(r *script.Run, req *kmsg.InitProducerIDRequest) {
			req.ProducerID, req.ProducerEpoch = r.Symbols.Producer(1), 0
		}, producerID())
		with(v, "with-id-without-epoch", func(r *script.Run, req *kmsg.InitProducerIDRequest) { req.ProducerID = r.Symbols.Producer(1) }, producerID())
		with(v, "with-epoch-without-id", func(_ *script.Run, req *kmsg.InitProducerIDRequest) { req.ProducerEpoch = 3 }, producerID())
	}
}

func offsetForLeaderEpoch(version int16, name string, partition, epoch int32) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrOffsetForLeaderEpochRequest()
		req.Version, req.ReplicaID = version, -1
		p := kmsg.OffsetForLeaderEpochRequestTopicPartition{Partition: partition, CurrentLeaderEpoch: -1, LeaderEpoch: epoch}
		req.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "~" + name, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{p}}}
		return req
	}
}

func offsetForLeaderEpochCases(b *book) {
	api := "OffsetForLeaderEpoch"
	for _, v := range versions(2, 4) {
		with := func(what string, build func(*script.Run) kmsg.Request, change ...func(req *kmsg.OffsetForLeaderEpochRequest)) {
			b.add(api, v, what, topic("t", 2), wrote("t", 0, plain("a", "b"), plain("c")), ask(func(r *script.Run) kmsg.Request {
				req := build(r)
				if o, ok := req.(*kmsg.OffsetForLeaderEpochRequest); ok {
					for _, c := range change {
						c(o)
					}
				}
				return req
			}))
		}
		for _, epoch := range []int32{0, 1, -1, -2, 2147483647} {
			with("epoch="+itoa(epoch), offsetForLeaderEpoch(v, "t", 0, epoch))
		}
		for _, epoch := range []int32{0, 1, -2} {
			with("current-epoch="+itoa(epoch), offsetForLeaderEpoch(v, "t", 0, 0), func(req *kmsg.OffsetForLeaderEpochRequest) { req.Topics[0].Partitions[0].CurrentLeaderEpoch = epoch })
		}
		with("empty-log", offsetForLeaderEpoch(v, "t", 1, 0))
		with("unknown-topic", offsetForLeaderEpoch(v, "missing", 0, 0))
		with("unknown-partition", offsetForLeaderEpoch(v, "t", 2, 0))
		with("negative-partition", offsetForLeaderEpoch(v, "t", -1, 0))
		with("as-replica", offsetForLeaderEpoch(v, "t", 0, 0), func(req *kmsg.OffsetForLeaderEpochRequest) { req.ReplicaID = 4 })
		with("as-debugging-client", offsetForLeaderEpoch(v, "t", 0, 0), func(req *kmsg.OffsetForLeaderEpochRequest) { req.ReplicaID = -2 })
		with("partition-twice", offsetForLeaderEpoch(v, "t", 0, 0), func(req *kmsg.OffsetForLeaderEpochRequest) {
			req.Topics[0].Partitions = append(req.Topics[0].Partitions, req.Topics[0].Partitions[0])
		})
		with("no-topics", offsetForLeaderEpoch(v, "t", 0, 0), func(req *kmsg.OffsetForLeaderEpochRequest) { req.Topics = nil })
		b.add(api, v, "after-delete-records", topic("t", 1), wrote("t", 0, plain("a", "b"), plain("c")), deletedBefore(-1), ask(offsetForLeaderEpoch(v, "t", 0, 0)))
	}
}

func describeCluster(version int16) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.Version, req.EndpointType = version, 1
		return req
	}
}

func describeClusterCases(b *book) {
	for _, v := range versions(0, 2) {
		with := func(what string, change func(req *kmsg.DescribeClusterRequest)) {
			b.add("DescribeCluster", v, what, ask(func(r *script.Run) kmsg.Request {
				req := describeCluster(v)(r)
				if d, ok := req.(*kmsg.DescribeClusterRequest); ok {
					change(d)
				}
				return req
			}))
		}
		with("plain", func(*kmsg.DescribeClusterRequest) {})
		with("authorized-operations", func(req *kmsg.DescribeClusterRequest) { req.IncludeClusterAuthorizedOperations = true })
		if v >= 1 {
			with("controllers", func(req *kmsg.DescribeClusterRequest) { req.EndpointType = 2 })
			with("unknown-endpoint-type", func(req *kmsg.DescribeClusterRequest) { req.EndpointType = 3 })
			with("endpoint-type-0", func(req *kmsg.DescribeClusterRequest) { req.EndpointType = 0 })
		}
		if v >= 2 {
			with("fenced", func(req *kmsg.DescribeClusterRequest) { req.IncludeFencedBrokers = true })
		}
	}
}

func describeLogDirs(version int16, name string, partitions ...int32) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDescribeLogDirsRequest()
		req.Version = version
		req.Topics = []kmsg.DescribeLogDirsRequestTopic{{Topic: name, Partitions: append([]int32(nil), partitions...)}}
		return req
	}
}

func describeLogDirsCases(b *book) {
	api := "DescribeLogDirs"
	for _, v := range versions(1, 5) {
		prepared := func(what string, build func(*script.Run) kmsg.Request) {
			b.add(api, v, what, topic("t", 2), topic("u", 1), wrote("t", 0, plain("a", "b"), plain("c")), wrote("u", 0, plain("d")), ask(build))
		}
		prepared("one-partition", describeLogDirs(v, "~t", 0))
		prepared("two-partitions", describeLogDirs(v, "~t", 0, 1))
		prepared("partition-twice", describeLogDirs(v, "~t", 0, 0))
		prepared("unknown-partition", describeLogDirs(v, "~t", 7))
		prepared("unknown-topic", describeLogDirs(v, "~missing", 0))
		prepared("no-partitions", describeLogDirs(v, "~t"))
		prepared("no-topics", func(_ *script.Run) kmsg.Request {
			req := kmsg.NewPtrDescribeLogDirsRequest()
			req.Version, req.Topics = v, []kmsg.DescribeLogDirsRequestTopic{}
			return req
		})
		b.in("serial", func() {
			prepared("all", func(_ *script.Run) kmsg.Request {
				req := kmsg.NewPtrDescribeLogDirsRequest()
				req.Version = v
				return req
			})
		})
		b.add(api, v, "after-delete-records", topic("t", 1), wrote("t", 0, plain("a", "b"), plain("c")), deletedBefore(-1), ask(describeLogDirs(v, "~t", 0)))
	}
}

func describeProducers(name string, partitions ...int32) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDescribeProducersRequest()
		req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: name, Partitions: append([]int32(nil), partitions...)}}
		return req
	}
}

func describeProducersCases(b *book) {
	api := "DescribeProducers"
	b.add(api, 0, "none", topic("t", 1), wrote("t", 0, plain("a")), ask(describeProducers("~t", 0)))
	b.add(api, 0, "one", topic("t", 1), producerID(), wrote("t", 0, sequenced(1, 0, 0, "a", "b")), ask(describeProducers("~t", 0)))
	b.add(api, 0, "two", topic("t", 2), producerID(), producerID(), wrote("t", 0, sequenced(1, 0, 0, "a"), sequenced(2, 4, 0, "b", "c"), sequenced(1, 0, 1, "d")), ask(describeProducers("~t", 0, 1)))
	b.add(api, 0, "log-append-time", topic("t", 1, "message.timestamp.type=LogAppendTime"), producerID(), wrote("t", 0, sequenced(1, 0, 0, "a")), ask(describeProducers("~t", 0)))
	b.add(api, 0, "after-delete-records", topic("t", 1), producerID(), wrote("t", 0, sequenced(1, 0, 0, "a")), deletedBefore(-1), ask(describeProducers("~t", 0)))
	b.add(api, 0, "unknown-topic", ask(describeProducers("~missing", 0)))
	b.add(api, 0, "unknown-partition", topic("t", 1), ask(describeProducers("~t", 1, 0, -1)))
	b.add(api, 0, "bad-name", ask(describeProducers("a b", 0)))
	b.add(api, 0, "no-partitions", topic("t", 1), ask(describeProducers("~t")))
	b.add(api, 0, "partition-twice", topic("t", 1), ask(describeProducers("~t", 0, 0)))
}

func describeQuorum(version int16, name string, partitions ...int32) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDescribeQuorumRequest()
		req.Version = version
		t := kmsg.DescribeQuorumRequestTopic{Topic: name}
		for _, p := range partitions {
			t.Partitions = append(t.Partitions, kmsg.DescribeQuorumRequestTopicPartition{Partition: p})
		}
		req.Topics = append(req.Topics, t)
		return req
	}
}

func describeQuorumCases(b *book) {
	for _, v := range versions(0, 2) {
		with := func(what string, build func(*script.Run) kmsg.Request) { b.add("DescribeQuorum", v, what, ask(build)) }
		with("metadata", describeQuorum(v, "__cluster_metadata", 0))
		with("other-partition", describeQuorum(v, "__cluster_metadata", 1))
		with("two-partitions", describeQuorum(v, "__cluster_metadata", 0, 1))
		with("other-topic", describeQuorum(v, "t", 0))
		with("no-partitions", describeQuorum(v, "__cluster_metadata"))
		with("no-topics", func(*script.Run) kmsg.Request {
			req := kmsg.NewPtrDescribeQuorumRequest()
			req.Version = v
			return req
		})
	}
}

func apiVersions(version int16) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrApiVersionsRequest()
		req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = version, "judge", "1.0"
		return req
	}
}

func apiVersionsCases(b *book) {
	api := "ApiVersions"
	for _, v := range versions(0, 5) {
		b.add(api, v, "plain", ask(apiVersions(v)))
		b.add(api, v, "twice-on-a-connection", ask(apiVersions(v)), ask(apiVersions(v)))
		if v < 3 {
			continue
		}
		for _, name := range []string{"", "-a", "a-", "a b", "a_b", "A.b-9", "ä", "a\n"} {
			b.add(api, v, "software-name="+strings.ReplaceAll(name, "\n", "<newline>"), ask(func(r *script.Run) kmsg.Request {
				req := apiVersions(v)(r)
				if a, ok := req.(*kmsg.ApiVersionsRequest); ok {
					a.ClientSoftwareName = name
				}
				return req
			}))
		}
		b.add(api, v, "software-version-empty", ask(func(r *script.Run) kmsg.Request {
			req := apiVersions(v)(r)
			if a, ok := req.(*kmsg.ApiVersionsRequest); ok {
				a.ClientSoftwareVersion = ""
			}
			return req
		}))
	}
	for _, v := range []int16{6, 7, 99, 32767} {
		b.add(api, v, "answered-in-version-0", script.Raw{
			What: "ApiVersions v" + itoa(v), Answer: versioned(kmsg.NewPtrApiVersionsResponse(), 0),
			Build: func(_ *script.Run, id int32) []byte {
				return append(rawconn.Header(18, v, id, new("judge"), true), 6, 'j', 'u', 'd', 'g', 'e', 2, '1', 0)
			},
		}, ask(apiVersions(3)))
	}
	five := func(what string, change func(r *script.Run, req *kmsg.ApiVersionsRequest)) {
		b.add(api, 5, what, ask(func(r *script.Run) kmsg.Request {
			req := apiVersions(5)(r)
			if a, ok := req.(*kmsg.ApiVersionsRequest); ok {
				change(r, a)
			}
			return req
		}))
	}
	five("node-id", func(_ *script.Run, req *kmsg.ApiVersionsRequest) { req.NodeID = 1 })
	five("other-node-id", func(_ *script.Run, req *kmsg.ApiVersionsRequest) { req.NodeID = 2 })
	five("other-cluster-id", func(_ *script.Run, req *kmsg.ApiVersionsRequest) { req.ClusterID = new("another") })
	five("other-cluster-id-and-node-id", func(_ *script.Run, req *kmsg.ApiVersionsRequest) { req.ClusterID, req.NodeID = new("another"), 1 })
	five("cluster-id-empty", func(_ *script.Run, req *kmsg.ApiVersionsRequest) { req.ClusterID = new("") })
	b.add(api, 0, "pipelined-with-metadata", topic("t", 1), send(ask(apiVersions(0))), send(ask(metadata(0, "~t"))), script.Receive{}, script.Receive{})
}
