package java

import (
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
)

// consumer are the settings of a member of a group whose broker assigns.
func consumer(assignor string) map[string]string {
	return map[string]string{"group.protocol": "consumer", "group.remote.assignor": assignor}
}

func (j members) consumer(assignor string, byID func(id string) map[string]string) groups.Client {
	c := j.client(consumer(assignor), byID)
	c.Consumer = true
	return c
}

func TestConsumerGroups(t *testing.T) {
	j := compileMember(t)
	for _, assignor := range []string{"uniform", "range"} {
		t.Run(assignor, func(t *testing.T) {
			t.Parallel()
			groups.Share(t, j.consumer(assignor, nil))
		})
	}
	t.Run("rack-aware", func(t *testing.T) {
		t.Parallel()
		c := j.consumer("uniform", rack)
		c.Broker = map[string]string{"broker.rack": "rack-a"}
		groups.Share(t, c)
	})
	t.Run("static", func(t *testing.T) {
		t.Parallel()
		groups.Static(t, j.consumer("uniform", instance))
	})
	t.Run("pattern", func(t *testing.T) {
		t.Parallel()
		groups.Pattern(t, j.consumer("uniform", nil))
	})
	t.Run("migrated", func(t *testing.T) {
		t.Parallel()
		groups.Migrate(t, j.client(classic("CooperativeStickyAssignor"), nil), j.consumer("uniform", nil))
	})
	t.Run("migrated-from-eager", func(t *testing.T) {
		t.Parallel()
		groups.Migrate(t, j.client(classic("RangeAssignor"), nil), j.consumer("range", nil))
	})
}
