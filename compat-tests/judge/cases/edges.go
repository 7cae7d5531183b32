package cases

import (
	"math"
	"reflect"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
	"github.com/clatterhq/clatter/compat-tests/judge/transcript"
)

// edge is a value to try in a field.
type edge struct {
	what string
	set  func(field reflect.Value)
}

// edges lists what is worth trying in a field of a type: the ends of its range, nothing, too much, the same twice.
func edges(l transcript.Leaf) []edge {
	var es []edge
	number := func(what string, n int64) {
		es = append(es, edge{what, func(f reflect.Value) { f.SetInt(n) }})
	}
	text := func(what, s string) {
		es = append(es, edge{what, func(f reflect.Value) {
			if f.Kind() == reflect.Pointer {
				f.Set(reflect.ValueOf(&s))
			} else {
				f.SetString(s)
			}
		}})
	}
	switch l.Type.Kind() {
	case reflect.Int8:
		number("min", math.MinInt8)
		number("max", math.MaxInt8)
	case reflect.Int16:
		number("min", math.MinInt16)
		number("max", math.MaxInt16)
	case reflect.Int32:
		number("min", math.MinInt32)
		number("max", math.MaxInt32)
	case reflect.Int64:
		number("min", math.MinInt64)
		number("max", math.MaxInt64)
	case reflect.Bool:
		es = append(es, edge{"other", func(f reflect.Value) { f.SetBool(!f.Bool()) }})
	case reflect.String:
		text("empty", "")
		text("unknown", "no-such-thing")
		text("long", strings.Repeat("x", 1000))
	case reflect.Array:
		es = append(es, edge{"zero", func(f reflect.Value) { f.SetZero() }},
			edge{"unknown", func(f reflect.Value) { reflect.Copy(f, reflect.ValueOf(transcript.UnknownID)) }})
	case reflect.Pointer:
		if l.Type.Elem().Kind() == reflect.String {
			text("empty", "")
			text("unknown", "no-such-thing")
		}
		es = append(es, edge{"null", func(f reflect.Value) { f.SetZero() }})
	case reflect.Slice:
		es = append(es, edge{"empty", func(f reflect.Value) { f.Set(reflect.MakeSlice(f.Type(), 0, 0)) }})
		if l.Nullable {
			es = append(es, edge{"null", func(f reflect.Value) { f.SetZero() }})
		}
		es = append(es, edge{"twice", func(f reflect.Value) { f.Set(reflect.AppendSlice(f.Slice(0, f.Len()), f)) }})
	default:
	}
	switch l.Type.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		number("-1", -1)
		number("0", 0)
		number("1", 1)
	default:
	}
	return es
}

// edgeCases adds a case for every field of a request and every edge of that field's type. Pairs of field and edge that can't be
// asked sensibly are named in except, as Field or Field=edge.
func (b *book) edgeCases(api string, version int16, prepare []script.Step, build func(r *script.Run) kmsg.Request, except ...string) {
	skip := map[string]bool{}
	for _, e := range except {
		skip[e] = true
	}
	for _, l := range transcript.Leaves(build(new(script.Run))) {
		for _, e := range edges(l) {
			name := l.Name + "=" + e.what
			if skip[l.Name] || skip[name] {
				continue
			}
			steps := append([]script.Step{}, prepare...)
			b.add(api, version, "edge/"+name, append(steps, ask(func(r *script.Run) kmsg.Request {
				req := build(r)
				if f := l.In(req); f.IsValid() {
					e.set(f)
				}
				return req
			}))...)
		}
	}
}

