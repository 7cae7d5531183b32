// Command ask puts cases of the judge to a running broker and shows its answers; where golden answers are at hand, also what
// differs from them.
//
//	go run ./judge/cmd/ask -list -case 'Fetch/v12/*'
//	go run ./judge/cmd/ask -case 'Fetch/v12/*' -addr 127.0.0.1:9092
//
// Cases of a group other than the first need a broker with other settings (cases.Groups); ask says so.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/clatterhq/clatter/compat-tests/judge"
	"github.com/clatterhq/clatter/compat-tests/judge/cases"
	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(w io.Writer) error {
	pattern := flag.String("case", "*", "names of cases, * for any text; several with commas")
	addr := flag.String("addr", "127.0.0.1:9092", "broker")
	dir := flag.String("dir", "", "the broker's log directory, to show paths in it as <dir>")
	golden := flag.String("golden", filepath.Join("judge", "testdata"), "folder of golden answers")
	list := flag.Bool("list", false, "only list the names")
	quiet := flag.Bool("differences", false, "only show what differs")
	flag.Parse()
	kafka, err := judge.Load(*golden)
	if err != nil {
		return err
	}
	for _, c := range cases.All() {
		if !judge.MatchAny(*pattern, c.Name) {
			continue
		}
		if *list {
			if _, err := fmt.Fprintln(w, c.Name); err != nil {
				return err
			}
			continue
		}
		if err := askOne(w, script.Env{Addr: *addr, Dir: *dir, T0: judge.BaseTime()}, c, kafka, *quiet); err != nil {
			return err
		}
	}
	return nil
}

func askOne(w io.Writer, env script.Env, c script.Case, kafka judge.Answers, quiet bool) error {
	asked := judge.Asked{Answers: judge.Answers{}, Errors: map[string]error{}}
	judge.Ask(context.Background(), env, []script.Case{c}, true, &asked)
	notes := asked.Answers[c.Name]
	differences := []judge.Difference(nil)
	if known, ok := kafka[c.Name]; ok {
		differences = judge.Compare(c.Name, known, notes)
	}
	var b strings.Builder // One write per case, so that the output of a long run can be followed.
	if !quiet {
		fmt.Fprintf(&b, "=== %s\n", c.Name)
		if c.Group != "" {
			fmt.Fprintf(&b, "(needs the broker settings of group %q: %v)\n", c.Group, cases.Groups[c.Group].Overrides)
		}
		b.WriteString(judge.Text(notes))
	}
	if err := asked.Errors[c.Name]; err != nil {
		fmt.Fprintf(&b, "%s: FAILED: %v\n", c.Name, err)
	}
	for _, d := range differences {
		fmt.Fprintf(&b, "DIFFERS %s\n", d)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
