package confluent

import (
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
)

func TestConsumerGroup(t *testing.T) {
	consumer := func(t *testing.T, assignor string, static bool) groups.Client {
		t.Helper()
		c := with(t, map[string]string{"group.protocol": "consumer", "group.remote.assignor": assignor}, static)
		c.Consumer = true
		return c
	}
	for _, assignor := range []string{"uniform", "range"} {
		t.Run(assignor, func(t *testing.T) {
			t.Parallel()
			groups.Share(t, consumer(t, assignor, false))
		})
	}
	t.Run("static", func(t *testing.T) {
		t.Parallel()
		groups.Static(t, consumer(t, "uniform", true))
	})
	t.Run("pattern", func(t *testing.T) {
		t.Parallel()
		groups.Pattern(t, consumer(t, "uniform", false))
	})
}
