package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// boltStorage keeps the records in one bbolt file.
type boltStorage struct {
	db   *bolt.DB
	path string
	file *os.File // of db, which closes it
	// reserved is how many bytes of the file have their blocks for certain.
	reserved int64
}

const (
	// noWait refuses a file that another process holds at once, instead of waiting for it.
	noWait = time.Nanosecond
	// mapBytes is how much of the file is mapped at first. It is more than most catalogs
	// need, so that they don't grow step by step, which costs a sync each time.
	mapBytes = 1 << 20
	// reservedBytes is room beyond what is used that the file always has on disk, because bbolt never writes in
	// place: a topic must be deletable when the disk is full. A change writes a few dozen pages of 4 KiB.
	reservedBytes = 256 << 10
	// fileMode keeps other users out: what comes later (SCRAM credentials) is secret.
	fileMode = 0o600
)

func boltOptions() *bolt.Options {
	return &bolt.Options{Timeout: noWait, InitialMmapSize: mapBytes, FreelistType: bolt.FreelistMapType, NoStatistics: true}
}

// createBolt makes a new catalog file with these records. It is there whole or not at
// all: it is made under another name, synced, and renamed.
func createBolt(path string, writes []write) error {
	temporary := path + ".new"
	if err := removeIfThere(temporary); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	err := fillBolt(temporary, writes)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		// What it takes up may be all the room that is missing.
		return fmt.Errorf("catalog: create: %w", errors.Join(err, removeIfThere(temporary)))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("catalog: create: %w", err)
	}
	return nil
}

// fillBolt makes a file with these records, and syncs it.
func fillBolt(path string, writes []write) error {
	options := boltOptions()
	options.NoSync, options.NoGrowSync = true, true
	db, err := bolt.Open(path, fileMode, options)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, b := range buckets {
			if _, err := tx.CreateBucket([]byte(b)); err != nil {
				return err
			}
		}
		return apply(tx, writes)
	})
	if err == nil {
		err = db.Sync()
	}
	return errors.Join(err, db.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncDir makes a new name in a directory durable.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // directories can't be synced there; NTFS journals names by itself
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// openBolt opens a catalog file that createBolt made. One that is damaged or something
// else is refused and stays as it is.
//
// Errors: [*CorruptError], [ErrInUse]; else the file can't be read.
func openBolt(path string) (*boltStorage, error) {
	if err := Inspect(path); err != nil {
		return nil, err
	}
	s := &boltStorage{path: path}
	err := s.guard(func() error {
		var err error
		options := boltOptions()
		options.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
			s.file, err = os.OpenFile(name, flag, mode)
			return s.file, err
		}
		s.db, err = bolt.Open(path, fileMode, options)
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%w: %s", ErrInUse, path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("catalog: %w", err)
	case err != nil:
		return nil, &CorruptError{Path: path, Err: err}
	}
	if err := s.guard(s.check); err != nil {
		return nil, errors.Join(&CorruptError{Path: path, Err: err}, s.db.Close())
	}
	s.reserveRoom()
	return s, nil
}

// used is how many bytes of the file bbolt has put to use so far.
func (s *boltStorage) used() int64 {
	var size int64
	_ = s.db.View(func(tx *bolt.Tx) error { // fails on a closed file only, which nobody asks
		size = tx.Size()
		return nil
	})
	return size
}

// reserveRoom sees to it that the next change finds room in the file. A disk that is full now is asked again after
// the next change.
func (s *boltStorage) reserveRoom() {
	want := s.used() + reservedBytes
	if want > s.reserved && reserve(s.file, want+reservedBytes) {
		s.reserved = want + reservedBytes
	}
}

// check counts all records and adds their checksums up: a record that is missing, or is
// there again, is found by that, while a damaged one shows by its own checksum.
func (s *boltStorage) check() error {
	return s.db.View(func(tx *bolt.Tx) error {
		var found digest
		for _, b := range buckets {
			records := tx.Bucket([]byte(b))
			if records == nil {
				return fmt.Errorf("it has no part %s", b)
			}
			err := records.ForEach(func(key, value []byte) error {
				if b != bucketMeta || string(key) != digestKey {
					found.add(b, key, value)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		stored, err := readDigest(tx)
		if err != nil {
			return err
		}
		if found != stored {
			return fmt.Errorf("records are missing: %d of %d", found.count, stored.count)
		}
		return nil
	})
}

// guard turns what bbolt does on damaged pages, a panic or a fault in its mapping,
// into an error.
func (s *boltStorage) guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("damaged page: %v", r)
		}
	}()
	return fn()
}

func (s *boltStorage) load(bucket bucket, fn func(key, value []byte) error) error {
	err := s.guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			return tx.Bucket([]byte(bucket)).ForEach(fn)
		})
	})
	if err != nil {
		return &CorruptError{Path: s.path, Err: fmt.Errorf("%s: %w", bucket, err)}
	}
	return nil
}

