package config

import (
	"slices"
	"strings"
)

// ConsumerGroups is what is configured about all consumer groups (GroupCoordinatorConfig in Kafka, KIP-848).
type ConsumerGroups struct {
	Enabled bool  // the consumer protocol is served
	MaxSize int32 // members of a group
	// Assignors are the names of those on offer; the first one is taken where members ask for none.
	Assignors []string
	// Upgrade and Downgrade say whether a group may change from the classic to the consumer protocol, and
	// back, while it has members.
	Upgrade, Downgrade bool
	// Default is for a group without keys of its own.
	Default ConsumerGroup
}

// ConsumerGroup is what is configured about one consumer group.
type ConsumerGroup struct {
	SessionTimeoutMs     int32
	HeartbeatIntervalMs  int32
	AssignmentIntervalMs int32 // least time between two assignments (KIP-1263)
}

// Keys of the broker.
const (
	consumerAssignorsKey = "group.consumer.assignors"
	consumerMigrationKey = "group.consumer.migration.policy"
)

// consumerAssignors are the assignors that exist. Kafka loads others from Java classes.
var consumerAssignors = []string{"uniform", "range"}

func readConsumerGroups(v *values) ConsumerGroups {
	policy := strings.ToLower(get[string](v, consumerMigrationKey))
	return ConsumerGroups{
		Enabled:   slices.Contains(get[[]string](v, "group.coordinator.rebalance.protocols"), "consumer"),
		MaxSize:   get[int32](v, "group.consumer.max.size"),
		Assignors: get[[]string](v, consumerAssignorsKey),
		Upgrade:   policy == "upgrade" || policy == "bidirectional",
		Downgrade: policy == "downgrade" || policy == "bidirectional",
		Default: ConsumerGroup{
			SessionTimeoutMs:     get[int32](v, "group.consumer.session.timeout.ms"),
			HeartbeatIntervalMs:  get[int32](v, "group.consumer.heartbeat.interval.ms"),
			AssignmentIntervalMs: get[int32](v, "group.consumer.assignment.interval.ms"),
		},
	}
}

// ConsumerGroup is what counts for a group with these keys of its own. One that was set while the broker's limits were
// others is kept within them (GroupConfig.fromProps).
func (s *Snapshot) ConsumerGroup(overrides map[string]string) ConsumerGroup {
	g := s.ConsumerGroups.Default
	if len(overrides) == 0 {
		return g
	}
	for _, field := range []struct {
		key  string
		into *int32
	}{
		{"consumer.session.timeout.ms", &g.SessionTimeoutMs},
		{"consumer.heartbeat.interval.ms", &g.HeartbeatIntervalMs},
		{"consumer.assignment.interval.ms", &g.AssignmentIntervalMs},
	} {
		if _, set := overrides[field.key]; !set {
			continue
		}
		i := slices.IndexFunc(groupBounds, func(b groupBound) bool { return b.key == field.key })
		b := groupBounds[i]
		*field.into = min(max(s.groupInt(field.key, overrides), get[int32](s.values, b.least)), get[int32](s.values, b.max))
	}
	return g
}

// consumerAssignorsRule refuses what Kafka would look for among Java classes.
var consumerAssignorsRule = rule{
	key:    consumerAssignorsKey,
	holds:  func(v *values) bool { return len(unknownAssignors(v)) == 0 },
	text:   "group.consumer.assignors has unknown assignors: ",
	detail: func(v *values) string { return strings.Join(unknownAssignors(v), ", ") },
}

func unknownAssignors(v *values) []string {
	return slices.DeleteFunc(slices.Clone(get[[]string](v, consumerAssignorsKey)), func(name string) bool {
		return slices.Contains(consumerAssignors, name)
	})
}
