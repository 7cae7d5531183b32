package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/clatterhq/clatter/broker/configdef"
)

// ResourceType is what a configuration belongs to, with Kafka's numbers
// (ConfigResource.Type).
type ResourceType int8

// The types of resources.
const (
	TopicResource         ResourceType = 2
	BrokerResource        ResourceType = 4
	BrokerLoggerResource  ResourceType = 8
	ClientMetricsResource ResourceType = 16
	GroupResource         ResourceType = 32
)

// Resource is a thing that has a configuration. The name of a broker is its number,
// or empty for what all brokers have in common.
type Resource struct {
	Type ResourceType
	Name string
}

// Scope tells the two kinds of broker resources apart.
func (r Resource) Scope() Scope {
	if r.Name == "" {
		return AllBrokers
	}
	return ThisBroker
}

// Op is what IncrementalAlterConfigs does to a key, with Kafka's numbers
// (AlterConfigOp.OpType). Other numbers can come from a client.
type Op int8

// The operations.
const (
	Set Op = iota
	Delete
	Append
	Subtract
)

// String is Kafka's name of the operation.
func (o Op) String() string {
	return [...]string{"SET", "DELETE", "APPEND", "SUBTRACT"}[o&3]
}

// Change is one operation on one key. Value is nil where the client sent null.
type Change struct {
	Name  string
	Op    Op
	Value *string
}

// Setting is one key of a request that gives all keys, as AlterConfigs and
// CreateTopics do. Value is nil where the client sent null.
type Setting struct {
	Name  string
	Value *string
}

// maxValueBytes is the longest value that Kafka's metadata takes. A longer one can
// only come about by appending.
const maxValueBytes = 32767

// Alter computes what IncrementalAlterConfigs makes of a resource's own keys
// (ConfigAdminManager, ConfigurationControlManager and ControllerConfigurationValidator
// in Kafka, one after the other). current is not changed.
//
// Whether a topic exists is not known here: the caller says so after the values were
// found good, as Kafka does. For loggers the keys are their names and the values their
// levels; a deleted one is missing from the result.
//
// The error is an [*Error].
func (s *Snapshot) Alter(r Resource, current map[string]string, changes []Change) (map[string]string, error) {
	if err := checkChanges(changes); err != nil {
		return nil, err
	}
	switch r.Type {
	case BrokerLoggerResource:
		return s.alterLoggers(r.Name, current, changes)
	case BrokerResource:
		if err := s.previewBroker(r, current, changes); err != nil {
			return nil, err
		}
	case TopicResource, GroupResource, ClientMetricsResource:
	default:
		return nil, unknownResource(r.Type)
	}
	altered := maps.Clone(current)
	if altered == nil {
		altered = make(map[string]string)
	}
	var touched []Setting
	for _, change := range changes {
		setting, err := apply(r.Type, altered, change)
		if err != nil {
			return nil, err
		}
		touched = append(touched, setting)
	}
	return altered, s.validate(r, altered, touched)
}

// Replace computes what AlterConfigs, the older request, makes of a resource's own
// keys: exactly these settings, all others are gone. current is not changed.
// The error is an [*Error].
func (s *Snapshot) Replace(r Resource, current map[string]string, settings []Setting) (map[string]string, error) {
	changes := make([]Change, len(settings))
	for i, setting := range settings {
		changes[i] = Change{Name: setting.Name, Value: setting.Value}
	}
	if err := checkChanges(changes); err != nil {
		return nil, err
	}
	altered := make(map[string]string, len(settings))
	for _, setting := range settings {
		altered[setting.Name] = *setting.Value
	}
	switch r.Type {
	case BrokerResource:
		if err := s.checkBrokerName(r); err != nil {
			return nil, err
		}
		if err := s.checkBrokerValues(r.Scope(), altered); err != nil {
			return nil, err
		}
	case TopicResource, GroupResource, ClientMetricsResource:
	default:
		return nil, unknownResource(r.Type)
	}
	touched := settings
	for _, name := range slices.Sorted(maps.Keys(current)) {
		if _, kept := altered[name]; !kept {
			touched = append(touched, Setting{Name: name})
		}
	}
	return altered, s.validate(r, altered, touched)
}

// NewTopic computes the keys of a topic that CreateTopics asks for. Of a key that is
// given twice the last value counts, as in Kafka. The error is an [*Error].
func (s *Snapshot) NewTopic(settings []Setting) (map[string]string, error) {
	overrides := make(map[string]string, len(settings))
	var nulls []string
	for _, setting := range settings {
		if setting.Value == nil {
			nulls = append(nulls, setting.Name)
			continue
		}
		overrides[setting.Name] = *setting.Value
	}
	if len(nulls) > 0 {
		return nil, invalidConfig("Null value not supported for topic configs: " + strings.Join(nulls, ","))
	}
	if err := s.validateTopic(overrides); err != nil {
		return nil, err
	}
	return overrides, nil
}

