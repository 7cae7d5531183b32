package broker

import "errors"

// What a caller of this package may see.
var (
	// ErrServerClosed is returned by Serve after Shutdown, and by whatever is called then.
	ErrServerClosed = errors.New("server is closed")
)

// What ends a connection, or the wait of one. These stay inside the package and its log lines.
var (
	// errStopping occurs when the server stops while somebody waits.
	errStopping = errors.New("server is stopping")
	// errPeerGone occurs when a connection was closed while it waited for something else.
	errPeerGone = errors.New("connection was closed")
	// errTooManyFromAddress occurs when an address has as many connections as it may.
	errTooManyFromAddress = errors.New("too many connections from this address")
	// errSlowSender occurs when a frame makes too little progress.
	errSlowSender = errors.New("request arrives too slowly")
	// errSlowReader occurs when a peer takes its answers too slowly.
	errSlowReader = errors.New("answers are read too slowly")
	// errIdle occurs when nothing came for connections.max.idle.ms.
	errIdle = errors.New("idle for too long")
	// errRefused occurs when a request was refused and the reason logged.
	errRefused = errors.New("request refused")
	// errCalm ends no connection: the goroutine of one that was busy is to be replaced.
	errCalm = errors.New("no longer busy")
	// errLater occurs when an answer that was promised for later turned into an error.
	errLater = errors.New("request failed")
	// errLaterTwice occurs when such an answer is yet another promise.
	errLaterTwice = errors.New("answer is a promise again")
	// errPanic occurs when handling a request panicked; the panic itself is logged where it is recovered.
	errPanic = errors.New("panic while handling a request")
)
