package kafkapython

import (
	"os/exec"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
	"github.com/clatterhq/clatter/compat-tests/install"
)

func TestGroup(t *testing.T) {
	python := install.Python(t, "kafkapython")
	groups.Share(t, groups.Client{
		Command: func(_ *testing.T, m groups.Membership) *exec.Cmd {
			return exec.Command(python, append([]string{"member.py"}, m.Args()...)...) //nolint:noctx // The scenario ends it.
		},
		Options: func(string) map[string]string {
			return map[string]string{"session_timeout_ms": groups.SessionTimeout, "heartbeat_interval_ms": groups.HeartbeatInterval}
		},
	})
}
