package txn

import (
	"context"
	"log/slog"
	"time"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

const (
	// maxLate bounds how many transactions are aborted at once for being late. The rest follows.
	maxLate = 1000
	// lateRetry is how long after a failure late transactions are aborted again.
	lateRetry = time.Second
)

// watch makes sure that an ongoing transaction is aborted when its time is up, unless it has no timeout.
func (s *Shard) watch(t *transaction, left time.Duration) {
	if t.last.timeless() {
		return
	}
	t.deadline = s.timers.Now().Add(left)
	s.ongoing[t] = struct{}{}
	if due, ok := s.timeouts.Due(); !ok || t.deadline.Before(due) {
		s.timeouts.Set(left)
	}
}

// timeLeft is what is left to a transaction that was begun before the shard was loaded. The wall clock may have jumped meanwhile.
func timeLeft(m *Metadata, nowMs int64) time.Duration {
	left := m.StartMs + int64(m.TimeoutMs) - nowMs
	return time.Duration(min(max(left, 0), int64(m.TimeoutMs))) * time.Millisecond
}

// abortLate aborts transactions whose time is up (TransactionCoordinator.abortTimedOutTransactions), and sets the timer for the next one. A
// transaction that ends in time sets no timer.
func (s *Shard) abortLate() coordinator.Decision[Record] {
	now, nowMs := time.Now(), s.nowMs()
	var d coordinator.Decision[Record]
	var late []string
	var next time.Time
	for t := range s.ongoing {
		if len(late) >= maxLate {
			next = now
			break
		}
		if t.deadline.After(now) {
			if next.IsZero() || t.deadline.Before(next) {
				next = t.deadline
			}
			continue
		}
		if s.rotates(&t.last) {
			t.deadline = now.Add(lateRetry) // unless it ends before
			if next.IsZero() || t.deadline.Before(next) {
				next = t.deadline
			}
			s.coordinator.abortRotating(t.id, t.last)
			continue
		}
		s.tellLate(t)
		late = append(late, t.id)
		aborted := t.last.fenced(s.version(), noProducerID, nowMs)
		d.Records = appendTransition(d.Records, t.id, &aborted)
	}
	if !next.IsZero() {
		s.timeouts.Set(next.Sub(now))
	}
	if len(late) > 0 {
		d.Answer = func(err error) {
			for _, id := range late {
				s.sendMarkers(id, err)
			}
			if err != nil && s.live { // The disk is full.
				s.timeouts.Set(lateRetry)
			}
		}
	}
	return d
}

// tellLate tells the operator.
func (s *Shard) tellLate(t *transaction) {
	s.coordinator.event(slog.LevelInfo, "transaction aborted, its time is up", t.id, &t.last,
		"timeout", time.Duration(t.last.TimeoutMs)*time.Millisecond)
}

// abortRotating aborts a transaction whose time is up and whose producer goes on with another ID, which may take a write to the disk.
func (c *Coordinator) abortRotating(id string, m Metadata) {
	c.background.Go(func() {
		newID, code := c.newProducerID(context.Background())
		if code != wire.None {
			return // It is late again soon.
		}
		c.runtime.Submit(id, coordinator.Command[*Shard, Record]{
			Key: id,
			Decide: func(s *Shard) coordinator.Decision[Record] {
				t := s.transactions[id]
				if t == nil || t.last.State != Ongoing || t.last.ProducerID != m.ProducerID || t.last.StartMs != m.StartMs || !s.rotates(&t.last) {
					return coordinator.Decision[Record]{}
				}
				s.tellLate(t)
				next := t.last.fenced(s.version(), newID, s.nowMs())
				return coordinator.Decision[Record]{
					Records: s.decided(appendTransition(s.records[:0], id, &next)),
					Answer:  func(err error) { s.sendMarkers(id, err) },
				}
			},
		})
	})
}
