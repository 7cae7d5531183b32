package vfs

import (
	"io"
	"os"
)

// FS is a file system below one root. Paths are slash-separated and relative to the
// root; "" is the root itself. Any goroutine may call any method. Errors wrap
// fs.ErrNotExist, fs.ErrExist and ENOSPC as the os package does.
type FS interface {
	// Create makes an empty file for reading and writing; fs.ErrExist if there is one.
	Create(path string) (File, error)
	// Open opens a file for reading and writing.
	Open(path string) (File, error)
	// Rename replaces newPath atomically; durable after SyncDir of both parents.
	Rename(oldPath, newPath string) error
	Remove(path string) error
	// RemoveAll removes a folder and all below it; a missing one is no error.
	RemoveAll(path string) error
	MkdirAll(path string) error
	// List returns the names in a folder, sorted.
	List(path string) ([]string, error)
	Stat(path string) (Info, error)
	// SyncDir makes the names in a folder durable.
	SyncDir(path string) error
	// Lock holds a file against other processes until the closer is closed; ErrLocked if it is held.
	Lock(path string) (io.Closer, error)
	// Usage is the size of the volume and what is left for us, in bytes; -1 where nobody knows.
	Usage() (total, usable int64, err error)
	// Name is the root as an operator knows it.
	Name() string
}

// File is an open file. ReadAt and WriteAt may run concurrently on disjoint ranges.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the bytes and the size durable (fdatasync).
	Sync() error
	// StartSync has the system begin to write what Sync will wait for, and promises nothing. Who is about to sync many files
	// starts all of them first, so that the disk gets them at once; a no-op where there is no way.
	StartSync() error
	// WriteBack has the system write what was written to the file, and waits until the disk took it. It promises nothing: neither sizes nor
	// what the disk has in its cache are durable. Who writes much that nobody waits for spreads it with this, so that the syncs of
	// others don't meet all of it at once, and need no commit of the file system's journal for it. A no-op where there is no way.
	WriteBack() error
	Truncate(size int64) error
	Size() (int64, error)
	// Preallocate reserves disk space up to size without a promise on contents; a no-op where there is no way.
	Preallocate(size int64) error
	// OS is the file of the operating system, for sendfile; nil where there is none.
	OS() *os.File
}

// Info describes a file or folder.
type Info struct {
	Size    int64
	IsDir   bool
	ModTime int64 // ms since 1970
}
