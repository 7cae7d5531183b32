package group

import (
	"io"
	"log/slog"
	"time"
)

// event writes a line about a group, with pairs of names and values.
func (c *Coordinator) event(what string, g *classicGroup, attributes ...any) {
	c.line(what, g.id, append(attributes, "state", g.state, "generation", g.generation)...)
}

func (c *Coordinator) line(what, group string, attributes ...any) {
	c.events.Write(slog.LevelInfo, what, append([]any{"group", group}, attributes...)...)
}

// rebalanced tells what came of a rebalance.
func (c *Coordinator) rebalanced(g *classicGroup) {
	if g.state == classicEmpty {
		c.event("group is empty", g, "reason", g.reason)
		return
	}
	c.event("group rebalanced", g, "members", len(g.members), "protocol", g.protocol, "leader", g.leader,
		"took", time.Since(g.began), "reason", g.reason)
}

// random draws bytes. Where there are none left the process can't go on: IDs that can be guessed are worse.
func (c *Coordinator) random(p []byte) {
	if _, err := io.ReadFull(c.options.Random, p); err != nil {
		panic("no random bytes: " + err.Error())
	}
}
