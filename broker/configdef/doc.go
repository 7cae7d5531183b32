// Package configdef is the one table of configuration keys: every key of Kafka 4.4
// for brokers, topics, groups and client metrics, and our own few, which begin with
// "clatter.". A row says the key's type, Kafka's default and ours where it differs,
// which values are valid, whether it can be changed while the broker runs, which
// broker keys stand behind a topic's or group's key, and how it is honoured here:
// implemented, without effect (there is nothing to tune), or refused with a reason.
//
// Parsing and validation follow Kafka's ConfigDef.java to the letter, since clients
// see its error texts in the answers to CreateTopics and IncrementalAlterConfigs.
//
// Invariants: the tables never change after the package is loaded, so any goroutine
// may read them; names are unique within a resource; every default is valid for its
// own key. A test compares the tables with what a running Kafka said of itself.
//
// The package knows nothing of files, of the environment or of what is currently
// set: that is package config.
//
// Start reading at key.go, then parse.go and validate.go. The tables are the files
// keys_*.go; registry.go puts them together.
package configdef
