package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/clatterhq/clatter/broker/configdef"
)

// groupBound keeps a group's key within limits that the broker sets.
type groupBound struct {
	key        string
	least, max string // broker keys; least may be empty
}

// groupBounds are those of GroupConfig.validate in Kafka, in its order.
var groupBounds = []groupBound{
	{"consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"},
	{"consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms"},
	{"consumer.assignment.interval.ms", "group.consumer.min.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"},
	{"share.heartbeat.interval.ms", "group.share.min.heartbeat.interval.ms", "group.share.max.heartbeat.interval.ms"},
	{"share.session.timeout.ms", "group.share.min.session.timeout.ms", "group.share.max.session.timeout.ms"},
	{"share.record.lock.duration.ms", "group.share.min.record.lock.duration.ms", "group.share.max.record.lock.duration.ms"},
	{"share.delivery.count.limit", "group.share.min.delivery.count.limit", "group.share.max.delivery.count.limit"},
	{"share.partition.max.record.locks", "group.share.min.partition.max.record.locks", "group.share.max.partition.max.record.locks"},
	{"share.assignment.interval.ms", "group.share.min.assignment.interval.ms", "group.share.max.assignment.interval.ms"},
	{"streams.heartbeat.interval.ms", "group.streams.min.heartbeat.interval.ms", "group.streams.max.heartbeat.interval.ms"},
	{"streams.session.timeout.ms", "group.streams.min.session.timeout.ms", "group.streams.max.session.timeout.ms"},
	{"streams.num.standby.replicas", "", "group.streams.max.standby.replicas"},
	{"streams.assignment.interval.ms", "group.streams.min.assignment.interval.ms", "group.streams.max.assignment.interval.ms"},
}

// validateGroup checks all keys that a group would have of its own.
func (s *Snapshot) validateGroup(overrides map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if configdef.Group.Lookup(name) == nil {
			return invalidConfig("Unknown group config name: " + name)
		}
	}
	for _, key := range configdef.Group.Declared() {
		if raw, set := overrides[key.Name]; set {
			if _, err := key.Parse(raw); err != nil {
				return invalidConfig(err.Error())
			}
		}
	}
	for _, b := range groupBounds {
		if err := s.checkGroupBound(b, overrides); err != nil {
			return err
		}
	}
	for _, protocol := range []string{"consumer", "share", "streams"} {
		session, heartbeat := protocol+".session.timeout.ms", protocol+".heartbeat.interval.ms"
		if s.groupInt(session, overrides) <= s.groupInt(heartbeat, overrides) {
			return invalidConfig(session + " must be greater than " + heartbeat)
		}
	}
	return s.checkStreamsAssignor(overrides)
}

// checkGroupBound looks at keys that the group sets: the broker's own are its operator's business.
func (s *Snapshot) checkGroupBound(b groupBound, overrides map[string]string) error {
	if _, set := overrides[b.key]; !set {
		return nil
	}
	value, most := s.groupInt(b.key, overrides), get[int32](s.values, b.max)
	if b.least == "" {
		if value > most {
			return invalidConfig(fmt.Sprintf("%s must be less than or equal to %d", b.key, most))
		}
		return nil
	}
	if least := get[int32](s.values, b.least); value < least || value > most {
		return invalidConfig(fmt.Sprintf("%s must be in the range %d to %d inclusive.", b.key, least, most))
	}
	return nil
}

func (s *Snapshot) checkStreamsAssignor(overrides map[string]string) error {
	const name = "streams.assignor.name"
	raw, set := overrides[name]
	if !set {
		return nil
	}
	assignors := get[[]string](s.values, "group.streams.assignors")
	if slices.Contains(assignors, configdef.Trim(raw)) {
		return nil
	}
	return invalidConfig(fmt.Sprintf("%s '%s' is not a registered task assignor. Registered assignors are: [%s].", name, configdef.Trim(raw), strings.Join(assignors, ", ")))
}

// groupValue is what counts for a key of a group with these keys of its own.
func (s *Snapshot) groupValue(key *configdef.Key, overrides map[string]string) any {
	value, err := topicValue(s.values, key, overrides)
	if err != nil {
		return topicDefault(s.values, key)
	}
	return value
}

func (s *Snapshot) groupInt(name string, overrides map[string]string) int32 {
	n, _ := s.groupValue(configdef.Group.Lookup(name), overrides).(int32)
	return n
}

// clientMatches are the properties by which a subscription chooses clients
// (ClientMetricsConfigs.ALLOWED_MATCH_PARAMS in Kafka).
var clientMatches = []string{
	"client_instance_id", "client_id", "client_software_name", "client_software_version", "client_source_address", "client_source_port",
}

// validateClientMetrics checks a subscription (ClientMetricsConfigs.validate in Kafka).
func validateClientMetrics(name string, overrides map[string]string) error {
	if name == "" {
		return invalidRequest("Subscription name can't be empty")
	}
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if configdef.ClientMetrics.Lookup(name) == nil {
			return invalidRequest("Unknown client metrics configuration: " + name)
		}
	}
	for _, key := range configdef.ClientMetrics.Declared() {
		raw, set := overrides[key.Name]
		if !set {
			continue
		}
		value, err := key.Parse(raw)
		if err != nil {
			return invalidConfig(err.Error())
		}
		if ms, ok := value.(int32); ok && (ms < 100 || ms > 3600000) {
			return invalidRequest(fmt.Sprintf("Invalid value %d for interval.ms, interval must be between 100 and 3600000 (1 hour)", ms))
		}
		if key.Name == "match" {
			if err := checkClientMatches(value.([]string)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkClientMatches(patterns []string) error {
	for _, pattern := range patterns {
		parts := strings.Split(pattern, "=")
		illegal := invalidConfig("Illegal client matching pattern: " + pattern)
		if len(parts) != 2 || parts[1] == "" || !slices.Contains(clientMatches, configdef.Trim(parts[0])) {
			return illegal
		}
		// RE2 instead of Java's expressions: what only Java understands is refused,
		// because it could take time without end.
		if _, err := regexp.Compile(configdef.Trim(parts[1])); err != nil {
			return illegal
		}
	}
	return nil
}
