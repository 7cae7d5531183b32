// Package coordinator is the runtime of what Kafka calls coordinators: state machines whose only
// truth is the log of an internal topic. It knows nothing of groups or transactions; they are packages
// below it that implement [Machine] (Kafka's coordinator-common is the model).
//
// A key, a group's ID say, belongs to a shard, and a shard to the partition of the topic with the same
// number. A request is a [Command] for the shard of its key. The shard decides, appends the records of the
// decision, replays them into the state as it does when it loads, and answers when they are durable.
//
// Invariants:
//
//   - Single owner: everything of a shard, timers included, belongs to one goroutine. It is started by a command or a
//     timer and is gone when there is nothing left to do: an idle shard costs memory only, and nothing ticks.
//   - Log first: a record is replayed when it was appended, never before. So an append that fails leaves the state as it
//     was, and a commit that fails, which takes back what was replayed already, ends the state: it is loaded again.
//   - Nothing is told that isn't durable: an answer waits for every record that its decision could have seen.
//   - One order: records are replayed in the order of their offsets, at loading and later.
//   - Nothing fires before loading ends: timers are set by the machine, and a machine hears of the end of loading.
//
// Commands of one shard share appends: while a commit is under way, the records of commands that don't depend on
// each other collect in one batch. One that depends on a record in there has the batch appended first.
//
// A decision may be part of a producer's transaction, or end it: see transaction.go. Its records are in the state at once, as pending ones,
// and the answer doesn't wait for the end.
//
// Any goroutine may call the methods of a [Runtime]. Functions of a command and methods of a machine and of [Timers] run on the
// shard's goroutine, one at a time, and must not block. Start reading at machine.go, then shard.go.
package coordinator
