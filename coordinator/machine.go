package coordinator

import "github.com/clatterhq/clatter/logstore"

// Machine is the state of one shard, made of records of type R. Records are values of Go while they are decided on and replayed;
// what they are in the log is the business of a [Format].
type Machine[R any] interface {
	// Replay applies a record that is in the log at this offset. It is the only place where state that the log
	// holds changes. An error says that the record makes no sense here: at loading it is skipped.
	Replay(offset int64, r R) error
	// Loaded tells the end of loading, before the first command: this is where timers are set.
	Loaded()
	// Unloaded tells the end of the state. Who still waits for an answer should get this error. Answers of decisions that are not durable
	// yet are called after it, with the same error.
	Unloaded(err error)
}

// Format is how records are encoded. It may be used by all shards at once.
type Format[R any] interface {
	// Encode appends a record's key and value to two slices. A nil value is a tombstone.
	Encode(key, value []byte, r R) (encodedKey, encodedValue []byte)
	// Decode must copy what it keeps. Errors, for which a record is skipped: [ErrUnknownRecord], [ErrUnknownVersion], [ErrMalformed].
	Decode(key, value []byte) (R, error)
}

// Topic is the internal topic under a runtime.
type Topic interface {
	// Partitions is 0 while the topic doesn't exist.
	Partitions() int32
	// Partition hands out the log of one. Errors: as [logstore.Store].
	Partition(partition int32) (logstore.Partition, error)
}

// Command is something that a shard is asked to do.
type Command[M Machine[R], R any] struct {
	// Key says what the command is about. A command sees everything that earlier commands with its key
	// have done. The empty key is about everything in the shard.
	Key string
	// Shared promises that Decide doesn't look at what other shared commands with this key write: an offset commit looks at
	// members and writes offsets, so that any number of them may be decided on before one is appended.
	Shared bool
	// Decide looks at the state and says what to write and to answer. It must not change what the log holds.
	Decide func(machine M) Decision[R]
	// Refused is called instead of Decide if the command could not be decided on; it may be nil.
	Refused func(err error)
}

// Decision is what a command leads to.
type Decision[R any] struct {
	// Records are appended in this order: all or none of them. They end up in one batch. The slice is not read any more when
	// the next command is decided on.
	Records []R
	// Transaction is what the records are part of, or what ends; nil, as a rule, is neither.
	Transaction *Transaction
	// Answer is called once, when the records and all that the decision could have seen are durable, or with the reason why
	// the records are not in the log. It may be nil. What a record points to isn't looked at any more then.
	Answer func(err error)
}

func (c *Command[M, R]) refuse(err error) {
	if c.Refused != nil {
		c.Refused(err)
	}
}
