package faults

import (
	"errors"
	"maps"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/disk"
	"github.com/clatterhq/clatter/compat-tests/launch"
	"github.com/clatterhq/clatter/compat-tests/report"
)

// neverSync is Kafka's way of leaving everything to the page cache, and the negative control of everything about durability.
const neverSync = "9223372036854775807"

// needs skips what this machine can't do and fails on any other error.
func needs(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, disk.ErrUnavailable) {
		report.Skip(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ext4 is a disk for one test.
func ext4(t *testing.T, size int64) *disk.Mount {
	t.Helper()
	m, err := disk.NewExt4(t.TempDir(), size)
	return closeLater(t, m, err)
}

// tmpfs is a small disk in memory for one test.
func tmpfs(t *testing.T, size int64) *disk.Mount {
	t.Helper()
	m, err := disk.NewTmpfs(t.TempDir(), size)
	return closeLater(t, m, err)
}

func closeLater(t *testing.T, m *disk.Mount, err error) *disk.Mount {
	t.Helper()
	if m != nil {
		t.Cleanup(func() {
			if err := m.Close(); err != nil {
				t.Errorf("unmount: %v", err)
			}
		})
	}
	needs(t, err)
	return m
}

// on starts a broker whose log directory is on a disk; it is gone before the disk is.
func on(t *testing.T, m *disk.Mount, overrides map[string]string) *launch.Broker {
	t.Helper()
	merged := map[string]string{"log.dirs": m.Dir() + "/data", "log.segment.bytes": "1048576"}
	maps.Copy(merged, overrides)
	return brokertest.StartWith(t, launch.Options{Kind: brokertest.Kind(), Overrides: merged})
}
