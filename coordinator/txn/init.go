package txn

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

// initFencedSince is the version of InitProducerId from which clients know PRODUCER_FENCED.
const initFencedSince = 4

// initAnswer is the answer to an InitProducerId.
type initAnswer struct {
	code          wire.ErrorCode
	producerID    int64
	producerEpoch int16
	// needsID says that the question must be asked again with a new producer ID.
	needsID bool
}

// initRequest is what an InitProducerId says.
type initRequest struct {
	id        string
	timeoutMs int32
	// producerID and producerEpoch are what the producer has and wants to go on with (KIP-360), -1 if it is new.
	producerID    int64
	producerEpoch int16
	// newID is an unused producer ID, or -1.
	newID int64
}

// InitProducerID begins a producer of a transactional ID, and fences the one before it. The request must have an ID.
func (c *Coordinator) InitProducerID(ctx context.Context, req *kmsg.InitProducerIDRequest) *kmsg.InitProducerIDResponse {
	r := initRequest{timeoutMs: req.TransactionTimeoutMillis, producerID: req.ProducerID, producerEpoch: req.ProducerEpoch, newID: noProducerID}
	if req.Version < 3 { // The fields aren't there.
		r.producerID, r.producerEpoch = noProducerID, noProducerEpoch
	}
	if req.TransactionalID != nil {
		r.id = *req.TransactionalID
	}
	a := initAnswer{code: r.check(c.options.Config().MaxTimeoutMs)}
	if a.code == wire.None {
		a = c.initProducer(ctx, r)
	}
	resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
	resp.ErrorCode = int16(fencedCode(a.code, req.Version, initFencedSince))
	resp.ProducerID, resp.ProducerEpoch = noProducerID, noProducerEpoch
	if a.code == wire.None {
		resp.ProducerID, resp.ProducerEpoch = a.producerID, a.producerEpoch
	}
	return resp
}

// check is the code for what is wrong with the request itself.
func (r *initRequest) check(maxTimeoutMs int32) wire.ErrorCode {
	switch {
	case (r.producerID == noProducerID) != (r.producerEpoch == noProducerEpoch), !validID(r.id):
		return wire.InvalidRequest
	case r.timeoutMs <= 0 || r.timeoutMs > maxTimeoutMs:
		return wire.InvalidTransactionTimeout
	}
	return wire.None
}

// validID reports whether a record can hold the ID.
func validID(id string) bool { return id != "" && len(id) <= maxIDBytes }

// initProducer asks the shard, a second time if it turns out that a producer ID is needed: getting one may take a write to the disk.
func (c *Coordinator) initProducer(ctx context.Context, r initRequest) initAnswer {
	for {
		a := c.inits.ask(ctx, c, question[initRequest, initAnswer]{
			id:      r.id,
			request: r,
			decide:  (*Shard).initProducer,
			refused: func(code wire.ErrorCode) initAnswer { return initAnswer{code: code} },
		})
		if !a.needsID {
			return a
		}
		var code wire.ErrorCode
		if r.newID, code = c.newProducerID(ctx); code != wire.None {
			return initAnswer{code: code}
		}
	}
}

// newProducerID is a producer ID that was never used.
func (c *Coordinator) newProducerID(ctx context.Context) (int64, wire.ErrorCode) {
	id, err := c.options.ProducerIDs.Next(ctx)
	switch {
	case err == nil:
		return id, wire.None
	case ctx.Err() != nil:
		return noProducerID, coordinator.CodeOf(ctx.Err())
	}
	c.options.Log.Error("no producer id for a transaction", slog.Any("error", err))
	return noProducerID, wire.CoordinatorNotAvailable
}

