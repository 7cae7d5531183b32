package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

func txnProduceCases(b *book) {
	for _, v := range versions(3, 13) {
		txnProduceEveryVersion(b, v)
	}
	for _, v := range []int16{3, 10, 11, 12, 13} {
		txnProduceMisuse(b, v)
		txnProduceSequences(b, v)
		txnProduceAfterEnd(b, v)
	}
	for _, v := range []int16{11, 13} {
		txnProduceInterleaved(b, v)
	}
}

// begins makes topic t and the transaction of x, of which partition 0 of t is part: where the version does not do that by itself, by asking for it.
func begins(v int16) []script.Step {
	first := steps(topic("t", 2), initialized())
	if v >= 12 {
		return first
	}
	return append(first, did(addPartitions(3, owner(1, 0), partitions{"t": {0}})))
}

func txnProduceEveryVersion(b *book, v int16) {
	with := func(what string, parts ...any) { b.inTxn("Produce", v)("txn/"+what, parts...) }
	see := describeTxns(txnID)
	with("added", begins(v), txnProduce(v, owner(1, 0), 0, "a"), txnProduce(v, owner(1, 0), 1, "b", "c"), see, fetched(0), fetchedCommitted(), ask(describeProducers("~t", 0)))
	with("not-added", topic("t", 2), initialized(), txnProduce(v, owner(1, 0), 0, "a"), see, fetched(0))
	with("other-partition-than-added", begins(v), txnProduceTo(v, owner(1, 0), "t", 1, txnBatch(owner(1, 0), 0, "a")), see, fetched(1))
	with("without-id-but-transactional", topic("t", 2), initialized(), ask(produceTo(v, "t", 0, txnBatch(owner(1, 0), 0, "a"))), see, fetched(0))
	with("without-id-in-an-open-transaction", begins(v), txnProduce(v, owner(1, 0), 0, "a"), ask(produceTo(v, "t", 0, txnBatch(owner(1, 0), 1, "b"))), fetched(0))
	with("with-id-but-not-transactional", topic("t", 2), initialized(), txnProduceTo(v, owner(1, 0), "t", 0, sequenced(1, 0, 0, "a")), see, fetched(0))
	with("with-id-but-without-producer", topic("t", 2), initialized(), txnProduceTo(v, owner(1, 0), "t", 0, plain("a")), see, fetched(0))
	with("old-epoch", begins(v), did(txnProduce(v, owner(1, 0), 0, "a")), did(initTxn(4)), completed(), initialized(), txnProduce(v, owner(1, 0), 1, "b"), see, fetched(0))
	with("committed-then-next", begins(v), did(txnProduce(v, owner(1, 0), 0, "a")), did(endTxn(enderOf(v), owner(1, 0), true)), completed(), see)
}

// enderOf is the version of EndTxn that clients use who produce in a version.
func enderOf(v int16) int16 {
	if v >= 12 {
		return 5
	}
	return 4
}

