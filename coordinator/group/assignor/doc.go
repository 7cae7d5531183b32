// Package assignor decides which member of a consumer group gets which partitions (KIP-848, server-side assignors of
// Apache Kafka's group coordinator).
//
// Invariants:
//
//   - Pure: an assignment depends on the [Spec] alone, and the spec isn't changed.
//   - Whole: every partition of a topic that somebody is subscribed to has one owner.
//   - Sticky: what may stay where it is stays, as far as [Uniform] can balance without moving it; [Range] moves freely.
//
// Where Kafka goes through a hash map, members come in the order of their IDs and topics in the order of theirs: the same group
// always gets the same assignment. Racks play no part: Kafka's assignors have stopped looking at them.
//
// Any goroutine may use it. Start reading at assignor.go.
package assignor
