package cases

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// txnTimerCases are about transactions that are left alone for too long.
func txnTimerCases(b *book) {
	short := func(what string, v int16, parts ...any) {
		b.inTxn("InitProducerID", v)("timeout/"+what, parts...)
	}
	see := describeTxns(txnID)
	left := func(version int) []script.Step {
		first := steps(topic("t", 2), initialized(initTimeout(300)))
		if version == 2 {
			return steps(first, did(txnProduce(12, owner(1, 0), 0, "a")), txnIs(txnID, "CompleteAbort"))
		}
		return steps(first, did(addPartitions(3, owner(1, 0), partitions{"t": {0}})), did(txnProduce(11, owner(1, 0), 0, "a")), txnIs(txnID, "CompleteAbort"))
	}
	b.in("txn-timers", func() {
		for _, v := range []int16{1, 3, 5} {
			short("above-the-maximum", v, initTxn(v, initTimeout(10_001)))
			short("the-maximum", v, initTxn(v, initTimeout(10_000)))
			short("then-init", v, left(1), see, initTxn(v), see)
			short("then-init-2", v, left(2), see, initTxn(v), see)
		}
		for _, v := range []int16{3, 5} {
			short("then-init-with-own-epoch", v, left(1), initTxn(v, initAs(owner(1, 0))), see)
			short("then-init-with-own-epoch-2", v, left(2), initTxn(v, initAs(owner(1, 0))), see)
		}
		for _, version := range []int{1, 2} {
			name, produce, end := "-"+itoa(version), int16(11), int16(4)
			if version == 2 {
				produce, end = 12, 5
			}
			after := func(api string, v int16, parts ...any) {
				b.inTxn(api, v)("timeout/after"+name, append([]any{left(version)}, parts...)...)
			}
			after("Fetch", 12, fetched(0), fetchedCommitted())
			after("DescribeProducers", 0, ask(describeProducers("~t", 0)))
			after("DescribeTransactions", 0, see)
			after("Produce", produce, txnProduce(produce, owner(1, 0), 1, "b"), fetched(0))
			after("EndTxn", end, endTxn(end, owner(1, 0), false), endTxn(end, owner(1, 0), true), endTxn(end, owner(1, 1), true), endTxn(end, owner(1, 1), false), completed(), see)
			after("AddPartitionsToTxn", 3, addPartitions(3, owner(1, 0), partitions{"t": {0}}), addPartitions(1, owner(1, 0), partitions{"t": {0}}))
			after("AddOffsetsToTxn", 3, addOffsets(3, owner(1, 0)), addOffsets(1, owner(1, 0)))
		}
		b.inTxn("TxnOffsetCommit", 3)("timeout/after", ready("g"), left(1), txnCommit(3, owner(1, 0)), txnCommit(5, owner(1, 0)), see)
		b.inTxn("DescribeTransactions", 0)("timeout/never-without-transaction", initialized(initTimeout(1)), paused(700*time.Millisecond), see)
	})
	b.in("txn-expiry", func() {
		b.inTxn("DescribeTransactions", 0)("expiry/empty", firstProducerGone(), initialized(), txnGone(txnID), see, initTxn(4), see)
		b.inTxn("DescribeTransactions", 0)("expiry/after-a-commit", firstProducerGone(), opened(1), did(endTxn(4, owner(1, 0), true)), txnGone(txnID), see, endTxn(4, owner(1, 0), true), addPartitions(3, owner(1, 0), partitions{"t": {0}}), initTxn(4, initAs(owner(1, 0))))
		b.inTxn("DescribeTransactions", 0)("expiry/after-an-abort-2", firstProducerGone(), opened(2), did(endTxn(5, owner(1, 0), false)), txnGone(txnID), see, endTxn(5, owner(1, 0), true), txnProduce(12, owner(1, 1), 0, "b"), initTxn(5))
		b.inTxn("DescribeTransactions", 0)("expiry/never-in-a-transaction", firstProducerGone(), opened(2), paused(2500*time.Millisecond), see)
	})
}

// firstProducerGone gives producer ID 0 away, if it isn't: it is also what stands in an answer about nobody.
func firstProducerGone() script.Setup {
	return func(r *script.Run) error {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.Version = 4
		_, err := r.Repeat(raisingConn, "judge", req, 1)
		return err
	}
}

// paused waits. Only for cases about something that must not happen.
func paused(d time.Duration) script.Setup {
	return func(r *script.Run) error {
		select {
		case <-time.After(d):
			return nil
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
}

// txnGone waits until a transactional id was forgotten.
func txnGone(id string) script.Setup {
	return func(r *script.Run) error {
		return r.Poll(func() (bool, error) {
			state, err := describedTxn(r, id)
			return state.State == "" && err == nil, err
		})
	}
}
