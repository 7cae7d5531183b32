package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/handlers"
	"github.com/clatterhq/clatter/logstore/local"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// catalogDir is the place in log.dirs of the directory that the catalog is in.
const catalogDir = 0

// openData opens the store, and the catalog once the store has the lock of the directory that both live in.
func (n *node) openData(ctx context.Context, current *config.Snapshot) error {
	dirs := []vfs.FS{vfs.NewMemory(vfs.Volatile())}
	catalogPath := ""
	if !n.options.memory {
		dirs = dirs[:0]
		for _, dir := range current.LogDirs {
			dirs = append(dirs, local.Dir(dir))
		}
		catalogPath = filepath.Join(current.LogDirs[catalogDir], catalog.FileName)
		if err := n.checkDirs(current.LogDirs); err != nil {
			return err
		}
	}
	n.topics = newTopicKeeper(n.log)
	var err error
	n.store, err = local.Open(ctx, local.Options{
		Dirs:   dirs,
		Whole:  n.options.whole,
		NodeID: current.NodeID,
		Locked: func() (clusterID string, err error) { return n.openCatalog(catalogPath, dirs[catalogDir]) },
		Log:    n.log,

		Offline: func(dir, left int, err error) { n.offline <- offlineDir{dir, left, err} },

		ProducerIDExpirationMs:              func() int64 { return int64(n.config.Current().ProducerIDExpirationMs) },
		RetentionCheckIntervalMs:            current.LogRetentionCheckIntervalMs,
		ProducerIDExpirationCheckIntervalMs: int64(current.ProducerIDExpirationCheckIntervalMs),
		Cleaner:                             func() local.CleanerConfig { return cleanerConfig(&n.config.Current().Cleaner) },
	})
	if err == nil {
		err = n.topics.begin(ctx, n.store, n.catalog)
	}
	if err != nil {
		return errors.Join(err, n.closeData(context.WithoutCancel(ctx)))
	}
	n.coordinators = handlers.NewCoordinators(n.store, n.catalog, n.config, n.log)
	n.topics.deleted = n.coordinators.Groups.TopicsDeleted
	return nil
}

// cleanerConfig is how compaction works, in the words of the store.
func cleanerConfig(c *config.Cleaner) local.CleanerConfig {
	return local.CleanerConfig{
		Threads: int(c.Threads), DedupeBufferBytes: c.DedupeBufferSize, LoadFactor: c.BufferLoadFactor,
		IOBufferBytes: int(c.IOBufferSize), MaxBytesPerSecond: c.MaxBytesPerSecond, BackoffMs: c.BackoffMs,
		Disabled: !c.Enable || c.Threads == 0,
	}
}

// openCatalog opens the catalog and returns its cluster ID. It runs when the directory is locked. A new catalog is
// made in the background: a start in an empty directory has nothing else to wait for, and nobody misses
// the file before the first topic is created.
func (n *node) openCatalog(path string, dir vfs.FS) (clusterID string, err error) {
	options := catalog.Options{
		Path: path, Background: true, Config: n.config, Log: n.log, OnChange: n.topics.onChange,
		OnFailure: func(err error) { n.catalogFailed <- err },
	}
	if options.ClusterID, err = newClusterID(dir); err != nil {
		return "", err
	}
	if n.catalog, err = catalog.Open(options); err != nil {
		return "", err
	}
	return n.catalog.ClusterID(), nil
}

// newClusterID is the cluster of a directory that has no catalog, but was a Kafka's: that one's, else "".
func newClusterID(dir vfs.FS) (string, error) {
	const maxMetaBytes = 64 << 10
	content, err := format.ReadAll(dir, format.MetaPropertiesFile, maxMetaBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	meta, err := format.DecodeMetaProperties(content)
	return meta.ClusterID, err
}

// closeData closes what was opened: coordinators first, because their state is in the store, whose topics are the catalog's.
func (n *node) closeData(ctx context.Context) error {
	n.failing.Wait()
	n.topics.end()
	var err error
	if n.coordinators != nil {
		err = n.coordinators.Close(ctx)
	}
	if n.store != nil {
		err = errors.Join(err, n.store.Close(ctx))
	}
	if n.catalog != nil {
		err = errors.Join(err, n.catalog.Close())
	}
	return err
}
