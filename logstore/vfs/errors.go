package vfs

import "errors"

// ErrLocked occurs when another process holds the lock file.
var ErrLocked = errors.New("locked by another process")
