package catalog

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

func TestCatalogMadeInTheBackgroundIsDurable(t *testing.T) {
	options := Options{Path: file(t), Background: true, ClusterID: "a-cluster-of-its-own"}
	c := open(t, options)
	if c.ClusterID() != options.ClusterID || !c.Created() {
		t.Errorf("a new catalog is of cluster %q", c.ClusterID())
	}
	// The change waits for the file.
	must(t, c.CreateTopics(t.Context(), []NewTopic{{Name: "a", Partitions: 1}}))
	must(t, c.Made(t.Context()))
	must(t, c.Close())
	again := open(t, options)
	must(t, again.Made(t.Context()))
	if again.Created() || again.Image().TopicByName("a") == nil || again.ClusterID() != options.ClusterID {
		t.Errorf("after reopening: %d topics of cluster %q", again.Image().Len(), again.ClusterID())
	}
}

func TestCatalogThatCantBeMadeInTheBackgroundSaysSo(t *testing.T) {
	c, err := Open(Options{Path: filepath.Join(t.TempDir(), "no", "such", "folder"), Background: true, Config: newConfig(t, nil)})
	must(t, err)
	if err := c.Made(t.Context()); err == nil {
		t.Error("it was made")
	}
	if err := c.CreateTopics(t.Context(), []NewTopic{{Name: "a", Partitions: 1}}); !errors.Is(err, ErrFailed) {
		t.Errorf("a change: %v", err)
	}
	if c.Image().Len() != 0 {
		t.Error("the image shows what isn't stored")
	}
	must(t, c.Close())
}

func TestWaitForACatalogEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	c := &Catalog{storage: makeStorage(func() (storage, error) {
		<-release
		return memoryStorage{}, nil
	})}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Made(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the wait ended with %v", err)
	}
	close(release)
	must(t, c.Made(t.Context()))
}

func TestCatalogThatNobodyAskedForIsNeverMade(t *testing.T) {
	options := Options{Path: file(t), Background: true, Config: newConfig(t, nil)}
	c, err := Open(options)
	must(t, err)
	must(t, c.Close())
	if err := c.Made(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed catalog is made: %v", err)
	}
	if names, err := os.ReadDir(filepath.Dir(options.Path)); len(names) > 0 || err != nil {
		t.Errorf("it left files behind: %v, %v", names, err)
	}
	must(t, c.Close())
}

func TestFailedCreationLeavesNoFileBehind(t *testing.T) {
	path := file(t)
	tooLarge := write{bucketMeta, bytes.Repeat([]byte{1}, bolt.MaxKeySize+1), []byte{1}}
	if err := createBolt(path, []write{tooLarge}); err == nil {
		t.Error("it was made")
	}
	if names, err := os.ReadDir(filepath.Dir(path)); len(names) > 0 || err != nil {
		t.Errorf("it left files behind: %v, %v", names, err)
	}
}
