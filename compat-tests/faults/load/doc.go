// Package load writes values that are all different, reads them back, and names what went wrong: lost, duplicated,
// reordered, inconsistent, invented, read though aborted, torn. It drives the broker through franz-go as applications do: idempotent producers with acks=all
// and five requests in flight, readers that assign partitions,
// a group whose members commit what they were shown, and copiers that read, write and commit offsets in transactions.
//
// [Load] makes and records the history; [Check] judges it and knows nothing of brokers, so it has tests of its own
// that feed it each anomaly.
package load
