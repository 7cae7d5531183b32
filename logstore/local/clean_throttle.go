package local

import (
	"context"
	"sync"
	"time"
)

// throttle bounds the bytes per second of all cleaners together (log.cleaner.io.max.bytes.per.second). The zero value is ready.
type throttle struct {
	mu sync.Mutex
	// debt is what was let through and wouldn't be done yet at the allowed rate, in bytes, as of a time.
	debt float64
	at   time.Time
}

// unthrottled is a rate that no disk reaches.
const unthrottled = 1e12

// throttleCheck is how often a cleaner that waits looks whether the rate has changed.
const throttleCheck = 250 * time.Millisecond

// wait returns when n more bytes may be read or written, or the context is done. The rate in bytes per second may change at any time, also for
// those who wait already.
func (t *throttle) wait(ctx context.Context, n int64, rate func() float64) error {
	perSecond := rate()
	if perSecond >= unthrottled {
		return nil
	}
	perSecond = max(perSecond, 1)
	now := time.Now()
	t.mu.Lock()
	due := max(t.debt-now.Sub(t.at).Seconds()*perSecond, 0)
	t.debt, t.at = due+float64(n), now
	t.mu.Unlock()
	for due > 0 && perSecond < unthrottled {
		delay := throttleCheck
		if seconds := due / perSecond; seconds < delay.Seconds() {
			delay = time.Duration(seconds * float64(time.Second))
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		due -= delay.Seconds()*perSecond + 1 // a byte, so that rounding can't keep anybody here
		perSecond = max(rate(), 1)
	}
	return nil
}
