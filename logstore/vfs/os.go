package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Modes of what we make. Topic data is nobody else's to write.
const (
	fileMode = 0o644
	dirMode  = 0o755
)

// OS is the file system of the operating system below one folder. It is
// immutable; the kernel does all synchronisation.
type OS struct {
	root string
}

// NewOS returns the file system below root. It touches no disk; MkdirAll("") makes the root.
func NewOS(root string) *OS { return &OS{root: root} }

// resolve maps a path of ours to one of the operating system. Names come from
// topics, and topics from clients: what would lead out of the root is refused here
// whatever the callers validated.
func (o *OS) resolve(op, path string) (string, error) {
	if path == "" {
		return o.root, nil
	}
	local := filepath.FromSlash(path)
	if !filepath.IsLocal(local) {
		return "", pathError(op, path, fs.ErrInvalid)
	}
	return filepath.Join(o.root, local), nil
}

// Create implements [FS].
func (o *OS) Create(path string) (File, error) {
	return o.open("create", path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// Open implements [FS].
func (o *OS) Open(path string) (File, error) {
	return o.open("open", path, os.O_RDWR)
}

func (o *OS) open(op, path string, flag int) (File, error) {
	name, err := o.resolve(op, path)
	if err != nil {
		return nil, err
	}
	f, err := openFile(name, flag, fileMode)
	if err != nil {
		return nil, err
	}
	return &osFile{File: f}, nil
}

// Rename implements [FS].
func (o *OS) Rename(oldPath, newPath string) error {
	oldName, err := o.resolve("rename", oldPath)
	if err != nil {
		return err
	}
	newName, err := o.resolve("rename", newPath)
	if err != nil {
		return err
	}
	return os.Rename(oldName, newName)
}

// Remove implements [FS].
func (o *OS) Remove(path string) error {
	name, err := o.resolve("remove", path)
	if err != nil {
		return err
	}
	return os.Remove(name)
}

// RemoveAll implements [FS].
func (o *OS) RemoveAll(path string) error {
	name, err := o.resolve("removeall", path)
	if err != nil {
		return err
	}
	return os.RemoveAll(name)
}

// MkdirAll implements [FS].
func (o *OS) MkdirAll(path string) error {
	name, err := o.resolve("mkdir", path)
	if err != nil {
		return err
	}
	return os.MkdirAll(name, dirMode)
}

// List implements [FS]. It reads names only: one lstat per file would be most of
// the start of a store with many partitions.
func (o *OS) List(path string) ([]string, error) {
	name, err := o.resolve("list", path)
	if err != nil {
		return nil, err
	}
	dir, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(-1)
	if err := errors.Join(err, dir.Close()); err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// Stat implements [FS].
func (o *OS) Stat(path string) (Info, error) {
	name, err := o.resolve("stat", path)
	if err != nil {
		return Info{}, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return Info{Size: info.Size(), IsDir: info.IsDir(), ModTime: info.ModTime().UnixMilli()}, nil
}

// SyncDir implements [FS].
func (o *OS) SyncDir(path string) error {
	name, err := o.resolve("syncdir", path)
	if err != nil {
		return err
	}
	return syncDir(name)
}

// Lock implements [FS]. The file is made if there is none and stays: removing it
// would let a third process lock a new file of the same name.
func (o *OS) Lock(path string) (io.Closer, error) {
	name, err := o.resolve("lock", path)
	if err != nil {
		return nil, err
	}
	f, err := openFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(pathError("lock", name, err), f.Close())
	}
	return f, nil
}

// Usage implements [FS].
func (o *OS) Usage() (total, usable int64, err error) { return volumeUsage(o.root) }

// Name implements [FS]: the root as it was given.
func (o *OS) Name() string { return o.root }

// osFile is a file of the operating system. It is immutable; the kernel does
// all synchronisation.
type osFile struct {
	*os.File
}

// Sync implements [File].
func (f *osFile) Sync() error { return syncData(f.File) }

// StartSync implements [File].
func (f *osFile) StartSync() error { return startSync(f.File) }

// WriteBack implements [File].
func (f *osFile) WriteBack() error { return writeBack(f.File) }

// Size implements [File].
func (f *osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Preallocate implements [File].
func (f *osFile) Preallocate(size int64) error { return preallocate(f.File, size) }

// OS implements [File].
func (f *osFile) OS() *os.File { return f.File }

// control runs fn on the descriptor while nobody can close it. It isn't done with
// Fd, whose number may be another file's by the time that it is used.
func control(f *os.File, fn func(fd uintptr) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if conn.Control(func(fd uintptr) { failed = fn(fd) }) != nil {
		return fs.ErrClosed // It fails for nothing else, but with an error of its own.
	}
	return failed
}
