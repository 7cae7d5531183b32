package kafkajs

import (
	"os"
	"os/exec"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
	"github.com/clatterhq/clatter/compat-tests/install"
)

func TestGroup(t *testing.T) {
	modules := install.NodeModules(t, "kafkajs")
	groups.Share(t, groups.Client{
		Command: func(_ *testing.T, m groups.Membership) *exec.Cmd {
			cmd := exec.Command("node", append([]string{"member.js"}, m.Args()...)...) //nolint:noctx // The scenario ends it.
			cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
			return cmd
		},
		Options: func(string) map[string]string {
			return map[string]string{"sessionTimeout": groups.SessionTimeout, "heartbeatInterval": groups.HeartbeatInterval}
		},
		Rejoins: true, // It starts its consumer anew when it finds no broker.
	})
}
