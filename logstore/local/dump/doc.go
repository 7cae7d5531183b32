// Package dump prints the files of a log directory as text, for people: clatter dump. It reads what
// kafka-dump-log reads, and our own files besides.
//
// It opens files for reading only and needs no lock, so it can look at the directory of a running
// broker; what is being written may then look torn. Contradictions are printed where they are found, and reading
// goes on as far as it can.
//
// Start reading at dump.go.
package dump
