package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// txnCases are about transactions.
func txnCases(b *book) {
	b.in("txn", func() {
		for _, add := range []func(*book){
			txnInitCases, txnPartitionCases, txnOffsetCases, txnEndCases, txnMarkerCases, txnListCases, txnProduceCases, txnFetchCases, txnCoordinatorCases,
		} {
			add(b)
		}
	})
	txnTimerCases(b)
	txnVersionCases(b)
	txnEpochCases(b)
}

// inTxn adds cases, each of which begins with a coordinator for x.
func (b *book) inTxn(api string, version int16) func(what string, parts ...any) {
	return func(what string, parts ...any) {
		b.add(api, version, what, steps(append([]any{coordinated(txnID)}, parts...)...)...)
	}
}

func txnInitCases(b *book) {
	for _, v := range versions(0, 5) {
		initEveryVersion(b, v)
		if v >= 3 {
			initWithID(b, v)
		}
	}
	initIDs(b)
	initDuringTransactions(b)
}

func initEveryVersion(b *book, v int16) {
	with := b.inTxn("InitProducerID", v)
	see := describeTxns(txnID)
	with("txn/new", initTxn(v), see)
	with("txn/again-raises-the-epoch", initTxn(v), initTxn(v), initTxn(v), see)
	for _, ms := range []int32{0, -1, -2147483648, 900_001, 2147483647} {
		with("txn/timeout="+itoa(ms), initTxn(v, initTimeout(ms)), see)
	}
	for _, ms := range []int32{1, 900_000} {
		with("txn/timeout="+itoa(ms), initTxn(v, initTimeout(ms)), see)
	}
	with("txn/other-timeout", initTxn(v), initTxn(v, initTimeout(30_000)), see)
	with("txn/bad-timeout-of-a-known-id", initTxn(v), initTxn(v, initTimeout(0)), see)
	with("txn/two-ids", coordinated("~y"), initTxn(v), initTxn(v, initID("~y")))
	with("txn/fences-an-open-transaction", opened(1), initTxn(v), completed(), initTxn(v), see, fetched(0), fetchedCommitted())
}

// initWithID is about clients that name the id and epoch they had.
func initWithID(b *book, v int16) {
	with := b.inTxn("InitProducerID", v)
	see := describeTxns(txnID)
	with("txn/own-epoch", initialized(), initTxn(v, initAs(owner(1, 0))), see)
	with("txn/own-epoch-again-is-a-retry", initialized(), initTxn(v, initAs(owner(1, 0))), initTxn(v, initAs(owner(1, 0))), see)
	with("txn/old-epoch", initialized(), initialized(), initialized(), initTxn(v, initAs(owner(1, 0))), see)
	with("txn/last-epoch-without-raising-it-before", initialized(), initialized(), initTxn(v, initAs(owner(1, 0))), see)
	with("txn/future-epoch", initialized(), initTxn(v, initAs(owner(1, 5))), see)
	with("txn/foreign-id", initialized(), initTxn(v, initAs(foreign(4_000_000_000, 0))), see)
	with("txn/id-of-another", initialized(), coordinated("~y"), initialized(initID("~y")), initTxn(v, initAs(owner(2, 0))), see)
	with("txn/id-of-an-unknown-transactional-id", initTxn(v, initAs(foreign(4_000_000_000, 3))), see)
	with("txn/id-without-epoch", initialized(), initTxn(v, initAs(owner(1, -1))), see)
	with("txn/epoch-without-id", initialized(), initTxn(v, initAs(foreign(-1, 0))), see)
	with("txn/id-below-minus-1", initialized(), initTxn(v, initAs(foreign(-2, 0))), see)
	with("txn/own-epoch-in-an-open-transaction", opened(1), initTxn(v, initAs(owner(1, 0))), completed(), see, initTxn(v, initAs(owner(1, 0))), see)
	with("txn/own-epoch-in-an-open-transaction-2", opened(2), initTxn(v, initAs(owner(1, 0))), completed(), see, initTxn(v, initAs(owner(1, 0))), see)
	with("txn/old-epoch-in-an-open-transaction", initialized(), topic("t", 1), initialized(), did(txnProduce(12, owner(1, 1), 0, "a")), initTxn(v, initAs(owner(1, 0))))
	with("txn/foreign-id-in-an-open-transaction", opened(2), initTxn(v, initAs(foreign(4_000_000_000, 0))), see)
	with("txn/after-the-end", opened(2), did(endTxn(5, owner(1, 0), true)), completed(), initTxn(v, initAs(owner(1, 0))), see)
	with("txn/after-the-end-with-the-new-epoch", opened(2), did(endTxn(5, owner(1, 0), true)), completed(), initTxn(v, initAs(owner(1, 1))), see)
}

func initIDs(b *book) {
	for _, v := range []int16{0, 2, 5} {
		with := b.inTxn("InitProducerID", v)
		long, blank := "~"+longText(300), "~ a b\n/ü"
		with("txn/long-id", coordinated(long), initTxn(v, initID(long)), describeTxns(long))
		with("txn/strange-id", coordinated(blank), initTxn(v, initID(blank)), describeTxns(blank))
		with("txn/empty-id", initTxn(v, initID("")))
		with("txn/empty-id-and-bad-timeout", initTxn(v, initID(""), initTimeout(0)))
	}
}

func initDuringTransactions(b *book) {
	see := describeTxns(txnID)
	for _, v := range []int16{1, 4, 5} {
		with := b.inTxn("InitProducerID", v)
		with("txn/fences-an-open-transaction-2", opened(2), initTxn(v), completed(), see, initTxn(v), see, fetched(0), fetchedCommitted())
		with("txn/fenced-while-open", opened(2), did(initTxn(v)), txnProduce(12, owner(1, 0), 1, "b"), endTxn(5, owner(1, 0), true), addPartitions(3, owner(1, 0), partitions{"t": {0}}))
		with("txn/bad-timeout-in-an-open-transaction", opened(2), initTxn(v, initTimeout(900_001)), see)
		with("txn/after-a-commit", opened(1), did(endTxn(4, owner(1, 0), true)), completed(), initTxn(v), see)
		with("txn/after-an-abort", opened(1), did(endTxn(4, owner(1, 0), false)), completed(), initTxn(v), see)
		with("txn/after-a-commit-2", opened(2), did(endTxn(5, owner(1, 0), true)), completed(), initTxn(v), see)
		with("txn/after-an-abort-2", opened(2), did(endTxn(5, owner(1, 0), false)), completed(), initTxn(v), see)
		with("txn/during-added-partitions-without-records", topic("t", 2), initialized(), did(addPartitions(3, owner(1, 0), partitions{"t": {0, 1}})), initTxn(v), completed(), initTxn(v), see, fetched(0), fetched(1))
		with("txn/idempotent-id-is-another", initTxn(v), initTxn(v, func(_ *script.Run, req *kmsg.InitProducerIDRequest) { req.TransactionalID = nil }))
	}
}
