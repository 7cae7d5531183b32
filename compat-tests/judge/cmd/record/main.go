// Command record renews the golden answers from a real Apache Kafka. It needs Java and Maven and takes minutes.
//
//	go run ./judge/cmd/record [-case PATTERN]
//
// With a pattern only the matching cases are asked; the answers of the others stay.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/clatterhq/clatter/compat-tests/judge"
	"github.com/clatterhq/clatter/compat-tests/judge/cases"
	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	pattern := flag.String("case", "*", "names of the cases to record, * for any text; several with commas")
	dir := flag.String("golden", filepath.Join("judge", "testdata"), "folder of golden answers")
	flag.Parse()
	answers := judge.Answers{}
	old, err := judge.Load(*dir)
	if err != nil {
		return err
	}
	var chosen []script.Case
	for _, c := range cases.All() {
		if judge.MatchAny(*pattern, c.Name) {
			chosen = append(chosen, c)
		} else if notes, ok := old[c.Name]; ok {
			answers[c.Name] = notes
		}
	}
	recorded, unstable := judge.Record(ctx, chosen)
	maps.Copy(answers, recorded)
	if err := judge.Save(*dir, answers); err != nil {
		return err
	}
	return unstable
}
