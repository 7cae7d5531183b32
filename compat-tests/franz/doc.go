// Package franz drives a broker with franz-go, a client that shares no code with librdkafka or Java's, through its consumer,
// producer and admin halves.
package franz
