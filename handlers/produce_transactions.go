package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/txn"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// Versions of Produce that know more of transactions (KIP-890).
const (
	produceAbortable      = 11 // version from which TRANSACTION_ABORTABLE is understood
	produceAddsPartitions = 12 // version from which a partition becomes part of the transaction by being written to
)

// verifier is what Produce needs of [txn.Coordinator].
type verifier interface {
	Verify(ctx context.Context, transactionalID string, producerID int64, epoch int16, partitions []txn.TopicPartition, add bool) []wire.ErrorCode
}

// transaction is what the transactional batches of one Produce have in common.
type transaction struct {
	id            string
	producerID    int64
	producerEpoch int16
	version       int16 // of Produce
}

// bumps says that the client's epoch rises with each transaction, and that its partitions join by being written to.
func (t *transaction) bumps() bool { return t.version >= produceAddsPartitions }

// verifyTransaction sees to it that each transactional batch belongs to an ongoing transaction (ReplicaManager.handleProduceAppend). Most
// do, as the log knows. The first one of a transaction in a partition is taken only if the coordinator
// says that the partition is part of it: what comes too late would begin a transaction that nobody ends. It waits for the coordinator, as the
// connection does in Kafka, since whatever comes next of the producer must come after. An error is the answer to all partitions.
func (d *Dispatcher) verifyTransaction(ctx context.Context, a *produce, r *kmsg.ProduceRequest) apiError {
	t := transaction{producerID: record.NoProducerID, version: r.Version}
	for i := range a.batches {
		b := a.batches[i].batch
		if b == nil || !b.Attributes().IsTransactional() || b.ProducerID() < 0 {
			continue
		}
		if t.producerID >= 0 && (b.ProducerID() != t.producerID || b.ProducerEpoch() != t.producerEpoch) {
			return failure(wire.InvalidProducerIDMapping, "Transactional records contained more than one producer ID")
		}
		t.producerID, t.producerEpoch = b.ProducerID(), b.ProducerEpoch()
	}
	if t.producerID < 0 {
		return apiError{}
	}
	t.id = *r.TransactionID
	d.verifyBatches(ctx, a, &t)
	return apiError{}
}

// verifyBatches notes in each transactional batch the coordinator's word for it, or refuses it.
func (d *Dispatcher) verifyBatches(ctx context.Context, a *produce, t *transaction) {
	unchecked := !t.bumps() && !d.config().TransactionPartitionVerification
	for i := range a.batches {
		b := &a.batches[i]
		if b.batch == nil || !b.batch.Attributes().IsTransactional() {
			continue
		}
		if unchecked {
			b.verification = logstore.VerificationOff
			continue
		}
		v, ongoing, err := b.log.Verify(t.producerID, t.producerEpoch, b.batch.BaseSequence(), t.bumps())
		switch {
		case err != nil:
			b.refuse(bare(errorCode(err)))
		case !ongoing:
			b.verification = v
			a.unverified = append(a.unverified, b)
			a.questions = append(a.questions, txn.TopicPartition{Topic: b.topic.Name, Partition: b.out.Partition})
		}
	}
	if len(a.unverified) == 0 {
		return
	}
	for i, code := range d.transactions.Verify(ctx, t.id, t.producerID, t.producerEpoch, a.questions, t.bumps()) {
		if code != wire.None {
			a.unverified[i].refuse(t.unverified(code))
		}
	}
}

// refuse answers for a batch that isn't going to be appended.
func (b *produceBatch) refuse(e apiError) {
	b.batch = nil
	b.out.ErrorCode, b.out.ErrorMessage = int16(e.code), e.message
}

// unverified is what a producer is told of a coordinator's error. Kafka's clients of a version know what to do about some codes only,
// and one of those that says nothing about the leader makes them send the batch again.
func (t *transaction) unverified(code wire.ErrorCode) apiError {
	switch {
	case code == wire.ProducerFenced:
		return bare(wire.InvalidProducerEpoch)
	case code == wire.InvalidTxnState, code == wire.TransactionAbortable && t.version < produceAbortable:
		return failure(wire.InvalidTxnState, "Partition was not added to the transaction")
	case code == wire.NetworkException, code == wire.CoordinatorLoadInProgress, code == wire.CoordinatorNotAvailable,
		code == wire.NotCoordinator, code == wire.RequestTimedOut, code == wire.ConcurrentTransactions && !t.bumps():
		return failure(wire.NotEnoughReplicas, "Unable to verify the partition has been added to the transaction. Underlying error: %s", code.Name())
	default:
		return bare(code)
	}
}
