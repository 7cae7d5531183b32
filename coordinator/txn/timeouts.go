package txn

import (
	"log/slog"
	"time"

	"github.com/clatterhq/clatter/coordinator"
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
	t.deadline = time.Now().Add(left)
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
func (s *Shard) abortLate() coordinator.Decision[*Record] {
	now, nowMs := time.Now(), s.nowMs()
	var d coordinator.Decision[*Record]
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
		s.coordinator.event(slog.LevelInfo, "transaction aborted, its time is up", t.id, t.last,
			"timeout", time.Duration(t.last.TimeoutMs)*time.Millisecond)
		late = append(late, t.id)
		d.Records = appendTransition(d.Records, t.id, t.last.fenced(s.version(), nowMs))
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
