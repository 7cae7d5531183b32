package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/broker/configdef"
)

// Scope says for whom a broker key is set while the broker runs.
type Scope uint8

// Scopes of dynamic broker configuration (KIP-226).
const (
	// ThisBroker: for this broker only; the resource's name is its number.
	ThisBroker Scope = iota
	// AllBrokers: as the default of all brokers; the resource's name is empty.
	AllBrokers
)

// Config is the configuration of a running broker: what it was started with and what
// was changed since.
type Config struct {
	current atomic.Pointer[Snapshot]

	mu          sync.Mutex // one update at a time; also owns subscribers
	subscribers []func(old, current *Snapshot)
}

// New begins with what the broker was started with.
func New(static *Static) *Config {
	c := &Config{}
	c.current.Store(static.initial)
	return c
}

// Current is what counts now.
func (c *Config) Current() *Snapshot { return c.current.Load() }

// Subscribe calls fn after every change, one change at a time, with the snapshots
// before and after it. It must not block and must not change the configuration.
// There is no way to unsubscribe: subscribers live as long as the broker.
func (c *Config) Subscribe(fn func(old, current *Snapshot)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subscribers = append(c.subscribers, fn)
}

// SetDynamic replaces what is set while the broker runs, for this broker or for all.
// The values come from the catalog, where they were put after [Snapshot.Alter]
// accepted them; the map belongs to the configuration afterwards.
//
// What isn't valid, or no longer since the broker was started with something else, is
// left out and told in ignored, one line each, as Kafka does: a bad value that was
// stored once must not keep the broker from starting. The error says that the rest
// breaks a rule between keys; then nothing has changed.
func (c *Config) SetDynamic(scope Scope, overrides map[string]string) (ignored []string, err error) {
	valid, refused := onlyValid(overrides, scope)
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		ignored = append(ignored, fmt.Sprintf("ignored the stored value of %s: %s", name, refused[name].Message))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.current.Load()
	next, err := old.withDynamic(scope, valid)
	if err != nil {
		return ignored, err
	}
	c.current.Store(next)
	for _, fn := range c.subscribers {
		fn(old, next)
	}
	return ignored, nil
}

// onlyValid takes out what can't be set in a scope, and says why.
func onlyValid(overrides map[string]string, scope Scope) (valid map[string]string, refused map[string]*Error) {
	valid, refused = make(map[string]string, len(overrides)), make(map[string]*Error)
	for name, value := range overrides {
		if err := checkDynamic(map[string]string{name: value}, scope); err != nil {
			refused[name] = err
			continue
		}
		valid[name] = value
	}
	return valid, refused
}

// withDynamic is the snapshot with other dynamic values in one scope.
func (s *Snapshot) withDynamic(scope Scope, overrides map[string]string) (*Snapshot, error) {
	if scope == AllBrokers {
		return newSnapshot(s.static, overrides, s.dynamicBroker)
	}
	return newSnapshot(s.static, s.dynamicDefault, overrides)
}

// perListenerKeys can be set while the broker runs, but only with a listener's prefix
// (SslConfigs.RECONFIGURABLE_CONFIGS in Kafka).
var perListenerKeys = []string{
	"ssl.keystore.type", "ssl.keystore.location", "ssl.keystore.password", "ssl.key.password",
	"ssl.keystore.key", "ssl.keystore.certificate.chain",
	"ssl.truststore.type", "ssl.truststore.location", "ssl.truststore.password", "ssl.truststore.certificates",
}

// clusterListenerKeys may be set for all brokers even with a listener's prefix.
var clusterListenerKeys = []string{"max.connections", "max.connection.creation.rate", "num.network.threads"}

// checkDynamic checks keys that would be set in a scope, each on its own, in Kafka's
// order and words: first what may not be set at all, then the values, then the scope
// (DynamicBrokerConfig.validateConfigs). Unknown keys are accepted: they may be meant
// for a plugin.
func checkDynamic(overrides map[string]string, scope Scope) *Error {
	names := slices.Sorted(maps.Keys(overrides))
	for _, ban := range []struct {
		text   string
		banned func(name string) bool
	}{
		{"Cannot update these configs dynamically: ", isReadOnly},
		{"These security configs can be dynamically updated only per-listener using the listener prefix: ", isPerListener},
	} {
		if err := refuseNames(names, ban.text, ban.banned); err != nil {
			return err
		}
	}
	if err := checkDynamicValues(overrides); err != nil {
		return err
	}
	if scope == ThisBroker {
		return nil
	}
	return refuseNames(names, "Cannot update these configs at default cluster level, broker id must be specified: ", isPerBroker)
}

// refuseNames refuses the names that are banned, all in one message.
func refuseNames(names []string, text string, banned func(name string) bool) *Error {
	var bad []string
	for _, name := range names {
		if banned(name) {
			bad = append(bad, name)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return invalidRequest(text + "[" + strings.Join(bad, ", ") + "]")
}

func isReadOnly(name string) bool {
	key := configdef.Broker.Lookup(name)
	return key != nil && key.Dynamic == configdef.ReadOnly
}

func isPerListener(name string) bool { return slices.Contains(perListenerKeys, name) }

func isPerBroker(name string) bool {
	if base, ok := configdef.ListenerKey(name); ok {
		return !slices.Contains(clusterListenerKeys, base)
	}
	key := configdef.Broker.Lookup(name)
	return key != nil && key.Dynamic == configdef.PerBroker
}

// checkDynamicValues checks the values of known keys. One that carries a listener's
// prefix is checked as the key itself.
func checkDynamicValues(overrides map[string]string) *Error {
	for _, key := range configdef.Broker.Declared() {
		if value, set := overrides[key.Name]; set && key.Dynamic != configdef.ReadOnly {
			if err := checkDynamicValue(key, value); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		base, ok := configdef.ListenerKey(name)
		key := configdef.Broker.Lookup(base)
		if !ok || key == nil {
			continue
		}
		if err := checkDynamicValue(key, overrides[name]); err != nil {
			if key.Dynamic == configdef.ReadOnly {
				return invalidRequest(wrapped(err.Message)) // Kafka finds out later, in its listener
			}
			return err
		}
	}
	return nil
}

// checkDynamicValue checks a value, and refuses what can't be honoured.
func checkDynamicValue(key *configdef.Key, value string) *Error {
	parsed, err := key.Parse(value)
	if err != nil {
		return invalidRequest(err.Error())
	}
	if key.Honour != configdef.Refused {
		return nil
	}
	shown := configdef.Format(parsed)
	if standard, ok := key.EffectiveDefault(); ok && shown == standard || !ok && shown == "" {
		return nil
	}
	if key.Type == configdef.Class {
		return invalidRequest("Invalid value " + shown + " for configuration " + key.Name + ": Class " + shown + " could not be found.")
	}
	return invalidRequest("Invalid value " + shown + " for configuration " + key.Name + ": " + key.Reason)
}
