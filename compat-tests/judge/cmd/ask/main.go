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
	"math/rand/v2"
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
	group := flag.String("group", "*", "only cases of this group")
	first := flag.Int("number", -1, "number of the first case, which names its topics and groups; random by default")
	list := flag.Bool("list", false, "only list the names")
	quiet := flag.Bool("differences", false, "only show what differs")
	flag.Parse()
	kafka, err := judge.Load(*golden)
	if err != nil {
		return err
	}
	number := *first
	if number < 0 {
		number = rand.IntN(numbers) // Groups and transactions of an earlier call are still there.
	}
	for _, c := range cases.All() {
		if !judge.MatchAny(*pattern, c.Name) || !judge.Match(*group, c.Group) {
			continue
		}
		if *list {
			if _, err := fmt.Fprintln(w, c.Name); err != nil {
				return err
			}
			continue
		}
		number = (number + 1) % numbers
		if err := askOne(w, script.Env{Addr: *addr, Dir: *dir, T0: judge.BaseTime()}, c, number, kafka, *quiet); err != nil {
			return err
		}
	}
	return nil
}

// numbers is how many numbers there are for cases; each has the names of its topics, groups and transactions for itself.
const numbers = 10_000

func askOne(w io.Writer, env script.Env, c script.Case, number int, kafka judge.Answers, quiet bool) error {
	notes, failed := script.Execute(context.Background(), env, c, number)
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
	if failed != nil {
		fmt.Fprintf(&b, "%s: FAILED: %v\n", c.Name, failed)
	}
	for _, d := range differences {
		fmt.Fprintf(&b, "DIFFERS %s\n", d)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
