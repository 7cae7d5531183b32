package local

import (
	"context"
	"sync"
	"time"
)

// throttle bounds the bytes per second of all cleaners together (log.cleaner.io.max.bytes.per.second). The zero value is ready.
type throttle struct {
	mu sync.Mutex
	// free is when everything that was let through before would be done at the allowed rate.
	free time.Time
}

// unthrottled is a rate that no disk reaches.
const unthrottled = 1e12

// wait returns when n more bytes may be read or written, or the context is done.
func (t *throttle) wait(ctx context.Context, n int64, perSecond float64) error {
	if perSecond >= unthrottled {
		return nil
	}
	now := time.Now()
	t.mu.Lock()
	if t.free.Before(now) {
		t.free = now
	}
	begin := t.free
	seconds := min(float64(n)/max(perSecond, 1), float64(1<<30))
	t.free = begin.Add(time.Duration(seconds * float64(time.Second)))
	t.mu.Unlock()
	delay := begin.Sub(now)
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
