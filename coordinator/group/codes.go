package group

import (
	"context"
	"errors"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// refusals are the codes of those errors for which a command is refused or its records are not in the log
// (CoordinatorOperationExceptionHelper). The first one that is in an error's chain counts. Members come back after any of them but
// UNKNOWN_SERVER_ERROR, which is left to bugs.
var refusals = []struct {
	err  error
	code wire.ErrorCode
}{
	{coordinator.ErrLoading, wire.CoordinatorLoadInProgress},
	{coordinator.ErrNotAvailable, wire.NotCoordinator}, // as of a shard that Kafka hasn't, or couldn't load
	{coordinator.ErrClosed, wire.NotCoordinator},
	{coordinator.ErrFailed, wire.UnknownServerError},
	{logstore.ErrDiskFull, wire.CoordinatorNotAvailable},
	{logstore.ErrUnknownPartition, wire.CoordinatorNotAvailable},
	{logstore.ErrOffline, wire.NotCoordinator},
	{logstore.ErrClosed, wire.NotCoordinator},
	{logstore.ErrInvalidProducerEpoch, wire.InvalidProducerEpoch},
	{logstore.ErrInvalidTxnState, wire.InvalidTxnState},
	// The connection is gone, or the server goes: whoever still hears this looks elsewhere.
	{context.Canceled, wire.NotCoordinator},
	{context.DeadlineExceeded, wire.NotCoordinator},
}

// codeOf is the code for an error of the runtime, [wire.None] for none.
func codeOf(err error) wire.ErrorCode {
	if err == nil {
		return wire.None
	}
	for _, r := range refusals {
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
