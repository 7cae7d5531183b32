package txn

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// eventBurst and eventInterval bound the lines of the log that clients can cause: so many at once, and one
	// more in each interval.
	eventBurst    = 100
	eventInterval = 100 * time.Millisecond
	// eventBytes bounds the text of a client's in one line.
	eventBytes = 255
)

// eventLimiter thins out lines about transactions. Whatever producers do, they do it in crowds.
type eventLimiter struct {
	mu struct {
		sync.Mutex
		full   time.Time // when the burst is whole again
		silent int       // left out since the last line
	}
}

// allow says whether a line may be written now, and how many were left out before.
func (l *eventLimiter) allow(now time.Time) (leftOut int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.full.Before(now) {
		l.mu.full = now
	}
	if l.mu.full.Sub(now) > (eventBurst-1)*eventInterval {
		l.mu.silent++
		return 0, false
	}
	l.mu.full = l.mu.full.Add(eventInterval)
	leftOut, l.mu.silent = l.mu.silent, 0
	return leftOut, true
}

// event writes a line about a transactional ID.
func (c *Coordinator) event(level slog.Level, what, id string, m *Metadata, more ...slog.Attr) {
	leftOut, ok := c.events.allow(time.Now())
	if !ok {
		return
	}
	if len(id) > eventBytes {
		id = id[:eventBytes] + "..."
	}
	attributes := append([]slog.Attr{
		slog.String("transactional_id", id), slog.Int64("producer_id", m.ProducerID), slog.Int("producer_epoch", int(m.ProducerEpoch)),
	}, more...)
	if leftOut > 0 {
		attributes = append(attributes, slog.Int("left_out", leftOut))
	}
	c.options.Log.LogAttrs(context.Background(), level, what, attributes...)
}
