package coordinator

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

// Events writes the lines of the log that clients cause, and thins them out: whatever clients do, they do it in crowds. Any goroutine
// may call its methods.
type Events struct {
	log *slog.Logger
	mu  struct {
		sync.Mutex
		full   time.Time // when the burst is whole again
		silent int       // left out since the last line
	}
}

// NewEvents makes events that go to a log.
func NewEvents(log *slog.Logger) *Events { return &Events{log: log} }

// Write writes a line, unless there were too many just now, with pairs of names and values. Long strings are cut off.
func (e *Events) Write(level slog.Level, what string, pairs ...any) {
	leftOut, ok := e.allow(time.Now())
	if !ok {
		return
	}
	for i, value := range pairs {
		if s, ok := value.(string); ok && len(s) > eventBytes {
			pairs[i] = s[:eventBytes] + "..."
		}
	}
	if leftOut > 0 {
		pairs = append(pairs, "left_out", leftOut)
	}
	e.log.Log(context.Background(), level, what, pairs...)
}

// allow says whether a line may be written now, and how many were left out before.
func (e *Events) allow(now time.Time) (leftOut int, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.full.Before(now) {
		e.mu.full = now
	}
	if e.mu.full.Sub(now) > (eventBurst-1)*eventInterval {
		e.mu.silent++
		return 0, false
	}
	e.mu.full = e.mu.full.Add(eventInterval)
	leftOut, e.mu.silent = e.mu.silent, 0
	return leftOut, true
}
