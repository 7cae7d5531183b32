package txn

import "errors"

// What can be wrong with a record in the log. Such a record is skipped.
var (
	// ErrUnknownRecord occurs when the key is of a type that isn't read here.
	ErrUnknownRecord = errors.New("unknown type of record")
	// ErrUnknownVersion occurs when the value has a version that isn't read here.
	ErrUnknownVersion = errors.New("unknown version of record")
	// ErrMalformed occurs when the bytes are not what their type and version promise.
	ErrMalformed = errors.New("malformed record")
)
