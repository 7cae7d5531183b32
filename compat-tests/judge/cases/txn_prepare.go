package cases

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// notYet says whether an error means that the same request may succeed a moment later.
func notYet(code int16) bool {
	switch code {
	case kerr.ConcurrentTransactions.Code, kerr.CoordinatorNotAvailable.Code, kerr.CoordinatorLoadInProgress.Code, kerr.NotCoordinator.Code:
		return true
	default:
		return false
	}
}

// coordinated waits until a transactional id has a coordinator that answers. On Kafka that creates the internal topic and loads it.
func coordinated(ids ...string) script.Setup {
	return func(r *script.Run) error {
		for _, id := range ids {
			err := r.Poll(func() (bool, error) {
				resp, err := r.Do(findCoordinator(1, 1, id)(r))
				found, ok := resp.(*kmsg.FindCoordinatorResponse)
				if err != nil || !ok || found.ErrorCode != 0 {
					return false, err
				}
				state, err := describedTxn(r, id)
				return err == nil && !notYet(state.ErrorCode), err
			})
			if err != nil {
				return fmt.Errorf("coordinator of %s: %w", id, err)
			}
		}
		return nil
	}
}

func describedTxn(r *script.Run, id string) (kmsg.DescribeTransactionsResponseTransactionState, error) {
	resp, err := r.Do(describeTxns(id).Build(r))
	answer, ok := resp.(*kmsg.DescribeTransactionsResponse)
	if err != nil || !ok || len(answer.TransactionStates) != 1 {
		return kmsg.DescribeTransactionsResponseTransactionState{}, fmt.Errorf("describe: %w: %w", errAnswer, err)
	}
	return answer.TransactionStates[0], nil
}

// initialized gives a transactional id a producer id or, if it has one, a new epoch.
func initialized(options ...initOption) script.Setup {
	return func(r *script.Run) error {
		build := initRequest(4, options...)
		if req, ok := build(r).(*kmsg.InitProducerIDRequest); ok {
			if err := coordinated(*req.TransactionalID)(r); err != nil {
				return err
			}
		}
		return r.Poll(func() (bool, error) {
			resp, err := r.Do(build(r))
			answer, ok := resp.(*kmsg.InitProducerIDResponse)
			if err != nil || !ok {
				return false, fmt.Errorf("init: %w: %w", errAnswer, err)
			}
			return answer.ErrorCode == 0, kerr.ErrorForCode(answer.ErrorCode)
		})
	}
}

// txnIs waits until a transaction is in one of some states. A coordinator answers the end of a transaction before it is complete.
func txnIs(id string, states ...string) script.Setup {
	return func(r *script.Run) error {
		last := ""
		err := r.Poll(func() (bool, error) {
			state, err := describedTxn(r, id)
			last = state.State
			return slices.Contains(states, state.State), err
		})
		if err != nil {
			return fmt.Errorf("transaction %s in state %q, want %q: %w", id, last, states, err)
		}
		return nil
	}
}

// complete waits until the transaction of x has ended.
func completed() script.Setup { return txnIs(txnID, "CompleteCommit", "CompleteAbort", "Empty") }

// opened makes topic t with a transaction of x under way that wrote one record, in the old way (version 1) or the new one (2).
func opened(version int) []script.Step {
	first := steps(topic("t", 2), initialized())
	if version == 2 {
		return append(first, did(txnProduce(12, owner(1, 0), 0, "a")))
	}
	return append(first, did(addPartitions(3, owner(1, 0), partitions{"t": {0}})), did(txnProduce(11, owner(1, 0), 0, "a")))
}

// did asks as a preparation: the answer is not noted and must have no error.
func did(a script.Ask) script.Setup {
	return func(r *script.Run) error {
		var last int16
		err := r.Poll(func() (bool, error) {
			resp, err := r.Do(a.Build(r))
			if err != nil {
				return false, err
			}
			last = codeOf(resp)
			return !notYet(last), nil
		})
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(last)
	}
}

// codeOf is the first error in an answer about transactions.
func codeOf(resp kmsg.Response) int16 {
	switch resp := resp.(type) {
	case *kmsg.InitProducerIDResponse:
		return resp.ErrorCode
	case *kmsg.AddOffsetsToTxnResponse:
		return resp.ErrorCode
	case *kmsg.EndTxnResponse:
		return resp.ErrorCode
	case *kmsg.AddPartitionsToTxnResponse:
		return codeOfAdded(resp)
	case *kmsg.TxnOffsetCommitResponse:
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					return p.ErrorCode
				}
			}
		}
	case *kmsg.ProduceResponse:
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					return p.ErrorCode
				}
			}
		}
	default:
	}
	return 0
}

func codeOfAdded(resp *kmsg.AddPartitionsToTxnResponse) int16 {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return p.ErrorCode
			}
		}
	}
	for _, txn := range resp.Transactions {
		for _, t := range txn.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					return p.ErrorCode
				}
			}
		}
	}
	return resp.ErrorCode
}

// later asks again while the answer is that the transaction before is not complete yet.
func later(a script.Ask) script.Ask {
	return until(a, func(resp kmsg.Response) bool { return !notYet(codeOf(resp)) })
}
