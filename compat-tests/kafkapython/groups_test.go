package kafkapython

import (
	"os/exec"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
	"github.com/clatterhq/clatter/compat-tests/install"
)

// client is kafka-python with settings by the id of a member.
func client(t *testing.T, options func(id string) map[string]string) groups.Client {
	t.Helper()
	python := install.Python(t, "kafkapython")
	return groups.Client{
		Command: func(_ *testing.T, m groups.Membership) *exec.Cmd {
			return exec.CommandContext(t.Context(), python, append([]string{"member.py"}, m.Args()...)...)
		},
		Options: options,
	}
}

// TestGroup leaves out regular expressions: with one, version 3.0.12 stops now and then to send anything when a topic appears, and turns on the
// spot until its session ends, with Kafka as the broker, too, or for ever.
func TestGroup(t *testing.T) {
	settings := map[string]string{"session_timeout_ms": groups.SessionTimeout, "heartbeat_interval_ms": groups.HeartbeatInterval}
	t.Run("range", func(t *testing.T) {
		t.Parallel()
		groups.Share(t, client(t, func(string) map[string]string { return settings }))
	})
	t.Run("static", func(t *testing.T) {
		t.Parallel()
		groups.Static(t, client(t, func(id string) map[string]string {
			return map[string]string{"group_instance_id": "instance-" + id[:1], "heartbeat_interval_ms": groups.HeartbeatInterval}
		}))
	})
}
