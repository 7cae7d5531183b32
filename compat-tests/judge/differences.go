package judge

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// Accepted is an entry of DIFFERENCES.md: a difference that is meant.
type Accepted struct {
	Case   string // Pattern of the name of a case; * stands for any text.
	Field  string // Pattern of a field as in [Difference].
	Kafka  string // Pattern of Kafka's value.
	Ours   string // Pattern of our value.
	Reason string
	Line   int // In the file.
}

// LoadAccepted reads the rows of the table in DIFFERENCES.md: | `case` | `field` | `kafka` | `ours` | reason |.
func LoadAccepted(path string) ([]Accepted, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDifferences, err)
	}
	var entries []Accepted
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 5 {
			return nil, fmt.Errorf("%w: %s:%d: %d cells instead of 5", ErrDifferences, path, n, len(cells))
		}
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		if cells[4] == "" {
			return nil, fmt.Errorf("%w: %s:%d: no reason", ErrDifferences, path, n)
		}
		entries = append(entries, Accepted{Case: cells[0], Field: cells[1], Kafka: cells[2], Ours: cells[3], Reason: cells[4], Line: n})
	}
	return entries, lines.Err()
}

// Accepts says whether the entry covers a difference.
func (a Accepted) Accepts(d Difference) bool {
	return Match(a.Case, d.Case) && Match(a.Field, d.Field) && Match(a.Kafka, d.Kafka) && Match(a.Ours, d.Ours)
}

// Judge divides differences into those that no entry covers, and the entries that covered none.
func Judge(differences []Difference, accepted []Accepted) (failures []Difference, unused []Accepted) {
	used := make([]bool, len(accepted))
	for _, d := range differences {
		covered := false
		for i, a := range accepted {
			if a.Accepts(d) {
				used[i], covered = true, true
			}
		}
		if !covered {
			failures = append(failures, d)
		}
	}
	for i, a := range accepted {
		if !used[i] {
			unused = append(unused, a)
		}
	}
	return failures, unused
}

// Match says whether text matches a pattern in which * stands for any text; nothing else is special.
func Match(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, last)
}

// MatchAny says whether text matches one of several patterns, separated by commas.
func MatchAny(patterns, text string) bool {
	for pattern := range strings.SplitSeq(patterns, ",") {
		if Match(pattern, text) {
			return true
		}
	}
	return false
}
