package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// txnMarkerCases are about the markers that end a transaction in a partition: brokers write them, and kafka-transactions for one that hangs.
func txnMarkerCases(b *book) {
	for _, v := range versions(1, 2) {
		markersEveryVersion(b, v)
		markersMisuse(b, v)
		markersOfGroups(b, v)
	}
	markersOfVersion2(b)
	producersInTransactions(b)
}

func markersEveryVersion(b *book, v int16) {
	with := b.inTxn("WriteTxnMarkers", v)
	m := func(commit bool, coordinatorEpoch int32) marker {
		return marker{owner: owner(1, 0), commit: commit, coordinatorEpoch: coordinatorEpoch, topics: partitions{"t": {0}}}
	}
	see := ask(describeProducers("~t", 0))
	with("abort", opened(1), writeMarkers(v, m(false, 0)), fetched(0), fetchedCommitted(), see)
	with("commit", opened(1), writeMarkers(v, m(true, 0)), fetched(0), fetchedCommitted(), see)
	with("as-kafka-transactions-does", opened(1), writeMarkers(v, m(false, -1)), fetchedCommitted(), see)
	with("again", opened(1), writeMarkers(v, m(true, 3)), writeMarkers(v, m(true, 3)), fetched(0), see)
	with("other-result-again", opened(1), writeMarkers(v, m(true, 3)), writeMarkers(v, m(false, 3)), fetched(0), fetchedCommitted())
	with("older-coordinator-epoch", opened(1), writeMarkers(v, m(true, 3)), did(txnProduce(11, owner(1, 0), 1, "b")), writeMarkers(v, m(true, 2)), writeMarkers(v, m(true, 4)), fetched(0), see)
	with("then-the-coordinators", opened(1), writeMarkers(v, m(false, 0)), endTxn(4, owner(1, 0), true), completed(), fetched(0), fetchedCommitted())
	with("two-partitions", opened(1), did(addPartitions(3, owner(1, 0), partitions{"t": {1}})), writeMarkers(v, marker{owner: owner(1, 0), commit: true, topics: partitions{"t": {0, 1}}}), fetched(0), fetched(1))
	with("two-producers", opened(1), initialized(initID("~y")), did(txnProduceTo(12, owner(2, 0).of("~y"), "t", 0, txnBatch(owner(2, 0), 0, "b"))),
		writeMarkers(v, m(false, 0), marker{owner: owner(2, 0), commit: true, topics: partitions{"t": {0}}}), fetchedCommitted(), see)
	with("producer-twice", opened(1), writeMarkers(v, m(true, 0), marker{owner: owner(1, 0), commit: true, topics: partitions{"t": {1}}}), fetched(0), fetched(1))
	with("records-behind-the-marker", opened(1), writeMarkers(v, m(false, 0)), txnProduce(11, owner(1, 0), 1, "b"), fetched(0))
	with("records-behind-the-marker-2", opened(2), writeMarkers(v, m(false, 0)), txnProduce(12, owner(1, 0), 1, "b"), fetched(0))
}

func markersMisuse(b *book, v int16) {
	with := b.inTxn("WriteTxnMarkers", v)
	m := func(o txnOwner, topics partitions) marker { return marker{owner: o, commit: true, topics: topics} }
	t := partitions{"t": {0}}
	with("none", writeMarkers(v))
	with("no-topics", opened(1), writeMarkers(v, m(owner(1, 0), nil)))
	with("no-partitions", opened(1), writeMarkers(v, m(owner(1, 0), partitions{"t": {}})))
	with("unknown-topic", opened(1), writeMarkers(v, m(owner(1, 0), partitions{"missing": {0}, "t": {0}})))
	with("unknown-partition", opened(1), writeMarkers(v, m(owner(1, 0), partitions{"t": {0, 7}})))
	with("negative-partition", opened(1), writeMarkers(v, m(owner(1, 0), partitions{"t": {-1}})))
	with("without-transaction", topic("t", 1), initialized(), writeMarkers(v, m(owner(1, 0), t)), fetched(0), ask(describeProducers("~t", 0)))
	with("foreign-producer", opened(1), writeMarkers(v, m(foreign(4_000_000_000, 0), t)), fetched(0), ask(describeProducers("~t", 0)))
	with("negative-producer", opened(1), writeMarkers(v, m(foreign(-1, 0), t)), fetched(0))
	with("old-epoch", topic("t", 1), initialized(), initialized(), did(txnProduce(12, owner(1, 1), 0, "a")), writeMarkers(v, m(owner(1, 0), t)), fetched(0))
	with("newer-epoch", opened(1), writeMarkers(v, m(owner(1, 3), t)), fetched(0), ask(describeProducers("~t", 0)), txnProduce(11, owner(1, 0), 1, "b"))
	with("negative-epoch", opened(1), writeMarkers(v, m(owner(1, -1), t)), fetched(0))
	with("negative-coordinator-epoch", opened(1), writeMarkers(v, marker{owner: owner(1, 0), commit: true, coordinatorEpoch: -5, topics: t}), fetched(0))
}

