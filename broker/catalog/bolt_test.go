package catalog

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// newBolt is an empty storage in a file of its own.
func newBolt(t *testing.T) (s *boltStorage, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "catalog.db")
	if err := createBolt(path, nil); err != nil {
		t.Fatal(err)
	}
	s, err := openBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s, path
}

// TestChangeThatMayCountIsNotOneWithoutSpace: the sync of the page that makes a change count fails without space. The change is in the file, so
// whoever took it for refused would make it twice.
func TestChangeThatMayCountIsNotOneWithoutSpace(t *testing.T) {
	s, _ := newBolt(t)
	if err := s.commit([]write{{bucketTopics, []byte("key"), []byte("value")}}); err != nil {
		t.Fatal(err)
	}
	id := 0
	if err := s.db.View(func(tx *bolt.Tx) error {
		id = tx.ID()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.outcome(id, syscall.ENOSPC); err == nil || errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a change that is in the file: %v", err)
	}
	if err := s.outcome(id+1, syscall.ENOSPC); !errors.Is(err, ErrNoSpace) {
		t.Errorf("a change that isn't: %v", err)
	}
	if err := s.outcome(id+1, syscall.EIO); !errors.Is(err, syscall.EIO) || errors.Is(err, ErrNoSpace) {
		t.Errorf("another failure: %v", err)
	}
}
