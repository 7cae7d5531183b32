// Package group is the state of groups and of their committed offsets, in the records that Kafka keeps in
// __consumer_offsets: what Kafka's tools read there, they can read here, and the other way round.
//
// Invariants:
//
//   - Byte for byte: a record is written in the version that Kafka writes, and read in all versions that Kafka reads.
//   - Copied: what is decoded holds no view of the log's bytes.
//   - Bounded: a count or a length in a record is checked against the bytes that are there before anything is allocated.
//
// Start reading at record.go; format.go has the bytes, classic_group.go the members of a classic group.
package group
