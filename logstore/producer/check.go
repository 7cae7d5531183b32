package producer

import (
	"fmt"

	"github.com/clatterhq/clatter/logstore"
)

// Check judges an append of one or more batches as a whole, each against the
// table and the batches before it. It changes nothing.
//
// If a batch of a client is among the last five of its producer already, the batch
// there is returned, and nothing of the append must be written: the client repeats
// a request whose answer it didn't get.
//
// Errors: logstore.ErrInvalidProducerEpoch, logstore.ErrOutOfOrderSequence,
// logstore.ErrInvalidTxnState, logstore.ErrCoordinatorFenced.
func (t *Table) Check(batches ...BatchInfo) (duplicate *BatchMeta, err error) {
	if len(batches) == 1 {
		return t.checkOne(&batches[0])
	}
	heads := map[int64]*head{}
	for i := range batches {
		b := &batches[i]
		if b.ProducerID < 0 {
			continue
		}
		s := t.producers[b.ProducerID]
		if duplicate := s.duplicate(b); duplicate != nil {
			return duplicate, nil
		}
		h := heads[b.ProducerID]
		if h == nil {
			made := headOf(s)
			h = &made
			heads[b.ProducerID] = h
		}
		if err := t.check(h, b); err != nil {
			return nil, err
		}
		h.advance(b)
	}
	return nil, nil
}

// checkOne is the way of nearly every append.
func (t *Table) checkOne(b *BatchInfo) (*BatchMeta, error) {
	if b.ProducerID < 0 {
		return nil, nil
	}
	s := t.producers[b.ProducerID]
	if duplicate := s.duplicate(b); duplicate != nil {
		return duplicate, nil
	}
	h := headOf(s)
	return nil, t.check(&h, b)
}

// duplicate returns the batch of the log that b repeats. A coordinator doesn't repeat.
func (s *state) duplicate(b *BatchInfo) *BatchMeta {
	if s == nil || b.Origin == logstore.Coordinator || b.Marker {
		return nil
	}
	return s.find(b)
}

// head is where a producer stands, after the table and maybe some batches of the
// append that is being checked.
type head struct {
	lastSequence     int32
	coordinatorEpoch int32
	epoch            int16 // noEpoch: the log knows nothing of the producer
	open             bool  // a transaction is
}

func headOf(s *state) head {
	if s == nil {
		return head{lastSequence: noSequence, coordinatorEpoch: noCoordinator, epoch: noEpoch}
	}
	return head{
		lastSequence: s.lastSequence(), coordinatorEpoch: s.coordinatorEpoch,
		epoch: s.epoch, open: s.transactionFirst != noOffset,
	}
}

// advance does what [Table.Update] will do.
func (h *head) advance(b *BatchInfo) {
	if h.epoch != b.ProducerEpoch {
		h.epoch, h.lastSequence = b.ProducerEpoch, noSequence
	}
	if b.Marker {
		h.coordinatorEpoch, h.open = b.CoordinatorEpoch, false
		return
	}
	h.lastSequence = b.LastSequence
	h.open = h.open || b.Transactional
}

func (t *Table) check(h *head, b *BatchInfo) error {
	if b.Marker {
		return h.checkMarker(b)
	}
	if b.ProducerEpoch < h.epoch {
		return h.staleEpoch(b)
	}
	if ongoing := h.open && h.epoch == b.ProducerEpoch; b.Transactional && !ongoing && !t.isVerified(b) {
		return fmt.Errorf("%w: producer %d at epoch %d",
			logstore.ErrInvalidTxnState, b.ProducerID, b.ProducerEpoch)
	}
	if b.Origin != logstore.Coordinator {
		if err := h.checkSequence(b, t.verifications.byProducer[b.ProducerID]); err != nil {
			return err
		}
	}
	if h.open && !b.Transactional {
		return fmt.Errorf("%w: batch of producer %d is not transactional while a transaction is open",
			logstore.ErrInvalidTxnState, b.ProducerID)
	}
	return nil
}

// checkSequence lets any sequence number begin what the log knows nothing of; a
// known producer begins a new epoch with 0, and goes on without a gap. Stricter is the begin of a transaction that asked is about:
// not before the lowest number that waits, and if each transaction has its own epoch, with 0 (KAFKA-19690). A lower number than the
// one that follows the last in the log waits for nothing: it is a batch that came twice, the second time when its transaction had ended.
// Kafka refuses the producer's next batch then.
func (h *head) checkSequence(b *BatchInfo, asked *verification) error {
	switch {
	case asked != nil && asked.bumps && b.BaseSequence != 0 && h.lastSequence == noSequence:
		return fmt.Errorf("%w: producer %d begins epoch %d with %d",
			logstore.ErrOutOfOrderSequence, b.ProducerID, b.ProducerEpoch, b.BaseSequence)
	case asked != nil && b.BaseSequence > asked.lowestSequence && (h.epoch != b.ProducerEpoch || h.lastSequence == noSequence):
		return fmt.Errorf("%w: producer %d sends %d while %d waits for its verification",
			logstore.ErrOutOfOrderSequence, b.ProducerID, b.BaseSequence, asked.lowestSequence)
	case h.epoch == noEpoch:
		return nil
	case h.epoch != b.ProducerEpoch && b.BaseSequence != 0:
		return fmt.Errorf("%w: producer %d begins epoch %d with %d, last epoch was %d",
			logstore.ErrOutOfOrderSequence, b.ProducerID, b.ProducerEpoch, b.BaseSequence, h.epoch)
	case h.epoch == b.ProducerEpoch && !follows(h.lastSequence, b.BaseSequence):
		return fmt.Errorf("%w: producer %d at epoch %d sends %d after %d",
			logstore.ErrOutOfOrderSequence, b.ProducerID, b.ProducerEpoch, b.BaseSequence, h.lastSequence)
	}
	return nil
}

// checkMarker keeps markers of earlier transactions away (KIP-98, KIP-890). From
// transaction version 2 on an equal epoch means a late marker, unless the transaction
// has ended: then a coordinator repeats a marker whose answer it didn't get (KAFKA-19999).
func (h *head) checkMarker(b *BatchInfo) error {
	late := b.TransactionVersion >= 2 && b.ProducerEpoch == h.epoch && h.open
	if b.ProducerEpoch < h.epoch || late {
		return h.staleEpoch(b)
	}
	if b.CoordinatorEpoch < h.coordinatorEpoch {
		return fmt.Errorf("%w: marker for producer %d has coordinator epoch %d, last was %d",
			logstore.ErrCoordinatorFenced, b.ProducerID, b.CoordinatorEpoch, h.coordinatorEpoch)
	}
	return nil
}

func (h *head) staleEpoch(b *BatchInfo) error {
	return fmt.Errorf("%w: producer %d has epoch %d, last was %d",
		logstore.ErrInvalidProducerEpoch, b.ProducerID, b.ProducerEpoch, h.epoch)
}
