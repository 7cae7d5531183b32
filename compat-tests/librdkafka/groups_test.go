package librdkafka

import (
	"os/exec"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
)

// member is a consumer with a version of the library and one of its assignors. It must not guess what a broker speaks: one that is killed while it is
// asked would be taken for a Kafka 0.9, whose versions no broker serves any more, for the next twenty minutes.
func member(version, strategy string) groups.Client {
	return groups.Client{
		Command: func(t *testing.T, m groups.Membership) *exec.Cmd {
			t.Helper()
			return command(t, version, "member.py", m.Args()...)
		},
		Options: func(string) map[string]string {
			return map[string]string{
				"api.version.fallback.ms": "0", "partition.assignment.strategy": strategy, "session.timeout.ms": groups.SessionTimeout,
				"heartbeat.interval.ms": groups.HeartbeatInterval,
			}
		},
	}
}

func TestGroup(t *testing.T) {
	refusedByKafka(t)
	for _, version := range versions {
		for _, strategy := range []string{"range", "roundrobin"} {
			t.Run(version+"/"+strategy, func(t *testing.T) {
				t.Parallel()
				groups.Share(t, member(version, strategy))
			})
		}
	}
	t.Run("pattern", func(t *testing.T) {
		t.Parallel()
		groups.Pattern(t, member(versions[len(versions)-1], "range"))
	})
}
