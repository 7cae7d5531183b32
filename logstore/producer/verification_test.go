package producer

import (
	"errors"
	"testing"

	"github.com/clatterhq/clatter/logstore"
)

func (b BatchInfo) with(v logstore.Verification) BatchInfo {
	b.Transactional, b.Verification = true, v
	return b
}

// asks begins the verification of a transaction that isn't ongoing.
func (l *log) asks(producerID int64, epoch int16, baseSequence int32, bumps bool) logstore.Verification {
	l.Helper()
	v, ongoing, err := l.table.Verify(producerID, epoch, baseSequence, bumps, 1000)
	if err != nil || ongoing || v == logstore.Unverified || v == logstore.VerificationOff {
		l.Fatalf("producer %d at epoch %d: %d, ongoing %v, %v", producerID, epoch, v, ongoing, err)
	}
	return v
}

func TestVerificationLetsOneTransactionBegin(t *testing.T) {
	l := log{T: t}
	v := l.asks(1, 0, 0, false)
	if again := l.asks(1, 0, 1, false); again != v {
		t.Errorf("a second batch of the transaction got %d, the first %d", again, v)
	}
	other := l.asks(2, 0, 0, false)
	l.refuses(logstore.ErrInvalidTxnState, data(1, 0, 0, 1).with(other))
	l.refuses(logstore.ErrInvalidTxnState, data(1, 0, 0, 1).with(logstore.Unverified))
	l.accepts(data(1, 0, 0, 1).with(v))
	if _, ongoing, err := l.table.Verify(1, 0, 1, false, 1000); err != nil || !ongoing {
		t.Errorf("ongoing %v, %v", ongoing, err)
	}
	l.accepts(data(1, 0, 1, 1).with(v)) // it is ongoing
	if got := l.table.Unverified(); got != 1 {
		t.Errorf("%d transactions wait", got)
	}
}

func TestVerificationIsVoidAfterTheEnd(t *testing.T) {
	l := log{T: t}
	late := l.asks(1, 0, 0, false)
	l.ends(marker(1, 0, 0, true))
	l.refuses(logstore.ErrInvalidTxnState, data(1, 0, 0, 1).with(late))
	next := l.asks(1, 0, 0, false)
	if next == late {
		t.Fatal("the same guard for another transaction")
	}
	l.refuses(logstore.ErrInvalidTxnState, data(1, 0, 0, 1).with(late))
	l.accepts(data(1, 0, 0, 1).with(next))
	l.ends(marker(1, 0, 0, false))
	l.refuses(logstore.ErrInvalidTxnState, data(1, 0, 1, 1).with(next))
}

func TestVerificationOfTheNextEpochOutlivesTheMarkerBefore(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 4, 0, 1).verified())
	v := l.asks(1, 5, 0, true)
	l.ends(marker(1, 5, 0, false).version(2)) // of the transaction at epoch 4
	l.accepts(data(1, 5, 0, 1).with(v))

	l.ends(marker(1, 6, 0, false).version(2))
	v = l.asks(1, 6, 0, true)
	l.ends(marker(1, 7, 0, true).version(2)) // of the transaction itself
	l.refuses(logstore.ErrInvalidProducerEpoch, data(1, 6, 0, 1).with(v))
	l.refuses(logstore.ErrInvalidTxnState, data(1, 7, 0, 1).with(v))
}

func TestStaleEpochIsNotVerified(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 4, 0, 1).verified())
	if _, _, err := l.table.Verify(1, 3, 0, true, 1000); !errors.Is(err, logstore.ErrInvalidProducerEpoch) {
		t.Errorf("older epoch: %v", err)
	}
	l.asks(1, 5, 0, true) // the open transaction is of another epoch
}

func TestLowestSequenceThatWaitsIsWrittenFirst(t *testing.T) {
	l := log{T: t}
	v := l.asks(1, 0, 3, false)
	l.asks(1, 0, 2, false)
	l.asks(1, 0, 5, false)
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 0, 3, 1).with(v))
	l.asks(1, 1, 7, false) // numbers begin anew with an epoch
	l.asks(1, 0, 0, false)
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 1, 8, 1).with(v))
	l.accepts(data(1, 1, 7, 1).with(v)) // the log knows nothing of the producer
}

func TestBatchThatComesTwiceIsNotWaitedFor(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 0, 0, 2).with(l.asks(1, 0, 0, false)))
	l.ends(marker(1, 0, 0, true))
	l.asks(1, 0, 0, false) // late, and refused by the coordinator
	v := l.asks(1, 0, 2, false)
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 0, 3, 1).with(v))
	l.accepts(data(1, 0, 2, 1).with(v))
}

func TestEpochPerTransactionBeginsWithSequenceZero(t *testing.T) {
	l := log{T: t}
	v := l.asks(1, 0, 1, true)
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 0, 1, 1).with(v)) // KAFKA-19690
	l.accepts(data(1, 0, 0, 1).with(v))
	l.ends(marker(1, 1, 0, false).version(2))
	v = l.asks(1, 1, 5, true)
	l.refuses(logstore.ErrOutOfOrderSequence, data(1, 1, 5, 1).with(v)) // only a marker is known
}

func TestDuplicatesNeedNoVerification(t *testing.T) {
	l := log{T: t}
	l.accepts(data(1, 0, 0, 1).with(l.asks(1, 0, 0, false)))
	l.ends(marker(1, 0, 0, false))
	l.knows(0, data(1, 0, 0, 1).transactional())
}

func TestVerificationsAreForgotten(t *testing.T) {
	l := log{T: t}
	l.asks(1, 0, 0, false)
	l.table.Expire(1000+99, 100)
	if got := l.table.Unverified(); got != 1 {
		t.Errorf("%d wait before their time is over", got)
	}
	l.table.Expire(1000+100, 100)
	if got := l.table.Unverified(); got != 0 {
		t.Errorf("%d wait after their time is over", got)
	}
	v := l.asks(2, 0, 0, false)
	l.table.Reset()
	if l.asks(3, 0, 0, false) == v {
		t.Error("a guard was given out twice")
	}
}

func TestVerificationsAreBounded(t *testing.T) {
	l := log{T: t}
	for id := range int64(2 * maxVerifications) {
		l.asks(id, 0, 0, false)
	}
	if got := l.table.Unverified(); got != maxVerifications {
		t.Errorf("%d wait", got)
	}
	l.accepts(data(1<<40, 0, 0, 1).with(l.asks(1<<40, 0, 0, false)))
}
