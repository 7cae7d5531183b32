package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/clatterhq/clatter/broker/configdef"
)

// Source says where a value comes from, with Kafka's numbers
// (DescribeConfigsResponse.ConfigSource).
type Source int8

// The sources of values.
const (
	FromTopic         Source = 1
	FromBroker        Source = 2 // set for this broker while it runs
	FromBrokerDefault Source = 3 // set for all brokers while they run
	FromStatic        Source = 4 // what the broker was started with
	FromDefault       Source = 5
	FromLogger        Source = 6
	FromClientMetrics Source = 7
	FromGroup         Source = 8
)

// Entry is one key as DescribeConfigs shows it.
type Entry struct {
	Name          string
	Value         *string // nil for null, and for every sensitive value
	Source        Source
	ReadOnly      bool
	Sensitive     bool
	Type          configdef.Type
	Synonyms      []SynonymEntry // all values that are set for the key, the one that counts first
	Documentation *string        // nil for keys that are in no table
}

// SynonymEntry is one of the values that stand behind a key.
type SynonymEntry struct {
	Name   string
	Value  *string
	Source Source
}

// Describe lists the keys of a resource as DescribeConfigs shows them (ConfigHelper in
// Kafka), sorted by name. own are the keys that the resource has of its own, for
// loggers their levels; for brokers it is not used, since the snapshot knows theirs.
// names restricts the list; names that don't exist are left out.
//
// Whether a topic exists is not known here: the caller asks the catalog, after
// [ValidateTopicName]. A group or subscription that nobody has heard of has defaults.
//
// The error is an [*Error].
func (s *Snapshot) Describe(r Resource, own map[string]string, names []string) ([]Entry, error) {
	entries, err := s.describeAll(r, own)
	if err != nil || len(names) == 0 {
		return entries, err
	}
	return slices.DeleteFunc(entries, func(e Entry) bool { return !slices.Contains(names, e.Name) }), nil
}

func (s *Snapshot) describeAll(r Resource, own map[string]string) ([]Entry, error) {
	switch r.Type {
	case TopicResource:
		if err := ValidateTopicName(r.Name); err != nil {
			return nil, err
		}
		return s.describeOwned(configdef.Topic, own, s.topicEntry), nil
	case GroupResource:
		if r.Name == "" {
			return nil, invalidRequest("Group name must not be empty")
		}
		return s.describeOwned(configdef.Group, own, s.groupEntry), nil
	case ClientMetricsResource:
		if r.Name == "" {
			return nil, invalidRequest("Client metrics subscription name must not be empty")
		}
		return s.describeOwned(configdef.ClientMetrics, own, clientMetricsEntry), nil
	case BrokerResource:
		return s.describeBroker(r.Name)
	case BrokerLoggerResource:
		return s.describeLoggers(r.Name, own)
	default:
		return nil, invalidRequest(fmt.Sprintf("Unsupported resource type: %d", r.Type))
	}
}

// describeOwned lists a table, internal keys only where they are set.
func (s *Snapshot) describeOwned(table *configdef.Table, own map[string]string, entry func(*configdef.Key, map[string]string) Entry) []Entry {
	entries := make([]Entry, 0, len(table.Keys()))
	for _, key := range table.Keys() {
		if _, set := own[key.Name]; key.Internal && !set {
			continue
		}
		entries = append(entries, entry(key, own))
	}
	return entries
}

// topicEntry shows a topic's key. A value that isn't the topic's own has the source of
// the first broker key behind it, and only if that very key is set: a retention.ms that
// comes from log.retention.hours counts as default, as in Kafka.
func (s *Snapshot) topicEntry(key *configdef.Key, own map[string]string) Entry {
	value, err := topicValue(s.values, key, own)
	if err != nil {
		value = topicDefault(s.values, key)
	}
	shown := textOf(value)
	var synonyms []SynonymEntry
	if _, set := own[key.Name]; set {
		synonyms = append(synonyms, SynonymEntry{key.Name, shown, FromTopic})
	}
	if len(key.Synonyms) > 0 {
		synonyms = append(synonyms, s.brokerSynonyms(key.Synonyms[0].Name, false)...)
	}
	return entryOf(key, shown, synonyms)
}

