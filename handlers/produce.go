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
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/coordinator/txn"
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

// produce is the answer to one Produce while it is made. Its memory serves again when the answer was encoded.
type produce struct {
	resp       kmsg.ProduceResponse
	partitions []kmsg.ProduceResponseTopicPartition // of all topics
	batches    []produceBatch                       // one for each of partitions
	waits      []produceWait
	deadline   time.Time
	failed     bool
	// unverified are batches about which the transaction coordinator is asked, and questions their partitions.
	unverified []*produceBatch
	questions  []txn.TopicPartition

	// Methods, bound once.
	later   func(ctx context.Context) (broker.Reply, error)
	isReady func() bool
	recycle func()
}

// recycledPartitions bounds the memory that the answer to a large request leaves behind.
const recycledPartitions = 64

// newProduce is an answer that has nothing in it.
func (d *Dispatcher) newProduce() *produce {
	if a, ok := d.produces.Get().(*produce); ok {
		return a
	}
	a := &produce{}
	a.later, a.isReady = a.wait, a.ready
	a.recycle = func() {
		if cap(a.partitions) <= recycledPartitions {
			a.clear()
			d.produces.Put(a)
		}
	}
	return a
}

// clear lets go of everything but memory.
func (a *produce) clear() {
	clear(a.resp.Topics)
	a.resp = kmsg.ProduceResponse{Topics: a.resp.Topics[:0]}
	clear(a.partitions)
	clear(a.batches)
	clear(a.waits)
	clear(a.unverified)
	clear(a.questions)
	a.waits, a.unverified, a.questions = a.waits[:0], a.unverified[:0], a.questions[:0]
	a.deadline, a.failed = time.Time{}, false
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
	a := d.newProduce()
	a.resp.Version = r.Version
	if repeatsPartitions(r) {
		r = withoutRepeats(r)
	}
	a.layOut(r)
	now := d.now().UnixMilli() // One moment for all: of a small request the clock is a noticeable part.
	var wake func()
	refused := d.checkBatches(ctx, req, r, a.batches, now)
	if r.TransactionID != nil && !refused.failed() {
		refused = d.verifyTransaction(ctx, a, r)
	}
	if refused.failed() {
		a.refuse(refused)
	} else {
		wake = d.appendBatches(a, r, now)
	}
	if a.failed = a.failed || anyFailed(a.batches); a.failed && r.Acks == acksNone {
		return broker.Reply{}, fmt.Errorf("produce without acknowledgement failed: %s", firstFailure(&a.resp))
	}
	switch {
	case r.Acks == acksNone:
		a.recycle()
		return broker.Reply{}, nil
	case len(a.waits) > 0:
		a.deadline = time.Now().Add(max(minProduceTimeout, time.Duration(r.TimeoutMillis)*time.Millisecond))
		return broker.Reply{Later: a.later, Ready: a.isReady}, nil
	default:
		return broker.Reply{Message: &a.resp, Sent: wake, Recycle: a.recycle}, nil
	}
}

// layOut makes a place in the answer for each partition of the request.
func (a *produce) layOut(r *kmsg.ProduceRequest) {
	n := 0
	for i := range r.Topics {
		n += len(r.Topics[i].Partitions)
	}
	topics := slices.Grow(a.resp.Topics[:0], min(n, len(r.Topics)))
	a.partitions = slices.Grow(a.partitions[:0], n)[:n]
	a.batches = slices.Grow(a.batches[:0], n)
	partitions := a.partitions
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
			a.batches = append(a.batches, produceBatch{out: p})
		}
	}
	a.resp.Topics = topics
}

// refuse answers every partition alike.
func (a *produce) refuse(refused apiError) {
	for i := range a.batches {
		out := a.batches[i].out
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
func (d *Dispatcher) appendBatches(a *produce, r *kmsg.ProduceRequest, now int64) (wake func()) {
	one := len(a.batches) == 1
	opts := logstore.AppendOptions{Now: now, DeferWake: one && r.Acks != acksNone, DeferCommit: !one}
	var commits sharedCommit
	for i := range a.batches {
		b := &a.batches[i]
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
	return broker.Reply{Message: &a.resp, Recycle: a.recycle}, nil
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
