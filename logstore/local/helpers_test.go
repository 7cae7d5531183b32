package local

import (
	"bytes"
	"testing"

	"github.com/clatterhq/clatter/wire/record"
)

// testBatch is a batch of one record with a value of size bytes.
func testBatch(tb testing.TB, timestamp int64, size int) record.Batch {
	tb.Helper()
	b := record.NewBuilder()
	b.Append(timestamp, nil, bytes.Repeat([]byte{1}, size))
	batch, err := b.Build(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return batch
}
