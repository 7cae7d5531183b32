// Package groups holds the scenarios that consumers of every client library have to pass, written once: members share a
// topic, leave, die, come back; the broker is killed under them; every record is seen, every offset committed, and
// nothing below a commit is ever seen again.
//
// A member is a process, because a consumer that dies must die as processes do. It runs an unmodified client library
// and speaks a line protocol on standard output, which [ParseEvent] describes, or something that the client's
// package translates into it. Its standard input is its leash: when it ends, the member leaves its group and exits. A
// Go client's member is its own test binary, started again ([Main]).
//
// Start reading at [Share], the scenario of all clients; others exercise what only some clients have. [Ledger]
// decides whether what was seen is right; it has tests of its own that show it can say no.
//
// A [Scenario] belongs to its test's goroutine. Only the goroutine that reads a member's output writes to the ledger beside it.
package groups
