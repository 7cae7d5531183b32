package txn

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

const (
	// endFencedSince is the version of EndTxn from which clients know PRODUCER_FENCED.
	endFencedSince = 2
	// endBumpsSince is the version of EndTxn that bumps the epoch (KIP-890).
	endBumpsSince = 5
)

// endAnswer is the answer to an EndTxn.
type endAnswer struct {
	code wire.ErrorCode
	// producerID and producerEpoch are what the producer goes on with, from transaction version 2 on.
	producerID    int64
	producerEpoch int16
	// needsID says that the question must be asked again with a new producer ID.
	needsID bool
}

// endRequest is what an EndTxn says.
type endRequest struct {
	id            string
	producerID    int64
	producerEpoch int16
	commit        bool
	newID         int64 // an unused producer ID, or -1
	bumps         bool  // the client is one of transaction version 2
}

// EndTxn commits or aborts a transaction. The answer leaves when that is decided for good; markers are written then.
func (c *Coordinator) EndTxn(ctx context.Context, req *kmsg.EndTxnRequest) *kmsg.EndTxnResponse {
	r := endRequest{
		id: req.TransactionalID, producerID: req.ProducerID, producerEpoch: req.ProducerEpoch, commit: req.Commit, newID: noProducerID,
		bumps: req.Version >= endBumpsSince,
	}
	a := endAnswer{code: wire.InvalidRequest}
	if validID(r.id) {
		a = c.end(ctx, r)
	}
	resp := req.ResponseKind().(*kmsg.EndTxnResponse)
	resp.ErrorCode = int16(fencedCode(a.code, req.Version, endFencedSince))
	resp.ProducerID, resp.ProducerEpoch = noProducerID, noProducerEpoch
	if a.code == wire.None && r.bumps {
		resp.ProducerID, resp.ProducerEpoch = a.producerID, a.producerEpoch
	}
	return resp
}

// end asks the shard, a second time if a producer ID is needed.
func (c *Coordinator) end(ctx context.Context, r endRequest) endAnswer {
	for {
		a := c.ends.ask(ctx, c, question[endRequest, endAnswer]{
			id:      r.id,
			request: r,
			decide:  (*Shard).end,
			refused: func(code wire.ErrorCode) endAnswer { return endAnswer{code: code} },
		})
		if !a.needsID {
			return a
		}
		var code wire.ErrorCode
		if r.newID, code = c.newProducerID(ctx); code != wire.None {
			return endAnswer{code: code}
		}
	}
}

// end decides.
func (s *Shard) end(r *endRequest, m *Metadata) verdict[endAnswer] {
	if !r.bumps {
		return r.decide(m, s.nowMs())
	}
	v := r.decideBumping(m, s.nowMs())
	if v.changes && !s.serves(versionBumps) {
		return endRefused(wire.UnsupportedVersion)
	}
	return v
}

// decide decides on the request of a client of transaction version 0 or 1 (TransactionCoordinator.endTransactionWithTV1). Who repeats a
// request is told of success as long as nothing else has happened.
func (r *endRequest) decide(m *Metadata, nowMs int64) verdict[endAnswer] {
	switch {
	case m == nil || m.ProducerID != r.producerID:
		return endRefused(wire.InvalidProducerIDMapping)
	case m.ProducerEpoch != r.producerEpoch || m.State == PrepareEpochFence:
		return endRefused(wire.ProducerFenced)
	}
	switch m.State {
	case Ongoing:
		return verdict[endAnswer]{next: m.prepared(r.commit, 0, noProducerID, nowMs), changes: true}
	case PrepareCommit, PrepareAbort:
		return endRefused(wire.ConcurrentTransactions)
	case CompleteCommit, CompleteAbort:
		if r.commit == (m.State == CompleteCommit) {
			return verdict[endAnswer]{}
		}
	default:
	}
	return endRefused(wire.InvalidTxnState)
}

