// Package txns holds the scenarios that transactional producers of every client library have to pass, written once: a
// copier reads a topic and writes what it read to another one, together with its offsets, in transactions, some of which it
// aborts. The broker is killed under it, it is killed itself, and it is frozen while another takes its place. In the end
// those who read only what was committed find every record exactly once and in order.
//
// A copier is a process that runs an unmodified client library and speaks a line protocol on standard output, which
// [ParseEvent] describes. Its standard input is its leash: when it ends, the copier ends its transaction and exits. A Go
// client's copier is its own test binary, started again ([Main]).
//
// Start reading at [Copy]. [Output] decides whether what was written is right; it has tests of its own that show it can say no.
//
// A [Scenario] belongs to its test's goroutine. Only the goroutine that reads a copier's output counts its events.
package txns
