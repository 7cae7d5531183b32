package group

import "slices"

// ConsumerConfig is what is configured about one consumer group: the broker's keys under those of the group itself.
type ConsumerConfig struct {
	// SessionTimeoutMs is how long a member may be silent (consumer.session.timeout.ms).
	SessionTimeoutMs int32
	// HeartbeatIntervalMs is how often members are asked to send heartbeats (consumer.heartbeat.interval.ms).
	HeartbeatIntervalMs int32
	// AssignmentIntervalMs is the least time between two target assignments (consumer.assignment.interval.ms, KIP-1263).
	AssignmentIntervalMs int32
}

// ConsumersConfig has the keys of the broker that are about all consumer groups.
type ConsumersConfig struct {
	// MaxSize is the most members of a group (group.consumer.max.size).
	MaxSize int32
	// Assignors are the names of those on offer; the first one is taken where members prefer none (group.consumer.assignors).
	Assignors []string
	// Upgrade and Downgrade say whether groups may change their protocol while they have members
	// (group.consumer.migration.policy).
	Upgrade, Downgrade bool
}

// consumerConfig is the configuration of a group, with Kafka's defaults where nobody has said anything.
func (s *Shard) consumerConfig(group string) ConsumerConfig {
	if f := s.coordinator.options.ConsumerConfig; f != nil {
		return f(group)
	}
	return ConsumerConfig{SessionTimeoutMs: 45_000, HeartbeatIntervalMs: 5000, AssignmentIntervalMs: 1000}
}

// has reports whether an assignor is on offer.
func (c ConsumersConfig) has(assignor string) bool { return slices.Contains(c.Assignors, assignor) }

// fallback is the assignor that is taken where members prefer none.
func (c ConsumersConfig) fallback() string {
	if len(c.Assignors) == 0 {
		return "uniform"
	}
	return c.Assignors[0]
}
