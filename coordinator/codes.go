package coordinator

import (
	"context"
	"errors"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// codes are the codes of those errors for which a command is refused or its records are not in the log
// (CoordinatorOperationExceptionHelper, TransactionStateManager.appendTransactionToLog). The first one that is in an error's chain counts.
// Clients come back after any of them but UNKNOWN_SERVER_ERROR, which is left to bugs, and those of a transaction that has passed.
var codes = []struct {
	err  error
	code wire.ErrorCode
}{
	{ErrLoading, wire.CoordinatorLoadInProgress},
	{ErrNotAvailable, wire.NotCoordinator}, // as of a shard that Kafka hasn't, or couldn't load
	{ErrClosed, wire.NotCoordinator},
	{ErrLost, wire.NotCoordinator},
	{ErrFailed, wire.UnknownServerError},
	{logstore.ErrDiskFull, wire.CoordinatorNotAvailable},
	{logstore.ErrUnknownPartition, wire.CoordinatorNotAvailable},
	{logstore.ErrOffline, wire.NotCoordinator},
	{logstore.ErrClosed, wire.NotCoordinator},
	// Records that are part of a transaction.
	{logstore.ErrInvalidProducerEpoch, wire.InvalidProducerEpoch},
	{logstore.ErrInvalidTxnState, wire.InvalidTxnState},
	// The connection is gone, or the server goes: whoever still hears this looks elsewhere.
	{context.Canceled, wire.NotCoordinator},
	{context.DeadlineExceeded, wire.NotCoordinator},
}

// CodeOf is the code for an error that a command was refused with, [wire.None] for none.
func CodeOf(err error) wire.ErrorCode {
	if err == nil {
		return wire.None
	}
	for _, r := range codes {
		if errors.Is(err, r.err) {
			return r.code
		}
	}
	if _, ok := errors.AsType[*logstore.NotLeaderError](err); ok {
		return wire.NotCoordinator
	}
	if _, ok := errors.AsType[*logstore.CorruptError](err); ok {
		return wire.NotCoordinator
	}
	return wire.UnknownServerError
}
