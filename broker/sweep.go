package broker

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// sweepPause is the least time between two sweeps: connections whose time has come meanwhile wait as long.
const sweepPause = 100 * time.Millisecond

// never is a time that doesn't come.
const never = math.MaxInt64

// sweeper is the one timer that watches over all connections: idle for too long, a request
// that doesn't arrive, a goroutine whose stack is larger than waiting needs. It is
// armed for the earliest of these moments only, so nothing ticks while nothing is due. A read
// deadline per wait would do the same for the price of a timer per connection and
// two changes of it per request.
type sweeper struct {
	next  atomic.Int64 // when the timer fires, on the server's clock; never if it isn't armed
	sweep func()

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

// init sets what the timer calls.
func (s *sweeper) init(sweep func()) {
	s.sweep = sweep
	s.next.Store(never)
}

// arm makes sure that there is a sweep at the given moment. now is the time on the same clock.
func (s *sweeper) arm(due, now int64) {
	if due >= s.next.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || due >= s.next.Load() {
		return
	}
	s.next.Store(due)
	wait := max(time.Duration(due-now), sweepPause)
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, s.fire)
		return
	}
	s.timer.Reset(wait)
}

// fire sweeps. Connections that set a time while it goes on arm the timer themselves.
func (s *sweeper) fire() {
	s.next.Store(never)
	s.sweep()
}

func (s *sweeper) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

// sweep wakes every connection whose time has come, and arms the timer for the next one.
func (s *Server) sweep() {
	now, next := s.now(), int64(never)
	s.mu.Lock()
	var due []*conn
	for c := range s.conns {
		at := c.due.Load()
		switch {
		case at <= now:
			due = append(due, c)
		default:
			next = min(next, at)
		}
	}
	s.mu.Unlock()
	for _, c := range due {
		c.due.Store(never)
		c.kick()
	}
	s.sweeper.arm(next, now)
}
