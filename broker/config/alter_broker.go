package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/clatterhq/clatter/broker/configdef"
)

// previewBroker checks changes of a broker's keys as Kafka's broker does before it
// passes them on (ConfigAdminManager.validateBrokerConfigChange).
func (s *Snapshot) previewBroker(r Resource, current map[string]string, changes []Change) error {
	if err := s.checkBrokerName(r); err != nil {
		return err
	}
	preview, _ := onlyValid(current, r.Scope())
	for _, change := range changes {
		if change.Op < Set || change.Op > Subtract {
			return invalidRequest(fmt.Sprintf("Unknown operations type %d", change.Op))
		}
	}
	for _, change := range changes {
		if err := previewChange(preview, change); err != nil {
			return err
		}
	}
	return s.checkBrokerValues(r.Scope(), preview)
}

// previewChange is apply in the words of Kafka's broker.
func previewChange(preview map[string]string, change Change) error {
	if change.Op == Append || change.Op == Subtract {
		key := configdef.Broker.Lookup(change.Name)
		if key == nil {
			return invalidConfig("Unknown config name: " + change.Name)
		}
		if key.Type != configdef.List {
			return invalidConfig("Config value " + strings.ToLower(change.Op.String()) + " is not allowed for config key: " + change.Name)
		}
	}
	_, err := apply(BrokerResource, preview, change)
	return err
}

// checkBrokerName refuses the keys of another broker than this one.
func (s *Snapshot) checkBrokerName(r Resource) error {
	if r.Name == "" {
		return nil
	}
	id, err := strconv.ParseInt(r.Name, 10, 32)
	if err != nil {
		return invalidRequest("Node id must be an integer, but it is: " + r.Name)
	}
	if int32(id) != s.NodeID {
		return invalidRequest(fmt.Sprintf("Unexpected broker id, expected %d, but received %s", s.NodeID, r.Name))
	}
	return nil
}

// checkBrokerValues checks what would be set in a scope, first every key on its own,
// then what the broker would make of it.
func (s *Snapshot) checkBrokerValues(scope Scope, overrides map[string]string) error {
	if err := checkDynamic(overrides, scope); err != nil {
		return err
	}
	next, err := s.withDynamic(scope, overrides)
	if err != nil {
		if bad, ok := errors.AsType[*BadValueError](err); ok && bad.kafka != "" {
			return invalidRequest(bad.kafka)
		}
		return invalidRequest(err.Error())
	}
	if reason := s.cannotBecome(next); reason != "" {
		return invalidRequest(wrapped(reason))
	}
	return nil
}

// wrapped is how Kafka words a refusal of the running broker: it puts one exception
// into another and mixes its arguments up.
func wrapped(reason string) string {
	return "Invalid value org.apache.kafka.common.config.ConfigException: " + reason + " for configuration Invalid dynamic configuration"
}

// cannotBecome says why the running broker can't take another configuration over,
// though it could be started with it; "" where it can.
func (s *Snapshot) cannotBecome(next *Snapshot) string {
	for _, check := range []func(old, next *Snapshot) string{checkPools, checkCleaners, checkLocalRetention, checkListenerChange} {
		if reason := check(s, next); reason != "" {
			return reason
		}
	}
	return ""
}

// pools are the sizes of thread pools, which Kafka lets grow and shrink only step by
// step (DynamicThreadPool, DynamicRemoteLogConfig). They have no effect here, but a
// script that oversteps should learn it from us as from Kafka.
var pools = []string{
	"num.io.threads", "num.network.threads", "num.replica.fetchers", "num.recovery.threads.per.data.dir", "background.threads",
	"remote.log.reader.threads", "remote.log.manager.copier.thread.pool.size",
	"remote.log.manager.expiration.thread.pool.size", "remote.log.manager.follower.thread.pool.size",
}

func checkPools(old, next *Snapshot) string {
	for _, name := range pools {
		was, is := get[int32](old.values, name), get[int32](next.values, name)
		prefix := fmt.Sprintf("Dynamic thread count update validation failed for %s=%d, value should ", name, is)
		switch {
		case is == was:
		case is < was/2:
			return prefix + fmt.Sprintf("be at least half the current value %d", was)
		case int64(is) > 2*int64(was):
			return prefix + fmt.Sprintf("not be greater than double the current value %d", was)
		}
	}
	return ""
}

func checkCleaners(old, next *Snapshot) string {
	const name = "log.cleaner.threads"
	was, is := get[int32](old.values, name), get[int32](next.values, name)
	switch {
	case is == was:
		return ""
	case is < 1:
		return "Log cleaner threads should be at least 1"
	case is < was/2:
		return fmt.Sprintf("Log cleaner threads cannot be reduced to less than half the current value %d", was)
	case int64(is) > 2*int64(was):
		return fmt.Sprintf("Log cleaner threads cannot be increased to more than double the current value %d", was)
	}
	return ""
}

// checkLocalRetention keeps the two retentions of tiered storage in order
// (DynamicLogConfig.validateReconfiguration).
func checkLocalRetention(_, next *Snapshot) string {
	for _, pair := range []struct {
		local, total string
		value        int64
	}{
		{"log.local.retention.ms", "log.retention.ms", topicDefault(next.values, configdef.Topic.Lookup("retention.ms")).(int64)},
		{"log.local.retention.bytes", "log.retention.bytes", get[int64](next.values, "log.retention.bytes")},
	} {
		local := get[int64](next.values, pair.local)
		if pair.value < 0 || local == -2 {
			continue
		}
		prefix := fmt.Sprintf("Invalid value %d for configuration %s: Value must not be ", local, pair.local)
		switch {
		case local == -1:
			return prefix + fmt.Sprintf("-1 as %s value is set as %d.", pair.total, pair.value)
		case local > pair.value:
			return prefix + fmt.Sprintf("more than %s property value: %d", pair.total, pair.value)
		}
	}
	return ""
}

// checkListenerChange refuses to open or close listeners: the server binds them once.
func checkListenerChange(old, next *Snapshot) string {
	if !slices.Equal(old.Listeners, next.Listeners) {
		return "Listeners can only be changed by a restart"
	}
	return ""
}
