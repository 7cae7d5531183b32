// Package logstore is the contract between the semantics of a Kafka log and the
// bytes that keep it: interfaces, value types and errors, no implementation.
//
// The embedded default is logstore/local, a segmented store in Kafka's own
// on-disk formats; a store on an object bucket comes behind the same interfaces.
// Handlers and coordinators see this package only, and every store passes the
// suite in logstore/logstoretest.
//
// Invariants, by name, that every store keeps:
//
//   - Order: the order of Append calls on one partition is the order of offsets.
//   - Durable watermark: the high watermark is the durable end by the policy of
//     the topic; no reader is shown a record at or beyond it.
//   - Definite errors: an Append that returns or completes with an error is not
//     in the log and never will be.
//   - Monotone: log start offset, high watermark and last stable offset never
//     move back within one leader epoch.
//   - One snapshot: [Partition.Offsets] returns one consistent moment.
//
// Groups and transactions are not in the contract: they are records in internal
// topics, written through it.
//
// Start reading at store.go, then partition.go.
package logstore
