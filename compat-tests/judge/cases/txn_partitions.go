package cases

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

func txnPartitionCases(b *book) {
	for _, v := range versions(0, 5) {
		addEveryVersion(b, v)
		addMisuse(b, v)
	}
	for _, v := range versions(4, 5) {
		addInBatches(b, v)
		verifyMembership(b, v)
	}
	addMany(b)
}

func addEveryVersion(b *book, v int16) {
	with := b.inTxn("AddPartitionsToTxn", v)
	see := describeTxns(txnID)
	t := topic("t", 3)
	add := func(o txnOwner, ps ...int32) script.Ask { return addPartitions(v, o, partitions{"t": ps}) }
	with("one", t, initialized(), add(owner(1, 0), 0), see)
	with("two-partitions", t, initialized(), add(owner(1, 0), 0, 2), see)
	with("two-topics", t, topic("u", 1), initialized(), addPartitions(v, owner(1, 0), partitions{"t": {1}, "u": {0}}), see)
	with("again", t, initialized(), add(owner(1, 0), 0), add(owner(1, 0), 0), see)
	with("more", t, initialized(), add(owner(1, 0), 0), add(owner(1, 0), 1, 0), see)
	with("partition-twice", t, initialized(), add(owner(1, 0), 0, 0), see)
	with("next-transaction", t, initialized(), did(add(owner(1, 0), 0)), did(endTxn(4, owner(1, 0), true)), completed(), add(owner(1, 0), 1), see)
	with("next-transaction-2", t, initialized(), did(add(owner(1, 0), 0)), did(endTxn(5, owner(1, 0), true)), completed(), add(owner(1, 1), 1), see)
	with("no-partitions", t, initialized(), add(owner(1, 0)), see)
	with("no-topics", t, initialized(), addPartitions(v, owner(1, 0), nil), see)
	with("unknown-topic", t, initialized(), addPartitions(v, owner(1, 0), partitions{"missing": {0}}), see)
	with("one-of-two-unknown", t, initialized(), addPartitions(v, owner(1, 0), partitions{"missing": {0}, "t": {0}}), see)
	with("unknown-partition", t, initialized(), add(owner(1, 0), 3), see)
	with("negative-partition", t, initialized(), add(owner(1, 0), -1), see)
	with("one-of-two-partitions-unknown", t, initialized(), add(owner(1, 0), 0, 3), see)
}

func addMisuse(b *book, v int16) {
	with := b.inTxn("AddPartitionsToTxn", v)
	see := describeTxns(txnID)
	t := topic("t", 3)
	add := func(o txnOwner) script.Ask { return addPartitions(v, o, partitions{"t": {0}}) }
	with("unknown-id", t, add(foreign(4_000_000_000, 0)), see)
	with("empty-id", t, initialized(), add(owner(1, 0).of("")))
	with("foreign-producer", t, initialized(), add(foreign(4_000_000_000, 0)), see)
	with("producer-of-another", t, initialized(), initialized(initID("~y")), add(owner(2, 0)))
	with("negative-producer", t, initialized(), add(foreign(-1, -1)))
	with("old-epoch", t, initialized(), initialized(), add(owner(1, 0)), see)
	with("future-epoch", t, initialized(), add(owner(1, 1)), see)
	with("negative-epoch", t, initialized(), add(owner(1, -1)))
	with("old-epoch-and-unknown-topic", t, initialized(), initialized(), addPartitions(v, owner(1, 0), partitions{"missing": {0}, "t": {0}}))
	with("unknown-id-and-unknown-topic", t, addPartitions(v, foreign(4_000_000_000, 0), partitions{"missing": {0}}))
	with("old-epoch-after-a-transaction-2", opened(2), did(endTxn(5, owner(1, 0), true)), completed(), add(owner(1, 0)), see)
	with("old-epoch-in-an-open-transaction", t, initialized(), initialized(), did(add(owner(1, 1))), add(owner(1, 0)), see)
	with("after-fencing", opened(2), did(initTxn(4)), add(owner(1, 0)), add(owner(1, 1)), see)
	with("internal-topic", t, ready("g"), initialized(), ask(func(r *script.Run) kmsg.Request {
		req := addPartitionsRequest(v, false, owner(1, 0), partitions{"t": {0}})(r)
		if add, ok := req.(*kmsg.AddPartitionsToTxnRequest); ok {
			if v >= 4 {
				add.Transactions[0].Topics[0].Topic = internalTopic
			} else {
				add.Topics[0].Topic = internalTopic
			}
		}
		return req
	}), see)
}

