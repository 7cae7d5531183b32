package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/viper"

	"github.com/clatterhq/clatter/broker/configdef"
)

// Keys that this package itself reads by name, besides those of the typed snapshot.
const (
	nodeIDKey     = "node.id"
	brokerIDKey   = "broker.id"
	clusterIDKey  = "clatter.cluster.id"
	logLevelKey   = "clatter.log.level"
	listenersKey  = "listeners"
	advertisedKey = "advertised.listeners"
	protocolsKey  = "listener.security.protocol.map"
	controllerKey = "controller.listener.names"
	minIsrKey     = "min.insync.replicas"
)

// Sources is where the configuration comes from. Later ones win: the file, then the
// environment, then the overrides.
type Sources struct {
	// File is the path of a server.properties file, or "" for none.
	File string
	// Environ is the environment as os.Environ gives it.
	Environ []string
	// Overrides are "key=value" each, as given to --override, the last one winning.
	Overrides []string
}

// Static is what the broker was started with. It never changes.
type Static struct {
	// values are as they were written, also those of keys that nobody knows: Kafka
	// shows them too.
	values   map[string]string
	warnings []string
	// initial is what counts while nothing is set dynamically.
	initial *Snapshot
}

// Warnings are lines that an operator should see once: keys that were ignored, and
// keys that were set twice.
func (s *Static) Warnings() []string { return s.warnings }

// Value is what a key was set to, as it was written.
func (s *Static) Value(name string) (value string, set bool) {
	value, set = s.values[name]
	return value, set
}

