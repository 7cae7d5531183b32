package kafkajs

import (
	"os"
	"os/exec"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
	"github.com/clatterhq/clatter/compat-tests/install"
)

// client is KafkaJS. It has no static members.
func client(t *testing.T) groups.Client {
	t.Helper()
	modules := install.NodeModules(t, "kafkajs")
	return groups.Client{
		Command: func(_ *testing.T, m groups.Membership) *exec.Cmd {
			cmd := exec.CommandContext(t.Context(), "node", append([]string{"member.js"}, m.Args()...)...)
			cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
			return cmd
		},
		Options: func(string) map[string]string {
			return map[string]string{"sessionTimeout": groups.SessionTimeout, "heartbeatInterval": groups.HeartbeatInterval}
		},
		Rejoins: true, // It starts its consumer anew when it finds no broker.
		Early:   true,
	}
}

func TestGroup(t *testing.T) {
	t.Run("round-robin", func(t *testing.T) {
		t.Parallel()
		groups.Share(t, client(t))
	})
	t.Run("pattern", func(t *testing.T) {
		t.Parallel()
		groups.Pattern(t, client(t))
	})
}
