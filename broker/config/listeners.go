package config

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Listener is one address to listen on.
type Listener struct {
	Name string // upper case
	Host string // a name or an address without brackets; "" is every interface
	Port int    // 0 takes a free one
}

// Endpoint is an address that clients are told. Host "" stands for the address that
// the client connected to, port 0 for the port that was bound.
type Endpoint struct {
	Host string
	Port int
}

// listenerSet is what the listener keys say together.
type listenerSet struct {
	open       []Listener
	advertised map[string]Endpoint
	protocols  map[string]string // by listener name, upper case
}

// endpointFormat is how Kafka reads an entry (SocketServerConfigs.URI_PARSE_REGEXP).
var endpointFormat = regexp.MustCompile(`^(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:([0-9]+)$`)

// securityProtocols are Kafka's; only the first is served.
var securityProtocols = []string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}

// readListeners reads the listener keys and checks them against each other
// (KafkaConfig.validateValues in Kafka). Listeners of the controller are accepted and
// left out: stock files have one.
func readListeners(v *values) (*listenerSet, error) {
	protocols, err := readProtocols(v)
	if err != nil {
		return nil, err
	}
	set := &listenerSet{protocols: protocols, advertised: make(map[string]Endpoint)}
	controllers := upperAll(get[[]string](v, controllerKey))
	all, err := parseEndpoints(v, listenersKey)
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		if slices.Contains(controllers, l.Name) {
			continue
		}
		if err := checkProtocol(v, protocols, l.Name); err != nil {
			return nil, err
		}
		set.open = append(set.open, l)
	}
	if len(set.open) == 0 {
		return nil, badValue(listenersKey, v.shown(listenersKey), "there must be a listener for clients; all of these are in "+controllerKey)
	}
	if err := checkPorts(v, set.open); err != nil {
		return nil, err
	}
	return set, readAdvertised(v, set, controllers)
}

// readAdvertised adds what clients are told.
func readAdvertised(v *values, set *listenerSet, controllers []string) error {
	if v.raw(advertisedKey) == nil {
		return nil
	}
	advertised, err := parseEndpoints(v, advertisedKey)
	if err != nil {
		return err
	}
	for _, a := range advertised {
		if slices.Contains(controllers, a.Name) {
			continue
		}
		known := slices.ContainsFunc(set.open, func(l Listener) bool { return l.Name == a.Name })
		if !known {
			return badValue(advertisedKey, v.shown(advertisedKey), "listener "+a.Name+" is not one of "+listenersKey+"="+v.shown(listenersKey))
		}
		if addr, err := netip.ParseAddr(a.Host); err == nil && addr.IsUnspecified() {
			return badValue(advertisedKey, v.shown(advertisedKey), "clients can't connect to "+a.Host+"; advertise an address that they reach, or nothing")
		}
		set.advertised[a.Name] = Endpoint{Host: a.Host, Port: a.Port}
	}
	return nil
}

// parseEndpoints parses a list of NAME://host:port; names are upper case afterwards.
func parseEndpoints(v *values, key string) ([]Listener, error) {
	var all []Listener
	for _, item := range get[[]string](v, key) {
		parts := endpointFormat.FindStringSubmatch(item)
		if parts == nil || parts[1] == "" {
			return nil, badValue(key, v.shown(key), item+" is not of the form NAME://host:port")
		}
		port, err := strconv.Atoi(parts[3])
		if err != nil || port > math.MaxUint16 {
			return nil, badValue(key, v.shown(key), "the port of "+item+" is above 65535")
		}
		l := Listener{Name: strings.ToUpper(parts[1]), Host: parts[2], Port: port}
		if slices.ContainsFunc(all, func(other Listener) bool { return other.Name == l.Name }) {
			return nil, badValue(key, v.shown(key), "each listener must have a different name")
		}
		all = append(all, l)
	}
	return all, nil
}

// checkPorts refuses two listeners that can't both be bound. As in Kafka, two may
// share a port only if one is on IPv4 and the other on IPv6.
func checkPorts(v *values, listeners []Listener) error {
	for i, a := range listeners {
		for _, b := range listeners[:i] {
			if a.Port == 0 || a.Port != b.Port || differentStacks(a.Host, b.Host) {
				continue
			}
			return badValue(listenersKey, v.shown(listenersKey), "each listener must have a different port")
		}
	}
	return nil
}

func differentStacks(a, b string) bool {
	first, err := netip.ParseAddr(a)
	if err != nil {
		return false
	}
	second, err := netip.ParseAddr(b)
	return err == nil && first.Is4() != second.Is4()
}

// readProtocols reads listener.security.protocol.map. Unless it is set, listeners of
// the controller are PLAINTEXT (effectiveListenerSecurityProtocolMap in Kafka).
func readProtocols(v *values) (map[string]string, error) {
	protocols := make(map[string]string)
	for item := range strings.SplitSeq(get[string](v, protocolsKey), ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		colon := strings.LastIndexByte(item, ':')
		if colon < 0 {
			return nil, badValue(protocolsKey, v.shown(protocolsKey), item+" is not of the form NAME:PROTOCOL")
		}
		name, protocol := strings.TrimSpace(item[:colon]), strings.TrimSpace(item[colon+1:])
		if !slices.Contains(securityProtocols, strings.ToUpper(protocol)) {
			return nil, badValue(protocolsKey, v.shown(protocolsKey), protocol+" is none of "+strings.Join(securityProtocols, ", "))
		}
		protocols[strings.ToUpper(name)] = strings.ToUpper(protocol)
	}
	if v.raw(protocolsKey) == nil {
		for _, name := range upperAll(get[[]string](v, controllerKey)) {
			if _, known := protocols[name]; !known {
				protocols[name] = "PLAINTEXT"
			}
		}
	}
	return protocols, nil
}

// checkProtocol refuses listeners that would have to protect what they can't.
func checkProtocol(v *values, protocols map[string]string, listener string) error {
	switch protocol := protocols[listener]; protocol {
	case "PLAINTEXT":
		return nil
	case "":
		return badValue(protocolsKey, v.shown(protocolsKey), "listener "+listener+" of "+listenersKey+" has no security protocol")
	default:
		bad := badValue(listenersKey, v.shown(listenersKey), fmt.Sprintf("listener %s is %s, and only PLAINTEXT is served yet", listener, protocol))
		// At the start this was PLAINTEXT, so a client must have changed it.
		bad.kafka = wrapped("Security protocol cannot be updated for existing listener ListenerName(" + listener + ")")
		return bad
	}
}

func upperAll(names []string) []string {
	upper := make([]string, len(names))
	for i, name := range names {
		upper[i] = strings.ToUpper(name)
	}
	return upper
}
