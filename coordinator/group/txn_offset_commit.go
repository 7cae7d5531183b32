package group

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// Versions in which TxnOffsetCommit changed.
const (
	txnOffsetCommitLoading   = 2 // older clients don't survive COORDINATOR_LOAD_IN_PROGRESS (KAFKA-7296)
	txnOffsetCommitAbortable = 4
	txnOffsetCommitAdds      = 5
	txnOffsetCommitTopicIDs  = 6 // and codes of consumer groups
)

// VerifyTransaction asks the coordinator of transactions whether a partition of the groups' topic is part of a producer's
// transaction, and with add makes it so. The code is [wire.None] if it is.
type VerifyTransaction func(
	ctx context.Context, transactionalID string, producerID int64, producerEpoch int16, partition int32, add bool,
) wire.ErrorCode

// TxnOffsetCommit commits offsets for partitions that exist, as part of a producer's transaction (KafkaApis.handleTxnOffsetCommitRequest,
// OffsetMetadataManager.commitTransactionalOffset). They count when the transaction commits: see [Coordinator.WriteMarker].
func (c *Coordinator) TxnOffsetCommit(ctx context.Context, req *kmsg.TxnOffsetCommitRequest) *kmsg.TxnOffsetCommitResponse {
	x := newTxnOffsetCommit(c, req)
	switch {
	case len(x.existing) == 0:
		return x.respond(wire.None)
	case req.Group == "":
		return x.respond(wire.InvalidGroupID)
	}
	verified, code := c.verify(ctx, req)
	if code != wire.None {
		return x.respond(code)
	}
	code, _ = c.codes.ask(ctx, c, req.Group, question[wire.ErrorCode]{
		shared: true, decide: x.decideTransactional, refused: theSame,
		transaction: &coordinator.Transaction{ProducerID: req.ProducerID, ProducerEpoch: req.ProducerEpoch, Verification: verified},
	})
	return x.respond(code)
}

// txnOffsetCommit is one request: the same as an OffsetCommit but for who may commit, and when it counts.
type txnOffsetCommit struct {
	offsetCommit
	txn *kmsg.TxnOffsetCommitRequest
}

func newTxnOffsetCommit(c *Coordinator, req *kmsg.TxnOffsetCommitRequest) *txnOffsetCommit {
	plain := &kmsg.OffsetCommitRequest{
		Version: offsetCommitTopicIDs - 1, Group: req.Group, Generation: req.Generation, MemberID: req.MemberID, InstanceID: req.InstanceID,
		RetentionTimeMillis: -1, Topics: make([]kmsg.OffsetCommitRequestTopic, len(req.Topics)),
	}
	if req.Version >= txnOffsetCommitTopicIDs {
		plain.Version = offsetCommitTopicIDs
	}
	for i := range req.Topics {
		from, to := &req.Topics[i], &plain.Topics[i]
		to.Topic, to.TopicID = from.Topic, from.TopicID
		to.Partitions = make([]kmsg.OffsetCommitRequestTopicPartition, len(from.Partitions))
		for j := range from.Partitions {
			p := &from.Partitions[j]
			to.Partitions[j] = kmsg.OffsetCommitRequestTopicPartition{
				Partition: p.Partition, Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: p.Metadata,
			}
		}
	}
	x := &txnOffsetCommit{txn: req}
	x.offsetCommit = offsetCommit{c: c, req: plain, metadataMax: int(c.options.Config().OffsetMetadataMaxBytes)}
	x.exist()
	return x
}

// verify makes sure that the group's partition is part of the transaction: a commit that is late must not begin one that nobody
// ends (KIP-890). Later clients have it added.
func (c *Coordinator) verify(ctx context.Context, req *kmsg.TxnOffsetCommitRequest) (logstore.Verification, wire.ErrorCode) {
	adds := req.Version >= txnOffsetCommitAdds
	if !adds && req.ProducerID >= 0 && c.options.Config().TrustProducers {
		return logstore.VerificationOff, wire.None
	}
	shards, err := c.runtime.Shards()
	if err != nil {
		return logstore.Unverified, coordinator.CodeOf(err)
	}
	shard := coordinator.ShardOf(req.Group, shards)
	log, err := c.options.Topic.Partition(shard)
	if err != nil {
		return logstore.Unverified, coordinator.CodeOf(err)
	}
	const noSequence = -1
	v, ongoing, err := log.Verify(req.ProducerID, req.ProducerEpoch, noSequence, adds)
	if err != nil || ongoing {
		return v, coordinator.CodeOf(err)
	}
	if c.options.VerifyTransaction == nil {
		return logstore.Unverified, wire.CoordinatorNotAvailable
	}
	return v, verdict(c.options.VerifyTransaction(ctx, req.TransactionalID, req.ProducerID, req.ProducerEpoch, shard, adds), req.Version)
}

