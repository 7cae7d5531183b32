// Package proxy is a TCP proxy that understands just enough of Kafka's frames to be malicious on purpose: it loses the
// answers of chosen requests by cutting the connection after the broker has worked on them, it delays and splits what it passes on, and it
// gives the broker requests late or for the second time, when their clients have long gone on.
package proxy
