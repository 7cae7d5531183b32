package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/clatterhq/clatter/broker/configdef"
)

// maxTopicNameLength is the greatest length of a topic's name; with a partition number
// it must fit into a file name (Topic.MAX_NAME_LENGTH in Kafka).
const maxTopicNameLength = 249

// ValidateTopicName checks a name by Kafka's rules and in Kafka's words
// (Topic.validate). The error is an [*Error] of the kind InvalidTopic.
func ValidateTopicName(name string) error {
	var reason string
	switch {
	case name == "":
		reason = "the empty string is not allowed"
	case name == "." || name == "..":
		reason = "'" + name + "' is not allowed"
	case len(name) > maxTopicNameLength && len(utf16.Encode([]rune(name))) > maxTopicNameLength:
		reason = fmt.Sprintf("the length of '%s' is longer than the max allowed length %d", name, maxTopicNameLength)
	case strings.ContainsFunc(name, func(r rune) bool { return !isTopicCharacter(r) }):
		reason = "'" + name + "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
	default:
		return nil
	}
	return &Error{Kind: InvalidTopic, Message: "Topic name is invalid: " + reason}
}

func isTopicCharacter(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-'
}

// validateTopic checks all keys that a topic would have of its own, together with the
// broker's (LogConfig.validate in Kafka). Of several bad values it names the first in
// Kafka's order.
func (s *Snapshot) validateTopic(overrides map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if configdef.Topic.Lookup(name) == nil {
			return invalidConfig("Unknown topic config name: " + name)
		}
	}
	effective := make(map[string]any)
	for _, key := range configdef.Topic.Declared() {
		value, err := topicValue(s.values, key, overrides)
		// The broker's value must be good for a topic, too: its own key may allow more.
		if err == nil && value != nil && key.Check != nil {
			err = key.Check.Validate(key.Name, value)
		}
		if err != nil {
			return invalidConfig(err.Error())
		}
		effective[key.Name] = value
	}
	least, most := effective["min.compaction.lag.ms"].(int64), effective["max.compaction.lag.ms"].(int64)
	if least > most {
		return invalidConfig(fmt.Sprintf("conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", least, most))
	}
	if effective[remoteStorageKey] == true {
		return invalidConfig("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	}
	return nil
}
