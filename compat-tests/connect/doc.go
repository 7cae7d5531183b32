// Package connect runs a worker of Kafka Connect in distributed mode with exactly.once.source.support=enabled, kills it and the
// broker, and looks whether every line of a file arrived exactly once.
package connect