// addInBatches is about the form of brokers, in which a request is about several transactions.
func addInBatches(b *book, v int16) {
	with := b.inTxn("AddPartitionsToTxn", v)
	t := topic("t", 3)
	two := steps(t, initialized(), initialized(initID("~y")))
	one := func(o txnOwner) func(r *script.Run) kmsg.Request {
		return addPartitionsRequest(v, false, o, partitions{"t": {0}})
	}
	with("two-transactions", two, ask(alsoTransaction(one(owner(1, 0)), false, owner(2, 0).of("~y"), partitions{"t": {1}})), describeTxns(txnID, "~y"))
	with("two-transactions-one-bad", two, ask(alsoTransaction(one(owner(1, 0)), false, owner(1, 0).of("~y"), partitions{"t": {1}})), describeTxns(txnID, "~y"))
	with("two-transactions-of-one-id", two, ask(alsoTransaction(one(owner(1, 0)), false, owner(1, 0), partitions{"t": {1}})), describeTxns(txnID))
	with("one-verified-one-added", two, ask(alsoTransaction(one(owner(1, 0)), true, owner(2, 0).of("~y"), partitions{"t": {1}})), describeTxns(txnID, "~y"))
	with("no-transactions", ask(func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrAddPartitionsToTxnRequest()
		req.Version = v
		return req
	}))
}

// verifyMembership asks without adding.
func verifyMembership(b *book, v int16) {
	with := func(what string, parts ...any) { b.inTxn("AddPartitionsToTxn", v)("verify/"+what, parts...) }
	see := describeTxns(txnID)
	t := topic("t", 3)
	verify := func(o txnOwner, ps ...int32) script.Ask { return verifyPartitions(v, o, partitions{"t": ps}) }
	with("part", opened(1), verify(owner(1, 0), 0), see)
	with("part-2", opened(2), verify(owner(1, 0), 0), see)
	with("not-part", opened(1), verify(owner(1, 0), 1), see)
	with("one-of-two-is-part", opened(1), verify(owner(1, 0), 0, 1), see)
	with("without-transaction", t, initialized(), verify(owner(1, 0), 0), see)
	with("after-the-end", opened(1), did(endTxn(4, owner(1, 0), true)), completed(), verify(owner(1, 0), 0))
	with("after-the-end-2", opened(2), did(endTxn(5, owner(1, 0), true)), completed(), verify(owner(1, 0), 0), verify(owner(1, 1), 0))
	with("unknown-id", t, verify(foreign(4_000_000_000, 0), 0), see)
	with("empty-id", t, initialized(), verify(owner(1, 0).of(""), 0))
	with("foreign-producer", opened(1), verify(foreign(4_000_000_000, 0), 0))
	with("old-epoch", t, initialized(), initialized(), verify(owner(1, 0), 0))
	with("future-epoch", opened(1), verify(owner(1, 1), 0))
	with("unknown-topic", opened(1), verifyPartitions(v, owner(1, 0), partitions{"missing": {0}, "t": {0}}))
	with("unknown-partition", opened(1), verify(owner(1, 0), 7))
	with("no-topics", opened(1), verifyPartitions(v, owner(1, 0), nil))
}

// addMany is about transactions of many partitions.
func addMany(b *book) {
	const count = 400
	many := partitions{}
	for i := range int32(count) {
		many["t"] = append(many["t"], i)
	}
	for _, v := range []int16{3, 5} {
		b.inTxn("AddPartitionsToTxn", v)(fmt.Sprintf("%d-partitions-that-do-not-exist", count), topic("t", 1), initialized(), addPartitions(v, owner(1, 0), many), describeTxns(txnID))
	}
}
