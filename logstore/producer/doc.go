// Package producer keeps what a log knows of the producers that write to one
// partition: which batches of an idempotent producer are there already, which
// producer epoch may write, and which transactions are open, decided or aborted.
// It is what Kafka has in ProducerStateManager, ProducerAppendInfo,
// ProducerStateEntry and TransactionIndex, and it reads and writes their files.
//
// The package is pure: no input or output, no clock, no lock. Whoever assigns
// offsets owns the [Table] of the partition, under the lock of the log's writer.
//
// Invariants, by name:
//
//   - Look, then leap: [Table.Check] judges an append as a whole and changes
//     nothing; [Table.Update] applies a batch that is in the log and can't fail. Recovery calls
//     Update alone, so what is rebuilt from a log is what was there before.
//   - Five: of each producer the last five batches of its present epoch are known, because a
//     client may have five requests in flight (KIP-98, KAFKA-5494).
//   - Unknown is welcome: a producer of which the log knows nothing, say because its
//     records were deleted, may begin with any sequence number (KIP-360).
//   - Stable: no transaction that is open, or whose marker lies at or beyond the
//     high watermark, begins below the last stable offset.
//
// Start reading at table.go, then check.go.
package producer
