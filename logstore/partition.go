package logstore

import (
	"context"
	"io"
	"os"
)

// Partition is one log that this broker leads. Any goroutine may call any method;
// reads never wait for appends.
type Partition interface {
	// Append puts one or more whole magic-2 batches, already validated, at the end of
	// the log: all or nothing. It assigns offsets, leader epoch and, where the
	// topic wants it, the append time, by patching the batches in place: the caller
	// gives the slice up until Append returns, and may reuse it afterwards. Idempotence and
	// transaction rules are checked here, because whoever assigns offsets must check
	// sequences. The ticket's Result is known at once; it may be told to a client that asked for acks=1.
	// Errors: ErrOutOfOrderSequence, ErrInvalidProducerEpoch, ErrInvalidTxnState, ErrCoordinatorFenced, ErrDiskFull, ErrOffline,
	// ErrUnknownPartition.
	Append(batches []byte, opts AppendOptions) (Ticket, error)

	// Verify tells whether a transactional batch may be appended as it is, because the transaction of its producer is ongoing in
	// the partition, or the transaction coordinator must be asked first (KIP-890). Who was told by the coordinator that the partition is
	// part of the transaction appends with v, which is worth nothing once the transaction has ended, or
	// another batch has begun it. All who ask before that get the same v. baseSequence is that of the batch, -1 if
	// it has none: of several batches that wait for the coordinator the lowest is let in first. bumps says that the
	// producer's epoch rises with each transaction (transaction version 2).
	// Errors: ErrInvalidProducerEpoch, ErrOffline, ErrUnknownPartition.
	Verify(producerID int64, producerEpoch int16, baseSequence int32, bumps bool) (v Verification, ongoing bool, err error)

	// Read returns whole batches from the batch that contains offset on, never at or
	// beyond the end that the isolation level allows. An offset equal to that end gives an empty answer.
	// Errors: ErrOffsetOutOfRange (with Fetched.Offsets set), ErrOffline, ErrUnknownPartition, *CorruptError.
	Read(offset int64, opts ReadOptions) (Fetched, error)

	// Offsets is one consistent snapshot; lock-free.
	Offsets() Offsets

	// Watch wakes w at the next move of any offset, or the end of the partition, and
	// forgets it then. Look at Offsets after Watch, not before. Unwatch forgets it earlier.
	Watch(w *Waiter)
	Unwatch(w *Waiter)

	// OffsetForTime is the first record at or after a timestamp (milliseconds since 1970), at
	// an offset below the end of the isolation level; ok is false if there is none.
	OffsetForTime(timestamp int64, isolation Isolation) (at TimestampOffset, ok bool, err error)
	// MaxTimestamp is the first record with the greatest timestamp; ok is false in an empty log (KIP-734).
	MaxTimestamp() (at TimestampOffset, ok bool, err error)
	// EpochEnd is the end offset of the largest epoch <= leaderEpoch, by the rules of OffsetForLeaderEpoch (KIP-101, KIP-279):
	// epoch and offset are -1 if the log knows no such epoch.
	EpochEnd(leaderEpoch int32) (epoch int32, endOffset int64)

	// DeleteBefore raises the log start offset to offset (-1: the high watermark); monotone, durable on return.
	// Errors: ErrOffsetOutOfRange beyond the high watermark, ErrOffline, ErrUnknownPartition.
	DeleteBefore(ctx context.Context, offset int64) (logStartOffset int64, err error)

	// Producers describes the live idempotent producers, sorted by producer ID.
	Producers() []ProducerState
	// Size is the size of the log segments in bytes.
	Size() int64
	// Maintain does one step of housekeeping now: in production a background task calls it, in tests the test.
	Maintain(ctx context.Context, kind Maintenance) error
}

// AppendOptions says who appends, and how.
type AppendOptions struct {
	// Now is the wall clock in milliseconds: append time, and the clock of producer expiry.
	Now int64
	// DeferWake says that the caller will call [Ticket.Wake] itself: who appends for a client tells that one first.
	DeferWake bool
	// DeferCommit says that the caller appends to other partitions at once, and calls Begin of each ticket's Commit then: so that they
	// share it. Otherwise the first one may have a commit of its own, for which the others wait.
	DeferCommit bool
	// Origin is who appends, which decides what is checked.
	Origin Origin
	// TransactionVersion is that of the transaction which a marker ends: it isn't in the log. From 2 on the epoch of a marker
	// is higher than that of the transaction (KIP-890).
	TransactionVersion int16
	// Verification lets transactional batches begin a transaction in the partition.
	Verification Verification
}

// Origin says who appends (Kafka's AppendOrigin).
type Origin uint8

// Origins of an append.
const (
	// Client is a producer. It may not append control batches.
	Client Origin = iota
	// Coordinator is a group or transaction coordinator, whose records have no sequence numbers.
	Coordinator
)

// Verification is the promise of a transaction coordinator that a partition is part of a transaction, or will be one once the
// coordinator has said so; see [Partition.Verify]. It is Kafka's VerificationGuard.
type Verification uint64

const (
	// Unverified lets no transaction begin.
	Unverified Verification = 0
	// VerificationOff lets any transaction begin, for transaction.partition.verification.enable=false.
	VerificationOff Verification = 1<<64 - 1
)

