// Package broker is the server: listeners, connections, limits and the life of
// one request up to the point where its API matters. It takes a [Dispatcher] as
// net/http takes a Handler, so it knows no handler and no coordinator.
//
// Its rooms: catalog (topics, ids, configs), config and configdef (Kafka's keys).
//
// Start reading at server.go, then conn.go.
package broker
