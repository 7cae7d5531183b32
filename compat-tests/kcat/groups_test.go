package kcat

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
	"github.com/clatterhq/clatter/compat-tests/report"
)

// TestGroup lets kcat -G, which commits by itself, share a topic.
func TestGroup(t *testing.T) {
	if _, err := exec.LookPath("kcat"); err != nil {
		report.Skip(t, "kcat is not installed: %v", err)
	}
	groups.Share(t, groups.Client{
		Command: func(_ *testing.T, m groups.Membership) *exec.Cmd {
			args := []string{"-b", m.Addr, "-G", m.Group, "-u", "-f", `record %t/%p %o %s\n`, "-X", "client.id=" + m.ID, "-X", "auto.offset.reset=earliest"}
			for _, setting := range []string{"session.timeout.ms=" + groups.SessionTimeout, "heartbeat.interval.ms=" + groups.HeartbeatInterval} {
				args = append(args, "-X", setting)
			}
			return exec.CommandContext(t.Context(), "kcat", append(args, m.Topic)...)
		},
		Quit: syscall.SIGTERM,
		Ends: true, // "All broker connections are down: 2/2 brokers are down: terminating".
	})
}

// TestGroupReadsToTheEnd lets kcat read what there is and end, twice: the second time nothing is left.
func TestGroupReadsToTheEnd(t *testing.T) {
	c := start(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	c.run("one\ntwo\nthree\n", "-P", "-t", "ended")
	read := func() string {
		return c.run("", "-G", "ends", "-e", "-q", "-f", "%s ", "-X", "auto.offset.reset=earliest", "ended")
	}
	expect(t, read(), "one two three ")
	expect(t, strings.TrimSpace(read()), "")
	c.run("four\n", "-P", "-t", "ended")
	expect(t, read(), "four ")
}
