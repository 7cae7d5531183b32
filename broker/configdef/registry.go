package configdef

import (
	"slices"
	"strings"
	"sync"
)

// Table holds the keys of one kind of resource.
type Table struct {
	sorted   func() []*Key // by name; at the first call, because a start has no use for it
	declared []*Key        // in the order of keys_*.go
	byName   map[string]*Key
}

// The tables. They are filled while the package loads and never change.
var (
	Broker = newTable(
		brokerServerKeys, brokerSocketKeys, brokerLogKeys, brokerClusterKeys, brokerGroupKeys, brokerShareKeys,
		brokerTransactionKeys, brokerMetricsKeys, brokerSslKeys, brokerSaslKeys, brokerRemoteKeys, brokerClatterKeys,
	)
	Topic         = newTable(topicKeys)
	Group         = newTable(groupKeys)
	ClientMetrics = newTable(clientMetricsKeys)
)

func newTable(parts ...[]Key) *Table {
	t := &Table{}
	for _, part := range parts {
		for i := range part {
			t.declared = append(t.declared, &part[i])
		}
	}
	t.sorted = sync.OnceValue(func() []*Key {
		return slices.SortedFunc(slices.Values(t.declared), func(a, b *Key) int { return strings.Compare(a.Name, b.Name) })
	})
	t.byName = make(map[string]*Key, len(t.declared))
	for _, key := range t.declared {
		t.byName[key.Name] = key
	}
	return t
}

// Keys are all keys, sorted by name. The slice is shared: it must not be changed.
func (t *Table) Keys() []*Key { return t.sorted() }

// Declared are all keys in the order in which Kafka declares those of topics and
// groups, and with that checks their values: of several bad ones it names the first.
// The slice is shared: it must not be changed.
func (t *Table) Declared() []*Key { return t.declared }

// Lookup finds a key by its exact name; nil means that there is none.
func (t *Table) Lookup(name string) *Key { return t.byName[name] }

// listenerPrefix begins the name of a broker key that is meant for one listener
// only: listener.name.external.ssl.keystore.location.
const listenerPrefix = "listener.name."

// listenerMechanismKeys may carry the mechanism between the listener and the key:
// listener.name.external.plain.sasl.jaas.config (DynamicBrokerConfig in Kafka).
var listenerMechanismKeys = []string{
	"sasl.jaas.config", "sasl.login.callback.handler.class", "sasl.login.class",
	"sasl.server.callback.handler.class", "connections.max.reauth.ms",
}

// ListenerKey takes the listener prefix off a broker key's name and gives the base
// name; ok is false where the name has no such prefix. The base name need not exist.
func ListenerKey(name string) (base string, ok bool) {
	rest, found := strings.CutPrefix(name, listenerPrefix)
	if !found {
		return "", false
	}
	_, base, ok = strings.Cut(rest, ".")
	if !ok {
		return "", false
	}
	for _, mechanismKey := range listenerMechanismKeys {
		if strings.HasSuffix(base, mechanismKey) {
			return mechanismKey, true
		}
	}
	return base, true
}

// LookupBroker finds the row for a broker key, also where the name carries a
// listener's prefix; nil means that nobody knows it.
func LookupBroker(name string) *Key {
	if key := Broker.Lookup(name); key != nil {
		return key
	}
	if base, ok := ListenerKey(name); ok {
		return Broker.Lookup(base)
	}
	return nil
}
