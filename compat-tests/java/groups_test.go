package java

import (
	"context"
	"maps"
	"os/exec"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
	"github.com/clatterhq/clatter/compat-tests/install"
)

// members runs members of the stock consumer in JVMs of their own.
type members struct{ java *install.JVM }

func compileMember(t *testing.T) members {
	t.Helper()
	return members{compile(t, "src/GroupMember.java")}
}

// client is the consumer with these settings and those that byID adds, which may be nil.
func (j members) client(settings map[string]string, byID func(id string) map[string]string) groups.Client {
	return groups.Client{
		Command: func(t *testing.T, m groups.Membership) *exec.Cmd {
			t.Helper()
			return j.java.Command(context.WithoutCancel(t.Context()), "128m", append([]string{"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "GroupMember"}, m.Args()...)...)
		},
		Options: func(id string) map[string]string {
			all := maps.Clone(settings)
			if byID != nil {
				maps.Copy(all, byID(id))
			}
			return all
		},
	}
}

// classic are the settings of a member of a classic group with one of the client's assignors.
func classic(assignor string) map[string]string {
	return map[string]string{
		"group.protocol": "classic", "partition.assignment.strategy": "org.apache.kafka.clients.consumer." + assignor,
		"session.timeout.ms": groups.SessionTimeout, "heartbeat.interval.ms": groups.HeartbeatInterval,
	}
}

// instance gives members whose ids begin with the same letter the same instance id.
func instance(id string) map[string]string {
	return map[string]string{"group.instance.id": "instance-" + id[:1]}
}

// rack puts each member into a rack of its own.
func rack(id string) map[string]string { return map[string]string{"client.rack": "rack-" + id} }

func TestClassicGroups(t *testing.T) {
	j := compileMember(t)
	t.Run("range", func(t *testing.T) {
		t.Parallel()
		groups.Share(t, j.client(classic("RangeAssignor"), nil))
	})
	t.Run("cooperative-sticky", func(t *testing.T) {
		t.Parallel()
		groups.Share(t, j.client(classic("CooperativeStickyAssignor"), nil))
	})
	t.Run("rack-aware", func(t *testing.T) {
		t.Parallel()
		c := j.client(classic("RangeAssignor"), rack)
		c.Broker = map[string]string{"broker.rack": "rack-a"}
		groups.Share(t, c)
	})
	t.Run("static", func(t *testing.T) {
		t.Parallel()
		settings := classic("RangeAssignor")
		delete(settings, "session.timeout.ms")
		groups.Static(t, j.client(settings, instance))
	})
	t.Run("pattern", func(t *testing.T) {
		t.Parallel()
		groups.Pattern(t, j.client(classic("CooperativeStickyAssignor"), nil))
	})
}
