package franz

import (
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
)

func TestConsumerGroup(t *testing.T) {
	consumer := func(balancer string) groups.Client {
		c := with(map[string]string{"balancer": balancer, "protocol": "consumer"})
		c.Consumer = true
		return c
	}
	for _, balancer := range []string{"range", "sticky"} { // The latter is the broker's uniform.
		t.Run(balancer, func(t *testing.T) {
			t.Parallel()
			groups.Share(t, consumer(balancer))
		})
	}
	t.Run("pattern", func(t *testing.T) {
		t.Parallel()
		groups.Pattern(t, consumer("sticky"))
	})
	t.Run("migrated", func(t *testing.T) {
		t.Parallel()
		groups.Migrate(t, with(map[string]string{"balancer": "cooperative-sticky", "session": groups.SessionTimeout}), consumer("sticky"))
	})
}
