// Command table prints the rows that a test run left in the file named by its argument.
package main

import (
	"fmt"
	"os"

	"github.com/clatterhq/clatter/compat-tests/report"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: table FILE")
		os.Exit(2)
	}
	if err := report.Print(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
