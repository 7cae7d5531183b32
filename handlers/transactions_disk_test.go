package handlers

import (
	"errors"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// triedAgain are the codes that producers try again with, of those that a single broker has use for. Any other ends a transaction or the producer:
// UNKNOWN_SERVER_ERROR makes old ones write twice, and OUT_OF_ORDER_SEQUENCE_NUMBER makes them believe that records are lost.
var triedAgain = []wire.ErrorCode{
	wire.None, wire.CoordinatorLoadInProgress, wire.CoordinatorNotAvailable, wire.NotCoordinator, wire.ConcurrentTransactions,
	wire.NotLeaderOrFollower, wire.NotEnoughReplicas, wire.RequestTimedOut, wire.KafkaStorageError,
}

// TestFailingDiskIsToldInCodesThatProducersKnow is anomaly A3 (err-taxonomy): the n-th change of a disk fails, for every n that a transaction comes to, because
// the disk is full or because it is broken. Whatever a producer asks meanwhile, it is told something that it tries again with. A full disk heals, so there the
// transaction must come to its end.
//
// Negative control: the same walk over a code that isn't listed, which the last lines do.
func TestFailingDiskIsToldInCodesThatProducersKnow(t *testing.T) {
	for _, failure := range []error{syscall.ENOSPC, syscall.EIO} {
		for _, bumps := range []bool{false, true} {
			fired := 0
			step := int64(1)
			if errors.Is(failure, syscall.EIO) {
				step = 3 // There are so many, and all end in the same place.
			}
			for n := int64(1); n <= 60; n += step {
				told, hit := transactOnFailingDisk(t, failure, bumps, n)
				if !hit {
					break
				}
				fired++
				for code := range told {
					if !slices.Contains(triedAgain, code) {
						t.Errorf("%v at change %d, version 2 %v: a producer is told %s", failure, n, bumps, code)
					}
				}
				if t.Failed() {
					return
				}
			}
			t.Logf("%v, version 2 %v: %d failures", failure, bumps, fired)
			if fired < 10 {
				t.Errorf("%v, version 2 %v: %d failures: nothing was tested", failure, bumps, fired)
			}
		}
	}
	if slices.Contains(triedAgain, wire.UnknownServerError) || slices.Contains(triedAgain, wire.OutOfOrderSequenceNumber) {
		t.Error("the list has what it must not have")
	}
}

// transactOnFailingDisk writes a transaction with offsets while one change of a disk fails, and returns all codes.
func transactOnFailingDisk(t *testing.T, failure error, bumps bool, n int64) (told map[wire.ErrorCode]int, hit bool) {
	t.Helper()
	var ready atomic.Bool
	left := atomic.Int64{}
	left.Store(n)
	heals := errors.Is(failure, syscall.ENOSPC)
	rule := &vfs.Rule{Ops: vfs.OpWrite | vfs.OpSync | vfs.OpCreate}
	if heals { // Logs only grow; other files have their size, and a sync that fails is the end of its disk.
		rule.Ops, rule.Path = vfs.OpWrite, "*.log"
	}
	rule.Before = func(vfs.Call) error {
		if ready.Load() && left.Add(-1) == 0 {
			return failure
		}
		return nil
	}
	// The second directory lets the broker live on when the first is gone.
	b := newTestBrokerOnDirs(t, []vfs.FS{vfs.Inject(vfs.NewMemory(), rule), vfs.NewMemory()},
		"log.flush.interval.messages", unset, "transaction.state.log.num.partitions", "2", "offsets.topic.num.partitions", "2")
	b.createTopic("t", 3)
	for _, kind := range []int8{coordinatorOfGroup, coordinatorOfTransaction} {
		wantCode(t, "coordinator", ask[*kmsg.FindCoordinatorResponse](b, findRequest(3, kind, "x")).ErrorCode, wire.None)
	}
	ready.Store(true)
	told = map[wire.ErrorCode]int{}
	for _, step := range transactionSteps(b, bumps) {
		for began := time.Now(); ; time.Sleep(time.Millisecond) {
			code := step()
			if told[code]++; code == wire.None || !slices.Contains(triedAgain, code) {
				break
			}
			if !heals && time.Since(began) > 5*time.Millisecond {
				return told, left.Load() <= 0
			}
			if time.Since(began) > 20*time.Second {
				t.Errorf("change %d: %s for 20 s though the disk has room again", n, code)
				return told, true
			}
		}
	}
	return told, left.Load() <= 0
}

// transactionSteps are the requests of a producer with two transactions, the second of which it aborts.
func transactionSteps(b *testBroker, bumps bool) []func() wire.ErrorCode {
	p := &testProducer{b: b, id: "tx"}
	produce, commit, end := int16(11), int16(4), int16(4)
	if bumps {
		produce, commit, end = 12, 5, 5
	}
	steps := []func() wire.ErrorCode{func() wire.ErrorCode {
		req := initRequest(5)
		req.TransactionalID, req.TransactionTimeoutMillis = &p.id, 60_000
		resp := ask[*kmsg.InitProducerIDResponse](b, req)
		p.pid, p.epoch = resp.ProducerID, resp.ProducerEpoch
		return wire.ErrorCode(resp.ErrorCode)
	}}
	for _, commits := range []bool{true, false} {
		for partition := range int32(3) {
			if !bumps {
				steps = append(steps, func() wire.ErrorCode { return p.add(partition) })
			}
			steps = append(steps, func() wire.ErrorCode { return p.produce(produce, partition, "v") })
		}
		if !bumps {
			steps = append(steps, func() wire.ErrorCode {
				req := kmsg.NewPtrAddOffsetsToTxnRequest()
				req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = 3, p.id, p.pid, p.epoch, "g"
				return wire.ErrorCode(ask[*kmsg.AddOffsetsToTxnResponse](b, req).ErrorCode)
			})
		}
		steps = append(steps, func() wire.ErrorCode {
			req := txnCommitRequest(commit, "g", b.topicID("t"), p.pid)
			req.TransactionalID, req.ProducerEpoch = p.id, p.epoch
			req.Topics[0].Partitions = req.Topics[0].Partitions[:1]
			return wire.ErrorCode(ask[*kmsg.TxnOffsetCommitResponse](b, req).Topics[0].Partitions[0].ErrorCode)
		}, func() wire.ErrorCode { return p.end(end, commits) })
	}
	return steps
}
