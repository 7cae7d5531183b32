// Package broker is the server: listeners, connections, limits and the life of
// one request up to the point where its API matters. It takes a [Dispatcher] as
// net/http takes a Handler, so it knows no handler and no coordinator.
//
// Its rooms: catalog (topics, ids, configs), config and configdef (Kafka's keys).
//
// Invariants, by name:
//
//   - Order: answers leave a connection in the order of its requests.
//   - Serial: one request of a connection is handled at a time; only a Produce may
//     start while answers are outstanding, and only behind Produces.
//   - Bounded: no byte that a peer announces costs memory, only bytes that have come; those
//     of all peers together stay within a budget. Before its first valid request a
//     peer pins a read buffer, 64 KiB.
//   - Idle is free: a connection on which nothing happens holds no buffer and no timer, and its goroutine
//     a stack of 2 KiB. A server on which nothing happens doesn't wake up.
//   - Given back: what an answer holds (files of a log) is released exactly once, sent or not,
//     and every promise of an answer is called in.
//   - One line: whatever ends a connection that its peer didn't end is one log line, thinned
//     out where peers can repeat it at will.
//
// A connection has two goroutines at most: the reader (conn.go), which always is, and the drainer (pending.go), which is
// while answers are outstanding. Each field of a connection says whose it is. Locks are leaves.
//
// Start reading at server.go, then conn.go.
package broker
