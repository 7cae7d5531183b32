package kraft

import "errors"

var (
	// ErrNoMetadata occurs where there is no metadata log in the folder.
	ErrNoMetadata = errors.New("no metadata log of an Apache Kafka")
	// ErrMalformed occurs where a record, or the log as a whole, isn't what Kafka writes.
	ErrMalformed = errors.New("malformed metadata log")
)
