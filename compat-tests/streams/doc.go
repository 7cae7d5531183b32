// Package streams runs an application of Kafka Streams with exactly_once_v2, kills it and the broker, and counts: a word count
// whose counts may neither skip nor repeat, and a join of two streams whose pairs may neither be lost nor come twice.
package streams