func (s *boltStorage) commit(writes []write) error {
	id := 0
	err := s.db.Update(func(tx *bolt.Tx) error {
		id = tx.ID()
		return apply(tx, writes)
	})
	if err == nil {
		s.reserveRoom()
		return nil
	}
	return s.outcome(id, err)
}

// outcome is what a failed commit of a transaction comes to. bbolt writes new pages first and then the page that makes them count, which has
// its place already: so without space nothing counts. But where the sync of that last page fails, whatever for, it is written and counts for the next
// transaction, and nobody knows what counts after a crash.
func (s *boltStorage) outcome(id int, failed error) error {
	if !isNoSpace(failed) {
		return failed
	}
	counts := 0
	if err := s.db.View(func(tx *bolt.Tx) error {
		counts = tx.ID()
		return nil
	}); err != nil || counts >= id {
		return fmt.Errorf("a change may count or not: %w", errors.Join(failed, err))
	}
	return fmt.Errorf("%w: %w", ErrNoSpace, failed)
}

// isNoSpace looks into the text as well: bbolt drops the cause where the file grows.
func isNoSpace(err error) bool {
	if err == nil {
		return false
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		errors.Is(err, bolterrors.ErrMaxSizeReached) || strings.Contains(err.Error(), syscall.ENOSPC.Error())
}

func (s *boltStorage) close() error { return s.db.Close() }

// apply makes writes in a transaction and keeps the digest true.
func apply(tx *bolt.Tx, writes []write) error {
	sum, err := readDigest(tx)
	if err != nil {
		return err
	}
	for _, w := range writes {
		b := tx.Bucket([]byte(w.bucket))
		if old := b.Get(w.key); old != nil {
			sum.remove(w.bucket, w.key, old)
		}
		if w.value == nil {
			err = b.Delete(w.key)
		} else {
			sum.add(w.bucket, w.key, w.value)
			err = b.Put(w.key, w.value)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", w.bucket, err)
		}
	}
	return tx.Bucket([]byte(bucketMeta)).Put([]byte(digestKey), sum.record())
}

// digestKey is the key of the digest in the meta bucket.
const digestKey = "digest"

// digest stands for all records but itself: how many there are, and the sum of their
// checksums, which doesn't depend on their order.
type digest struct{ count, sum uint64 }

func (d *digest) add(bucket bucket, key, value []byte) {
	d.count++
	d.sum += uint64(checksum(bucket, key, value))
}

func (d *digest) remove(bucket bucket, key, value []byte) {
	d.count--
	d.sum -= uint64(checksum(bucket, key, value))
}

func (d *digest) record() []byte {
	b := binary.BigEndian.AppendUint64(nil, d.count)
	return encodeMeta(digestKey, binary.BigEndian.AppendUint64(b, d.sum))
}

// readDigest is the digest as it is stored; nothing is stored in a new file.
func readDigest(tx *bolt.Tx) (digest, error) {
	sealed := tx.Bucket([]byte(bucketMeta)).Get([]byte(digestKey))
	if sealed == nil {
		return digest{}, nil
	}
	b, err := unseal(bucketMeta, []byte(digestKey), sealed)
	if err != nil || len(b) != 16 {
		return digest{}, fmt.Errorf("digest: %w", errors.Join(err, errRecordForm))
	}
	return digest{count: binary.BigEndian.Uint64(b), sum: binary.BigEndian.Uint64(b[8:])}, nil
}
