package vfs

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// ErrLocked occurs when another process holds the lock file.
var ErrLocked = errors.New("locked by another process")

// IsNoSpace reports whether an operation failed for want of room: a full volume
// or an exhausted quota. It is the one write error that isn't final, because
// nothing says that the disk is broken. Each operating system has its own numbers.
func IsNoSpace(err error) bool {
	for _, number := range noSpaceErrors {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}

// IsRefused reports whether an error came from the operating system or the disk, rather than from
// what was found in a file.
func IsRefused(err error) bool {
	var (
		path   *fs.PathError
		link   *os.LinkError
		call   *os.SyscallError
		number syscall.Errno
	)
	return errors.As(err, &path) || errors.As(err, &link) || errors.As(err, &call) || errors.As(err, &number)
}

// pathError wraps err as package os does, so that callers can match either.
func pathError(op, path string, err error) error {
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// ignoreNotExist is for removals: what isn't there needs no removing.
func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
