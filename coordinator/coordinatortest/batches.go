package coordinatortest

import (
	"bytes"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// Append writes a batch as another coordinator.
func (t *Topic) Append(tb testing.TB, partition int32, fill func(*record.Builder)) {
	tb.Helper()
	b := record.NewBuilder()
	fill(b)
	batch, err := b.Build(nil)
	if err != nil {
		tb.Fatal(err)
	}
	p, err := t.Partition(partition)
	if err != nil {
		tb.Fatal(err)
	}
	ticket, err := p.Append(batch, logstore.AppendOptions{Now: 1, Origin: logstore.Coordinator})
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := ticket.Wait(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// EachBatch yields the batches of a log from an offset on, up to the high watermark, and moves the offset.
func EachBatch(tb testing.TB, p logstore.Partition, from *int64, yield func(record.Batch)) {
	tb.Helper()
	for *from < p.Offsets().HighWatermark {
		fetched, err := p.Read(*from, logstore.ReadOptions{MaxBytes: 1 << 20, AtLeast1: true})
		if err != nil {
			tb.Fatal(err)
		}
		var buf bytes.Buffer
		_, err = fetched.Records.WriteTo(&buf)
		fetched.Records.Release()
		if err != nil {
			tb.Fatal(err)
		}
		for rest := buf.Bytes(); len(rest) > 0; {
			b, err := record.First(rest)
			if err != nil {
				tb.Fatal(err)
			}
			yield(b)
			rest, *from = rest[len(b):], b.NextOffset()
		}
	}
}

// Records decodes the records of a log from an offset on, up to the high watermark, and moves the offset.
func Records[R any](tb testing.TB, p logstore.Partition, from *int64, decode func(key, value []byte) (R, error)) []R {
	tb.Helper()
	var records []R
	EachBatch(tb, p, from, func(b record.Batch) {
		for r, err := range b.Records(record.DefaultLimit(len(b))) {
			if err != nil {
				tb.Fatal(err)
			}
			decoded, err := decode(r.Key, r.Value)
			if err != nil {
				tb.Fatal(err)
			}
			records = append(records, decoded)
		}
	})
	return records
}
