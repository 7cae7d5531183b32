// Package group is Kafka's group coordinator: a [coordinator.Machine] of groups and of their committed offsets over
// __consumer_offsets, in the records that Kafka keeps there: what Kafka's tools read there, they can read here, and the other way round.
//
// Invariants:
//
//   - Byte for byte: a record is written in the version that Kafka writes, and read in all versions that Kafka reads.
//   - Copied: what is decoded holds no view of the log's bytes, and state no view of a request's.
//   - Bounded: a count or a length in a record is checked against the bytes that are there before anything is allocated.
//   - Told when durable: an answer leaves with the decision it belongs to, never while that is made.
//
// Any goroutine may call the methods of a [Coordinator]. A [Shard] and everything in it belongs to the goroutine of the runtime.
//
// Start reading at record.go and shard.go; format.go has the bytes, call.go is the way of a request to a shard and back,
// classic_group.go the members of a classic group.
package group
