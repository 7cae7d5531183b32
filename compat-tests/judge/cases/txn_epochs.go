package cases

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// lastTxnEpoch is the last epoch that a producer may have: the one behind it is kept for fencing.
const lastTxnEpoch = 32766

// txnEpochCases are about producers that run out of epochs.
func txnEpochCases(b *book) {
	see := describeTxns(txnID)
	exhausted := func(api string, v int16, what string, epoch int16, parts ...any) {
		b.inTxn(api, v)("exhausted/"+what, append([]any{raised(epoch)}, parts...)...)
	}
	begun := steps(topic("t", 2), did(txnProduce(12, owner(1, lastTxnEpoch), 0, "a")))
	begun1 := steps(topic("t", 2), did(addPartitions(3, owner(1, lastTxnEpoch), partitions{"t": {0}})), did(txnProduce(11, owner(1, lastTxnEpoch), 0, "a")))
	b.in("txn-epochs", func() {
		exhausted("InitProducerID", 5, "anew", lastTxnEpoch-1, initTxn(5), see, initTxn(5), see,
			initTxn(5, initAs(owner(1, lastTxnEpoch))), see, initTxn(5, initAs(owner(2, 0))), see)
		exhausted("InitProducerID", 4, "own-epoch", lastTxnEpoch, initTxn(4, initAs(owner(1, lastTxnEpoch))), see,
			initTxn(4, initAs(owner(1, lastTxnEpoch))), see, initTxn(4, initAs(owner(2, 0))), see, initTxn(4, initAs(owner(1, lastTxnEpoch))))
		exhausted("InitProducerID", 5, "open-2", lastTxnEpoch, begun, later(initTxn(5)), completed(), see, initTxn(5), see,
			endTxn(5, owner(1, lastTxnEpoch), true), txnProduce(12, owner(1, lastTxnEpoch), 1, "b"), fetchedCommitted())
		exhausted("InitProducerID", 4, "open", lastTxnEpoch, begun1, initTxn(4), completed(), initTxn(4), see, initTxn(4, initAs(owner(1, lastTxnEpoch))))
		exhausted("EndTxn", 5, "commit", lastTxnEpoch, begun, endTxn(5, owner(1, lastTxnEpoch), true), completed(), see, endTxn(5, owner(1, lastTxnEpoch), true),
			endTxn(5, owner(1, lastTxnEpoch), false), txnProduce(12, owner(1, lastTxnEpoch), 1, "b"), txnProduce(12, owner(2, 0), 0, "c"),
			endTxn(5, owner(1, lastTxnEpoch), true), endTxn(5, owner(2, 0), true), completed(), see, fetchedCommitted())
		exhausted("EndTxn", 5, "abort", lastTxnEpoch, begun, endTxn(5, owner(1, lastTxnEpoch), false), completed(), see, endTxn(5, owner(1, lastTxnEpoch), false),
			initTxn(5, initAs(owner(1, lastTxnEpoch))), see)
		exhausted("EndTxn", 5, "abort-nothing", lastTxnEpoch, endTxn(5, owner(1, lastTxnEpoch), false), completed(), see, endTxn(5, owner(1, lastTxnEpoch), false), see)
		exhausted("EndTxn", 4, "commit", lastTxnEpoch, begun1, endTxn(4, owner(1, lastTxnEpoch), true), completed(), see, endTxn(4, owner(1, lastTxnEpoch), true),
			addPartitions(3, owner(1, lastTxnEpoch), partitions{"t": {1}}), endTxn(4, owner(1, lastTxnEpoch), true), completed(), initTxn(4), see)
		late := steps(initialized(initTimeout(300)), begun, txnIs(txnID, "CompleteAbort"))
		exhausted("DescribeTransactions", 0, "timeout-2", lastTxnEpoch-1, late, endTxn(5, owner(1, lastTxnEpoch), true), endTxn(5, owner(1, lastTxnEpoch), false),
			txnProduce(12, owner(1, lastTxnEpoch), 1, "b"), see, initTxn(5), see)
		exhausted("InitProducerID", 5, "timeout-2", lastTxnEpoch-1, late, initTxn(5, initAs(owner(1, lastTxnEpoch))), see, initTxn(5, initAs(owner(1, lastTxnEpoch))), initTxn(5), see)
	})
}

// raisingConn is a connection for requests that don't wait for each other.
const raisingConn = 9

// raised gives x a producer with an epoch, by asking for a new one as often as that.
func raised(epoch int16) script.Setup {
	return func(r *script.Run) error {
		if err := errors.Join(firstProducerGone()(r), initialized()(r)); err != nil {
			return err
		}
		resp, err := r.Repeat(raisingConn, "judge", initRequest(5)(r), int(epoch))
		answer, ok := resp.(*kmsg.InitProducerIDResponse)
		if err != nil || !ok || answer.ProducerEpoch != epoch {
			return fmt.Errorf("init: %w: %w: %+v", errAnswer, err, answer)
		}
		return nil
	}
}
