// Package report makes skipped scenarios loud. go test hides what passing packages print, so a scenario that could not
// run (no Java, no kcat, no network for Maven) would look like one that passed. Instead each one is noted here, and
// the run ends with a table of them; with CI=true a scenario that can't run is a failure.
//
// Rows go to the file named by COMPAT_REPORT (one JSON object per line, appended in one write, so that the processes of
// several test packages may share it). make test sets it and prints the table with report/cmd/table at the end.
package report
