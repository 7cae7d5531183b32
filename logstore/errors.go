package logstore

import (
	"errors"
	"fmt"
)

// What can go wrong, once per meaning. handlers/errcode.go maps each to Kafka's code.
var (
	// ErrUnknownPartition occurs when the topic ID or the partition index names
	// nothing that this store was told to keep, or the topic is being deleted.
	ErrUnknownPartition = errors.New("unknown partition")
	// ErrOffsetOutOfRange occurs when an offset lies before the log start offset
	// or beyond the end that the caller may see.
	ErrOffsetOutOfRange = errors.New("offset out of range")
	// ErrOutOfOrderSequence occurs when a batch of an idempotent producer leaves a
	// gap in the producer's sequence numbers.
	ErrOutOfOrderSequence = errors.New("out of order sequence number")
	// ErrInvalidProducerEpoch occurs when a batch carries an older producer epoch
	// than the log has seen.
	ErrInvalidProducerEpoch = errors.New("invalid producer epoch")
	// ErrInvalidTxnState occurs when a transactional batch arrives for a
	// transaction that the partition doesn't know as ongoing.
	ErrInvalidTxnState = errors.New("transaction is not ongoing on this partition")
	// ErrCoordinatorFenced occurs when a transaction marker comes from an older
	// coordinator epoch than the log has seen from the producer's coordinator.
	ErrCoordinatorFenced = errors.New("transaction coordinator is fenced")
	// ErrDiskFull occurs when there is no room for the batch. Nothing was
	// appended, reads and deletes go on, and appends heal by themselves.
	ErrDiskFull = errors.New("no space left for appends")
	// ErrOffline occurs when an earlier write or sync of the log directory failed
	// (which is final for the process), or the partition's files are damaged
	// below the durable watermark and were set aside.
	ErrOffline = errors.New("log directory or partition is offline")
	// ErrClosed occurs on a store that was closed.
	ErrClosed = errors.New("store is closed")
	// ErrLocked occurs when another process holds the log directory.
	ErrLocked = errors.New("log directory is in use by another process")
)

// NotLeaderError says that this broker doesn't lead the partition, and who does.
// The local store never returns it.
type NotLeaderError struct {
	Leader      int32 // node ID, -1 if nobody leads
	LeaderEpoch int32
}

func (e *NotLeaderError) Error() string {
	return fmt.Sprintf("not the leader: node %d leads at epoch %d", e.Leader, e.LeaderEpoch)
}

// CorruptError names the place at which stored bytes contradict themselves.
type CorruptError struct {
	Path   string // file
	Offset int64  // byte position in the file, not a log offset
	Err    error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("corrupt %s at byte %d: %v", e.Path, e.Offset, e.Err)
}

func (e *CorruptError) Unwrap() error { return e.Err }