func txnProduceMisuse(b *book, v int16) {
	with := func(what string, parts ...any) { b.inTxn("Produce", v)("txn/"+what, parts...) }
	see := describeTxns(txnID)
	t := topic("t", 2)
	with("unknown-id", t, initialized(), txnProduce(v, owner(1, 0).of("~nobody"), 0, "a"), fetched(0))
	with("empty-id", t, initialized(), txnProduce(v, owner(1, 0).of(""), 0, "a"), fetched(0))
	with("id-of-another", t, initialized(), initialized(initID("~y")), txnProduce(v, owner(2, 0), 0, "a"), see, fetched(0))
	with("foreign-producer", t, initialized(), txnProduce(v, foreign(4_000_000_000, 0), 0, "a"), see, fetched(0))
	with("foreign-producer-in-an-open-transaction", opened(2), txnProduce(v, foreign(4_000_000_000, 0), 0, "b"), see, fetched(0))
	with("future-epoch", begins(v), txnProduce(v, owner(1, 1), 0, "a"), see, fetched(0))
	with("future-epoch-in-an-open-transaction", opened(2), txnProduce(v, owner(1, 1), 0, "b"), see, fetched(0))
	with("negative-epoch", begins(v), txnProduce(v, owner(1, -1), 0, "a"), see)
	with("without-producer", t, initialized(), txnProduceTo(v, owner(1, 0), "t", 0, batch{records: values("a"), attributes: transactional}), see, fetched(0))
	with("unknown-topic", t, initialized(), txnProduceTo(v, owner(1, 0), "missing", 0, txnBatch(owner(1, 0), 0, "a")), see)
	with("unknown-partition", t, initialized(), txnProduceTo(v, owner(1, 0), "t", 5, txnBatch(owner(1, 0), 0, "a")), see)
	with("known-and-unknown-partition", begins(v), txnProduceTo(v, owner(1, 0), "t", 0, txnBatch(owner(1, 0), 0, "a"), alsoTo("t", 5, txnBatch(owner(1, 0), 0, "b"))), see, fetched(0))
	with("two-partitions", begins(v), txnProduceTo(v, owner(1, 0), "t", 0, txnBatch(owner(1, 0), 0, "a"), alsoTo("t", 1, txnBatch(owner(1, 0), 0, "b"))), see, fetched(0), fetched(1))
	with("two-producers-in-one-request", t, initialized(), initialized(initID("~y")), txnProduceTo(v, owner(1, 0), "t", 0, txnBatch(owner(1, 0), 0, "a"), alsoTo("t", 1, txnBatch(owner(2, 0), 0, "b"))), see, fetched(0), fetched(1))
	with("transactional-and-not", t, initialized(), txnProduceTo(v, owner(1, 0), "t", 0, txnBatch(owner(1, 0), 0, "a"), alsoTo("t", 1, plain("b"))), see, fetched(0), fetched(1))
	with("control-batch", begins(v), txnProduceTo(v, owner(1, 0), "t", 0, batch{records: []record{{key: []byte{0, 0, 0, 1}, value: []byte{0, 0, 0, 0, 0, 0}}}, attributes: 0x30, producer: &producer{number: 1}}), fetched(0))
	with("wrong-crc", begins(v), txnProduceTo(v, owner(1, 0), "t", 0, batch{records: values("a"), attributes: transactional, crcPlus: 1, producer: &producer{number: 1}}), see, fetched(0))
	with("too-large", topic("t", 1, "max.message.bytes=100"), initialized(), did(addPartitions(3, owner(1, 0), partitions{"t": {0}})), txnProduce(v, owner(1, 0), 0, longText(200)), see, fetched(0))
	with("acks-1", begins(v), txnProduceTo(v, owner(1, 0), "t", 0, txnBatch(owner(1, 0), 0, "a"), acks(1)), see, fetchedOnce())
	with("acks-0", begins(v), silent(txnProduceTo(v, owner(1, 0), "t", 0, txnBatch(owner(1, 0), 0, "a"), acks(0))), ask(metadata(5, "~t")), fetchedOnce(), see)
	with("acks-0-not-part", topic("t", 2), initialized(), silent(txnProduceTo(v, owner(1, 0).of("~nobody"), "t", 0, txnBatch(owner(1, 0), 0, "a"), acks(0))), ask(metadata(5, "~t")), fetched(0))
}

func txnProduceSequences(b *book, v int16) {
	with := func(what string, parts ...any) { b.inTxn("Produce", v)("txn/"+what, parts...) }
	o := owner(1, 0)
	with("first-sequence-above-zero", begins(v), txnProduce(v, o, 5, "a"), fetched(0))
	with("gap", begins(v), txnProduce(v, o, 0, "a"), txnProduce(v, o, 2, "c"), fetched(0))
	with("duplicate", begins(v), txnProduce(v, o, 0, "a"), txnProduce(v, o, 0, "a"), fetched(0))
	with("idempotent-record-in-a-transaction", begins(v), txnProduce(v, o, 0, "a"), ask(produceTo(v, "t", 0, sequenced(1, 0, 1, "b"))), fetched(0), fetchedCommitted())
	with("idempotent-records-before", topic("t", 2), initialized(), did(addPartitions(3, o, partitions{"t": {0}})), ask(produceTo(v, "t", 0, sequenced(1, 0, 0, "a"))), txnProduce(v, o, 1, "b"), fetched(0), fetchedCommitted())
	with("compressed", begins(v), txnProduceTo(v, o, "t", 0, batch{records: values("a", "b"), codec: 3, attributes: transactional, producer: &producer{number: 1}}), fetched(0))
}

