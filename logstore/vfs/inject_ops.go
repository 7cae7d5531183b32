package vfs

import (
	"io"
)

// Create implements [FS].
func (i *Injected) Create(path string) (File, error) { return i.file(OpCreate, path, i.FS.Create) }

// Open implements [FS].
func (i *Injected) Open(path string) (File, error) { return i.file(OpOpen, path, i.FS.Open) }

func (i *Injected) file(op Op, path string, open func(string) (File, error)) (File, error) {
	var inner File
	err := i.run(Call{Op: op, Path: path}, func() (err error) {
		inner, err = open(path)
		return err
	}, nil)
	if err != nil {
		return nil, err
	}
	return &injectedFile{File: inner, on: i, path: path}, nil
}

// Rename implements [FS].
func (i *Injected) Rename(oldPath, newPath string) error {
	return i.run(Call{Op: OpRename, Path: oldPath, NewPath: newPath},
		func() error { return i.FS.Rename(oldPath, newPath) }, nil)
}

// Remove implements [FS].
func (i *Injected) Remove(path string) error {
	return i.run(Call{Op: OpRemove, Path: path}, func() error { return i.FS.Remove(path) }, nil)
}

// RemoveAll implements [FS].
func (i *Injected) RemoveAll(path string) error {
	return i.run(Call{Op: OpRemoveAll, Path: path}, func() error { return i.FS.RemoveAll(path) }, nil)
}

// MkdirAll implements [FS].
func (i *Injected) MkdirAll(path string) error {
	return i.run(Call{Op: OpMkdirAll, Path: path}, func() error { return i.FS.MkdirAll(path) }, nil)
}

// List implements [FS].
func (i *Injected) List(path string) (names []string, err error) {
	err = i.run(Call{Op: OpList, Path: path}, func() (err error) {
		names, err = i.FS.List(path)
		return err
	}, nil)
	return names, err
}

// Stat implements [FS].
func (i *Injected) Stat(path string) (info Info, err error) {
	err = i.run(Call{Op: OpStat, Path: path}, func() (err error) {
		info, err = i.FS.Stat(path)
		return err
	}, nil)
	return info, err
}

// SyncDir implements [FS].
func (i *Injected) SyncDir(path string) error {
	return i.run(Call{Op: OpSyncDir, Path: path}, func() error { return i.FS.SyncDir(path) }, nil)
}

// Lock implements [FS].
func (i *Injected) Lock(path string) (lock io.Closer, err error) {
	err = i.run(Call{Op: OpLock, Path: path}, func() (err error) {
		lock, err = i.FS.Lock(path)
		return err
	}, nil)
	return lock, err
}

// Usage implements [FS].
func (i *Injected) Usage() (total, usable int64, err error) {
	err = i.run(Call{Op: OpUsage}, func() (err error) {
		total, usable, err = i.FS.Usage()
		return err
	}, nil)
	return total, usable, err
}

// injectedFile is a file whose operations rules watch and fail. What is sent from
// [File.OS] passes by the rules.
type injectedFile struct {
	File
	on   *Injected
	path string
}

// ReadAt implements [io.ReaderAt].
func (f *injectedFile) ReadAt(p []byte, offset int64) (n int, err error) {
	err = f.on.run(Call{Op: OpRead, Path: f.path, Offset: offset, Length: len(p)}, func() (err error) {
		n, err = f.File.ReadAt(p, offset)
		return err
	}, nil)
	return n, err
}

// WriteAt implements [io.WriterAt].
func (f *injectedFile) WriteAt(p []byte, offset int64) (n int, err error) {
	var shortErr error
	err = f.on.run(Call{Op: OpWrite, Path: f.path, Offset: offset, Length: len(p)}, func() (err error) {
		n, err = f.File.WriteAt(p, offset)
		return err
	}, func(short int) { n, shortErr = f.File.WriteAt(p[:short], offset) })
	if shortErr != nil {
		return n, shortErr
	}
	return n, err
}

// Sync implements [File].
func (f *injectedFile) Sync() error {
	return f.on.run(Call{Op: OpSync, Path: f.path}, f.File.Sync, nil)
}

// Truncate implements [File].
func (f *injectedFile) Truncate(size int64) error {
	return f.on.run(Call{Op: OpTruncate, Path: f.path, Offset: size},
		func() error { return f.File.Truncate(size) }, nil)
}

// Size implements [File].
func (f *injectedFile) Size() (size int64, err error) {
	err = f.on.run(Call{Op: OpSize, Path: f.path}, func() (err error) {
		size, err = f.File.Size()
		return err
	}, nil)
	return size, err
}

// Preallocate implements [File].
func (f *injectedFile) Preallocate(size int64) error {
	return f.on.run(Call{Op: OpPreallocate, Path: f.path, Offset: size},
		func() error { return f.File.Preallocate(size) }, nil)
}

// WriteBack implements [File].
func (f *injectedFile) WriteBack() error {
	return f.on.run(Call{Op: OpWriteBack, Path: f.path}, f.File.WriteBack, nil)
}

// Close implements [io.Closer]. A close that a rule fails still gives the file
// back, as the operating system does.
func (f *injectedFile) Close() error {
	closed := false
	err := f.on.run(Call{Op: OpClose, Path: f.path}, func() error {
		closed = true
		return f.File.Close()
	}, nil)
	if !closed {
		if innerErr := f.File.Close(); err == nil {
			err = innerErr
		}
	}
	return err
}
