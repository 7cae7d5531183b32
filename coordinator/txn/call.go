package txn

import (
	"context"
	"sync"
	"time"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

// verdict is what comes of a question: an answer, and perhaps a transition.
type verdict[T any] struct {
	answer T
	// next is what the transactional ID becomes if changes is set; else it stays as it is.
	next    Metadata
	changes bool
	// busy says that the answer would be another one as soon as the transaction that ends now has ended.
	busy bool
}

// question is a request of type Q about one transactional ID, with an answer of type T.
type question[Q, T any] struct {
	id      string
	request Q
	// decide looks at what is known of the ID, nil if it isn't known, and at nothing else that changes. It must copy what it keeps of the
	// request, whose memory is reused as soon as the question is answered, or given up.
	decide func(s *Shard, r *Q, m *Metadata) verdict[T]
	// patient says that it is worth waiting for a better answer where the transaction is busy. What is decided then must not end
	// another transaction.
	patient bool
	// limit is how long somebody waits at most; 0: as long as the context lets it.
	limit time.Duration
	// refused makes the answer if there is no decision, or its record is not in the log.
	refused func(code wire.ErrorCode) T
}

// calls keeps calls whose answers are there, so that questions are asked without allocating them.
type calls[Q, T any] struct{ pool sync.Pool }

// ask has the shard of a transactional ID decide, and waits for the answer: it leaves when the decision's record, and all that the
// decision could have seen, are durable.
func (p *calls[Q, T]) ask(ctx context.Context, c *Coordinator, q question[Q, T]) T {
	k, ok := p.pool.Get().(*call[Q, T])
	if !ok {
		k = newCall[Q, T]()
	}
	k.question, k.command.Key = q, q.id
	c.runtime.Do(q.id, k.command)
	answer := k.wait(ctx)
	if !k.mu.gone { // Else somebody may still answer.
		var none T
		k.question, k.answer, k.shard = question[Q, T]{}, none, nil
		p.pool.Put(k)
	}
	return answer
}

// call is a question on its way to a shard and back.
type call[Q, T any] struct {
	question[Q, T]
	command  coordinator.Command[*Shard, Record]
	answered chan struct{} // gets one value when the answer is there
	answer   T
	shard    *Shard // that has decided

	// Made once, for all questions that the call is used for: what gives the answer, and what sends markers then.
	deliver, deliverAndEnd func(err error)

	mu struct {
		sync.Mutex // held while the shard decides
		gone       bool
	}
}

func newCall[Q, T any]() *call[Q, T] {
	k := &call[Q, T]{answered: make(chan struct{}, 1)}
	k.deliver = func(err error) {
		if err != nil {
			k.answer = k.refused(coordinator.CodeOf(err))
		}
		k.answered <- struct{}{}
	}
	k.deliverAndEnd = func(err error) {
		s, id := k.shard, k.id
		k.deliver(err) // First: nobody has to wait for markers. The call may be somebody else's then.
		s.sendMarkers(id, err)
	}
	k.command = coordinator.Command[*Shard, Record]{Decide: k.decideOn, Refused: k.deliver}
	return k
}

// decideOn decides unless nobody waits any more: then the request's memory belongs to somebody else.
func (k *call[Q, T]) decideOn(s *Shard) coordinator.Decision[Record] {
	t := s.transactions[k.id]
	if t != nil && t.completion.settled() {
		return s.complete(t.completion, k)
	}
	o := k.decideAbout(s, t.metadata())
	switch {
	case o.unwanted:
		return coordinator.Decision[Record]{}
	case o.parked && t.completion != nil:
		if t.completion.await() {
			return s.complete(t.completion, k)
		}
		t.completion.park(s, k)
		return coordinator.Decision[Record]{}
	case !o.changes:
		return coordinator.Decision[Record]{Answer: k.deliver}
	}
	d := coordinator.Decision[Record]{Records: s.decided(o.appendTo(s.records[:0], k.id)), Answer: k.deliver}
	if len(d.Records) == 1 && o.next.State.prepared() {
		k.shard, d.Answer = s, k.deliverAndEnd
	}
	return d
}

// outcome is what came of asking about an ID.
type outcome struct {
	next     Metadata // what the ID becomes if changes is set
	changes  bool
	parked   bool // it is worth asking again
	unwanted bool // nobody wants to know any more
}

// appendTo appends the outcome as records.
func (o *outcome) appendTo(records []Record, id string) []Record {
	if !o.changes {
		return records
	}
	return appendTransition(records, id, &o.next)
}

// decideAbout decides on grounds of what is known of the ID.
func (k *call[Q, T]) decideAbout(s *Shard, m *Metadata) outcome {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mu.gone {
		return outcome{unwanted: true}
	}
	v := k.decide(s, &k.request, m)
	k.answer = v.answer
	return outcome{next: v.next, changes: v.changes, parked: v.busy && k.patient}
}

func (k *call[Q, T]) wait(ctx context.Context) T {
	select {
	case <-k.answered: // As a rule it is there.
		return k.answer
	default:
	}
	if k.limit > 0 { // A timer is dear, so it is only set here.
		limited, cancel := context.WithTimeout(ctx, k.limit)
		defer cancel()
		ctx = limited
	}
	select {
	case <-k.answered:
		return k.answer
	case <-ctx.Done():
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.gone = true
	return k.refused(coordinator.CodeOf(ctx.Err()))
}

// parked is a call that waits for a transaction to end.
type parked interface {
	// decideAbout is asked again.
	decideAbout(s *Shard, m *Metadata) outcome
	// told delivers the answer, or the reason why there is none.
	told(err error)
}

func (k *call[Q, T]) told(err error) { k.deliver(err) }

// parkedCall is a parked call and how long it may be.
type parkedCall struct {
	call  parked
	until time.Time
}
