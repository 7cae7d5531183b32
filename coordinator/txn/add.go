package txn

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

const (
	// addFencedSince is the version of AddPartitionsToTxn and AddOffsetsToTxn from which clients know PRODUCER_FENCED.
	addFencedSince = 2
	// addBatchesSince is the version of AddPartitionsToTxn that brokers send, for many transactions (KIP-890).
	addBatchesSince = 4
)

// addition is partitions that are to be part of a transaction, or said to be.
type addition struct {
	id            string
	producerID    int64
	producerEpoch int16
	partitions    []TopicPartition
	version       int16 // transaction version of the client
}

// AddPartitionsToTxn adds partitions to a transaction, which begins with the first ones. Version 4 and later are for brokers,
// which may also ask whether partitions belong to transactions.
func (c *Coordinator) AddPartitionsToTxn(ctx context.Context, req *kmsg.AddPartitionsToTxnRequest) *kmsg.AddPartitionsToTxnResponse {
	resp := req.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
	if req.Version < addBatchesSince {
		a := addition{id: req.TransactionalID, producerID: req.ProducerID, producerEpoch: req.ProducerEpoch}
		for _, t := range req.Topics {
			for _, p := range t.Partitions {
				a.partitions = append(a.partitions, TopicPartition{t.Topic, p})
			}
		}
		resp.Topics = resultsOf(a.partitions, c.addExisting(ctx, &a, req.Version))
		return resp
	}
	resp.Transactions = make([]kmsg.AddPartitionsToTxnResponseTransaction, len(req.Transactions))
	for i := range req.Transactions {
		t := &req.Transactions[i]
		a := addition{id: t.TransactionalID, producerID: t.ProducerID, producerEpoch: t.ProducerEpoch, version: versionBumps}
		for _, topic := range t.Topics {
			for _, p := range topic.Partitions {
				a.partitions = append(a.partitions, TopicPartition{topic.Topic, p})
			}
		}
		codes := c.missing(a.partitions)
		if codes == nil && t.VerifyOnly {
			codes = c.verify(ctx, &a)
		} else if codes == nil {
			codes = sameCode(len(a.partitions), c.add(ctx, &a))
		}
		result := &resp.Transactions[i]
		result.TransactionalID = t.TransactionalID
		for _, topic := range resultsOf(a.partitions, codes) {
			told := kmsg.AddPartitionsToTxnResponseTransactionTopic{Topic: topic.Topic}
			for _, p := range topic.Partitions {
				told.Partitions = append(told.Partitions, kmsg.AddPartitionsToTxnResponseTransactionTopicPartition{Partition: p.Partition, ErrorCode: p.ErrorCode})
			}
			result.Topics = append(result.Topics, told)
		}
	}
	return resp
}

// addExisting adds partitions if all of them exist.
func (c *Coordinator) addExisting(ctx context.Context, a *addition, version int16) []wire.ErrorCode {
	if codes := c.missing(a.partitions); codes != nil {
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

// resultsOf gathers codes under their topics. A request may name a topic in several places and a partition several times; an answer
// names each once, as Kafka's maps do.
func resultsOf(all []TopicPartition, codes []wire.ErrorCode) []kmsg.AddPartitionsToTxnResponseTopic {
	topics := []kmsg.AddPartitionsToTxnResponseTopic{}
	places := map[string]int{}
	seen := make(map[TopicPartition]struct{}, len(all))
	for i, p := range all {
		if _, again := seen[p]; again {
			continue
		}
		seen[p] = struct{}{}
		place, ok := places[p.Topic]
		if !ok {
			place = len(topics)
			places[p.Topic] = place
			topics = append(topics, kmsg.AddPartitionsToTxnResponseTopic{Topic: p.Topic})
		}
		t := &topics[place]
		t.Partitions = append(t.Partitions, kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p.Partition, ErrorCode: int16(codes[i])})
	}
	return topics
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
// of version 4 has them: what older clients must be told instead is the caller's business. The caller keeps the slice.
func (c *Coordinator) Verify(
	ctx context.Context, transactionalID string, producerID int64, epoch int16, partitions []TopicPartition, add bool,
) []wire.ErrorCode {
	a := addition{id: transactionalID, producerID: producerID, producerEpoch: epoch, partitions: partitions, version: versionBumps}
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
	return c.codes.ask(ctx, c, question[wire.ErrorCode]{
		id:      a.id,
		decide:  func(s *Shard, m *Metadata) verdict[wire.ErrorCode] { return s.add(a, m) },
		patient: true,
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
	}
	return verdict[wire.ErrorCode]{next: m.added(a.partitions, a.version, s.nowMs())}
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
	codes := make([]wire.ErrorCode, len(a.partitions))
	code := wire.InvalidRequest
	if validID(a.id) {
		code = c.codes.ask(ctx, c, question[wire.ErrorCode]{
			id: a.id,
			decide: func(_ *Shard, m *Metadata) verdict[wire.ErrorCode] {
				return verdict[wire.ErrorCode]{answer: a.verify(m, codes)}
			},
			refused: func(code wire.ErrorCode) wire.ErrorCode { return code },
		})
	}
	if code != wire.None {
		return sameCode(len(a.partitions), code)
	}
	return codes
}

// verify decides (TransactionCoordinator.handleVerifyPartitionsInTransaction).
func (a *addition) verify(m *Metadata, codes []wire.ErrorCode) wire.ErrorCode {
	if code := a.check(m); code != wire.None {
		return code
	}
	for i, p := range a.partitions {
		codes[i] = wire.None
		if !m.Partitions.has(p) {
			codes[i] = wire.TransactionAbortable
		}
	}
	return wire.None
}
