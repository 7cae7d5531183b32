package confluent

import (
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
)

// patient lets members heartbeat at longer intervals than others are tested with. librdkafka gives up a ConsumerGroupHeartbeat that is not answered within the
// interval, and asks on without saying what it has: an assignment that was in the answer it will not be told again, by whatever broker, before it is
// thrown out for not having taken it. A sync that takes a second is enough for that.
var patient = map[string]string{
	"group.consumer.min.session.timeout.ms": "10000", "group.consumer.session.timeout.ms": "10000",
	"group.consumer.min.heartbeat.interval.ms": "3000", "group.consumer.heartbeat.interval.ms": "3000",
}

func TestConsumerGroup(t *testing.T) {
	consumer := func(t *testing.T, assignor string, static bool) groups.Client {
		t.Helper()
		c := with(t, map[string]string{"group.protocol": "consumer", "group.remote.assignor": assignor}, static)
		c.Consumer = true
		c.Broker = patient
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
