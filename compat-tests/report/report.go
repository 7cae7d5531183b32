package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"text/tabwriter"
)

// Row is one scenario that did not run, or a note that the reader of a run must see.
type Row struct {
	Test   string `json:"test"`
	Status string `json:"status"` // SKIP or NOTE.
	Reason string `json:"reason"`
}

// mu orders writes of parallel tests of this process; those of other processes are ordered by O_APPEND.
var mu sync.Mutex

// Skip notes that a scenario can't run here and skips it; with CI=true it fails instead.
func Skip(tb testing.TB, format string, args ...any) {
	tb.Helper()
	reason := fmt.Sprintf(format, args...)
	add(tb, Row{Test: tb.Name(), Status: "SKIP", Reason: reason})
	if os.Getenv("CI") == "true" {
		tb.Fatalf("CI=true allows no skips: %s", reason)
	}
	tb.Skip(reason)
}

// Note adds a row to the table at the end of the run without touching the test's result.
func Note(tb testing.TB, format string, args ...any) {
	tb.Helper()
	add(tb, Row{Test: tb.Name(), Status: "NOTE", Reason: fmt.Sprintf(format, args...)})
}

func add(tb testing.TB, row Row) {
	tb.Helper()
	tb.Logf("%s: %s", row.Status, row.Reason)
	path := os.Getenv("COMPAT_REPORT")
	if path == "" {
		return
	}
	line, err := json.Marshal(row)
	if err != nil {
		tb.Fatalf("report: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		tb.Fatalf("report: %v", err)
	}
	_, err = f.Write(append(line, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		tb.Fatalf("report: %v", err)
	}
}

// Print writes the rows of the file at path as a table. A missing file means that everything ran.
func Print(w io.Writer, path string) error {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		_, err = fmt.Fprintln(w, "every scenario ran")
		return err
	}
	if err != nil {
		return fmt.Errorf("read report: %w", err)
	}
	defer f.Close()                                  //nolint:errcheck // Read only.
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0) // Its buffer reports write errors at Flush.
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var row Row
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return fmt.Errorf("read report: %w", err)
		}
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\n", row.Status, row.Test, row.Reason); err != nil {
			return fmt.Errorf("print report: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read report: %w", err)
	}
	return table.Flush()
}
