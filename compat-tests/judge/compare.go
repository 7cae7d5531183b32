package judge

import (
	"fmt"
	"strings"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
	"github.com/clatterhq/clatter/compat-tests/judge/transcript"
)

// missing stands for a field that one side does not have.
const missing = "<missing>"

// Difference is one field in which two answers differ.
type Difference struct {
	Case  string
	Field string // Number of the exchange, then the path in its answer.
	Kafka string
	Ours  string
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s: kafka %s, ours %s", d.Case, d.Field, d.Kafka, d.Ours)
}

// Compare lists the differences between two transcripts of a case.
func Compare(name string, kafka, ours script.Transcript) []Difference {
	var differences []Difference
	for i := range max(len(kafka), len(ours)) {
		var k, o script.Exchange
		if i < len(kafka) {
			k = kafka[i]
		}
		if i < len(ours) {
			o = ours[i]
		}
		for _, d := range compareAnswers(k.Answer, o.Answer) {
			d.Case = name
			d.Field = strings.TrimSuffix(fmt.Sprintf("%d.%s", i+1, d.Field), ".")
			differences = append(differences, d)
		}
	}
	return differences
}

func compareAnswers(kafka, ours string) []Difference {
	if kafka == ours {
		return nil
	}
	kafkaLines, kafkaErr := flat(kafka)
	oursLines, oursErr := flat(ours)
	if kafkaErr != nil || oursErr != nil {
		return []Difference{{Kafka: oneLine(kafka), Ours: oneLine(ours)}}
	}
	var differences []Difference
	oursAt := map[string]string{}
	for _, l := range oursLines {
		oursAt[l.Path] = l.Value
	}
	seen := map[string]bool{}
	for _, l := range kafkaLines {
		seen[l.Path] = true
		value, ok := oursAt[l.Path]
		if !ok {
			value = missing
		}
		if value != l.Value {
			differences = append(differences, Difference{Field: l.Path, Kafka: l.Value, Ours: value})
		}
	}
	for _, l := range oursLines {
		if !seen[l.Path] {
			differences = append(differences, Difference{Field: l.Path, Kafka: missing, Ours: l.Value})
		}
	}
	if len(differences) == 0 {
		// Same fields and values in another order, where order matters.
		return []Difference{{Field: "order", Kafka: oneLine(kafka), Ours: oneLine(ours)}}
	}
	return differences
}

// flat lists the fields of an answer. An answer that is no message (closed, timeout) has one, without a name; an
// oddity behind a message is a field named "!".
func flat(answer string) ([]transcript.Line, error) {
	if !strings.HasPrefix(answer, "{") {
		return nil, transcript.ErrSyntax
	}
	text, oddity, odd := strings.Cut(answer, "\n! ")
	n, err := transcript.Parse(text)
	if err != nil {
		return nil, err
	}
	lines := n.Flatten()
	if odd {
		lines = append(lines, transcript.Line{Path: "!", Value: oddity})
	}
	return lines, nil
}

// oneLine shortens an answer for a message.
func oneLine(answer string) string {
	line := strings.Join(strings.Fields(answer), " ")
	if line == "" {
		return missing
	}
	if len(line) > 300 {
		line = line[:300] + "…"
	}
	return line
}
