// Package compaction decides what stays of a log when it is compacted: batches in, batches out. It knows no
// files, no locks and no clock, so every storage backend compacts by the same rules, which are those of Apache Kafka
// (Cleaner, CleanedTransactionMetadata, SkimpyOffsetMap, MemoryRecords.filterTo).
//
// A cleaning reads a log twice. The dirty part goes through an [Indexer], which notes the last offset of each
// key in an [OffsetMap]; then everything up to the end of the map goes through a [Filter], which copies
// what stays. Both follow the transactions by means of the transaction index.
//
// Invariants:
//
//   - Offsets never change: what stays keeps its offset, and a batch its range of offsets and sequence numbers.
//   - The last record of a key stays; records behind [OffsetMap.Latest] all do.
//   - A tombstone, and a marker of a transaction of which nothing is left, stays until the delete horizon that the first cleaning
//     that saw it wrote into its batch (KIP-534).
//   - Data of aborted transactions goes at once.
//   - The last batch of each live producer stays, empty if need be, and so does the one at the end of what is
//     cleaned.
//
// Nothing here is safe for concurrent use: a cleaning has one owner. Start reading at filter.go.
package compaction
