package local

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// testLog shows what a store says if the test fails.
func testLog(tb testing.TB) *slog.Logger {
	tb.Helper()
	return slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// disk is a log directory as a backend of the conformance suite.
type disk struct{ fs vfs.FS }

// Open implements [logstoretest.Backend].
func (d disk) Open(t *testing.T) logstore.Store {
	t.Helper()
	s, err := Open(context.Background(), Options{Dirs: []vfs.FS{d.fs}, NodeID: 1, ClusterID: "test", Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Crash implements [logstoretest.Backend].
func (d disk) Crash(random *rand.Rand) logstoretest.Backend {
	if memory, ok := d.fs.(*vfs.Memory); ok {
		return disk{memory.CrashClone(random)}
	}
	return nil
}

// syncedDir is a folder for a store that syncs very often, on a file system in memory where the system has one: the suite is about what a store does,
// and what its syncs are worth is for other tests.
func syncedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "clatter-") //nolint:usetesting // t.TempDir is on the disk.
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		logstoretest.Run(t, func(*testing.T) logstoretest.Backend { return disk{vfs.NewMemory()} })
	})
	t.Run("os", func(t *testing.T) {
		logstoretest.Run(t, func(t *testing.T) logstoretest.Backend {
			t.Helper()
			t.Parallel()
			return disk{vfs.NewOS(syncedDir(t))}
		})
	})
}
