package confluent

import (
	"maps"
	"os/exec"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
	"github.com/clatterhq/clatter/compat-tests/install"
)

// with is the client with settings of librdkafka, and an instance id for each letter that ids begin with if static.
func with(t *testing.T, settings map[string]string, static bool) groups.Client {
	t.Helper()
	python := install.Python(t, "confluent")
	return groups.Client{
		Command: func(_ *testing.T, m groups.Membership) *exec.Cmd {
			return exec.CommandContext(t.Context(), python, append([]string{"member.py"}, m.Args()...)...)
		},
		Options: func(id string) map[string]string {
			all := maps.Clone(settings)
			if static {
				all["group.instance.id"] = "instance-" + id[:1]
			}
			return all
		},
	}
}

func TestGroup(t *testing.T) {
	for _, strategy := range []string{"range", "cooperative-sticky"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			groups.Share(t, with(t, map[string]string{
				"partition.assignment.strategy": strategy, "session.timeout.ms": groups.SessionTimeout, "heartbeat.interval.ms": groups.HeartbeatInterval,
			}, false))
		})
	}
	t.Run("static", func(t *testing.T) {
		t.Parallel()
		groups.Static(t, with(t, map[string]string{"heartbeat.interval.ms": groups.HeartbeatInterval}, true))
	})
	t.Run("pattern", func(t *testing.T) {
		t.Parallel()
		groups.Pattern(t, with(t, map[string]string{"partition.assignment.strategy": "cooperative-sticky", "heartbeat.interval.ms": groups.HeartbeatInterval}, false))
	})
}
