package format

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/clatterhq/clatter/logstore/vfs"
)

// tmpSuffix is of a file that is being written and not yet anybody's.
const tmpSuffix = ".tmp"

// WriteAtomic replaces the content of a file: after a crash it is the old one or the new one, after
// success the new one whatever happens. Two writers of one path must not meet.
//
// Every error is from the disk and means that the old content may or may not be there still; one that
// [vfs.IsNoSpace] tells apart says that it is.
func WriteAtomic(disk vfs.FS, name string, content []byte) error {
	tmp := name + tmpSuffix
	if err := writeNew(disk, tmp, content); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := disk.Rename(tmp, name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	dir, _ := path.Split(name)
	if err := disk.SyncDir(path.Clean("/" + dir)[1:]); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// writeNew makes a file durable under a name of its own. A file of that name is what a crash left
// behind. After an error the file is removed, because what it takes up may be
// all the space that is missing.
func writeNew(disk vfs.FS, name string, content []byte) (err error) {
	f, err := disk.Create(name)
	if errors.Is(err, fs.ErrExist) {
		if err := disk.Remove(name); err != nil {
			return err
		}
		f, err = disk.Create(name)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Sync()
	}
	// The error of a removal would hide the one that matters.
	if err := errors.Join(err, f.Close()); err != nil {
		_ = disk.Remove(name)
		return err
	}
	return nil
}

// ReadAll is the content of a file of at most limit bytes. Error: [ErrTooLarge], and those of the disk.
func ReadAll(disk vfs.FS, name string, limit int64) (content []byte, err error) {
	f, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%w: %s has %d bytes, at most %d", ErrTooLarge, name, size, limit)
	}
	content = make([]byte, size)
	n, err := f.ReadAt(content, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return content[:n], err
}
