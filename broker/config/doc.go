// Package config knows what is configured: it reads the file, the environment and
// the command line, keeps what was changed while the broker runs, and answers what
// counts. Which keys there are, and which values they take, is in package configdef.
//
// A broker key's value is, in this order: what was set for this broker while it
// runs, what was set for all brokers while they run, what the broker was started
// with, the default (KIP-226). A topic's key goes before the broker keys that stand
// behind it.
//
// Invariants, by name:
//
//   - Snapshot: a [Snapshot] never changes. [Config.Current] loads one pointer, so
//     hot paths read typed fields without a lock and see one consistent moment.
//   - Raw: what was set is kept as it was written, blanks and all; it is parsed where
//     it counts. Kafka shows either form, and appends to the raw one.
//   - Pure: [Snapshot.Alter] and its like compute and change nothing; the catalog
//     makes their results durable and gives them back through [Config.SetDynamic].
//
// Any goroutine may call any method; updates are serialized and subscribers run one
// after the other.
//
// Start reading at load.go (start), then snapshot.go (what counts), describe.go and
// alter.go (the requests of clients).
package config