// markersOfVersion2 is about markers that say which version of transactions they end: from 2 on they need a greater epoch.
func markersOfVersion2(b *book) {
	with := b.inTxn("WriteTxnMarkers", 2)
	m := func(epoch int16, version int8) marker {
		return marker{owner: owner(1, epoch), commit: false, txnVersion: version, topics: partitions{"t": {0}}}
	}
	see := ask(describeProducers("~t", 0))
	for _, version := range []int8{0, 1, 2, 3, -1} {
		with("same-epoch-version="+itoa(int32(version)), opened(2), writeMarkers(2, m(0, version)), fetched(0), see)
		with("next-epoch-version="+itoa(int32(version)), opened(2), writeMarkers(2, m(1, version)), fetched(0), see)
	}
	with("version-2-then-again", opened(2), writeMarkers(2, m(1, 2)), writeMarkers(2, m(1, 2)), writeMarkers(2, m(2, 2)), fetched(0), see)
	with("version-2-then-old-version", opened(2), writeMarkers(2, m(1, 2)), writeMarkers(2, m(1, 1)), fetched(0), see)
}

// markersOfGroups ends transactions in the internal topic of groups.
func markersOfGroups(b *book, v int16) {
	with := func(what string, parts ...any) { b.inTxnGroup("WriteTxnMarkers", v)("offsets/"+what, parts...) }
	internal := func(commit bool, ps ...int32) script.Ask {
		a := writeMarkers(v, marker{owner: owner(1, 0), commit: commit, topics: partitions{"t": ps}})
		build := a.Build
		a.Build = func(r *script.Run) kmsg.Request {
			req := build(r)
			if w, ok := req.(*kmsg.WriteTxnMarkersRequest); ok {
				w.Markers[0].Topics[0].Topic = internalTopic
			}
			return req
		}
		return a
	}
	pending := steps(committing(4), did(txnCommit(4, owner(1, 0))))
	with("commit", pending, internal(true, 0, 1, 2), see())
	with("abort", pending, internal(false, 0, 1, 2), see())
	with("unknown-partition", pending, internal(false, 99), see())
}

// producersInTransactions looks at the producers of a partition during transactions.
func producersInTransactions(b *book) {
	with := func(what string, parts ...any) { b.inTxn("DescribeProducers", 0)("txn/"+what, parts...) }
	see := ask(describeProducers("~t", 0))
	for _, version := range []int{1, 2} {
		o, name := owner(1, 0), "-"+itoa(version)
		end := func(commit bool) []script.Step {
			return steps(did(endTxn(map[int]int16{1: 4, 2: 5}[version], o, commit)), completed())
		}
		with("open"+name, opened(version), see)
		with("open-with-more-records"+name, wroteAfter(version), see)
		with("committed"+name, opened(version), end(true), see)
		with("aborted"+name, opened(version), end(false), see)
		with("fenced"+name, opened(version), did(initTxn(4)), completed(), see)
	}
	with("next-transaction-1", opened(1), did(endTxn(4, owner(1, 0), true)), completed(), did(addPartitions(3, owner(1, 0), partitions{"t": {0}})), did(txnProduce(11, owner(1, 0), 1, "b")), see)
	with("next-transaction-2", opened(2), did(endTxn(5, owner(1, 0), true)), completed(), did(txnProduce(12, owner(1, 1), 0, "b", "c")), see)
	with("added-but-not-written", topic("t", 1), initialized(), did(addPartitions(3, owner(1, 0), partitions{"t": {0}})), see)
}

// wroteAfter is an open transaction with a plain record before its own.
func wroteAfter(version int) []script.Step {
	return append(opened(version), wrote("t", 0, plain("p")), did(txnProduce(map[int]int16{1: 11, 2: 12}[version], owner(1, 0), 1, "b", "c")))
}
