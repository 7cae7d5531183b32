package coordinator

import (
	"errors"
	"fmt"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// TransactionalMachine is a [Machine] whose records may belong to transactions of producers, as the offsets do that a producer
// commits along with what it writes (CoordinatorPlayback). It hears of every record at once, and later whether
// it counts. A machine without these methods skips such records.
type TransactionalMachine[R any] interface {
	// ReplayTransactional applies a record of a transaction that has not ended, as Replay does with others.
	ReplayTransactional(offset, producerID int64, r R) error
	// ReplayEndTransaction applies the marker that ends a producer's transaction. There may be none: coordinators of
	// transactions repeat markers.
	ReplayEndTransaction(producerID int64, producerEpoch int16, commit bool)
}

// Transaction says that a decision's records are part of a producer's transaction, or that this ends. Either has a batch of its own,
// which is appended at once: records of a producer never share one with others.
type Transaction struct {
	ProducerID    int64
	ProducerEpoch int16
	// Verification lets records begin the transaction in the shard's partition; see [logstore.Partition].
	Verification logstore.Verification
	// End is the end of the transaction, in a decision without records; nil if it goes on.
	End *TransactionEnd
}

// TransactionEnd is how a transaction ends, as its coordinator says.
type TransactionEnd struct {
	Commit             bool
	CoordinatorEpoch   int32
	TransactionVersion int16 // [logstore.AppendOptions]
}

var errNotTransactional = errors.New("machine knows no transactions")

// addTransactional appends the records of a decision within a transaction, or its end, behind all that was decided before.
func (s *shard[M, R]) addTransactional(c *Command[M, R], d *Decision[R]) {
	if s.open != nil {
		s.append()
	}
	if !s.loaded { // What was decided on is gone.
		if d.Answer != nil {
			d.Answer(ErrLoading)
		}
		return
	}
	s.collect(c, d)
	s.open.transaction = d.Transaction
	s.append()
}

// buildTransactional makes the batch of records within a transaction, or of its end.
func (w *writer) buildTransactional(t *Transaction) (record.Batch, error) {
	if t.End != nil {
		marker := record.EndTransactionMarker{Type: record.ControlAbort, CoordinatorEpoch: t.End.CoordinatorEpoch}
		if t.End.Commit {
			marker.Type = record.ControlCommit
		}
		return record.AppendMarkerBatch(w.bytes[:0], marker, t.ProducerID, t.ProducerEpoch, time.Now().UnixMilli())
	}
	b := w.builder
	b.ProducerID, b.ProducerEpoch, b.Transactional = t.ProducerID, t.ProducerEpoch, true
	batch, err := b.Build(w.bytes[:0])
	b.ProducerID, b.ProducerEpoch, b.Transactional = record.NoProducerID, record.NoProducerEpoch, false
	return batch, err
}

// replayTransactional applies what was appended.
func (s *shard[M, R]) replayTransactional(b *batch[R], baseOffset int64) error {
	t := b.transaction
	machine, ok := any(s.machine).(TransactionalMachine[R])
	if !ok {
		return errNotTransactional
	}
	if t.End != nil {
		machine.ReplayEndTransaction(t.ProducerID, t.ProducerEpoch, t.End.Commit)
		return nil
	}
	for i, r := range b.records {
		if err := machine.ReplayTransactional(baseOffset+int64(i), t.ProducerID, r); err != nil {
			return err
		}
	}
	return nil
}

// refusals are errors of an append that concern what is appended, and not the log.
var refusals = []error{
	logstore.ErrDiskFull, record.ErrBatchTooLarge,
	logstore.ErrInvalidProducerEpoch, logstore.ErrInvalidTxnState, logstore.ErrCoordinatorFenced,
}

// stands reports whether the state is what it was in spite of an append that failed.
func stands(err error) bool {
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// replayMarker replays the end of a transaction.
func (l *loader[M, R]) replayMarker(b record.Batch, machine TransactionalMachine[R]) {
	if b.BaseOffset() < l.offset {
		return
	}
	marker, err := b.Marker()
	switch {
	case errors.Is(err, record.ErrNoRecords):
		// Compaction has removed the marker, because it has removed everything that it was about.
	case err != nil:
		l.skip(b.BaseOffset(), fmt.Errorf("control batch: %w", err))
	default:
		machine.ReplayEndTransaction(b.ProducerID(), b.ProducerEpoch(), marker.Type == record.ControlCommit)
		l.records++
	}
}