// DescribeNewTopic lists the keys of a topic as CreateTopics shows them (KafkaConfigSchema in Kafka): its own values as
// they were sent, and as source of the others that of any broker key behind them, not only of the first.
func (s *Snapshot) DescribeNewTopic(own map[string]string) []Entry {
	return s.describeOwned(configdef.Topic, own, func(key *configdef.Key, own map[string]string) Entry {
		e := s.topicEntry(key, own)
		if raw, set := own[key.Name]; set {
			e.Value = &raw
		} else {
			e.Source = s.sourceBehind(key)
		}
		return e
	})
}

// sourceBehind is where a topic key has its value from that the topic doesn't set.
func (s *Snapshot) sourceBehind(key *configdef.Key) Source {
	for _, layer := range s.layers() {
		for _, synonym := range key.Synonyms {
			if _, set := layer.values[synonym.Name]; set {
				return layer.source
			}
		}
	}
	return FromDefault
}

// layer holds what is set in one place.
type layer struct {
	values map[string]string
	source Source
}

// layers are the places where broker keys can be set, the one that counts most first.
func (s *Snapshot) layers() [3]layer {
	return [3]layer{{s.dynamicBroker, FromBroker}, {s.dynamicDefault, FromBrokerDefault}, {s.static.values, FromStatic}}
}

// groupEntry shows a group's key. Where no broker key stands behind it, its own
// default takes that place.
func (s *Snapshot) groupEntry(key *configdef.Key, own map[string]string) Entry {
	shown := textOf(s.groupValue(key, own))
	var synonyms []SynonymEntry
	if _, set := own[key.Name]; set {
		synonyms = append(synonyms, SynonymEntry{key.Name, shown, FromGroup})
	}
	if len(key.Synonyms) > 0 {
		synonyms = append(synonyms, s.brokerSynonyms(key.Synonyms[0].Name, false)...)
	} else if standard, ok := key.EffectiveDefault(); ok {
		synonyms = append(synonyms, SynonymEntry{key.Name, &standard, FromDefault})
	}
	return entryOf(key, shown, synonyms)
}

func clientMetricsEntry(key *configdef.Key, own map[string]string) Entry {
	text, _ := key.EffectiveDefault()
	var synonyms []SynonymEntry
	if raw, set := own[key.Name]; set {
		if value, err := key.Parse(raw); err == nil {
			text = configdef.Format(value)
		}
		synonyms = []SynonymEntry{{key.Name, &text, FromClientMetrics}}
	}
	return entryOf(key, &text, synonyms)
}

// entryOf puts together what all entries of tables have in common.
func entryOf(key *configdef.Key, value *string, synonyms []SynonymEntry) Entry {
	e := Entry{Name: key.Name, Value: value, Source: FromDefault, Sensitive: key.Sensitive(), Type: key.Type, Synonyms: synonyms, Documentation: &key.Doc}
	if len(synonyms) > 0 {
		e.Source = synonyms[0].Source
	}
	if e.Sensitive {
		e.Value = nil
	}
	return e
}

// textOf is a parsed value as it is shown.
func textOf(value any) *string {
	if value == nil {
		return nil
	}
	text := configdef.Format(value)
	return &text
}

// describeBroker lists this broker's keys, or those that are set for all.
func (s *Snapshot) describeBroker(name string) ([]Entry, error) {
	if name == "" {
		var entries []Entry
		for _, name := range slices.Sorted(maps.Keys(s.dynamicDefault)) {
			raw := s.dynamicDefault[name]
			entries = append(entries, s.brokerEntry(name, &raw, true))
		}
		return entries, nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return nil, invalidRequest("Broker id must be an integer, but it is: " + name)
	}
	if int32(id) != s.NodeID {
		return nil, invalidRequest(fmt.Sprintf("Unexpected broker id, expected %d or empty string, but received %s", s.NodeID, name))
	}
	names := slices.Collect(maps.Keys(s.values.set))
	for _, key := range configdef.Broker.Keys() {
		if s.values.raw(key.Name) == nil && !key.Internal {
			names = append(names, key.Name)
		}
	}
	slices.Sort(names)
	entries := make([]Entry, 0, len(names))
	for _, name := range names {
		entries = append(entries, s.brokerEntry(name, s.shownValue(name), false))
	}
	return entries, nil
}

