package configdef

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// ParseType turns a value as it was written into a value of type t: a bool, string
// (also for CLASS and PASSWORD), int32, int16, int64, float64 or []string. It
// follows ConfigDef.parseType in Kafka. One thing differs: a CLASS is only a name
// here, since there is no class path in which it could be looked up.
// The error is a [*ValueError] with key as its name.
func ParseType(key, raw string, t Type) (any, error) {
	trimmed := Trim(raw)
	switch t {
	case Boolean:
		switch {
		case strings.EqualFold(trimmed, "true"):
			return true, nil
		case strings.EqualFold(trimmed, "false"):
			return false, nil
		}
		return nil, &ValueError{Key: key, Value: raw, Reason: "Expected value to be either true or false"}
	case Int:
		n, err := strconv.ParseInt(trimmed, 10, 32)
		return number(int32(n), err, key, raw, t)
	case Short:
		n, err := strconv.ParseInt(trimmed, 10, 16)
		return number(int16(n), err, key, raw, t)
	case Long:
		n, err := strconv.ParseInt(trimmed, 10, 64)
		return number(n, err, key, raw, t)
	case Double:
		n, err := parseDouble(trimmed)
		return number(n, err, key, raw, t)
	case List:
		return splitList(trimmed), nil
	default:
		return trimmed, nil
	}
}

// number gives n, or Kafka's text for a value that is no number of type t.
func number[N int16 | int32 | int64 | float64](n N, err error, key, raw string, t Type) (any, error) {
	if err != nil {
		return nil, &ValueError{Key: key, Value: raw, Reason: "Not a number of type " + t.String()}
	}
	return n, nil
}

// Trim cuts what Java's String.trim cuts: every character up to the blank.
func Trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

// splitList splits at commas with the blanks around them; an empty text is an empty
// list. Empty items stay, so that a check can refuse them.
func splitList(trimmed string) []string {
	if trimmed == "" {
		return []string{}
	}
	items := strings.Split(trimmed, ",")
	for i, item := range items {
		items[i] = strings.Trim(item, " \t\n\v\f\r")
	}
	return items
}

var errNotJava = errors.New("not a number in Java")

// parseDouble accepts what Java's Double.parseDouble accepts: unlike Go, a suffix d
// or f, infinity and NaN in exactly that spelling, no underscores, and numbers
// beyond the range as infinity or zero.
func parseDouble(s string) (float64, error) {
	switch strings.TrimLeft(s, "+-") {
	case "NaN", "Infinity":
		if strings.Count(s, "+")+strings.Count(s, "-") > 1 {
			return 0, errNotJava
		}
		return strconv.ParseFloat(s, 64)
	}
	digits := s
	hex := strings.Contains(strings.ToLower(s), "0x")
	if n := len(s); n > 1 && strings.ContainsRune("dDfF", rune(s[n-1])) && (!hex || strings.ContainsAny(s, "pP")) {
		digits = s[:n-1]
	}
	if strings.ContainsAny(digits, "_iInN") {
		return 0, errNotJava
	}
	n, err := strconv.ParseFloat(digits, 64)
	if errors.Is(err, strconv.ErrRange) && (math.IsInf(n, 0) || n == 0) {
		return n, nil
	}
	return n, err
}

// Format prints a parsed value as Kafka does in DescribeConfigs
// (ConfigDef.convertToString): lists joined by commas without blanks.
func Format(value any) string {
	switch v := value.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int16:
		return strconv.FormatInt(int64(v), 10)
	case int32:
		return strconv.FormatInt(int64(v), 10)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return formatDouble(v)
	case []string:
		return strings.Join(v, ",")
	case string:
		return v
	}
	return ""
}

// display prints a parsed value as Java prints it inside a message, where a list is
// in brackets.
func display(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case []string:
		return "[" + strings.Join(v, ", ") + "]"
	}
	return Format(value)
}

// formatDouble prints as Java's Double.toString: plain between 0.001 and ten
// million, else with an exponent, always with a digit after the point.
func formatDouble(d float64) string {
	switch {
	case math.IsNaN(d):
		return "NaN"
	case math.IsInf(d, 1):
		return "Infinity"
	case math.IsInf(d, -1):
		return "-Infinity"
	}
	if abs := math.Abs(d); d == 0 || abs >= 1e-3 && abs < 1e7 {
		s := strconv.FormatFloat(d, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(d, 'E', -1, 64), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	sign := ""
	if strings.HasPrefix(exponent, "-") {
		sign = "-"
	}
	return mantissa + "E" + sign + strings.TrimLeft(exponent, "+-0")
}
