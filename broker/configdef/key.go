package configdef

// Type is the type of a key's values. The numbers are those of DescribeConfigs
// (ConfigEntry.ConfigType in Kafka's protocol).
type Type uint8

// The types of Kafka's ConfigDef.Type. Unknown is what DescribeConfigs says of keys
// that are in no table.
const (
	Unknown Type = iota
	Boolean
	String
	Int
	Short
	Long
	Double
	List
	Class
	Password
)

// String is Kafka's name of the type, as in the message "Not a number of type LONG".
func (t Type) String() string {
	names := [...]string{"UNKNOWN", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"}
	if int(t) < len(names) {
		return names[t]
	}
	return names[Unknown]
}

// Scope says whether and where a broker key can be changed while the broker runs
// (KIP-226). Keys of topics, groups and client metrics can always be changed; their
// Scope is not used.
type Scope uint8

// Scopes of a broker key.
const (
	ReadOnly    Scope = iota // only in the file, the environment and on the command line
	PerBroker                // for one broker only, never as the default of all
	ClusterWide              // for one broker, or as the default of all
)

// Honour says what becomes of a key's value here.
type Honour uint8

// How a key is honoured.
const (
	// Implemented: the value does what its documentation says.
	Implemented Honour = iota
	// NoEffect: every valid value is accepted and none changes anything; Reason says why.
	NoEffect
	// Refused: only the default is accepted, since ignoring another value would
	// betray the one who set it; Reason says why.
	Refused
)

// Null stands for a default of null: the key has no value until it is set. It can't
// be confused with a value, since no value contains a zero byte.
const Null = "\x00"

// Key is one row of a table. Rows are data: they are written down once in keys_*.go
// and never change.
type Key struct {
	Name string
	Type Type

	// Default is Kafka's default as Kafka prints it, or Null. Ours is the default
	// here where it differs, else empty.
	Default string
	Ours    string

	// Check is what a parsed value must fulfil; nil accepts all values of the type.
	Check Validator

	// Dynamic is used for broker keys only.
	Dynamic Scope

	// Internal keys are accepted like others, but listed only where they are set, as
	// Kafka does with its internal keys.
	Internal bool

	// Synonyms are the broker keys that stand behind this one, in order of priority.
	// For a topic or group key the first one that is set gives the value. For a
	// broker key they are the family it belongs to, itself included, and setting one
	// of them dynamically hides those that are set statically.
	Synonyms []Synonym

	Honour Honour
	Reason string // why, where Honour is NoEffect or Refused

	// Doc is the documentation that DescribeConfigs gives.
	Doc string
}

// Synonym is a broker key that gives the value of another key, multiplied by Factor.
type Synonym struct {
	Name   string
	Factor int64 // 0 is 1: the value is taken as it is
}

// Factors of synonyms in milliseconds.
const (
	minute = 60_000
	hour   = 3_600_000
)

// EffectiveDefault is the value that counts where nothing is set; ok is false where
// that is null.
func (k *Key) EffectiveDefault() (value string, ok bool) {
	if k.Ours != "" {
		return k.Ours, true
	}
	return k.Default, k.Default != Null
}

// Sensitive reports whether values of the key are never shown.
func (k *Key) Sensitive() bool { return k.Type == Password }

// Parse turns a value as it was written into a value of the key's type and checks
// it. The result is a bool, string, int32, int16, int64, float64 or []string. As in
// Kafka, a list loses its duplicates where its check can't take them.
// The error is a [*ValueError].
func (k *Key) Parse(raw string) (any, error) {
	value, err := ParseType(k.Name, raw, k.Type)
	if err != nil {
		return nil, err
	}
	if list, ok := value.([]string); ok {
		if _, distinct := k.Check.(ListOf); distinct {
			value = withoutDuplicates(list)
		}
	}
	if k.Check == nil {
		return value, nil
	}
	if err := k.Check.Validate(k.Name, value); err != nil {
		return nil, err
	}
	return value, nil
}

// withoutDuplicates keeps the first of equal items, in their order.
func withoutDuplicates(items []string) []string {
	seen := make(map[string]struct{}, len(items))
	distinct := make([]string, 0, len(items))
	for _, item := range items {
		if _, again := seen[item]; again {
			continue
		}
		seen[item] = struct{}{}
		distinct = append(distinct, item)
	}
	return distinct
}
