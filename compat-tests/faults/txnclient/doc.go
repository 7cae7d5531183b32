// Package txnclient is a transactional producer made of raw requests, for tests that must know exactly what was asked and answered: it speaks as a
// client of transaction version 1 or 2 does, asks again on a new connection when one breaks or an answer is late, and counts each code that it
// is told. A real client hides all of that.
//
// A [Producer] belongs to one goroutine. [Codes] may be shared.
package txnclient
