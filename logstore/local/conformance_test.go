package local

import (
	"context"
	"log/slog"
	"math/rand/v2"
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

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		logstoretest.Run(t, func(*testing.T) logstoretest.Backend { return disk{vfs.NewMemory()} })
	})
	t.Run("os", func(t *testing.T) {
		logstoretest.Run(t, func(t *testing.T) logstoretest.Backend {
			t.Helper()
			t.Parallel() // Most of the time they wait for the disk.
			return disk{vfs.NewOS(t.TempDir())}
		})
	})
}