// Ticket is the promise of one Append. It is a value: making one allocates nothing.
type Ticket struct {
	Result AppendResult
	// Commit is nil if the append is durable already by the policy of the topic.
	Commit Commit
	// Wake wakes the waiters that the append has moved the log for. It is nil unless AppendOptions.DeferWake asks for
	// it, and where there is nobody to wake or the commit will. Any goroutine may call it, soon: nobody else does.
	Wake func()
}

// Wait returns once the append is durable, or with the reason why it never will be.
// A done context ends the wait, not the append.
func (t Ticket) Wait(ctx context.Context) (AppendResult, error) {
	if t.Commit == nil {
		return t.Result, nil
	}
	select {
	case <-t.Commit.Done():
		return t.Result, t.Commit.Err()
	case <-ctx.Done():
		return t.Result, context.Cause(ctx)
	}
}

// Commit is one group commit, shared by all appends that it covers.
type Commit interface {
	// Begin begins the commit, unless somebody has. Only AppendOptions.DeferCommit leaves it to the caller.
	Begin()
	// Done is closed when the commit is decided.
	Done() <-chan struct{}
	// Err is nil if everything covered is durable; valid after Done.
	Err() error
}

// AppendResult is where an Append went.
type AppendResult struct {
	BaseOffset     int64
	LastOffset     int64
	AppendTime     int64 // LogAppendTime in ms, -1 where the topic keeps CreateTime
	LogStartOffset int64
	LeaderEpoch    int32
	Duplicate      bool // the batches were appended before; BaseOffset is where
}

// Isolation is the isolation level of a reader, as on the wire.
type Isolation int8

// Isolation levels (KIP-98).
const (
	ReadUncommitted Isolation = 0
	ReadCommitted   Isolation = 1
)

// ReadOptions bounds one Read.
type ReadOptions struct {
	MaxBytes  int       // at most so many bytes of batches, but
	AtLeast1  bool      // the first batch is returned whole however large it is (KIP-74)
	Isolation Isolation // up to the high watermark or the last stable offset
}

// Offsets is one consistent moment of a partition.
type Offsets struct {
	LogStartOffset   int64
	HighWatermark    int64 // the durable end, exclusive
	LastStableOffset int64 // <= HighWatermark
	LogEndOffset     int64 // next offset to be written
	LeaderEpoch      int32
}

// End is the first offset that a reader of the isolation level may not see.
func (o Offsets) End(isolation Isolation) int64 {
	if isolation == ReadCommitted {
		return o.LastStableOffset
	}
	return o.HighWatermark
}

// Fetched is the answer to a Read.
type Fetched struct {
	Offsets Offsets // the snapshot that the read was made against
	// Records is nil when there is nothing to read. The caller must Release it.
	Records Records
	// More says that the reader may see more than Records: MaxBytes, or the end of a segment, cut the
	// read short. Waiting for new records gains such a reader nothing.
	More bool
	// Aborted are the aborted transactions that overlap Records, sorted by first
	// offset; only for ReadCommitted.
	Aborted []AbortedTransaction
}

// AbortedTransaction tells a read_committed consumer whose records to leave out.
type AbortedTransaction struct {
	ProducerID  int64
	FirstOffset int64
}

// Records is a run of whole batches where they lie. It pins the file that holds
// them, so even deleted segments stay readable until Release.
type Records interface {
	// Size is in bytes.
	Size() int
	// WriteTo writes all of it; a writer that is a FileSender is handed the file itself.
	WriteTo(w io.Writer) (int64, error)
	// Release gives the file back; exactly once.
	Release()
}

// FileSender is a writer that can take bytes straight from a file, as sendfile(2) does.
type FileSender interface {
	SendFile(f *os.File, offset, n int64) (int64, error)
}

// TimestampOffset is the answer of a search by time.
type TimestampOffset struct {
	Offset      int64
	Timestamp   int64
	LeaderEpoch int32
}

// ProducerState is one producer as DescribeProducers shows it (KIP-664).
type ProducerState struct {
	ProducerID            int64
	ProducerEpoch         int16
	LastSequence          int32 // -1 if unknown
	LastTimestamp         int64 // ms
	CoordinatorEpoch      int32 // -1 if unknown
	CurrentTxnStartOffset int64 // -1 if no transaction is open
}

// Maintenance is a kind of housekeeping.
type Maintenance int8

// Kinds of housekeeping.
const (
	Retention       Maintenance = iota // delete old segments by time, size and log start offset
	ExpireProducers                    // forget producers that were silent for producer.id.expiration.ms
	Flush                              // make everything appended durable now
	Compaction                         // compact what may be, however little (cleanup.policy=compact)
)

// Waiter is woken when one of the partitions that it watches moves. One waiter may
// watch many partitions; a change notification per partition would cost a fetch of
// a thousand partitions a thousand goroutines.
type Waiter struct {
	c chan struct{}
}

// NewWaiter returns a waiter that watches nothing.
func NewWaiter() *Waiter { return &Waiter{c: make(chan struct{}, 1)} }

// C receives once after one or more wakes.
func (w *Waiter) C() <-chan struct{} { return w.c }

// Wake is for stores. It never blocks.
func (w *Waiter) Wake() {
	select {
	case w.c <- struct{}{}:
	default:
	}
}
