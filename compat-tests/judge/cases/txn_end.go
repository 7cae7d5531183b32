package cases

import "github.com/clatterhq/clatter/compat-tests/judge/script"

func txnEndCases(b *book) {
	for _, v := range versions(0, 5) {
		endEveryVersion(b, v)
		endMisuse(b, v)
	}
	for _, v := range versions(0, 4) {
		endOldRetries(b, v)
	}
	endNewRetries(b)
	endMixed(b)
}

// second is the epoch of a producer's second transaction where a request of a version ended the first one.
func second(v int16) int16 {
	if v >= 5 {
		return 1
	}
	return 0
}

func endEveryVersion(b *book, v int16) {
	with := b.inTxn("EndTxn", v)
	see := describeTxns(txnID)
	for _, commit := range []bool{true, false} {
		what := map[bool]string{true: "commit", false: "abort"}[commit]
		with(what, opened(1), endTxn(v, owner(1, 0), commit), completed(), see, fetched(0), fetchedCommitted(), ask(listOffsets(7, "t", 0, -1)), ask(describeProducers("~t", 0)))
		with(what+"-of-implicitly-added", opened(2), endTxn(v, owner(1, 0), commit), completed(), see, fetched(0), fetchedCommitted())
		with(what+"-two-partitions", opened(1), did(addPartitions(3, owner(1, 0), partitions{"t": {1}})), endTxn(v, owner(1, 0), commit), completed(), fetched(0), fetched(1))
		with(what+"-without-records", topic("t", 1), initialized(), did(addPartitions(3, owner(1, 0), partitions{"t": {0}})), endTxn(v, owner(1, 0), commit), completed(), see, fetched(0))
		with(what+"-without-transaction", initialized(), endTxn(v, owner(1, 0), commit), see)
		with(what+"-after-the-topic-was-deleted", opened(1), deleted("t"), gone("t"), endTxn(v, owner(1, 0), commit), completed(), see)
		with(what+"-after-the-topic-was-recreated", opened(1), deleted("t"), recreated("t", 2), endTxn(v, owner(1, 0), commit), completed(), see, fetched(0))
	}
	with("two-transactions", opened(1), endTxn(v, owner(1, 0), true), completed(), later(addPartitions(3, owner(1, second(v)), partitions{"t": {0}})),
		did(txnProduce(11, owner(1, second(v)), int32(1-second(v)), "b")), endTxn(v, owner(1, second(v)), false), completed(), see, fetched(0), fetchedCommitted())
	with("old-epoch-in-records-after-the-end", opened(1), did(endTxn(v, owner(1, 0), true)), completed(), txnProduce(11, owner(1, 0), 1, "b"), txnProduce(12, owner(1, 0), 1, "b"), fetched(0))
}

func endMisuse(b *book, v int16) {
	with := b.inTxn("EndTxn", v)
	see := describeTxns(txnID)
	with("unknown-id", endTxn(v, foreign(4_000_000_000, 0), true), see)
	with("empty-id", opened(1), endTxn(v, owner(1, 0).of(""), true))
	with("foreign-producer", opened(1), endTxn(v, foreign(4_000_000_000, 0), true), see)
	with("producer-of-another", opened(1), initialized(initID("~y")), endTxn(v, owner(2, 0), true))
	with("negative-producer", opened(1), endTxn(v, foreign(-1, 0), true))
	with("old-epoch", initialized(), initialized(), endTxn(v, owner(1, 0), true), see)
	with("old-epoch-in-an-open-transaction", topic("t", 1), initialized(), initialized(), did(txnProduce(12, owner(1, 1), 0, "a")), endTxn(v, owner(1, 0), true), endTxn(v, owner(1, 0), false), see)
	with("future-epoch", opened(1), endTxn(v, owner(1, 1), true), see)
	with("negative-epoch", opened(1), endTxn(v, owner(1, -1), true), see)
	with("after-fencing", opened(2), did(initTxn(4)), endTxn(v, owner(1, 0), true), endTxn(v, owner(1, 0), false), see)
	with("after-fencing-1", opened(1), did(initTxn(4)), endTxn(v, owner(1, 0), true), endTxn(v, owner(1, 0), false), see)
}

// endOldRetries repeats an end in the versions that leave the epoch alone.
func endOldRetries(b *book, v int16) {
	with := func(what string, parts ...any) { b.inTxn("EndTxn", v)("retry/"+what, parts...) }
	end := func(commit bool) script.Ask { return endTxn(v, owner(1, 0), commit) }
	see := describeTxns(txnID)
	with("commit", opened(1), did(end(true)), completed(), end(true), end(true), see, fetched(0))
	with("abort", opened(1), did(end(false)), completed(), end(false), end(false), see, fetched(0))
	with("abort-after-commit", opened(1), did(end(true)), completed(), end(false), see)
	with("commit-after-abort", opened(1), did(end(false)), completed(), end(true), see)
	with("after-a-new-epoch", opened(1), did(end(true)), completed(), initialized(), end(true), endTxn(v, owner(1, 1), true), endTxn(v, owner(1, 1), false), see)
	with("in-the-next-transaction", opened(1), did(end(true)), completed(), did(addPartitions(3, owner(1, 0), partitions{"t": {1}})), end(true), completed(), see, fetched(1))
}

