package launch

import "errors"

var (
	// ErrUnavailable says that this kind of broker can't run on this machine: no binary was built, no Java, no Maven.
	ErrUnavailable = errors.New("broker unavailable")
	// ErrNotReady says that a broker ended or stayed silent before it answered Metadata; the message ends with its log.
	ErrNotReady = errors.New("broker did not become ready")
	// ErrRunning says that Restart was called on a running broker.
	ErrRunning = errors.New("broker is running")
	// ErrNotRunning says that Stop or Kill was called on a broker that is not running.
	ErrNotRunning = errors.New("broker is not running")
)
