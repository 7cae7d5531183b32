package group

import (
	"context"
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
	// refused makes the answer if there is no decision, or its records are not in the log.
	refused func(code wire.ErrorCode) T
}

// ask has the shard of a group decide, and waits for the answer.
func ask[T any](ctx context.Context, c *Coordinator, group string, q question[T]) T {
	q.key = group
	k := newCall(q)
	c.runtime.Submit(group, k.command())
	return k.wait(ctx)
}

// askShard has a shard decide on something that is about no single group, and waits for the answer.
func askShard[T any](ctx context.Context, c *Coordinator, shard int32, q question[T]) T {
	k := newCall(q)
	c.runtime.SubmitTo(shard, k.command())
	return k.wait(ctx)
}

// call is a question on its way to a shard and back.
type call[T any] struct {
	question[T]
	answered chan struct{}
	answer   T // written before answered is closed

	mu struct {
		sync.Mutex // held while the shard decides
		gone       bool
	}
}

func newCall[T any](q question[T]) *call[T] {
	return &call[T]{question: q, answered: make(chan struct{})}
}

func (k *call[T]) command() coordinator.Command[*Shard, Record] {
	return coordinator.Command[*Shard, Record]{
		Key: k.key, Shared: k.shared, Decide: k.decideOnce,
		Refused: func(err error) { k.finish(k.refused(codeOf(err))) },
	}
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
	return s.decision(decide(s, func(answer T) { reply(s, k, answer) }))
}

// reply has an answer leave with the decision that is made now.
func reply[T any](s *Shard, k *call[T], answer T) {
	s.later(func(err error) {
		if err != nil {
			answer = k.refused(codeOf(err))
		}
		k.finish(answer)
	})
}

func (k *call[T]) finish(answer T) {
	k.answer = answer
	close(k.answered)
}

func (k *call[T]) wait(ctx context.Context) T {
	select {
	case <-k.answered:
		return k.answer
	case <-ctx.Done():
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.gone = true
	return k.refused(codeOf(ctx.Err()))
}

// askEach has the shards of groups decide, all at once, and waits for all answers, which are in the order of the groups.
func askEach[T any](ctx context.Context, c *Coordinator, groups []string, about func(group string) question[T]) []T {
	calls := make([]*call[T], len(groups))
	for i, group := range groups {
		q := about(group)
		q.key = group
		calls[i] = newCall(q)
		c.runtime.Submit(group, calls[i].command())
	}
	answers := make([]T, len(groups))
	for i, k := range calls {
		answers[i] = k.wait(ctx)
	}
	return answers
}
