package judge_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/judge"
	"github.com/clatterhq/clatter/compat-tests/judge/cases"
	"github.com/clatterhq/clatter/compat-tests/judge/script"
	"github.com/clatterhq/clatter/compat-tests/judge/transcript"
	"github.com/clatterhq/clatter/compat-tests/launch"
	"github.com/clatterhq/clatter/compat-tests/report"
)

// differencesPath lists what is meant to differ.
var differencesPath = filepath.Join("..", "DIFFERENCES.md")

// TestAnswersAreKafkas puts every case to the broker under test and compares its answers with Kafka's.
func TestAnswersAreKafkas(t *testing.T) {
	kafka := golden(t)
	accepted, err := judge.LoadAccepted(differencesPath)
	if err != nil {
		t.Fatal(err)
	}
	all := cases.All()
	asked, err := judge.AskAll(t.Context(), brokertest.Kind(), all)
	if errors.Is(err, launch.ErrUnavailable) {
		report.Skip(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	byAPI := map[string][]string{}
	var differences []judge.Difference
	for _, c := range all {
		api, _, _ := strings.Cut(c.Name, "/")
		byAPI[api] = append(byAPI[api], c.Name)
		differences = append(differences, judge.Compare(c.Name, kafka[c.Name], asked.Answers[c.Name])...)
	}
	if brokertest.Kind() == launch.Kafka {
		accepted = nil // Kafka does not differ from itself.
	}
	failures, unused := judge.Judge(differences, accepted)
	t.Run("advertised", func(t *testing.T) { servedIsAdvertised(t, asked.Answers["ApiVersions/v4/plain"]) })
	for api, names := range byAPI {
		t.Run(api, func(t *testing.T) {
			for _, name := range names {
				if err := asked.Errors[name]; err != nil {
					t.Errorf("%s: %v", name, err)
				}
				reportFailures(t, name, failures)
			}
		})
	}
	for _, a := range unused {
		t.Errorf("DIFFERENCES.md:%d: nothing differs any more in %s, %s", a.Line, a.Case, a.Field)
	}
	t.Logf("%d cases, %d differences, %d accepted by %d rows of DIFFERENCES.md", len(all), len(differences), len(differences)-len(failures), len(accepted))
}

// servedIsAdvertised looks for every API that the judge asks about in an answer to ApiVersions: DIFFERENCES.md accepts that
// others are missing, and must not hide that one of these is.
func servedIsAdvertised(t *testing.T, notes script.Transcript) {
	t.Helper()
	if len(notes) != 1 {
		t.Fatalf("%d answers", len(notes))
	}
	answer, err := transcript.Parse(notes[0].Answer)
	if err != nil {
		t.Fatal(err)
	}
	advertised := map[string]bool{}
	for _, l := range answer.Flatten() {
		advertised[l.Path] = true
	}
	for _, key := range cases.Keys() {
		if !advertised[fmt.Sprintf("ApiKeys[%d].MaxVersion", key)] {
			t.Errorf("key %d is not advertised", key)
		}
	}
}

// reportFailures shows at most a few differences of a case, all with -v: one wrong field often means all are.
func reportFailures(t *testing.T, name string, failures []judge.Difference) {
	t.Helper()
	most, n := 6, 0
	if testing.Verbose() {
		most = len(failures)
	}
	for _, d := range failures {
		if d.Case != name {
			continue
		}
		if n++; n <= most {
			t.Error(d)
		}
	}
	if n > most {
		t.Errorf("%s: and %d more", name, n-most)
	}
}

func golden(t *testing.T) judge.Answers {
	t.Helper()
	kafka, err := judge.Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return kafka
}

// TestEveryCaseHasAGoldenAnswer fails when cases were added, renamed or removed without recording.
func TestEveryCaseHasAGoldenAnswer(t *testing.T) {
	kafka := golden(t)
	seen := map[string]bool{}
	for _, c := range cases.All() {
		if seen[c.Name] {
			t.Errorf("two cases are named %s", c.Name)
		}
		seen[c.Name] = true
		if _, ok := kafka[c.Name]; !ok {
			t.Errorf("%s was never put to Kafka: run make judge-record", c.Name)
		}
		if _, ok := cases.Groups[c.Group]; !ok {
			t.Errorf("%s needs group %q, which does not exist", c.Name, c.Group)
		}
	}
	for name := range kafka {
		if !seen[name] {
			t.Errorf("testdata has %s, which is no case any more: run make judge-record", name)
		}
	}
	if len(seen) < 8900 {
		t.Errorf("only %d cases", len(seen))
	}
}

// TestGoldenFilesSurviveRewriting proves that what Load reads is what Save wrote.
func TestGoldenFilesSurviveRewriting(t *testing.T) {
	dir := t.TempDir()
	if err := judge.Save(dir, golden(t)); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join("testdata", "*.golden"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range paths {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, filepath.Base(path)))
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != string(got) {
			t.Errorf("%s changes when it is read and written", path)
		}
	}
}

// TestEveryGoldenAnswerParses makes sure that comparing works by fields and not by text for all of them.
func TestEveryGoldenAnswerParses(t *testing.T) {
	for name, notes := range golden(t) {
		changed := slices.Clone(notes)
		for i := range changed {
			if !strings.HasPrefix(changed[i].Answer, "{") {
				continue
			}
			changed[i].Answer = strings.Replace(changed[i].Answer, "}", "\n  Added: 1}", 1)
			d := judge.Compare(name, notes, changed)
			if len(d) != 1 || !strings.HasSuffix(d[0].Field, "Added") || !strings.HasPrefix(d[0].Field, fmt.Sprintf("%d.", i+1)) {
				t.Fatalf("%s, answer %d: an added field gave %v", name, i+1, d)
			}
			changed[i] = notes[i]
		}
	}
}

func TestDifferencesAreFailuresUnlessListed(t *testing.T) {
	d := judge.Difference{Case: "Fetch/v4/x", Field: "1.Topics[t].ErrorCode", Kafka: "NONE(0)", Ours: "UNKNOWN(9)"}
	for _, c := range []struct {
		a    judge.Accepted
		want bool
	}{
		{judge.Accepted{Case: "Fetch/*/x", Field: "*.ErrorCode", Kafka: "*", Ours: "*"}, true},
		{judge.Accepted{Case: "Fetch/v4/x", Field: "1.Topics[t].ErrorCode", Kafka: "NONE(0)", Ours: "UNKNOWN(9)"}, true},
		{judge.Accepted{Case: "*", Field: "*", Kafka: "UNKNOWN(9)", Ours: "*"}, false},
		{judge.Accepted{Case: "Fetch/*/y", Field: "*", Kafka: "*", Ours: "*"}, false},
		{judge.Accepted{Case: "*", Field: "2.*", Kafka: "*", Ours: "*"}, false},
		{judge.Accepted{Case: "*", Field: "*", Kafka: "*", Ours: "UNKNOWN(8)"}, false},
	} {
		failures, unused := judge.Judge([]judge.Difference{d}, []judge.Accepted{c.a})
		if accepted := len(failures) == 0; accepted != c.want || (len(unused) == 0) != c.want {
			t.Errorf("%+v: %d failures, %d unused rows", c.a, len(failures), len(unused))
		}
	}
}

func TestMatchKnowsOnlyTheStar(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"*", "", true},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"a*c", "abbc", true},
		{"a*a", "a", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"x[*].y", "x[1].y", true},
	} {
		if got := judge.Match(c.pattern, c.text); got != c.want {
			t.Errorf("Match(%q, %q) = %t", c.pattern, c.text, got)
		}
	}
}
