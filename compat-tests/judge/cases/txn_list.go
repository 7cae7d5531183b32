package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// txnListCases are about what admin tools see of transactions.
func txnListCases(b *book) {
	describeTxnCases(b)
	for _, v := range versions(0, 2) {
		listTxnEveryVersion(b, v)
	}
	listTxnFilters(b)
}

func describeTxnCases(b *book) {
	with := b.inTxn("DescribeTransactions", 0)
	see := describeTxns(txnID)
	with("unknown", see)
	with("empty-id", describeTxns(""))
	with("none", describeTxns())
	with("several", coordinated("~y", "~z"), initialized(), initialized(initID("~y"), initTimeout(5000)), describeTxns("~y", txnID, "~z"))
	with("same-twice", initialized(), describeTxns(txnID, txnID))
	with("open-1", opened(1), see)
	with("open-2", opened(2), see)
	with("several-partitions", topic("t", 3), topic("u", 1), ready("g"), initialized(), did(addPartitions(3, owner(1, 0), partitions{"t": {2, 0}, "u": {0}})), see)
	for _, commit := range []bool{true, false} {
		what := map[bool]string{true: "committed", false: "aborted"}[commit]
		with(what+"-1", opened(1), did(endTxn(4, owner(1, 0), commit)), completed(), see)
		with(what+"-2", opened(2), did(endTxn(5, owner(1, 0), commit)), completed(), see)
	}
	with("fenced", opened(2), did(initTxn(4)), completed(), see)
	with("next-open", opened(2), did(endTxn(5, owner(1, 0), true)), completed(), did(txnProduceTo(12, owner(1, 1), "t", 1, txnBatch(owner(1, 1), 0, "b"))), see)
}

// threeTxns makes an open transaction of x, a committed one of y and an id z that never had one.
func threeTxns() []script.Step {
	y := owner(2, 0).of("~y")
	return steps(opened(2), initialized(initID("~y")), did(txnProduceTo(12, y, "t", 1, txnBatch(y, 0, "b"))), did(endTxn(5, y, true)), txnIs("~y", "CompleteCommit"), initialized(initID("~z")))
}

func listTxnEveryVersion(b *book, v int16) {
	with := b.inTxn("ListTransactions", v)
	with("none", listTxns(v))
	with("all", threeTxns(), listTxns(v))
	for _, state := range []string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence", "ongoing", "Nonsense", ""} {
		with("state="+state, threeTxns(), listTxns(v, txnStates(state)))
	}
	with("states", threeTxns(), listTxns(v, txnStates("Empty", "Ongoing")))
	with("states-twice", threeTxns(), listTxns(v, txnStates("Empty", "Empty")))
	with("states-known-and-unknown", threeTxns(), listTxns(v, txnStates("Nonsense", "Ongoing", "Other")))
	with("producer", threeTxns(), listTxns(v, txnProducers(owner(2, 0))))
	with("producers", threeTxns(), listTxns(v, txnProducers(owner(2, 0), owner(1, 0), owner(1, 0))))
	with("unknown-producer", threeTxns(), listTxns(v, txnProducers(foreign(4_000_000_000, 0))))
	with("producer-minus-1", threeTxns(), listTxns(v, txnProducers(foreign(-1, 0))))
	with("producer-and-state", threeTxns(), listTxns(v, txnProducers(owner(2, 0), owner(1, 0)), txnStates("Ongoing")))
	with("producer-and-other-state", threeTxns(), listTxns(v, txnProducers(owner(2, 0)), txnStates("Ongoing")))
}

func listTxnFilters(b *book) {
	for _, v := range versions(1, 2) {
		with := b.inTxn("ListTransactions", v)
		for _, ms := range []int64{-2, 0, 3_600_000, 9223372036854775807, -9223372036854775808} {
			with("longer-than="+itoa(ms), threeTxns(), listTxns(v, txnLongerThan(ms)))
		}
		with("longer-than-and-state", threeTxns(), listTxns(v, txnLongerThan(3_600_000), txnStates("Ongoing")))
	}
	with := b.inTxn("ListTransactions", 2)
	for what, pattern := range map[string]string{
		"all": "~.*", "one": "~x", "prefix-only": "~", "two": "~[xy]", "none": "~q.*", "any-place": ".*y", "end": "y", "empty": "", "bad": "[", "bad-group": "(", "lookahead": "~(?!x).*",
		"ignoring-case": "(?i)~X", "quoted": `\Q`, "possessive": "~x*+", "posix-class": `~\p{Lower}`, "backreference": `~(x)?\1`, "anchored": "^~x$", "huge": longText(5000),
	} {
		with("pattern/"+what, threeTxns(), listTxns(2, txnPattern(pattern)))
	}
	with("pattern-and-state", threeTxns(), listTxns(2, txnPattern("~.*"), txnStates("Ongoing")))
	with("pattern-and-producer", threeTxns(), listTxns(2, txnPattern("~x"), txnProducers(owner(2, 0))))
	with("all-filters", threeTxns(), listTxns(2, txnPattern("~x"), txnProducers(owner(1, 0)), txnStates("Ongoing"), txnLongerThan(0)))
}

// txnCoordinatorCases are about who coordinates a transactional id.
func txnCoordinatorCases(b *book) {
	for _, v := range versions(1, 6) {
		with := b.inTxn("FindCoordinator", v)
		with("txn/id", ask(findCoordinator(v, 1, txnID)))
		with("txn/empty-id", coordinated(""), ask(findCoordinator(v, 1, "")))
		with("txn/long-id", ask(findCoordinator(v, 1, longText(1000))))
		if v >= 4 {
			with("txn/two", ask(findCoordinator(v, 1, txnID, "~y")))
			with("txn/same-twice", ask(findCoordinator(v, 1, txnID, txnID)))
			with("txn/none", ask(findCoordinator(v, 1)))
		}
	}
	const name = "__transaction_state"
	b.inTxn("Metadata", 12)("txn/internal-topic", ask(metadata(12, name)))
	b.inTxn("DescribeConfigs", 4)("txn/internal-topic", ask(describeConfigs(4, onTopic, name, "cleanup.policy", "compression.type", "segment.bytes", "min.insync.replicas", "unclean.leader.election.enable")))
	b.inTxn("Produce", 12)("txn/internal-topic", ask(produceTo(12, "", 0, keyed("k", "v"), func(_ *script.Run, req *kmsg.ProduceRequest) { req.Topics[0].Topic = name })))
	b.inTxn("DeleteRecords", 2)("txn/internal-topic", ask(func(r *script.Run) kmsg.Request {
		req := deleteRecords(2, "", 0, 0)(r)
		if d, ok := req.(*kmsg.DeleteRecordsRequest); ok {
			d.Topics[0].Topic = name
		}
		return req
	}))
	b.in("first-txn", func() {
		b.add("FindCoordinator", 4, "txn/first-of-all", ask(findCoordinator(4, 1, txnID)))
	})
}