// verdicts are the codes of the coordinator of transactions that a producer is told as others (AddPartitionsToTxnManager,
// CoordinatorOperationExceptionHelper).
var verdicts = map[wire.ErrorCode]wire.ErrorCode{
	wire.ProducerFenced:          wire.InvalidProducerEpoch,
	wire.NetworkException:        wire.CoordinatorLoadInProgress,
	wire.UnknownTopicOrPartition: wire.CoordinatorNotAvailable,
	wire.NotEnoughReplicas:       wire.CoordinatorNotAvailable,
	wire.RequestTimedOut:         wire.CoordinatorNotAvailable,
	wire.NotLeaderOrFollower:     wire.NotCoordinator,
	wire.KafkaStorageError:       wire.NotCoordinator,
}

// verdict is what a producer is told of an answer of the coordinator of transactions.
func verdict(code wire.ErrorCode, version int16) wire.ErrorCode {
	if code == wire.TransactionAbortable && version < txnOffsetCommitAbortable {
		return wire.InvalidTxnState
	}
	if told, ok := verdicts[code]; ok {
		return told
	}
	return code
}

// respond is the answer if the group says this to the commit.
func (x *txnOffsetCommit) respond(code wire.ErrorCode) *kmsg.TxnOffsetCommitResponse {
	switch {
	case code == wire.CoordinatorLoadInProgress && x.txn.Version < txnOffsetCommitLoading:
		code = wire.CoordinatorNotAvailable
	case code == wire.StaleMemberEpoch && x.txn.Version < txnOffsetCommitTopicIDs:
		code = wire.IllegalGeneration
	}
	plain := x.answer(code)
	resp := x.txn.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	resp.Topics = make([]kmsg.TxnOffsetCommitResponseTopic, len(plain.Topics))
	for i := range plain.Topics {
		from, to := &plain.Topics[i], &resp.Topics[i]
		to.Topic, to.TopicID = from.Topic, from.TopicID
		to.Partitions = make([]kmsg.TxnOffsetCommitResponseTopicPartition, len(from.Partitions))
		for j := range from.Partitions {
			to.Partitions[j].Partition, to.Partitions[j].ErrorCode = from.Partitions[j].Partition, from.Partitions[j].ErrorCode
		}
	}
	return resp
}

// decideTransactional has the group judge the commit, and makes its records.
func (x *txnOffsetCommit) decideTransactional(s *Shard, reply func(wire.ErrorCode)) []Record {
	code := x.checkTransactional(s)
	reply(code)
	if code != wire.None {
		return nil
	}
	return x.record(s.nowMs())
}

// checkTransactional is the code of the group. Who names no member may always commit: older producers can't, and are fenced by the
// transactional ID alone.
func (x *txnOffsetCommit) checkTransactional(s *Shard) wire.ErrorCode {
	by := committer{
		memberID: x.req.MemberID, instanceID: x.req.InstanceID, generation: x.req.Generation, version: x.req.Version, transactional: true,
	}
	switch g := s.groups[x.req.Group]; {
	case g != nil:
		code := g.checkCommit(&by)
		if consumers, ok := g.(*consumerGroup); ok && code == wire.None {
			return x.checkOwned(consumers, &by)
		}
		return code
	case by.generation < 0:
		return wire.None
	case x.txn.Version >= txnOffsetCommitTopicIDs:
		return wire.GroupIDNotFound
	}
	return wire.IllegalGeneration
}

// WriteMarker ends a producer's transaction in a partition of the groups' topic: the offsets that it has committed there count
// from then on, or are dropped (GroupCoordinatorService.completeTransaction). It never waits; done is called when the marker is durable, or with
// the reason why it isn't in the log. Errors: those of package coordinator, and of [logstore.Partition].Append for markers.
func (c *Coordinator) WriteMarker(
	partition int32, producerID int64, producerEpoch int16, coordinatorEpoch int32, transactionVersion int16, commit bool, done func(err error),
) {
	end := &coordinator.TransactionEnd{Commit: commit, CoordinatorEpoch: coordinatorEpoch, TransactionVersion: transactionVersion}
	t := &coordinator.Transaction{ProducerID: producerID, ProducerEpoch: producerEpoch, End: end}
	c.runtime.SubmitTo(partition, coordinator.Command[*Shard, Record]{
		Decide: func(*Shard) coordinator.Decision[Record] {
			return coordinator.Decision[Record]{Transaction: t, Answer: done}
		},
		Refused: done,
	})
}
