// Produce (key 0), versions 3-13, announced from 0 for old librdkafka (KAFKA-18659).
//
// 3 record batches of magic 2, transactional ID (KIP-98); 5 log start offset (KIP-107); 7 zstd
// (KIP-110); 8 errors of single records (KIP-467); 9 flexible; 10 current leader and node
// endpoints (KIP-951); 11 TRANSACTION_ABORTABLE (KIP-890); 12 partitions join a
// transaction by themselves (KIP-890); 13 topic IDs (KIP-516).
//
// Knowingly absent: followers, and so NOT_ENOUGH_REPLICAS but for transactions: like Kafka, min.insync.replicas counts at
// most the replicas that a topic has.

package handlers

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// Values of acks.
const (
	acksAll    = -1
	acksNone   = 0
	acksLeader = 1
)

const (
	produceTopicIDs = 13 // version in which topics have IDs instead of names

	// adminClientID is the client that may write to internal topics, as in Kafka.
	adminClientID = "__admin_client"
	// minProduceTimeout bounds from below how long an acks=all produce waits for its commit. Kafka appends before it begins to
	// count the client's timeout, which is meant for followers; a commit is part of the append.
	minProduceTimeout = time.Second
)

// produce is the answer to one Produce while it is made. Requests with one partition are the many: the answer, its one
// topic, partition and wait are one allocation.
type produce struct {
	resp     kmsg.ProduceResponse
	waits    []produceWait
	deadline time.Time
	failed   bool

	oneTopic     [1]kmsg.ProduceResponseTopic
	onePartition [1]kmsg.ProduceResponseTopicPartition
	oneWait      [1]produceWait
}

// produceWait is an append that isn't durable yet.
type produceWait struct {
	commit logstore.Commit
	out    *kmsg.ProduceResponseTopicPartition
}

// produceBatch is the batch of one partition on its way to the log.
type produceBatch struct {
	topic *catalog.Topic
	log   logstore.Partition
	batch record.Batch // nil if it was refused
	out   *kmsg.ProduceResponseTopicPartition
	// verification is the transaction coordinator's word for a transactional batch.
	verification logstore.Verification
}

func (d *Dispatcher) produce(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.ProduceRequest)
	a := &produce{}
	a.resp.Version = r.Version
	if repeatsPartitions(r) {
		r = withoutRepeats(r)
	}
	var one [1]produceBatch
	batches := a.layOut(r, one[:0])
	now := d.now().UnixMilli() // One moment for all: of a small request the clock is a noticeable part.
	var wake func()
	refused := d.checkBatches(ctx, req, r, batches, now)
	if r.TransactionID != nil && !refused.failed() {
		refused = d.verifyTransaction(ctx, r, batches)
	}
	if refused.failed() {
		a.refuse(batches, refused)
	} else {
		wake = d.appendBatches(a, r, batches, now)
	}
	if a.failed = a.failed || anyFailed(batches); a.failed && r.Acks == acksNone {
		return broker.Reply{}, fmt.Errorf("produce without acknowledgement failed: %s", firstFailure(&a.resp))
	}
	switch {
	case r.Acks == acksNone:
		return broker.Reply{}, nil
	case len(a.waits) > 0:
		a.deadline = time.Now().Add(max(minProduceTimeout, time.Duration(r.TimeoutMillis)*time.Millisecond))
		return broker.Reply{Later: a.wait, Ready: a.ready}, nil
	default:
		return broker.Reply{Message: &a.resp, Sent: wake}, nil
	}
}

// layOut makes a place in the answer for each partition of the request.
func (a *produce) layOut(r *kmsg.ProduceRequest, batches []produceBatch) []produceBatch {
	n := 0
	for i := range r.Topics {
		n += len(r.Topics[i].Partitions)
	}
	topics, partitions := a.oneTopic[:0], a.onePartition[:]
	if len(r.Topics) != 1 {
		topics = make([]kmsg.ProduceResponseTopic, 0, len(r.Topics))
	}
	if n != 1 {
		partitions = make([]kmsg.ProduceResponseTopicPartition, n)
		batches = make([]produceBatch, 0, n)
	}
	for i := range r.Topics {
		rt := &r.Topics[i]
		if len(rt.Partitions) == 0 {
			continue
		}
		of := partitions[:len(rt.Partitions):len(rt.Partitions)]
		partitions = partitions[len(rt.Partitions):]
		topics = append(topics, kmsg.ProduceResponseTopic{Topic: rt.Topic, TopicID: rt.TopicID, Partitions: of})
		for j := range of {
			p := &of[j]
			p.Default()
			p.Partition = rt.Partitions[j].Partition
			p.BaseOffset, p.LogAppendTime, p.LogStartOffset = -1, -1, -1
			batches = append(batches, produceBatch{out: p})
		}
	}
	a.resp.Topics = topics
	return batches
}

