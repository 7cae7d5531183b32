package group

import (
	"io"
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

// eventLimiter thins out lines about groups. Whatever members do, they do it in crowds.
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

// event writes a line about a group, with pairs of names and values.
func (c *Coordinator) event(what string, g *classicGroup, attributes ...any) {
	c.line(what, g.id, append(attributes, "state", g.state, "generation", g.generation)...)
}

func (c *Coordinator) line(what, group string, attributes ...any) {
	leftOut, ok := c.events.allow(time.Now())
	if !ok {
		return
	}
	for i, a := range attributes {
		if s, ok := a.(string); ok {
			attributes[i] = cut(s)
		}
	}
	if leftOut > 0 {
		attributes = append(attributes, "left_out", leftOut)
	}
	c.options.Log.Info(what, append([]any{slog.String("group", cut(group))}, attributes...)...)
}

func cut(s string) string {
	if len(s) > eventBytes {
		return s[:eventBytes] + "..."
	}
	return s
}

// rebalanced tells what came of a rebalance.
func (c *Coordinator) rebalanced(g *classicGroup) {
	c.event("group rebalanced", g, "members", len(g.members), "protocol", g.protocol, "leader", g.leader,
		"took", time.Since(g.began), "reason", g.reason)
}

// random draws bytes. Where there are none left the process can't go on: IDs that can be guessed are worse.
func (c *Coordinator) random(p []byte) {
	if _, err := io.ReadFull(c.options.Random, p); err != nil {
		panic("no random bytes: " + err.Error())
	}
}
