// Command clatter is the broker: one binary that serves, asks a running broker whether it is well, prints and checks the files
// of log directories, and takes over those of an Apache Kafka. It joins the packages and holds nothing else.
//
// Start reading at main.go, then serve.go.
package main