// txnProduceAfterEnd writes behind the end of a transaction, as a request that was late on its way does.
func txnProduceAfterEnd(b *book, v int16) {
	with := func(what string, parts ...any) { b.inTxn("Produce", v)("txn/after-end/"+what, parts...) }
	see := describeTxns(txnID)
	with("old-end", opened(1), did(endTxn(4, owner(1, 0), true)), completed(), txnProduce(v, owner(1, 0), 1, "b"), see, fetched(0))
	with("new-end-old-epoch", opened(2), did(endTxn(5, owner(1, 0), true)), completed(), txnProduce(v, owner(1, 0), 1, "b"), see, fetched(0))
	with("new-end-new-epoch", opened(2), did(endTxn(5, owner(1, 0), true)), completed(), later(txnProduce(v, owner(1, 1), 0, "b")), see, fetched(0))
	with("new-end-new-epoch-wrong-sequence", opened(2), did(endTxn(5, owner(1, 0), true)), completed(), later(txnProduce(v, owner(1, 1), 1, "b")), see, fetched(0))
	with("new-abort-duplicate", opened(2), did(endTxn(5, owner(1, 0), false)), completed(), txnProduce(v, owner(1, 0), 0, "a"), see, fetched(0))
	with("old-abort-duplicate", opened(1), did(endTxn(4, owner(1, 0), false)), completed(), txnProduce(v, owner(1, 0), 0, "a"), see, fetched(0))
	with("fenced-by-init", opened(2), did(initTxn(5)), completed(), txnProduce(v, owner(1, 0), 1, "b"), see, fetched(0))
	with("added-but-never-written", topic("t", 2), initialized(), did(addPartitions(3, owner(1, 0), partitions{"t": {0}})), did(endTxn(4, owner(1, 0), true)), completed(), txnProduce(v, owner(1, 0), 0, "a"), see, fetched(0))
	with("added-but-never-written-2", topic("t", 2), initialized(), did(addPartitions(3, owner(1, 0), partitions{"t": {0}})), did(endTxn(5, owner(1, 0), false)), completed(), txnProduce(v, owner(1, 0), 0, "a"), see, fetched(0))
}

// txnProduceInterleaved lets two transactions write to one partition.
func txnProduceInterleaved(b *book, v int16) {
	with := func(what string, parts ...any) { b.inTxn("Produce", v)("txn/two-producers/"+what, parts...) }
	x, y := owner(1, 0), owner(2, 0).of("~y")
	end := enderOf(v)
	both := steps(topic("t", 1), initialized(), initialized(initID("~y")))
	if v < 12 {
		both = append(both, did(addPartitions(3, x, partitions{"t": {0}})), did(addPartitions(3, y, partitions{"t": {0}})))
	}
	write := func(o txnOwner, sequence int32, vs ...string) script.Ask {
		return txnProduceTo(v, o, "t", 0, txnBatch(o, sequence, vs...))
	}
	stable := ask(listOffsets(7, "t", 0, -1, func(_ *script.Run, req *kmsg.ListOffsetsRequest) { req.IsolationLevel = 1 }))
	with("first-commits-first", both, write(x, 0, "x1"), write(y, 0, "y1"), write(x, 1, "x2"), stable, did(endTxn(end, x, true)), completed(), stable, fetchedCommitted(),
		did(endTxn(end, y, true)), txnIs("~y", "CompleteCommit"), stable, fetchedCommitted())
	with("second-commits-first", both, write(x, 0, "x1"), write(y, 0, "y1"), did(endTxn(end, y, true)), txnIs("~y", "CompleteCommit"), stable, fetchedCommitted(), did(endTxn(end, x, true)), completed(), stable, fetchedCommitted())
	with("second-aborts", both, write(x, 0, "x1"), write(y, 0, "y1"), write(x, 1, "x2"), did(endTxn(end, y, false)), txnIs("~y", "CompleteAbort"), did(endTxn(end, x, true)), completed(), stable, fetchedCommitted(), fetched(0))
	with("both-abort", both, write(x, 0, "x1"), write(y, 0, "y1"), did(endTxn(end, y, false)), txnIs("~y", "CompleteAbort"), stable, fetchedCommitted(), did(endTxn(end, x, false)), completed(), stable, fetchedCommitted())
	with("plain-records-between", both, write(x, 0, "x1"), wrote("t", 0, plain("p1")), write(y, 0, "y1"), stable, fetchedCommitted(), did(endTxn(end, x, false)), completed(), wrote("t", 0, plain("p2")), stable, fetchedCommitted())
	with("as-seen-by-describe-producers", both, write(x, 0, "x1"), write(y, 0, "y1"), write(y, 1, "y2"), ask(describeProducers("~t", 0)), did(endTxn(end, x, true)), completed(), ask(describeProducers("~t", 0)))
}
