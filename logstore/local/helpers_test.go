package local

import (
	"bytes"
	"testing"

	"github.com/clatterhq/clatter/wire/record"
)

// testBatch is a batch of n records with values of size bytes.
func testBatch(tb testing.TB, timestamp int64, n, size int) record.Batch {
	tb.Helper()
	b := record.NewBuilder()
	for i := range n {
		b.Append(timestamp+int64(i), nil, bytes.Repeat([]byte{byte(i)}, size))
	}
	batch, err := b.Build(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return batch
}
