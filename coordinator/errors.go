package coordinator

import "errors"

// What a command can be refused with, besides errors of logstore. A command that was refused changed nothing, but for ErrLost.
var (
	// ErrLoading occurs while the shard reads its partition: COORDINATOR_LOAD_IN_PROGRESS.
	ErrLoading = errors.New("coordinator is loading")
	// ErrNotAvailable occurs when the internal topic doesn't exist, or its partition can't be read: NOT_COORDINATOR.
	ErrNotAvailable = errors.New("coordinator is not available")
	// ErrClosed occurs after Close: NOT_COORDINATOR.
	ErrClosed = errors.New("coordinator is closed")
	// ErrFailed occurs when a machine broke down over a command or a record of its own: a bug. The shard loads
	// its state again: UNKNOWN_SERVER_ERROR.
	ErrFailed = errors.New("coordinator failed")
	// ErrLost occurs when a bug cost the state while records of the command were on their way to the disk: NOT_COORDINATOR. They may
	// be in the log, or not; whoever asks again hears what the log says.
	ErrLost = errors.New("coordinator lost its state")
)

// What can be wrong with a record in the log. Such a record is skipped, counted and logged.
var (
	// ErrUnknownRecord occurs when the key is of a type that isn't read here: from a newer version, or
	// of something that doesn't exist here.
	ErrUnknownRecord = errors.New("unknown type of record")
	// ErrUnknownVersion occurs when the value has a version that isn't read here.
	ErrUnknownVersion = errors.New("unknown version of record")
	// ErrMalformed occurs when the bytes are not what their type and version promise, or contradict the records before.
	ErrMalformed = errors.New("malformed record")
)

// ErrPatternTooLarge occurs when a client's regular expression would take too much memory, or too long: INVALID_REGULAR_EXPRESSION.
var ErrPatternTooLarge = errors.New("regular expression is too large")
