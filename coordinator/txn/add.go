package txn

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

const (
	// addFencedSince is the version of AddPartitionsToTxn and AddOffsetsToTxn from which clients know PRODUCER_FENCED.
	addFencedSince = 2
	// addBatchesSince is the version of AddPartitionsToTxn that brokers send, for many transactions (KIP-890).
	addBatchesSince = 4
	// verifyLimit bounds the wait of a Produce for its coordinator.
	verifyLimit = 30 * time.Second
)

// addition is partitions that are to be part of a transaction, or said to be.
type addition struct {
	id            string
	producerID    int64
	producerEpoch int16
	partitions    []TopicPartition
	version       int16 // transaction version of the client
	limit         time.Duration
	codes         []wire.ErrorCode // where verify puts its answer, one for each of partitions
}

// AddPartitionsToTxn adds partitions to a transaction, which begins with the first ones. Version 4 and later are for brokers,
// which may also ask whether partitions belong to transactions.
func (c *Coordinator) AddPartitionsToTxn(ctx context.Context, req *kmsg.AddPartitionsToTxnRequest) *kmsg.AddPartitionsToTxnResponse {
	resp := req.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
	if req.Version < addBatchesSince {
		a := addition{id: req.TransactionalID, producerID: req.ProducerID, producerEpoch: req.ProducerEpoch}
		resp.Topics = make([]kmsg.AddPartitionsToTxnResponseTopic, 0, len(req.Topics))
		for _, t := range req.Topics {
			a.name(t.Topic, t.Partitions)
		}
		codes := c.addExisting(ctx, &a, req.Version)
		for _, t := range req.Topics {
			resp.Topics = append(resp.Topics, kmsg.AddPartitionsToTxnResponseTopic{Topic: t.Topic, Partitions: resultsOf(t.Partitions, codes)})
			codes = codes[len(t.Partitions):]
		}
		return resp
	}
	resp.Transactions = make([]kmsg.AddPartitionsToTxnResponseTransaction, len(req.Transactions))
	for i := range req.Transactions {
		resp.Transactions[i] = c.addTransaction(ctx, &req.Transactions[i])
	}
	return resp
}

// addTransaction is what brokers ask of one transaction.
func (c *Coordinator) addTransaction(ctx context.Context, t *kmsg.AddPartitionsToTxnRequestTransaction) kmsg.AddPartitionsToTxnResponseTransaction {
	a := addition{id: t.TransactionalID, producerID: t.ProducerID, producerEpoch: t.ProducerEpoch, version: versionBumps}
	for _, topic := range t.Topics {
		a.name(topic.Topic, topic.Partitions)
	}
	codes := c.missing(a.partitions)
	if codes == nil && t.VerifyOnly {
		codes = c.verify(ctx, &a)
	} else if codes == nil {
		codes = sameCode(len(a.partitions), c.add(ctx, &a))
	}
	result := kmsg.AddPartitionsToTxnResponseTransaction{TransactionalID: t.TransactionalID}
	for _, topic := range t.Topics {
		told := kmsg.AddPartitionsToTxnResponseTransactionTopic{Topic: topic.Topic}
		for _, r := range resultsOf(topic.Partitions, codes) {
			told.Partitions = append(told.Partitions, kmsg.AddPartitionsToTxnResponseTransactionTopicPartition(r))
		}
		result.Topics = append(result.Topics, told)
		codes = codes[len(topic.Partitions):]
	}
	return result
}

// name adds partitions of a topic.
func (a *addition) name(topic string, partitions []int32) {
	for _, p := range partitions {
		a.partitions = append(a.partitions, TopicPartition{topic, p})
	}
}

// addExisting adds partitions if all of them exist and are of topics that clients may write to.
func (c *Coordinator) addExisting(ctx context.Context, a *addition, version int16) []wire.ErrorCode {
	codes := c.missing(a.partitions)
	for i, p := range a.partitions {
		if !c.options.Internal(p.Topic) {
			continue
		}
		if codes == nil {
			codes = sameCode(len(a.partitions), wire.OperationNotAttempted)
		}
		codes[i] = wire.TopicAuthorizationFailed
	}
	if codes != nil {
		return codes
	}
	return sameCode(len(a.partitions), fencedCode(c.add(ctx, a), version, addFencedSince))
}

// missing is nil if all partitions exist, else a code for each.
func (c *Coordinator) missing(all []TopicPartition) []wire.ErrorCode {
	var codes []wire.ErrorCode
	for i, p := range all {
		if c.options.Exists(p) {
			continue
		}
		if codes == nil {
			codes = sameCode(len(all), wire.OperationNotAttempted)
		}
		codes[i] = wire.UnknownTopicOrPartition
	}
	return codes
}

func sameCode(n int, code wire.ErrorCode) []wire.ErrorCode {
	codes := make([]wire.ErrorCode, n)
	for i := range codes {
		codes[i] = code
	}
	return codes
}

