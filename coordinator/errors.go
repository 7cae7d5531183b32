package coordinator

import "errors"

// What a command can be refused with, besides errors of logstore. A command that was refused changed nothing.
var (
	// ErrLoading occurs while the shard reads its partition: COORDINATOR_LOAD_IN_PROGRESS.
	ErrLoading = errors.New("coordinator is loading")
	// ErrNotAvailable occurs when the internal topic doesn't exist, or its partition can't be read: COORDINATOR_NOT_AVAILABLE.
	ErrNotAvailable = errors.New("coordinator is not available")
	// ErrClosed occurs after Close: NOT_COORDINATOR.
	ErrClosed = errors.New("coordinator is closed")
	// ErrFailed occurs when a machine broke down over a command or a record of its own: a bug. The shard loads
	// its state again: UNKNOWN_SERVER_ERROR.
	ErrFailed = errors.New("coordinator failed")
)
