// Package primitive reads and writes the primitive types that records of coordinators consist of, in the two encodings that Kafka's
// schemas have: with lengths of a fixed size, and since KIP-482 with compact ones and tagged fields.
//
// Invariants:
//
//   - Bounded: a count or a length is checked against the bytes that are there before anything is allocated.
//   - Copied: strings, bytes and arrays are copies; what [Reader.Take] returns, and what a tag has, is a view.
//
// A [Reader] belongs to one goroutine. Start reading at reader.go; append.go is the way back.
package primitive