// WithoutEffect lists the keys that were set though they change nothing here, sorted.
// Stock files are full of them, so they are worth one line of the log, not one each.
func (s *Static) WithoutEffect() []string {
	var names []string
	for name, value := range s.values {
		key := configdef.LookupBroker(name)
		if key == nil || key.Honour != configdef.NoEffect {
			continue
		}
		if standard, ok := key.EffectiveDefault(); !ok || configdef.Trim(value) != standard {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Load reads and checks the configuration. Every value of a known key is parsed, the
// rules between keys hold, and values that can't be honoured are refused.
//
// Errors: one that matches [ErrBadConfig] for what the configuration says, mostly a
// [*BadValueError]; else the file can't be read.
func Load(sources Sources) (*Static, error) {
	decoder := &propertiesDecoder{}
	// A file may contain keys of which one is the beginning of another, and viper would
	// make a tree of them: so the delimiter is a character that no key contains.
	v := viper.NewWithOptions(viper.KeyDelimiter("\x00"), viper.WithDecoderRegistry(decoder))
	v.SetConfigType("properties")
	if sources.File != "" {
		if err := readFile(v, sources.File); err != nil {
			return nil, err
		}
	}
	warnings := decoder.warnings
	environment := make(map[string]any)
	for name, value := range fromEnvironment(sources.Environ) {
		environment[name] = value
	}
	if err := v.MergeConfigMap(environment); err != nil {
		return nil, fmt.Errorf("environment: %w", err)
	}
	for _, override := range sources.Overrides {
		name, value, ok := strings.Cut(override, "=")
		name = strings.TrimSpace(name)
		switch {
		case !ok || name == "":
			return nil, fmt.Errorf("%w: --override %s: expected key=value", ErrBadConfig, quoteValue(override))
		case hasUpper(name):
			warnings = append(warnings, unknownWarning(name))
		default:
			v.Set(name, value)
		}
	}
	values := make(map[string]string)
	for _, name := range v.AllKeys() {
		values[name] = v.GetString(name)
	}
	return newStatic(values, warnings)
}

// FromMap makes a configuration of values that are already there, as a test or an
// embedding program has them. The rules and errors are those of [Load].
func FromMap(values map[string]string) (*Static, error) {
	return newStatic(maps.Clone(values), nil)
}

func readFile(v *viper.Viper, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	// Reading comes first, so that a directory given as a file isn't called malformed.
	text, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if err := v.ReadConfig(strings.NewReader(string(text))); err != nil {
		if parse, ok := errors.AsType[viper.ConfigParseError](err); ok {
			err = parse.Unwrap()
		}
		return fmt.Errorf("%w: %s: %w", ErrBadConfig, path, err)
	}
	return nil
}

// propertiesDecoder is viper's way to properties files. It remembers what viper can't
// tell afterwards: keys that were set twice, and keys in capitals, which viper would
// make equal to those in small letters. To Kafka they are unknown.
type propertiesDecoder struct{ warnings []string }

// Decoder implements viper.DecoderRegistry.
func (d *propertiesDecoder) Decoder(string) (viper.Decoder, error) { return d, nil }

// Decode implements viper.Decoder. Of a key that is set twice the last value counts,
// as in Java.
func (d *propertiesDecoder) Decode(text []byte, into map[string]any) error {
	all, err := parseProperties(string(text))
	if err != nil {
		return err
	}
	for _, p := range all {
		if hasUpper(p.name) {
			d.warnings = append(d.warnings, fmt.Sprintf("line %d: %s", p.line, unknownWarning(p.name)))
			continue
		}
		if _, again := into[p.name]; again {
			d.warnings = append(d.warnings, fmt.Sprintf("line %d: %s is set again; the last value counts", p.line, p.name))
		}
		into[p.name] = p.value
	}
	return nil
}

// hasUpper reports whether a key can't be known because of its capitals. Only
// listeners' names may be written in capitals elsewhere, and in keys they are not.
func hasUpper(name string) bool { return name != strings.ToLower(name) }

// newStatic checks values and takes them over.
func newStatic(values map[string]string, warnings []string) (*Static, error) {
	for _, name := range []string{listenersKey, advertisedKey, controllerKey} {
		if value, set := values[name]; set {
			values[name] = withoutEmptyItems(value)
		}
	}
	if values[advertisedKey] == "" {
		delete(values, advertisedKey) // only commas, or nothing: nothing is advertised
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key := configdef.LookupBroker(name)
		if key == nil {
			warnings = append(warnings, unknownWarning(name))
			continue
		}
		if err := checkStatic(key, name, values[name]); err != nil {
			return nil, err
		}
	}
	// Either name of the broker's number stands for the other (populateSynonyms in Kafka).
	if id, set := values[nodeIDKey]; set {
		setDefault(values, brokerIDKey, id)
	} else if id, set := values[brokerIDKey]; set {
		setDefault(values, nodeIDKey, id)
	}
	s := &Static{values: values, warnings: warnings}
	var err error
	if s.initial, err = newSnapshot(s, nil, nil); err != nil {
		return nil, err
	}
	return s, nil
}

// checkStatic parses one value, and refuses those that can't be honoured.
func checkStatic(key *configdef.Key, name, value string) error {
	parsed, err := key.Parse(value)
	if err != nil {
		reason := err.Error()
		if bad, ok := errors.AsType[*configdef.ValueError](err); ok {
			reason = bad.Reason
		}
		if allowed := allowedValues(key); allowed != "" && !strings.Contains(reason, allowed) {
			reason += " " + allowed
		}
		return badValue(name, value, reason)
	}
	if key.Honour != configdef.Refused {
		return nil
	}
	shown := configdef.Format(parsed)
	if standard, ok := key.EffectiveDefault(); ok && shown == standard || !ok && shown == "" {
		return nil
	}
	return badValue(name, value, key.Reason)
}

// allowedValues says in short what a key takes, for the one line about a bad value.
func allowedValues(key *configdef.Key) string {
	if key.Check == nil {
		return ""
	}
	return key.Check.String()
}

// withoutEmptyItems drops empty items of a list. Kafka refuses them, but tools that
// write listeners into an environment leave a comma at the end.
func withoutEmptyItems(value string) string {
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		if item = configdef.Trim(item); item != "" {
			items = append(items, item)
		}
	}
	return strings.Join(items, ",")
}

// quoteValue keeps a message on one line whatever the value is.
func quoteValue(value string) string {
	if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Sprintf("%q", value)
	}
	return value
}
