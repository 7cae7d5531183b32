// Package txn is Kafka's transaction coordinator: a [coordinator.Machine] of transactional IDs over __transaction_state, in the
// records that Kafka keeps there (KIP-98, KIP-360, KIP-890).
//
// Invariants:
//
//   - One value: what is known of a transactional ID is its last record, and each transition makes a new one from it. Functions that
//     decide get that value and return the next; they look at nothing else.
//   - Prepared first: markers are written when the record that decides the transaction is durable, and the record that completes it
//     follows when all markers are, at the latest when somebody asks about the ID or [Options.CompleteDelay] is over. Whoever loads a prepared transaction writes its markers again.
//   - Never the last epoch: no client is given epoch 32767, so that whoever holds an ID can always be fenced.
//   - Bounded: a count or a length in a record is checked against the bytes that are there before anything is allocated.
//
// Any goroutine may call the methods of a [Coordinator]. A [Shard] and everything in it belongs to the goroutine of the runtime, but for
// what a completion hears of markers.
//
// Start reading at metadata.go and transition.go, which are pure; init.go, add.go and end.go have a request each, shard.go the state,
// markers.go the way from a prepared transaction to a completed one, call.go the way of a request to a shard and back.
package txn