// allEdges generates the edge cases of every API.
func allEdges(b *book) {
	one := []script.Step{topic("t", 1), wrote("t", 0, plain("a", "b"))}
	for _, v := range []int16{3, 13} {
		b.edgeCases("Produce", v, []script.Step{topic("t", 1)}, produceTo(v, "t", 0, plain("a")), "Topics.Partitions.Records", "TransactionID", "Acks=0")
	}
	for _, v := range []int16{4, 18} {
		b.edgeCases("Fetch", v, one, fetch(v, "t", 0, 0), "MaxWaitMillis", "ReplicaID=0", "ReplicaID=1", "ReplicaState.ID=0", "ReplicaState.ID=1")
	}
	for _, v := range []int16{1, 11} {
		b.edgeCases("ListOffsets", v, one, listOffsets(v, "t", 0, -1), "ReplicaID=0", "ReplicaID=1")
	}
	for _, v := range []int16{1, 13} {
		b.edgeCases("Metadata", v, one, metadata(v, "~t"), "Topics.Topic=unknown")
	}
	for _, v := range []int16{2, 7} {
		b.edgeCases("CreateTopics", v, nil, createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1, settings: []string{"retention.ms=5"}}), "Topics.Topic=unknown", "Topics.Topic=long", "TimeoutMillis=1", "Topics.ReplicaAssignment")
		b.edgeCases("CreateTopics", v, nil, createTopics(v, newTopic{name: "~t", partitions: -1, replicas: -1, assignments: map[int32][]int32{0: {1}}}),
			"Topics.Topic", "TimeoutMillis", "ValidateOnly", "Topics", "Topics.NumPartitions=-1", "Topics.ReplicationFactor=-1", "Topics.NumPartitions=max", "Topics.NumPartitions=min",
			"Topics.NumPartitions=0", "Topics.NumPartitions=1", "Topics.ReplicationFactor=0", "Topics.ReplicationFactor=1", "Topics.ReplicationFactor=max", "Topics.ReplicationFactor=min", "Topics.Configs", "Topics.ReplicaAssignment=empty")
	}
	for _, v := range []int16{1, 6} {
		b.edgeCases("DeleteTopics", v, one, deleteTopics(v, "~t"), "TimeoutMillis=1")
	}
	for _, v := range []int16{0, 3} {
		b.edgeCases("CreatePartitions", v, one, createPartitions(v, "~t", 2, []int32{1}), "TimeoutMillis=1")
	}
	for _, v := range []int16{0, 2} {
		b.edgeCases("DeleteRecords", v, one, deleteRecords(v, "t", 0, 1), "TimeoutMillis=1")
	}
	for _, v := range []int16{0, 5} {
		b.edgeCases("InitProducerID", v, nil, initProducerID(v), "TransactionalID=unknown")
	}
	for _, v := range []int16{2, 4} {
		b.edgeCases("OffsetForLeaderEpoch", v, one, offsetForLeaderEpoch(v, "t", 0, 0))
	}
	for _, v := range []int16{1, 4} {
		b.edgeCases("DescribeConfigs", v, one, describeConfigs(v, kmsg.ConfigResourceTypeTopic, "~t", "retention.ms"), "Resources.ConfigNames=null")
	}
	for _, v := range []int16{0, 2} {
		b.edgeCases("AlterConfigs", v, one, alterConfigs(v, kmsg.ConfigResourceTypeTopic, "~t", "retention.ms=5"))
	}
	for _, v := range []int16{0, 1} {
		b.edgeCases("IncrementalAlterConfigs", v, one, incrementalAlterConfigs(v, kmsg.ConfigResourceTypeTopic, "~t", "set retention.ms=5"))
	}
	b.edgeCases("ListConfigResources", 1, one, listConfigResources(1, 2))
	b.edgeCases("DescribeTopicPartitions", 0, one, describeTopicPartitions(100, &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "~t"}, "~t"))
	b.edgeCases("DescribeCluster", 2, nil, describeCluster(2))
	for _, v := range []int16{1, 5} {
		b.edgeCases("DescribeLogDirs", v, one, describeLogDirs(v, "~t", 0))
	}
	b.edgeCases("DescribeProducers", 0, one, describeProducers("~t", 0))
	b.edgeCases("DescribeQuorum", 2, nil, describeQuorum(2, "__cluster_metadata", 0))
	b.edgeCases("ApiVersions", 5, nil, apiVersions(5))
	b.in("groups", func() { groupEdges(b) })
	b.in("txn", func() { txnEdges(b) })
}

