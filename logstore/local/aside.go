package local

import (
	"errors"
	"fmt"
	"io/fs"
)

// setAside copies what a segment has from a position on into a file that nothing reads.
func (s *segment) setAside(at int64) (err error) {
	data, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.data.release()
	path := s.folder.path(fmt.Sprintf("%s.%d%s", fileName(s.baseOffset, logSuffix), at, lostSuffix))
	aside, err := openOrCreate(s.folder.dir.fs, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, aside.Close()) }()
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	for from := at; from < s.size; {
		p := (*buffer)[:min(copyBufferSize, s.size-from)]
		if n, err := data.ReadAt(p, from); n < len(p) {
			return err
		}
		if _, err := aside.WriteAt(p, from-at); err != nil {
			return err
		}
		from += int64(len(p))
	}
	// Also its name, before anybody cuts the bytes off where they were.
	return errors.Join(aside.Sync(), s.folder.dir.fs.SyncDir(s.folder.name))
}

// truncate cuts the .log file.
func (s *segment) truncate(size int64) error {
	data, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.data.release()
	return data.Truncate(size)
}

// discard takes a segment out of the log that lies behind its end: its batches are set aside or, if
// there are none, removed. The other files say nothing without them.
func (s *segment) discard(keep bool) error {
	d := s.folder.dir
	if err := d.store.files.forget(&s.data); err != nil {
		return err
	}
	path := s.path(logSuffix)
	if keep && s.size > 0 {
		if err := d.fs.Rename(path, path+lostSuffix); err != nil {
			return err
		}
	} else if err := d.fs.Remove(path); err != nil {
		return err
	}
	if err := d.fs.Remove(s.path(txnIndexSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.dropIndexes()
}

// dropIndexes removes the indexes of a segment. Their last entries may hold while some before are missing, if the power was
// cut before they were synced.
func (s *segment) dropIndexes() error {
	for _, suffix := range []string{indexSuffix, timeIndexSuffix} {
		if err := s.folder.dir.fs.Remove(s.path(suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
