package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// openFile opens with FILE_SHARE_DELETE, which package os doesn't: a deleted
// segment must stay readable for the fetches that hold it, and its name must go.
func openFile(name string, flag int, _ os.FileMode) (*os.File, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	disposition := uint32(windows.OPEN_EXISTING)
	switch {
	case flag&os.O_EXCL != 0:
		disposition = windows.CREATE_NEW
	case flag&os.O_CREATE != 0:
		disposition = windows.OPEN_ALWAYS
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	handle, err := windows.CreateFile(path, windows.GENERIC_READ|windows.GENERIC_WRITE, share,
		nil, disposition, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return os.NewFile(uintptr(handle), name), nil
}

// syncData makes bytes and size durable (FlushFileBuffers).
func syncData(f *os.File) error { return f.Sync() }

// startSync does nothing here.
func startSync(*os.File) error { return nil }

// writeBack does nothing here.
func writeBack(*os.File) error { return nil }

// preallocate does nothing: there is no reservation that keeps the size.
func preallocate(*os.File, int64) error { return nil }

// syncDir does nothing: folders can't be flushed, NTFS journals names by itself.
func syncDir(string) error { return nil }

func lockFile(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return control(f, func(fd uintptr) error {
		err := windows.LockFileEx(windows.Handle(fd), flags, 0, 1, 0, new(windows.Overlapped))
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return ErrLocked
		}
		return err
	})
}

func volumeUsage(root string) (total, usable int64, err error) {
	path, err := windows.UTF16PtrFromString(root)
	if err != nil {
		return 0, 0, pathError("usage", root, err)
	}
	var forUs, all uint64
	if err := windows.GetDiskFreeSpaceEx(path, &forUs, &all, nil); err != nil {
		return 0, 0, pathError("usage", root, err)
	}
	return int64(all), int64(forUs), nil
}