// decideBumping decides on the request of a client of transaction version 2 (TransactionCoordinator.endTransaction). Each end has an epoch of
// its own, so a repeated request is known by its epoch, and the producer may abort what it isn't sure to have begun:
//
//	state          | abort, repeated | abort      | commit, repeated | commit
//	Empty          | fenced          | aborts     | fenced           | invalid state
//	CompleteAbort  | answered again  | aborts     | invalid state    | invalid state
//	CompleteCommit | invalid state   | aborts     | answered again   | invalid state
func (r *endRequest) decideBumping(m *Metadata, nowMs int64) verdict[endAnswer] {
	switch {
	case m == nil:
		return endRefused(wire.InvalidProducerIDMapping)
	case m.State.prepared(): // First: the producer may have been told already which ID and epoch come next.
		return endRefused(wire.ConcurrentTransactions)
	}
	// The producer doesn't know yet that it has a new ID, or the next epoch.
	hasNewID := m.PreviousProducerID == r.producerID && r.producerEpoch == lastEpoch && m.ProducerEpoch == 0
	hasNext := int32(m.ProducerEpoch) == int32(r.producerEpoch)+1
	switch {
	case m.ProducerID != r.producerID && !hasNewID:
		return endRefused(wire.InvalidProducerIDMapping)
	case !r.validEpoch(m, hasNext, hasNewID) || m.State == PrepareEpochFence:
		return endRefused(wire.ProducerFenced)
	}
	repeated := hasNext || hasNewID
	same := r.commit == (m.State == CompleteCommit)
	switch m.State {
	case Ongoing:
		return r.prepare(m, nowMs)
	case CompleteCommit, CompleteAbort:
		if repeated && same {
			return r.again(m, nowMs)
		}
		if !repeated && !r.commit {
			return r.prepare(m, nowMs)
		}
	case Empty:
		if !r.commit {
			return r.prepare(m, nowMs)
		}
	default:
	}
	return endRefused(wire.InvalidTxnState)
}

// validEpoch reports whether the producer may ask, in the state that the transaction is in.
func (r *endRequest) validEpoch(m *Metadata, hasNext, hasNewID bool) bool {
	switch m.State {
	case CompleteCommit, CompleteAbort:
		return hasNext || hasNewID || r.producerEpoch == m.ProducerEpoch
	default:
		return r.producerEpoch == m.ProducerEpoch
	}
}

// prepare decides on the end.
func (r *endRequest) prepare(m *Metadata, nowMs int64) verdict[endAnswer] {
	newID := noProducerID
	if exhausted(m.ProducerEpoch) {
		if r.newID == noProducerID {
			return verdict[endAnswer]{answer: endAnswer{needsID: true}}
		}
		newID = r.newID
	}
	next := m.prepared(r.commit, versionBumps, newID, nowMs)
	producerID, epoch := next.after()
	return verdict[endAnswer]{answer: endAnswer{producerID: producerID, producerEpoch: epoch}, next: next, changes: true}
}

// again answers a repeated request. If the transaction was aborted over the head of a producer that had the last epoch, the one behind it is
// in use, which no producer may have: it gets a new ID instead. Kafka lets it have that epoch, and breaks down over the next transaction.
func (r *endRequest) again(m *Metadata, nowMs int64) verdict[endAnswer] {
	if m.ProducerEpoch <= lastEpoch {
		return verdict[endAnswer]{answer: endAnswer{producerID: m.ProducerID, producerEpoch: m.ProducerEpoch}}
	}
	if r.newID == noProducerID {
		return verdict[endAnswer]{answer: endAnswer{needsID: true}}
	}
	next := m.rotated(r.newID, nowMs)
	return verdict[endAnswer]{answer: endAnswer{producerID: next.ProducerID, producerEpoch: next.ProducerEpoch}, next: next, changes: true}
}

func endRefused(code wire.ErrorCode) verdict[endAnswer] {
	return verdict[endAnswer]{answer: endAnswer{code: code}}
}
