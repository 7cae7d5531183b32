// Package rawconn speaks Kafka's framing over one TCP connection and nothing more: it sends what it is told, valid or
// not, and reports exactly what came back. No retries, no version negotiation, no metadata: those would hide
// what the tests want to see.
//
// A Conn belongs to one goroutine.
package rawconn
