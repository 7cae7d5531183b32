package report_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/report"
)

// TestSkipsOfSeveralTestsEndUpInOneTable runs subtests that skip and reads what they left.
func TestSkipsOfSeveralTestsEndUpInOneTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.jsonl")
	t.Setenv("COMPAT_REPORT", path)
	t.Setenv("CI", "")
	skipped := map[string]bool{}
	for _, name := range []string{"a", "b"} {
		t.Run(name, func(t *testing.T) {
			defer func() { skipped[name] = t.Skipped() }()
			report.Skip(t, "no %s on this machine", name)
		})
	}
	report.Note(t, "something to see")
	if !skipped["a"] || !skipped["b"] {
		t.Errorf("skipped: %v", skipped)
	}
	var out bytes.Buffer
	if err := report.Print(&out, path); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"SKIP", "no a on this machine", "no b on this machine", "NOTE", "something to see"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestARunWithoutSkipsSaysSo(t *testing.T) {
	var out bytes.Buffer
	if err := report.Print(&out, filepath.Join(t.TempDir(), "none")); err != nil || !strings.Contains(out.String(), "every scenario ran") {
		t.Errorf("%q, %v", out.String(), err)
	}
}
