// Package proxy is a TCP proxy that understands just enough of Kafka's frames to be malicious on purpose: it loses the
// answers of chosen requests by cutting the connection after the broker has worked on them, and it delays and splits what it passes on.
package proxy
