package group

import (
	"context"
	"slices"
	"sync"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

// question is a request as a shard sees it, with an answer of type T.
type question[T any] struct {
	// key is the group that the question is about, "" if it is about everything in the shard.
	key string
	// shared is [coordinator.Command.Shared].
	shared bool
	// decide looks at the request and the state, and says what to write. It calls reply, or keeps it for a later decision: the
	// answer leaves when the records of the decision that replies are durable. It must copy what it keeps of the
	// request, whose memory is reused as soon as the question is answered, or given up.
	decide func(s *Shard, reply func(T)) []Record
	// transaction is what the records are part of, nil as a rule.
	transaction *coordinator.Transaction
	// refused makes the answer if there is no decision, or its records are not in the log.
	refused func(code wire.ErrorCode) T
}

// ask has the shard of a group decide, and waits for the answer.
func ask[T any](ctx context.Context, c *Coordinator, group string, q question[T]) T {
	q.key = group
	k := newCall(q)
	c.runtime.Do(group, k.command)
	return k.wait(ctx)
}

// calls keeps calls whose answers are there: those questions that are asked most are asked without allocating.
type calls[T any] struct{ pool sync.Pool }

// ask is [ask] with a call that is used again. Unless the question is settled, because nobody waited for the answer, records of the
// decision may still be looked at.
func (p *calls[T]) ask(ctx context.Context, c *Coordinator, group string, q question[T]) (answer T, settled bool) {
	q.key = group
	k, ok := p.pool.Get().(*call[T])
	if ok {
		k.question, k.replied = q, false
		k.command.Key, k.command.Shared = q.key, q.shared
	} else {
		k = newCall(q)
	}
	c.runtime.Do(group, k.command)
	answer = k.wait(ctx)
	if k.mu.gone { // Somebody may still answer.
		return answer, false
	}
	var none T
	k.question, k.answer, k.shard = question[T]{}, none, nil
	p.pool.Put(k)
	return answer, true
}

// call is a question on its way to a shard and back.
type call[T any] struct {
	question[T]
	command  coordinator.Command[*Shard, Record]
	answered chan struct{} // gets one value when the answer is there
	answer   T
	shard    *Shard // that decided
	replied  bool   // by a decision, which the answer leaves with
	// reply and deliver are made once, for all questions that the call is used for.
	reply   func(answer T)
	deliver func(err error)

	mu struct {
		sync.Mutex // held while the shard decides
		gone       bool
	}
}

func newCall[T any](q question[T]) *call[T] {
	k := &call[T]{question: q, answered: make(chan struct{}, 1)}
	k.command = coordinator.Command[*Shard, Record]{
		Key: q.key, Shared: q.shared, Decide: k.decideOnce,
		Refused: func(err error) {
			if !k.replied { // Else the decision broke down, and the state that ends answers.
				k.finish(k.refused(coordinator.CodeOf(err)))
			}
		},
	}
	k.reply = func(answer T) {
		k.answer, k.replied = answer, true
		k.shard.later(k.deliver)
	}
	k.deliver = func(err error) {
		if err != nil {
			k.answer = k.refused(coordinator.CodeOf(err))
		}
		k.answered <- struct{}{}
	}
	return k
}

// decideOnce decides unless nobody waits any more: then the request's memory belongs to somebody else.
func (k *call[T]) decideOnce(s *Shard) coordinator.Decision[Record] {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mu.gone {
		return coordinator.Decision[Record]{}
	}
	decide := k.decide
	k.decide = nil // It may take minutes until the answer comes, and the request is large.
	k.shard = s
	d := s.decision(decide(s, k.reply))
	if len(d.Records) > 0 {
		d.Transaction = k.transaction
	}
	return d
}

func (k *call[T]) finish(answer T) {
	k.answer = answer
	k.answered <- struct{}{}
}

func (k *call[T]) wait(ctx context.Context) T {
	select {
	case <-k.answered: // As a rule it is there.
		return k.answer
	default:
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

// askedAtOnce bounds the calls that are made for one request: a name takes three bytes in there, a call half a thousand.
const askedAtOnce = 256

// askEach has the shards of groups decide, many at once, and waits for all answers, which are in the order of the groups.
func askEach[T any](ctx context.Context, c *Coordinator, groups []string, about func(group string) question[T]) []T {
	answers := make([]T, 0, len(groups))
	calls := make([]*call[T], 0, min(len(groups), askedAtOnce))
	for some := range slices.Chunk(groups, askedAtOnce) {
		calls = calls[:0]
		for _, group := range some {
			q := about(group)
			q.key = group
			k := newCall(q)
			calls = append(calls, k)
			c.runtime.Do(group, k.command)
		}
		for _, k := range calls {
			answers = append(answers, k.wait(ctx))
		}
	}
	return answers
}