// refuse answers every partition alike.
func (a *produce) refuse(batches []produceBatch, refused apiError) {
	for i := range batches {
		out := batches[i].out
		out.ErrorCode, out.ErrorMessage = int16(refused.code), refused.message
		out.LogStartOffset, out.ErrorRecords = -1, nil
	}
}

func anyFailed(batches []produceBatch) bool {
	for i := range batches {
		if batches[i].out.ErrorCode != int16(wire.None) {
			return true
		}
	}
	return false
}

// firstFailure says for the log what went wrong.
func firstFailure(resp *kmsg.ProduceResponse) string {
	for i := range resp.Topics {
		for _, p := range resp.Topics[i].Partitions {
			if p.ErrorCode != int16(wire.None) {
				return fmt.Sprintf("partition %d of topic %q: %s", p.Partition, resp.Topics[i].Topic, wire.ErrorCode(p.ErrorCode))
			}
		}
	}
	return wire.None.Name()
}

// appendBatches appends what was found valid. Partitions are appended one after the other, and what
// has to wait for its commit waits for all of them at once. wake, if not nil, wakes the readers of the others. With one
// partition that is left to the caller: to wake another thread takes as long as to answer the client.
func (d *Dispatcher) appendBatches(a *produce, r *kmsg.ProduceRequest, batches []produceBatch, now int64) (wake func()) {
	opts := logstore.AppendOptions{Now: now, DeferWake: len(batches) == 1 && r.Acks != acksNone, DeferCommit: len(batches) > 1}
	var commits sharedCommit
	a.waits = a.oneWait[:0]
	for i := range batches {
		b := &batches[i]
		if b.batch == nil {
			continue
		}
		opts.Verification = b.verification
		ticket, err := b.log.Append(b.batch, opts)
		if err != nil {
			d.tellAppendError(b, r.Version, err)
			continue
		}
		b.out.BaseOffset = ticket.Result.BaseOffset
		b.out.LogAppendTime = ticket.Result.AppendTime
		if ticket.Result.Duplicate && b.out.LogAppendTime < 0 {
			b.out.LogAppendTime = b.batch.MaxTimestamp() // Kafka tells what it remembers of the first copy.
		}
		b.out.LogStartOffset = ticket.Result.LogStartOffset
		if ticket.Commit != nil && r.Acks == acksAll {
			a.waits = append(a.waits, produceWait{commit: ticket.Commit, out: b.out})
		}
		if ticket.Commit != nil && opts.DeferCommit {
			commits.add(ticket.Commit)
		}
		wake = ticket.Wake
	}
	commits.begin()
	return wake
}

// wait answers once everything is durable, or the client's timeout is over. It runs outside of the connection's
// goroutine.
func (a *produce) wait(ctx context.Context) (broker.Reply, error) {
	if err := a.await(ctx); err != nil {
		return broker.Reply{}, err
	}
	for i := range a.waits {
		w := &a.waits[i]
		code := wire.RequestTimedOut
		if w.decided() {
			code = errorCode(w.commit.Err())
		}
		if code != wire.None {
			*w.out = kmsg.ProduceResponseTopicPartition{
				Partition: w.out.Partition, ErrorCode: int16(code),
				BaseOffset: -1, LogAppendTime: -1, LogStartOffset: -1,
			}
			w.out.CurrentLeader.Default()
		}
	}
	return broker.Reply{Message: &a.resp}, nil
}

// await returns when every commit is decided, or the time is over.
func (a *produce) await(ctx context.Context) error {
	if a.ready() {
		return nil
	}
	timer := time.NewTimer(time.Until(a.deadline))
	defer timer.Stop()
	for i := range a.waits {
		select {
		case <-a.waits[i].commit.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return nil
		}
	}
	return nil
}

// ready reports whether every commit is decided.
func (a *produce) ready() bool {
	for i := range a.waits {
		if !a.waits[i].decided() {
			return false
		}
	}
	return true
}

func (w *produceWait) decided() bool {
	select {
	case <-w.commit.Done():
		return true
	default:
		return false
	}
}
