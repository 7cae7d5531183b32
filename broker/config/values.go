package config

import (
	"maps"

	"github.com/clatterhq/clatter/broker/configdef"
)

// values are the broker keys that are set, by any means, in the form in which they
// were written. It is immutable once made.
type values struct{ set map[string]string }

// mergeValues lays the dynamic values over the static ones. A key that is set
// dynamically hides its whole family below: log.retention.ms set while the broker
// runs goes before log.retention.hours in the file (DynamicBrokerConfig.overrideProps
// in Kafka).
func mergeValues(static, dynamicDefault, dynamicBroker map[string]string) *values {
	set := maps.Clone(static)
	if set == nil {
		set = make(map[string]string)
	}
	for _, layer := range []map[string]string{dynamicDefault, dynamicBroker} {
		for name := range layer {
			for _, relative := range family(name) {
				delete(set, relative)
			}
		}
		maps.Copy(set, layer)
	}
	return &values{set: set}
}

// family are the names under which a broker key can be set, in order of priority,
// itself included (DynamicBrokerConfig.brokerConfigSynonyms in Kafka).
func family(name string) []string {
	key := configdef.Broker.Lookup(name)
	if key == nil || len(key.Synonyms) == 0 {
		return []string{name}
	}
	names := make([]string, len(key.Synonyms))
	for i, s := range key.Synonyms {
		names[i] = s.Name
	}
	return names
}

// raw is what a key is set to, nil where it isn't.
func (v *values) raw(name string) *string {
	if value, set := v.set[name]; set {
		return &value
	}
	return nil
}

// shown is what counts for a key, for use in a message.
func (v *values) shown(name string) string {
	if value := v.raw(name); value != nil {
		return *value
	}
	if standard, ok := configdef.Broker.Lookup(name).EffectiveDefault(); ok {
		return standard
	}
	return "null"
}

// parsed is what counts for a key of the broker table: what is set, or the default.
// It is nil where neither is there.
func (v *values) parsed(key *configdef.Key) (any, error) {
	text, ok := key.EffectiveDefault()
	if value := v.raw(key.Name); value != nil {
		text, ok = *value, true
	}
	if !ok {
		return nil, nil
	}
	return key.Parse(text)
}

// get is the value of a key, or the zero value where it has none. Values are checked
// before anything reads them, so a bad one can't be met here.
func get[T any](v *values, name string) T {
	value, err := v.parsed(configdef.Broker.Lookup(name))
	var none T
	if err != nil {
		return none
	}
	if typed, ok := value.(T); ok {
		return typed
	}
	return none
}
