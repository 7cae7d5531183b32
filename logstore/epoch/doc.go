// Package epoch knows at which offset each leader epoch of one partition began
// (KIP-101, KIP-279; Kafka's LeaderEpochFileCache), and so where the log of an epoch ended. A client or
// replica that last saw an older epoch finds with it where its log and ours part.
//
// The package is pure: no input or output, no clock, no lock. A [Cache] is an
// immutable value, so a partition can publish it to readers that take no lock;
// changes are rare, one per leader epoch or truncation.
//
// Invariant, by name:
//
//   - Monotone: both epochs and start offsets strictly increase from entry to entry.
package epoch