// initProducer decides (TransactionCoordinator.prepareInitProducerIdTransit).
func (s *Shard) initProducer(r *initRequest, m *Metadata) verdict[initAnswer] {
	switch {
	case m == nil:
		return s.initNew(r)
	case m.State.prepared(): // First: the producer may have been told already which ID and epoch come next.
		return verdict[initAnswer]{answer: initAnswer{code: wire.ConcurrentTransactions}}
	case !r.belongsTo(m):
		return verdict[initAnswer]{answer: initAnswer{code: wire.ProducerFenced}}
	}
	switch m.State {
	case Ongoing, PrepareEpochFence:
		// The producer comes back when the transaction is aborted, and gets another epoch then.
		if r.newID == noProducerID && s.rotates(m) {
			return verdict[initAnswer]{answer: initAnswer{needsID: true}}
		}
		s.coordinator.event(slog.LevelInfo, "transaction aborted, its transactional id has a new producer", r.id, m)
		newID := noProducerID
		if s.rotates(m) {
			newID = r.newID
		}
		return verdict[initAnswer]{
			answer: initAnswer{code: wire.ConcurrentTransactions}, next: m.fenced(s.version(), newID, s.nowMs()), changes: true,
		}
	default:
		return s.initKnown(r, m)
	}
}

// rotates reports whether the end of a transaction brings a new producer ID, because there is no epoch left behind that of the marker.
func (s *Shard) rotates(m *Metadata) bool {
	return bumpsEpoch(s.version()) && exhausted(m.ProducerEpoch)
}

// belongsTo reports whether the producer may be the one that has the transactional ID, or had it until its
// epochs were used up.
func (r *initRequest) belongsTo(m *Metadata) bool {
	return r.producerID == noProducerID || m.ProducerEpoch == noProducerEpoch || r.producerID == m.ProducerID ||
		r.producerID == m.PreviousProducerID && exhausted(r.producerEpoch)
}

func (s *Shard) initNew(r *initRequest) verdict[initAnswer] {
	if r.newID == noProducerID {
		return verdict[initAnswer]{answer: initAnswer{needsID: true}}
	}
	m := newMetadata(r.newID)
	return initialized(m.begun(r.newID, 0, noProducerEpoch, r.timeoutMs, s.nowMs()))
}

// initKnown begins a producer where no transaction is open. Where its epoch is used up, Kafka breaks down over a repeated request; here it is
// answered as any other, or with a new producer ID if the epoch behind the last one has fenced the producer.
func (s *Shard) initKnown(r *initRequest, m *Metadata) verdict[initAnswer] {
	now := s.nowMs()
	anew := r.producerID == noProducerID
	current := anew || r.producerEpoch == m.ProducerEpoch || m.ProducerEpoch == noProducerEpoch
	repeated := !current && r.producerEpoch == m.LastProducerEpoch
	switch {
	case current && exhausted(m.ProducerEpoch), repeated && m.ProducerEpoch > lastEpoch:
		if r.newID == noProducerID {
			return verdict[initAnswer]{answer: initAnswer{needsID: true}}
		}
		last := lastKnown(m, anew)
		if repeated {
			last = r.producerEpoch
		}
		return initialized(m.begun(r.newID, 0, last, r.timeoutMs, now))
	case current:
		return initialized(m.begun(m.ProducerID, m.ProducerEpoch+1, lastKnown(m, anew), r.timeoutMs, now))
	case repeated:
		next := m.begun(m.ProducerID, m.ProducerEpoch, m.LastProducerEpoch, r.timeoutMs, now)
		if r.producerID != m.ProducerID {
			next.PreviousProducerID = r.producerID // It may come once more.
		}
		return initialized(next)
	}
	return verdict[initAnswer]{answer: initAnswer{code: wire.ProducerFenced}}
}

// lastKnown is the epoch that a producer repeats its request with. One that is new has none: the one before it must not be taken for it.
func lastKnown(m *Metadata, anew bool) int16 {
	if anew {
		return noProducerEpoch
	}
	return m.ProducerEpoch
}

func initialized(next Metadata) verdict[initAnswer] {
	return verdict[initAnswer]{answer: initAnswer{producerID: next.ProducerID, producerEpoch: next.ProducerEpoch}, next: next, changes: true}
}
