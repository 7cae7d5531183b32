package broker

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// repeatWindow is how long the same event of the same peer stays silent after a line.
	repeatWindow = time.Minute
	// maxRepeatKeys bounds what the limiter remembers. Peers can come from any number of
	// addresses, so beyond it the oldest are forgotten: too many lines, not too much memory.
	maxRepeatKeys = 1024
)

// repeatLimiter thins out log lines that a peer can cause as often as it likes:
// one line a minute per event and address, which says how many were left out.
type repeatLimiter struct {
	mu   sync.Mutex
	seen map[repeatKey]*repeatCount
}

type repeatKey struct {
	event string
	peer  netip.Addr
}

type repeatCount struct {
	since  time.Time // when the last line was written
	silent int       // how many were left out since
}

func newRepeatLimiter() *repeatLimiter {
	return &repeatLimiter{seen: make(map[repeatKey]*repeatCount)}
}

// allow says whether a line may be written now, and how many like it were left out before.
func (l *repeatLimiter) allow(event string, peer netip.Addr, now time.Time) (leftOut int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := repeatKey{event, peer}
	count := l.seen[key]
	if count == nil {
		if len(l.seen) >= maxRepeatKeys {
			l.forgetLocked(now)
		}
		l.seen[key] = &repeatCount{since: now}
		return 0, true
	}
	if now.Sub(count.since) < repeatWindow {
		count.silent++
		return 0, false
	}
	leftOut = count.silent
	*count = repeatCount{since: now}
	return leftOut, true
}

// forgetLocked drops what is silent for longer than the window, and all if that isn't enough.
func (l *repeatLimiter) forgetLocked(now time.Time) {
	for key, count := range l.seen {
		if now.Sub(count.since) >= repeatWindow {
			delete(l.seen, key)
		}
	}
	if len(l.seen) >= maxRepeatKeys {
		clear(l.seen)
	}
}
