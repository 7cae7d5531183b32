// Package group is Kafka's group coordinator: a [coordinator.Machine] of groups and of their committed offsets over
// __consumer_offsets, in the records that Kafka keeps there: what Kafka's tools read there, they can read here, and the other way round.
//
// Invariants:
//
//   - Byte for byte: a record is written in the version that Kafka writes, and read in all versions that Kafka reads.
//   - Copied: what is decoded holds no view of the log's bytes, and state no view of a request's.
//   - Bounded: a count or a length in a record is checked against the bytes that are there before anything is allocated.
//   - Told when durable: an answer leaves with the decision it belongs to, never while that is made.
//   - Pending is not committed: an offset of a transaction changes nothing that is told until the transaction commits, but what is told to
//     those who want stable offsets.
//   - One owner: a partition is given to a member of a consumer group when nobody else has it any more.
//
// Any goroutine may call the methods of a [Coordinator]. A [Shard] and everything in it belongs to the goroutine of the runtime.
//
// Start reading at record.go and shard.go; format.go has the bytes, call.go is the way of a request to a shard and back,
// classic_group.go the members of a classic group, pending.go has the offsets of transactions. Of consumer groups (KIP-848) begin with consumer_group.go; consumer_update.go has the
// steps of a heartbeat, consumer_reconcile.go moves a member, assignor/ shares partitions out, and consumer_upgrade.go and
// consumer_downgrade.go make groups of one protocol to groups of the other.
package group