// resultsOf are the first codes as the results of a topic's partitions. As in Kafka a partition that was named twice is answered twice.
func resultsOf(partitions []int32, codes []wire.ErrorCode) []kmsg.AddPartitionsToTxnResponseTopicPartition {
	results := make([]kmsg.AddPartitionsToTxnResponseTopicPartition, len(partitions))
	for i, p := range partitions {
		results[i] = kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p, ErrorCode: int16(codes[i])}
	}
	return results
}

// AddOffsetsToTxn makes the committed offsets of a group part of a transaction: their partition of __consumer_offsets.
func (c *Coordinator) AddOffsetsToTxn(ctx context.Context, req *kmsg.AddOffsetsToTxnRequest) *kmsg.AddOffsetsToTxnResponse {
	a := addition{
		id: req.TransactionalID, producerID: req.ProducerID, producerEpoch: req.ProducerEpoch,
		partitions: []TopicPartition{c.options.OffsetsPartition(req.Group)},
	}
	resp := req.ResponseKind().(*kmsg.AddOffsetsToTxnResponse)
	resp.ErrorCode = int16(fencedCode(c.add(ctx, &a), req.Version, addFencedSince))
	return resp
}

// Verify is for Produce and TxnOffsetCommit: whether partitions are part of a transaction; with add they become part of it (KIP-890),
// for which it waits a little while the transaction before is ending. There is one code per partition, in their order, as AddPartitionsToTxn
// of version 4 has them: what older clients must be told instead is the caller's business. The caller keeps the slice. It waits for 30 s at most.
func (c *Coordinator) Verify(
	ctx context.Context, transactionalID string, producerID int64, epoch int16, partitions []TopicPartition, add bool,
) []wire.ErrorCode {
	a := addition{id: transactionalID, producerID: producerID, producerEpoch: epoch, partitions: partitions, version: versionBumps, limit: verifyLimit}
	if add {
		return sameCode(len(partitions), c.add(ctx, &a))
	}
	return c.verify(ctx, &a)
}

// add makes partitions part of a transaction.
func (c *Coordinator) add(ctx context.Context, a *addition) wire.ErrorCode {
	if !validID(a.id) {
		return wire.InvalidRequest
	}
	return c.codes.ask(ctx, c, question[addition, wire.ErrorCode]{
		id:      a.id,
		request: *a,
		decide:  (*Shard).add,
		patient: true,
		limit:   a.limit,
		refused: func(code wire.ErrorCode) wire.ErrorCode { return code },
	})
}

// add decides (TransactionCoordinator.handleAddPartitionsToTransaction).
func (s *Shard) add(a *addition, m *Metadata) verdict[wire.ErrorCode] {
	switch code := a.checkAfter(m); {
	case code != wire.None:
		return verdict[wire.ErrorCode]{answer: code, busy: code == wire.ConcurrentTransactions}
	case m.State == Ongoing && m.Partitions.hasAll(a.partitions):
		return verdict[wire.ErrorCode]{}
	case !s.serves(a.version):
		return verdict[wire.ErrorCode]{answer: wire.UnsupportedVersion}
	}
	return verdict[wire.ErrorCode]{next: m.added(a.partitions, a.version, s.nowMs()), changes: true}
}

// checkAfter is check for who begins a transaction. While the one before it ends, nobody else is looked at: the producer may have been told
// already which ID and epoch come next.
func (a *addition) checkAfter(m *Metadata) wire.ErrorCode {
	if m != nil && m.State.prepared() {
		return wire.ConcurrentTransactions
	}
	return a.check(m)
}

// check is the code for a producer that can't have the transaction now.
func (a *addition) check(m *Metadata) wire.ErrorCode {
	switch {
	case m == nil || m.ProducerID != a.producerID:
		return wire.InvalidProducerIDMapping
	case m.ProducerEpoch != a.producerEpoch:
		return wire.ProducerFenced
	case m.State.prepared():
		return wire.ConcurrentTransactions
	case m.State == PrepareEpochFence:
		return wire.ProducerFenced
	}
	return wire.None
}

// verify asks whether partitions are part of a transaction.
func (c *Coordinator) verify(ctx context.Context, a *addition) []wire.ErrorCode {
	a.codes = make([]wire.ErrorCode, len(a.partitions))
	code := wire.InvalidRequest
	if validID(a.id) {
		code = c.codes.ask(ctx, c, question[addition, wire.ErrorCode]{
			id:      a.id,
			request: *a,
			decide: func(_ *Shard, a *addition, m *Metadata) verdict[wire.ErrorCode] {
				return verdict[wire.ErrorCode]{answer: a.verify(m)}
			},
			limit:   a.limit,
			refused: func(code wire.ErrorCode) wire.ErrorCode { return code },
		})
	}
	if code != wire.None {
		return sameCode(len(a.partitions), code)
	}
	return a.codes
}

// verify decides (TransactionCoordinator.handleVerifyPartitionsInTransaction).
func (a *addition) verify(m *Metadata) wire.ErrorCode {
	if code := a.check(m); code != wire.None {
		return code
	}
	for i, p := range a.partitions {
		a.codes[i] = wire.None
		if !m.Partitions.has(p) {
			a.codes[i] = wire.TransactionAbortable
		}
	}
	return wire.None
}