// checkChanges refuses what Kafka refuses of every resource.
func checkChanges(changes []Change) error {
	seen := make(map[string]bool, len(changes))
	var nulls []string
	for _, change := range changes {
		if seen[change.Name] {
			return invalidRequest("Error due to duplicate config keys")
		}
		seen[change.Name] = true
		if change.Value == nil && change.Op != Delete {
			nulls = append(nulls, change.Name)
		}
	}
	if len(nulls) > 0 {
		return invalidRequest("Null value not supported for : " + strings.Join(nulls, ", "))
	}
	return nil
}

func unknownResource(t ResourceType) error {
	return invalidRequest("Unknown resource type " + strconv.Itoa(int(t)))
}

// apply changes one key and returns what it was changed to.
func apply(t ResourceType, altered map[string]string, change Change) (Setting, error) {
	switch change.Op {
	case Set:
		altered[change.Name] = *change.Value
	case Delete:
		delete(altered, change.Name)
		return Setting{Name: change.Name}, nil
	case Append, Subtract:
		if !isSplittable(t, change.Name) {
			return Setting{}, invalidConfig("Can't " + change.Op.String() + " to key " + change.Name + " because its type is not LIST.")
		}
		value, set := altered[change.Name]
		if !set {
			value, _ = tableOf(t).Lookup(change.Name).EffectiveDefault()
		}
		altered[change.Name] = combine(value, change.Op, *change.Value)
	default:
		return Setting{}, &Error{Kind: UnknownServerError}
	}
	value := altered[change.Name]
	return Setting{Name: change.Name, Value: &value}, nil
}

// isSplittable reports whether a key can be appended to. Kafka knows that of topics and
// brokers only (KafkaConfigSchema).
func isSplittable(t ResourceType, name string) bool {
	if t != TopicResource && t != BrokerResource {
		return false
	}
	key := tableOf(t).Lookup(name)
	return key != nil && key.Type == configdef.List
}

func tableOf(t ResourceType) *configdef.Table {
	switch t {
	case TopicResource:
		return configdef.Topic
	case GroupResource:
		return configdef.Group
	case ClientMetricsResource:
		return configdef.ClientMetrics
	default:
		return configdef.Broker
	}
}

// combine appends to a list or takes from it. Items are compared as they are written,
// with their blanks. Empty items of the old list are dropped, those of the new one kept.
func combine(old string, op Op, value string) string {
	var items []string
	for item := range strings.SplitSeq(old, ",") {
		if item != "" {
			items = append(items, item)
		}
	}
	for item := range splitJava(value) {
		at := slices.Index(items, item)
		switch {
		case op == Append && at < 0:
			items = append(items, item)
		case op == Subtract && at >= 0:
			items = slices.Delete(items, at, at+1)
		}
	}
	return strings.Join(items, ",")
}

// splitJava splits as Java's String.split(","), which drops empty items at the end,
// but gives one empty item for an empty text.
func splitJava(value string) func(yield func(string) bool) {
	items := strings.Split(value, ",")
	for len(items) > 1 && items[len(items)-1] == "" {
		items = items[:len(items)-1]
	}
	if value != "" && len(items) == 1 && items[0] == "" {
		items = nil // only commas
	}
	return slices.Values(items)
}

// validate checks what a resource would have, as Kafka's controller does.
func (s *Snapshot) validate(r Resource, altered map[string]string, touched []Setting) error {
	for _, setting := range touched {
		if err := checkTouched(r, setting); err != nil {
			return err
		}
	}
	switch r.Type {
	case TopicResource:
		if r.Name == "" {
			return invalidRequest("Default topic resources are not allowed.")
		}
		if err := ValidateTopicName(r.Name); err != nil {
			return err
		}
		return s.validateTopic(altered)
	case GroupResource:
		if r.Name == "" {
			return invalidRequest("Default group resources are not allowed.")
		}
		return s.validateGroup(altered)
	case ClientMetricsResource:
		return validateClientMetrics(r.Name, altered)
	default:
		return nil
	}
}

// checkTouched refuses changes by what they change, whatever the value. The rules on
// min.insync.replicas are those of a cluster with eligible leader replicas (KIP-966),
// which every new cluster of Kafka 4.1 and later is.
func checkTouched(r Resource, setting Setting) error {
	if r.Type == BrokerResource && setting.Name == minIsrKey {
		switch {
		case r.Name != "":
			return invalidConfig("Broker-level min.insync.replicas cannot be altered while ELR is enabled.")
		case setting.Value == nil:
			return invalidConfig("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")
		}
	}
	if setting.Value != nil && len(*setting.Value) > maxValueBytes {
		return invalidConfig("The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes.")
	}
	return nil
}
