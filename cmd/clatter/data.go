package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore/local"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// openData opens the store, and the catalog once the store has the lock of the directory that both live in.
func (n *node) openData(ctx context.Context, current *config.Snapshot) error {
	dirs := []vfs.FS{vfs.NewMemory()}
	catalogPath := ""
	if !n.options.memory {
		dirs = dirs[:0]
		for _, dir := range current.LogDirs {
			dirs = append(dirs, local.Dir(dir))
		}
		catalogPath = filepath.Join(current.LogDirs[0], catalog.FileName)
	}
	n.topics = newTopicKeeper(n.log)
	opened := make(chan error, 1) // receives once Locked was called
	locked := false
	var err error
	n.store, err = local.Open(ctx, local.Options{
		Dirs:   dirs,
		NodeID: current.NodeID,
		Locked: func() (clusterID string, err error) {
			locked = true
			return n.beginCatalog(catalogPath, dirs[0], opened)
		},
		Log:                      n.log,
		ProducerIDExpirationMs:   func() int64 { return int64(n.config.Current().ProducerIDExpirationMs) },
		RetentionCheckIntervalMs: current.LogRetentionCheckIntervalMs,
	})
	if locked {
		// Where the catalog is what failed, the store has failed with the same error.
		if failed := <-opened; err == nil {
			err = failed
		}
	}
	if err == nil {
		err = n.topics.begin(ctx, n.store, n.catalog)
	}
	if err != nil {
		return errors.Join(err, n.closeData(ctx))
	}
	return nil
}

// beginCatalog opens the catalog and returns its cluster ID. It runs while the store is being opened. A new catalog
// is made meanwhile, because both sync what they write, and a start in an empty directory has nothing else to
// wait for: opened receives the outcome.
func (n *node) beginCatalog(path string, dir vfs.FS, opened chan<- error) (clusterID string, err error) {
	options := catalog.Options{Path: path, Config: n.config, Log: n.log, OnChange: n.topics.onChange}
	_, err = os.Stat(path)
	if path == "" || !errors.Is(err, fs.ErrNotExist) {
		n.catalog, err = catalog.Open(options)
		opened <- err
		if err != nil {
			return "", err
		}
		return n.catalog.ClusterID(), nil
	}
	options.ClusterID, err = newClusterID(n.config.Current(), dir)
	if err != nil {
		opened <- err
		return "", err
	}
	go func() {
		var err error
		n.catalog, err = catalog.Open(options)
		opened <- err
	}()
	return options.ClusterID, nil
}

// newClusterID is the cluster of a directory that has no catalog: the configured one, that of the Kafka whose directory
// it was, or a new one.
func newClusterID(current *config.Snapshot, dir vfs.FS) (string, error) {
	if current.ClusterID != "" {
		return current.ClusterID, nil
	}
	const maxMetaBytes = 64 << 10
	content, err := format.ReadAll(dir, format.MetaPropertiesFile, maxMetaBytes)
	if err == nil {
		meta, err := format.DecodeMetaProperties(content)
		if err != nil || meta.ClusterID != "" {
			return meta.ClusterID, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return catalog.NewClusterID(rand.Reader)
}

// closeData closes what was opened: the store first, because its topics are the catalog's.
func (n *node) closeData(ctx context.Context) error {
	n.topics.end()
	var err error
	if n.store != nil {
		err = n.store.Close(ctx)
	}
	if n.catalog != nil {
		err = errors.Join(err, n.catalog.Close())
	}
	return err
}
