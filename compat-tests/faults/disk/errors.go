package disk

import "errors"

// ErrUnavailable says that this machine can't make such a disk; the message says what is missing.
var ErrUnavailable = errors.New("disk fault unavailable")
