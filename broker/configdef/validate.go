package configdef

import (
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Validator checks a parsed value. Implementations are immutable values, named after
// the validators of Kafka's ConfigDef whose texts they give.
type Validator interface {
	// Validate returns nil or a [*ValueError] for the key.
	Validate(key string, value any) error
	// String says what is accepted, as Kafka's documentation does; empty where there
	// is nothing short to say.
	String() string
}

// Range is a Validator for numbers with inclusive bounds (ConfigDef.Range).
type Range struct{ min, max float64 }

// AtLeast accepts minimum and everything above it.
func AtLeast(minimum float64) Range { return Range{min: minimum, max: math.Inf(1)} }

// Between accepts minimum, maximum and everything between them.
func Between(minimum, maximum float64) Range { return Range{min: minimum, max: maximum} }

// Validate implements [Validator]. NaN passes, as it does in Kafka.
func (r Range) Validate(key string, value any) error {
	var n float64
	switch v := value.(type) {
	case int16:
		n = float64(v)
	case int32:
		n = float64(v)
	case int64:
		n = float64(v)
	case float64:
		n = v
	default:
		return &ValueError{Key: key, Value: display(value), Reason: "Value must be non-null"}
	}
	switch {
	case n < r.min:
		return &ValueError{Key: key, Value: display(value), Reason: "Value must be at least " + bound(r.min)}
	case n > r.max:
		return &ValueError{Key: key, Value: display(value), Reason: "Value must be no more than " + bound(r.max)}
	}
	return nil
}

// String implements [Validator].
func (r Range) String() string {
	if math.IsInf(r.max, 1) {
		return "[" + bound(r.min) + ",...]"
	}
	return "[" + bound(r.min) + ",...," + bound(r.max) + "]"
}

// bound prints a bound as it stands in Kafka's source: whole numbers without a point.
func bound(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// ValidString accepts certain texts only (ConfigDef.ValidString, and
// ConfigDef.CaseInsensitiveValidString where fold is set).
type ValidString struct {
	texts []string
	fold  bool
}

// OneOf accepts exactly these texts.
func OneOf(texts ...string) ValidString { return ValidString{texts: texts} }

// OneOfFold accepts these texts in upper and lower case.
func OneOfFold(texts ...string) ValidString { return ValidString{texts: texts, fold: true} }

// Validate implements [Validator].
func (v ValidString) Validate(key string, value any) error {
	text, _ := value.(string)
	for _, valid := range v.texts {
		if text == valid || v.fold && strings.EqualFold(text, valid) {
			return nil
		}
	}
	reason := "String must be one of: "
	if v.fold {
		reason = "String must be one of (case insensitive): "
	}
	return &ValueError{Key: key, Value: display(value), Reason: reason + strings.Join(v.texts, ", ")}
}

// String implements [Validator].
func (v ValidString) String() string {
	texts := "[" + strings.Join(v.texts, ", ") + "]"
	if v.fold {
		return "(case insensitive) " + texts
	}
	return texts
}

// ListOf accepts lists without empty items, and only of Items where there are any
// (ConfigDef.ValidList). Key.Parse has dropped duplicates before.
type ListOf struct {
	EmptyAllowed bool
	Items        []string
}

// Validate implements [Validator].
func (l ListOf) Validate(key string, value any) error {
	items, _ := value.([]string)
	if len(items) == 0 && !l.EmptyAllowed {
		valid := "any non-empty value"
		if len(l.Items) > 0 {
			valid = display(l.Items)
		}
		return &ValueError{Reason: "Configuration '" + key + "' must not be empty. Valid values include: " + valid}
	}
	for _, item := range items {
		if item == "" {
			return &ValueError{Reason: "Configuration '" + key + "' values must not be empty."}
		}
		if len(l.Items) > 0 {
			if err := OneOf(l.Items...).Validate(key, item); err != nil {
				return err
			}
		}
	}
	return nil
}

// String implements [Validator].
func (l ListOf) String() string {
	if len(l.Items) == 0 {
		return ""
	}
	return display(l.Items)
}

// NonEmpty accepts every text but the empty one (ConfigDef.NonEmptyString).
type NonEmpty struct{}

// Validate implements [Validator].
func (NonEmpty) Validate(key string, value any) error {
	if value == "" {
		return &ValueError{Key: key, Reason: "String must be non-empty"}
	}
	return nil
}

// String implements [Validator].
func (NonEmpty) String() string { return "non-empty string" }

// GzipLevel accepts the levels of gzip (CompressionType.GZIP in Kafka).
type GzipLevel struct{}

// Validate implements [Validator].
func (GzipLevel) Validate(key string, value any) error {
	if level, ok := value.(int32); ok && (level == -1 || level >= 1 && level <= 9) {
		return nil
	}
	return &ValueError{Key: key, Value: display(value), Reason: "Value must be between 1 and 9 or equal to -1"}
}

// String implements [Validator].
func (GzipLevel) String() string { return "[1,...,9] or -1" }

// lazyPattern compiles a pattern when it is first needed: most brokers need none of
// them, and every start would pay.
func lazyPattern(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// ThrottledReplicas accepts *, or pairs of a partition and a broker
// (ThrottledReplicaListValidator in Kafka).
type ThrottledReplicas struct{}

const replicaFormat = "[partitionId]:[brokerId],[partitionId]:[brokerId],..."

var throttledReplica = lazyPattern(`^([0-9]+:[0-9]+)?$`)

// Validate implements [Validator].
func (ThrottledReplicas) Validate(key string, value any) error {
	items, _ := value.([]string)
	malformed := func(item string) bool { return !throttledReplica().MatchString(item) }
	if strings.Join(items, "") == "*" || !slices.ContainsFunc(items, malformed) {
		return nil
	}
	return &ValueError{
		Key: key, Value: display(value),
		Reason: key + " must be the literal '*' or a list of replicas in the following format: " + replicaFormat,
	}
}

// String implements [Validator].
func (ThrottledReplicas) String() string { return replicaFormat }

// hostPort splits an address as Kafka's Utils.getHost and Utils.getPort do: an
// optional protocol, a host name or an address in brackets, a port.
var hostPort = lazyPattern(`^(?:[a-zA-Z][a-zA-Z0-9+.-]*://)?\[?([0-9a-zA-Z\-._%:]*)\]?:([0-9]+)$`)

// validAddress reports whether Kafka could make an address of s.
func validAddress(s string) bool {
	parts := hostPort().FindStringSubmatch(s)
	if parts == nil || parts[1] == "" {
		return false
	}
	if strings.Contains(parts[1], ":") {
		if _, err := netip.ParseAddr(parts[1]); err != nil {
			return false
		}
	}
	port, err := strconv.Atoi(parts[2])
	return err == nil && port <= math.MaxUint16
}

// BootstrapServers accepts lists of host:port (QuorumConfig in Kafka).
type BootstrapServers struct{}

// Validate implements [Validator].
func (BootstrapServers) Validate(key string, value any) error {
	items, _ := value.([]string)
	for _, item := range items {
		if !validAddress(item) {
			return &ValueError{Reason: "Failed to parse host name from " + item + " for the configuration " + key +
				`. Each entry should be in the form "{host}:{port}"`}
		}
	}
	return nil
}

// String implements [Validator].
func (BootstrapServers) String() string { return "non-empty list" }

// QuorumVoters accepts lists of id@host:port (QuorumConfig in Kafka).
type QuorumVoters struct{}

// Validate implements [Validator].
func (QuorumVoters) Validate(key string, value any) error {
	items, _ := value.([]string)
	for _, item := range items {
		id, address, ok := strings.Cut(item, "@")
		if _, err := strconv.ParseInt(id, 10, 32); err != nil || !ok {
			return &ValueError{Reason: "Invalid configuration value for " + key + ". Each entry should be in the form `{id}@{host}:{port}`."}
		}
		if !validAddress(address) {
			return &ValueError{Reason: "Failed to parse host name from entry " + item + " for the configuration " + key +
				". Each entry should be in the form `{id}@{host}:{port}`."}
		}
	}
	return nil
}

// String implements [Validator].
func (QuorumVoters) String() string { return "non-empty list" }

// AutoOffsetReset accepts the starting points of a share group
// (ShareGroupAutoOffsetResetStrategy in Kafka, KIP-932).
type AutoOffsetReset struct{}

// isoDuration is the format of Java's Duration.parse without a sign: a share group
// can't start in the future.
var isoDuration = lazyPattern(`(?i)^P(?:\+?([0-9]+)D)?(T(?:\+?([0-9]+)H)?(?:\+?([0-9]+)M)?(?:\+?([0-9]+)(?:[.,]([0-9]{0,9}))?S)?)?$`)

// Validate implements [Validator].
func (AutoOffsetReset) Validate(key string, value any) error {
	text, _ := value.(string)
	if text == "latest" || text == "earliest" {
		return nil
	}
	if duration, ok := strings.CutPrefix(text, "by_duration:"); ok {
		// An empty date or time part, as in P or PT, is no duration.
		parts := isoDuration().FindStringSubmatch(duration)
		if parts != nil && parts[1]+parts[2] != "" && !strings.EqualFold(parts[2], "T") {
			return nil
		}
	}
	return &ValueError{
		Key: key, Value: text,
		Reason: "Invalid value `" + text + "` for configuration " + key +
			". The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.",
	}
}

// String implements [Validator].
func (AutoOffsetReset) String() string { return "[latest, earliest, by_duration:PnDTnHnMn.nS]" }
