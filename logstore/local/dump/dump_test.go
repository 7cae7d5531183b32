package dump

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/epoch"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/wire/record"
)

// write makes a file and returns its path.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// dumped prints a file.
func dumped(t *testing.T, path string, options Options) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := File(&out, path, options)
	return out.String(), err
}

// batch is a batch of two records.
func batch(t *testing.T, baseOffset int64) record.Batch {
	t.Helper()
	b := record.NewBuilder()
	b.BaseOffset, b.ProducerID, b.ProducerEpoch, b.BaseSequence = baseOffset, 77, 3, 5
	b.Codec = record.LZ4
	for _, value := range []string{"one", "two"} {
		b.Add(1000, []byte("k"), []byte(value), record.NewHeaders(record.RecordHeader{Key: []byte("h"), Value: nil}))
	}
	built, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFilesArePrinted(t *testing.T) {
	marker := must(t, record.NewMarkerBatch(record.EndTransactionMarker{Type: record.ControlCommit, CoordinatorEpoch: 4}, 9, 1, 2000))(t)
	_ = marker
}
