package vfs

import (
	"io"
	"io/fs"
	"os"
)

// ReadOnly is the file system of the operating system below one folder for those who only look: it works on a volume that is mounted for
// reading alone, and on files that the process may not write. It is immutable.
type ReadOnly struct {
	*OS
}

// NewReadOnly returns the file system below root, which must exist.
func NewReadOnly(root string) *ReadOnly { return &ReadOnly{NewOS(root)} }

// Open implements [FS]; writes to the file fail.
func (r *ReadOnly) Open(path string) (File, error) { return r.open("open", path, os.O_RDONLY) }

// Create implements [FS]: it fails with [fs.ErrPermission], as all that follow do.
func (r *ReadOnly) Create(path string) (File, error) { return nil, refuse("create", path) }

// Rename implements [FS].
func (r *ReadOnly) Rename(oldPath, _ string) error { return refuse("rename", oldPath) }

// Remove implements [FS].
func (r *ReadOnly) Remove(path string) error { return refuse("remove", path) }

// RemoveAll implements [FS].
func (r *ReadOnly) RemoveAll(path string) error { return refuse("removeall", path) }

// MkdirAll implements [FS].
func (r *ReadOnly) MkdirAll(path string) error { return refuse("mkdir", path) }

// SyncDir implements [FS].
func (r *ReadOnly) SyncDir(path string) error { return refuse("syncdir", path) }

// Lock implements [FS].
func (r *ReadOnly) Lock(path string) (io.Closer, error) { return nil, refuse("lock", path) }

func refuse(op, path string) error { return pathError(op, path, fs.ErrPermission) }
