package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes bytes and size durable. fdatasync leaves out the modification
// time, which for an append within preallocated or already sized blocks saves a
// journal commit.
func syncData(f *os.File) error {
	err := control(f, func(fd uintptr) error {
		return retryInterrupted(func() error { return unix.Fdatasync(int(fd)) })
	})
	if err != nil {
		return pathError("fdatasync", f.Name(), err)
	}
	return nil
}

// startSync begins the writeback of a file. What it meets there, fdatasync reports as well.
func startSync(f *os.File) error { return syncRange(f, unix.SYNC_FILE_RANGE_WRITE) }

// writeBack writes back a file and waits for that. Unlike startSync it may be the one who is told of a failure, and the only one.
func writeBack(f *os.File) error {
	return syncRange(f, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
}

func syncRange(f *os.File, flags int) error {
	err := control(f, func(fd uintptr) error {
		return retryInterrupted(func() error { return unix.SyncFileRange(int(fd), 0, 0, flags) })
	})
	switch {
	case err == nil, errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPERM):
		return nil // Not every file system and not every sandbox has it.
	default:
		return pathError("sync_file_range", f.Name(), err)
	}
}

// preallocate reserves blocks without moving the end of the file: a crash must
// not leave a tail of zeros that recovery has to explain.
func preallocate(f *os.File, size int64) error {
	err := control(f, func(fd uintptr) error {
		return retryInterrupted(func() error {
			return unix.Fallocate(int(fd), unix.FALLOC_FL_KEEP_SIZE, 0, size)
		})
	})
	switch {
	case err == nil, errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
		return nil
	default:
		return pathError("fallocate", f.Name(), err)
	}
}

// lockFile takes two locks. flock keeps other processes of ours away, and other
// openings of this process too. The open file description lock is of the
// kind that Java's FileLock conflicts with, so an Apache Kafka that runs on the
// same folder is seen; kernels that lack it answer EINVAL.
func lockFile(f *os.File) error {
	return control(f, func(fd uintptr) error {
		if err := flock(fd); err != nil {
			return err
		}
		whole := unix.Flock_t{Type: unix.F_WRLCK}
		err := unix.FcntlFlock(fd, unix.F_OFD_SETLK, &whole)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EACCES):
			return ErrLocked
		case errors.Is(err, unix.EINVAL):
			return nil
		default:
			return err
		}
	})
}