// endNewRetries repeats an end in version 5, which raises the epoch: the old one is still answered.
func endNewRetries(b *book) {
	with := func(what string, parts ...any) { b.inTxn("EndTxn", 5)("retry/"+what, parts...) }
	end := func(epoch int16, commit bool) script.Ask { return endTxn(5, owner(1, epoch), commit) }
	see := describeTxns(txnID)
	with("commit", opened(2), end(0, true), completed(), end(0, true), end(0, true), see, fetched(0))
	with("abort", opened(2), end(0, false), completed(), end(0, false), end(0, false), see, fetched(0))
	with("abort-after-commit", opened(2), end(0, true), completed(), end(0, false), see, fetched(0))
	with("commit-after-abort", opened(2), end(0, false), completed(), end(0, true), see, fetched(0))
	with("commit-without-transaction-after-commit", opened(2), end(0, true), completed(), end(1, true), see)
	with("abort-without-transaction-after-commit", opened(2), end(0, true), completed(), end(1, false), completed(), see, end(1, false), see)
	with("abort-without-transaction-after-abort", opened(2), end(0, false), completed(), end(1, false), completed(), see, end(1, false), completed(), see)
	with("commit-without-transaction-after-abort", opened(2), end(0, false), completed(), end(1, true), see)
	with("abort-twice-without-transaction", initialized(), end(0, false), completed(), see, end(0, false), see, end(1, false), completed(), see)
	with("abort-then-commit-without-transaction", initialized(), end(0, false), completed(), end(1, true), see, end(0, true), see)
	with("in-the-next-transaction", opened(2), end(0, true), completed(), did(txnProduce(12, owner(1, 1), 0, "b")), end(0, true), end(0, false), see, end(1, true), completed(), see, fetchedCommitted())
	with("of-the-last-but-one", opened(2), end(0, true), completed(), did(txnProduce(12, owner(1, 1), 0, "b")), end(1, true), completed(), end(0, true), see)
	with("after-init", opened(2), end(0, true), completed(), initialized(), end(0, true), end(1, true), end(2, true), end(2, false), completed(), see)
	with("abort-after-fencing-completed", opened(2), did(initTxn(5)), completed(), see, end(0, false), end(0, true), end(1, false), see)
	with("abort-after-fencing-and-init", opened(2), initTxn(5), completed(), initTxn(5), see, end(0, false), end(1, false), end(2, false), completed(), see)
}

// endMixed changes the version of the client between transactions, as a rolled back release does.
func endMixed(b *book) {
	with := func(v int16, what string, parts ...any) { b.inTxn("EndTxn", v)("mixed/"+what, parts...) }
	see := describeTxns(txnID)
	with(5, "new-end-after-old-begin", opened(1), endTxn(5, owner(1, 0), true), completed(), see, later(txnProduce(12, owner(1, 1), 0, "b")), endTxn(5, owner(1, 1), true), completed(), fetched(0))
	with(4, "old-end-after-new-begin", opened(2), endTxn(4, owner(1, 0), true), completed(), see, later(addPartitions(3, owner(1, 0), partitions{"t": {0}})), txnProduce(11, owner(1, 0), 1, "b"), endTxn(4, owner(1, 0), true), completed(), fetched(0))
	with(4, "old-retry-of-a-new-end", opened(2), endTxn(5, owner(1, 0), true), completed(), endTxn(4, owner(1, 0), true), endTxn(4, owner(1, 1), true), endTxn(4, owner(1, 1), false), see)
	with(5, "new-retry-of-an-old-end", opened(1), endTxn(4, owner(1, 0), true), completed(), endTxn(5, owner(1, 0), true), completed(), endTxn(5, owner(1, 0), false), see)
	with(5, "new-retry-of-an-old-abort", opened(1), endTxn(4, owner(1, 0), false), completed(), endTxn(5, owner(1, 0), false), completed(), see, endTxn(5, owner(1, 0), false), see)
	with(4, "old-then-new-then-old", opened(1), endTxn(4, owner(1, 0), true), completed(), later(txnProduce(12, owner(1, 0), 1, "b")), endTxn(5, owner(1, 0), true), completed(),
		later(addPartitions(3, owner(1, 1), partitions{"t": {0}})), txnProduce(11, owner(1, 1), 0, "c"), endTxn(4, owner(1, 1), false), completed(), see, fetched(0), fetchedCommitted())
}