// shownValue is a broker key's value as DescribeConfigs shows it: parsed and printed
// again for public keys, as it was written for all others.
func (s *Snapshot) shownValue(name string) *string {
	key := configdef.Broker.Lookup(name)
	if key == nil || key.Internal {
		return s.values.raw(name)
	}
	value, err := s.values.parsed(key)
	if err != nil {
		return s.values.raw(name)
	}
	return textOf(value)
}

// brokerEntry shows a broker's key; onlyDefault leaves out what is not set for all
// brokers. A key that nobody knows may be a secret, so its value is not shown.
func (s *Snapshot) brokerEntry(name string, value *string, onlyDefault bool) Entry {
	e := Entry{Name: name, Value: value, Source: FromDefault, ReadOnly: true, Sensitive: true}
	if key := configdef.LookupBroker(name); key != nil {
		e.Type, e.Sensitive = key.Type, key.Sensitive()
	}
	// Keys with a listener's prefix can be set while the broker runs, and yet Kafka
	// calls them read-only and doesn't document them: they are not in its table.
	if key := configdef.Broker.Lookup(name); key != nil {
		e.ReadOnly, e.Documentation = key.Dynamic == configdef.ReadOnly, &key.Doc
	}
	if e.Sensitive {
		e.Value = nil
	}
	e.Synonyms = s.brokerSynonyms(name, e.Sensitive)
	if onlyDefault {
		e.Synonyms = slices.DeleteFunc(e.Synonyms, func(s SynonymEntry) bool { return s.Source != FromBrokerDefault })
	}
	if len(e.Synonyms) > 0 {
		e.Source = e.Synonyms[0].Source
	}
	return e
}

// brokerSynonyms lists the values that are set for a broker key and its family, by
// source and then by priority. What comes before the key's own first value is cut off
// (ConfigHelper.configSynonyms in Kafka).
func (s *Snapshot) brokerSynonyms(name string, sensitive bool) []SynonymEntry {
	names := family(name)
	if base, ok := configdef.ListenerKey(name); ok {
		names = append(names, base)
	}
	var all []SynonymEntry
	add := func(name, value string, source Source) {
		e := SynonymEntry{Name: name, Source: source}
		if !sensitive {
			e.Value = &value
		}
		all = append(all, e)
	}
	for _, layer := range s.layers() {
		for _, name := range names {
			if value, set := layer.values[name]; set {
				add(name, value, layer.source)
			}
		}
	}
	for _, name := range names {
		if key := configdef.Broker.Lookup(name); key != nil {
			if standard, ok := key.EffectiveDefault(); ok {
				add(name, standard, FromDefault)
			}
		}
	}
	first := slices.IndexFunc(all, func(e SynonymEntry) bool { return e.Name == name })
	if first < 0 {
		return nil
	}
	return all[first:]
}

// describeLoggers lists loggers with their levels.
func (s *Snapshot) describeLoggers(name string, levels map[string]string) ([]Entry, error) {
	if name == "" {
		return nil, invalidRequest("Broker id must not be empty")
	}
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return nil, invalidRequest("Broker id must be an integer, but it is: " + name)
	}
	if int32(id) != s.NodeID {
		return nil, invalidRequest(fmt.Sprintf("Unexpected broker id, expected %d but received %s", s.NodeID, name))
	}
	var entries []Entry
	for _, logger := range slices.Sorted(maps.Keys(levels)) {
		level := levels[logger]
		entries = append(entries, Entry{Name: logger, Value: &level, Source: FromLogger})
	}
	return entries, nil
}
