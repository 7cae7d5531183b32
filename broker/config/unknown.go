package config

import (
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/clatterhq/clatter/broker/configdef"
)

// droppedKeys are keys, or prefixes that end in a dot, that Kafka knew before 4.0 and
// that files still contain. They must not stop the start, and deserve a better warning
// than a guess at a misspelling.
var droppedKeys = []string{
	"zookeeper.", "password.encoder.", "inter.broker.protocol.version",
	"log.message.format.version", "log.message.downconversion.enable", "log.message.timestamp.difference.max.ms",
	"offsets.commit.required.acks", "delegation.token.master.key", "auto.include.jmx.reporter",
	"broker.id.generation.enable", "reserved.broker.max.id", "control.plane.listener.name",
	"host.name", "port", "advertised.host.name", "advertised.port", "max.connections.reauth.ms",
}

// foreignKeys are read by plugins of Kafka or by other products, not by Kafka.
var foreignKeys = []string{"super.users", "allow.everyone.if.no.acl.found", "confluent.", "rest.", "schema.registry."}

// unknownWarning is one line about a key that is in no table.
func unknownWarning(name string) string {
	switch {
	case matchesAny(name, droppedKeys):
		return "ignored " + name + ": Apache Kafka 4 doesn't know it any more"
	case matchesAny(name, foreignKeys):
		return "ignored " + name + ": it is no key of the broker"
	}
	warning := "ignored " + name + ": unknown key"
	if nearest := nearestKey(name); nearest != "" {
		warning += ", did you mean " + nearest + "?"
	}
	return warning
}

func matchesAny(name string, patterns []string) bool {
	for _, p := range patterns {
		if name == p || strings.HasSuffix(p, ".") && strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// maxNameDistance is how many changes of a letter make a misspelling; more is another name.
const maxNameDistance = 4

// nearestKey finds the known key whose name is most like this one. A key of topics is
// answered by the broker key that stands behind it, which is the usual mix-up.
func nearestKey(name string) string {
	// A name of any length can come from a file; the tables' names are far shorter.
	if len(name) > 128 {
		return ""
	}
	lower := strings.ToLower(name)
	if topic := configdef.Topic.Lookup(lower); topic != nil && len(topic.Synonyms) > 0 && configdef.Broker.Lookup(lower) == nil {
		return topic.Synonyms[0].Name
	}
	nearest, least := "", maxNameDistance+1
	for _, key := range configdef.Broker.Keys() {
		if key.Internal && !strings.HasPrefix(key.Name, "clatter.") {
			continue
		}
		if d := levenshtein.ComputeDistance(lower, key.Name); d < least {
			nearest, least = key.Name, d
		}
	}
	return nearest
}