// txnEdges does so for the APIs of transactions. An id that one case makes must not be unknown to another, and the first producer ids of
// a broker may be the case's own.
func txnEdges(b *book) {
	one := steps(ready("g"), opened(1))
	for _, v := range []int16{1, 4} {
		b.edgeCases("InitProducerID", v, steps(initialized()), initTxn(v, initAs(owner(1, 0))).Build, "TransactionalID", "ProducerID=0", "ProducerID=1")
	}
	for _, v := range []int16{3, 5} {
		b.edgeCases("AddPartitionsToTxn", v, one, addPartitions(v, owner(1, 0), partitions{"t": {0}}).Build, "Transactions=empty", "Transactions=twice", "ProducerID=0", "ProducerID=1", "Transactions.ProducerID=0", "Transactions.ProducerID=1")
	}
	for _, v := range []int16{1, 4} {
		b.edgeCases("AddOffsetsToTxn", v, one, addOffsets(v, owner(1, 0)).Build, "ProducerID=0", "ProducerID=1")
	}
	for _, v := range []int16{1, 4, 5} {
		b.edgeCases("EndTxn", v, one, endTxn(v, owner(1, 0), true).Build, "ProducerID=0", "ProducerID=1")
	}
	for _, v := range []int16{1, 2} {
		b.edgeCases("WriteTxnMarkers", v, one, writeMarkers(v, marker{owner: owner(1, 0), commit: true, topics: partitions{"t": {0}}}).Build, "Markers.ProducerID=0", "Markers.ProducerID=1")
	}
	for _, v := range []int16{2, 3, 5, 6} {
		b.edgeCases("TxnOffsetCommit", v, steps(one, did(addOffsets(3, owner(1, 0)))), txnCommit(v, owner(1, 0)).Build, "Group=empty", "Group=unknown", "Group=long", "ProducerID=0", "ProducerID=1")
	}
	b.edgeCases("DescribeTransactions", 0, one, describeTxns(txnID).Build)
	b.edgeCases("ListTransactions", 2, one, listTxns(2, txnStates("Ongoing"), txnProducers(owner(1, 0)), txnPattern("~x")).Build)
}

// groupEdges does so for the APIs of groups. A commit must not make groups that other cases take for unknown, and Kafka never answers a join that
// names a protocol twice.
func groupEdges(b *book) {
	member := steps(ready("g"), topic("t", 1), stable("a"))
	offsets := steps(ready("g"), topic("t", 1), committed())
	for _, v := range []int16{0, 9} {
		b.edgeCases("JoinGroup", v, member, rejoin(v, "a", instanceID("s"), joinReason("why")).Build, "Protocols=twice", "MemberID=empty")
	}
	for _, v := range []int16{0, 5} {
		b.edgeCases("SyncGroup", v, member, sync(v, "a", 1, assigns("@a")).Build)
		b.edgeCases("LeaveGroup", v, member, leave(v, "a").Build)
	}
	for _, v := range []int16{0, 4} {
		b.edgeCases("Heartbeat", v, member, heartbeat(v, "a", 1).Build)
	}
	for _, v := range []int16{2, 10} {
		b.edgeCases("OffsetCommit", v, member, commitAs(v, "a", 1).Build, "Group=empty", "Group=unknown", "Group=long", "ProducerID=0", "ProducerID=1")
	}
	for _, v := range []int16{1, 7, 8, 10} {
		b.edgeCases("OffsetFetch", v, offsets, offsetFetchRequest(v, partitions{"t": {0}}))
	}
	b.edgeCases("OffsetDelete", 0, offsets, offsetDelete("~g", partitions{"~t": {0}}).Build)
	for _, v := range []int16{0, 6} {
		b.edgeCases("DescribeGroups", v, member, describe(v, "~g").Build)
		b.edgeCases("FindCoordinator", v, member, findCoordinator(v, 0, "~g"), "CoordinatorType=1", "CoordinatorType=2")
	}
	consumer := consumers("a")
	for _, v := range []int16{0, 1} {
		b.edgeCases("ConsumerGroupHeartbeat", v, consumer, beat(v, "a", 2, complete("t"), owns(0, 1, 2, 3), consumerInstance("s"), rack("r"), assignor("range")).Build, "Group=unknown", "Group=long")
		b.edgeCases("ConsumerGroupDescribe", v, consumer, describeConsumers(v, "~g").Build)
	}
	b.edgeCases("ListGroups", 5, member, list(5, states("Stable"), types("classic")).Build)
	for _, v := range []int16{0, 3} {
		b.edgeCases("DeleteGroups", v, offsets, deleteGroups(v, "~g").Build)
	}
}
