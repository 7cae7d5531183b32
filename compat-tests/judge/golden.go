package judge

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// Answers are the transcripts of cases by their names.
type Answers map[string]script.Transcript

// The marks at the start of a line that divide a golden file; lines of a request or answer never begin with them.
const (
	caseMark    = "=== "
	requestMark = "> "
	answerMark  = "< "
)

// goldenExt is the extension of golden files.
const goldenExt = ".golden"

// apiOf is the first part of a case's name, which is also the name of its golden file.
func apiOf(name string) string {
	api, _, _ := strings.Cut(name, "/")
	return api
}

// Load reads all golden files of a folder.
func Load(dir string) (Answers, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+goldenExt))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGolden, err)
	}
	answers := Answers{}
	for _, path := range paths {
		if err := loadFile(path, answers); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrGolden, path, err)
		}
	}
	return answers, nil
}

func loadFile(path string, answers Answers) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	lines.Buffer(nil, 16<<20)
	name, target := "", (*string)(nil)
	for lines.Scan() {
		line := lines.Text()
		notes := answers[name]
		switch {
		case strings.HasPrefix(line, caseMark):
			name, target = line[len(caseMark):], nil
			answers[name] = script.Transcript{}
		case name == "":
			// What comes before the first case explains the file.
		case strings.HasPrefix(line, requestMark):
			answers[name] = append(notes, script.Exchange{Request: line[len(requestMark):]})
			target = &answers[name][len(notes)].Request
		case len(notes) == 0:
			if line != "" {
				return fmt.Errorf("%s: text before the first request", name)
			}
		case strings.HasPrefix(line, answerMark):
			target = &notes[len(notes)-1].Answer
			*target = line[len(answerMark):]
		case target != nil && line != "":
			*target += "\n" + line
		}
	}
	return lines.Err()
}

// Save writes the golden files of a folder and removes those of APIs that have no cases any more.
func Save(dir string, answers Answers) error {
	files := map[string]*strings.Builder{}
	for _, name := range sorted(answers) {
		b := files[apiOf(name)]
		if b == nil {
			b = new(strings.Builder)
			files[apiOf(name)] = b
			fmt.Fprintf(b, "What Apache Kafka answers; written by make judge-record, see ../README.md.\n")
		}
		fmt.Fprintf(b, "\n%s%s\n%s", caseMark, name, Text(answers[name]))
	}
	old, err := filepath.Glob(filepath.Join(dir, "*"+goldenExt))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGolden, err)
	}
	var errs []error
	for _, path := range old {
		if files[strings.TrimSuffix(filepath.Base(path), goldenExt)] == nil {
			errs = append(errs, os.Remove(path))
		}
	}
	for api, b := range files {
		errs = append(errs, os.WriteFile(filepath.Join(dir, api+goldenExt), []byte(b.String()), 0o644)) //nolint:gosec // Files of the repository are readable.
	}
	return errors.Join(errs...)
}

// Text is a transcript as golden files show it.
func Text(t script.Transcript) string {
	var b strings.Builder
	for _, e := range t {
		fmt.Fprintf(&b, "%s%s\n%s%s\n", requestMark, e.Request, answerMark, e.Answer)
	}
	return b.String()
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
