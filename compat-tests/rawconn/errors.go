package rawconn

import "errors"

var (
	// ErrClosed says that the broker closed the connection (FIN or RST) instead of answering.
	ErrClosed = errors.New("connection closed by the broker")
	// ErrTimeout says that nothing arrived within the time allowed.
	ErrTimeout = errors.New("no answer in time")
	// ErrFrame says that an answer's frame is not one: size out of bounds, wrong correlation id or undecodable.
	ErrFrame = errors.New("malformed answer")
)
