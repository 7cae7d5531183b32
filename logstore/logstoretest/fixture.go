package logstoretest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// Config is a configuration with Kafka's defaults and group commit, but no retention: the records of most tests are very old.
func Config() *logstore.Config {
	return &logstore.Config{
		CleanupPolicy: logstore.CleanupDelete,
		SegmentBytes:  1 << 30, SegmentMs: 604_800_000, SegmentIndexBytes: 10 << 20, IndexIntervalBytes: 4096,
		RetentionMs: -1, RetentionBytes: -1, FileDeleteDelayMs: 60_000,
		FlushMessages: logstore.NoFlushInterval, FlushMs: math.MaxInt64,
		MaxMessageBytes: 1_048_588, TimestampBeforeMaxMs: math.MaxInt64, TimestampAfterMaxMs: 3_600_000,
		CompressionType: "producer", CompressionGzipLevel: -1, CompressionLZ4Level: 9, CompressionZstdLevel: 3,
		MinInsyncReplicas: 1, DeleteRetentionMs: 86_400_000, MaxCompactionLagMs: math.MaxInt64, MinCleanableDirtyRatio: 0.5,
	}
}

// Batch describes a batch for tests.
type Batch struct {
	Records   int   // default 1
	Size      int   // of each value, bytes
	Timestamp int64 // of the first record; the next ones are one ms later each
	Codec     record.Codec

	ProducerID    int64 // 0: none
	ProducerEpoch int16
	BaseSequence  int32
	Transactional bool
	// Tag makes the payload unlike that of other batches.
	Tag int
}

// Build makes the batch as a producer sends it.
func (b Batch) Build(tb testing.TB) record.Batch {
	tb.Helper()
	r := record.NewBuilder()
	r.Codec = b.Codec
	if b.ProducerID > 0 {
		r.ProducerID, r.ProducerEpoch, r.BaseSequence = b.ProducerID, b.ProducerEpoch, b.BaseSequence
		r.Transactional = b.Transactional
	}
	for i := range max(b.Records, 1) {
		value := fmt.Appendf(nil, "%d/%d ", b.Tag, i)
		value = append(value, bytes.Repeat([]byte{byte(b.Tag)}, b.Size)...)
		r.Append(b.Timestamp+int64(i), fmt.Appendf(nil, "k%d", i), value)
	}
	batch, err := r.Build(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return batch
}

// someTopic is the topic of most tests.
func someTopic(config *logstore.Config) logstore.TopicPartitions {
	return logstore.TopicPartitions{ID: logstore.TopicID{0xca, 0xfe, 1}, Topic: "topic", Partitions: 3, Config: config}
}

// opened is a store with one topic, closed at the end of the test.
type opened struct {
	t     *testing.T
	store logstore.Store
	topic logstore.TopicPartitions
}

func open(t *testing.T, b Backend, config *logstore.Config) *opened {
	t.Helper()
	o := &opened{t: t, store: b.Open(t), topic: someTopic(config)}
	if err := o.store.Create(o.topic); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if o.store != nil {
			o.close()
		}
	})
	return o
}

func (o *opened) close() {
	o.t.Helper()
	if err := o.store.Close(context.Background()); err != nil {
		o.t.Fatalf("close: %v", err)
	}
	o.store = nil
}

// reopen closes the store and opens it again with the same topic.
func (o *opened) reopen(b Backend) {
	o.t.Helper()
	o.close()
	o.store = b.Open(o.t)
	if err := o.store.Create(o.topic); err != nil {
		o.t.Fatal(err)
	}
}

func (o *opened) partition(i int32) logstore.Partition {
	o.t.Helper()
	p, err := o.store.Partition(o.topic.ID, i)
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

// appendBatch appends and waits.
func appendBatch(tb testing.TB, p logstore.Partition, batch []byte) logstore.AppendResult {
	tb.Helper()
	ticket, err := p.Append(batch, logstore.AppendOptions{Now: 1_700_000_000_000})
	if err != nil {
		tb.Fatalf("append: %v", err)
	}
	result, err := ticket.Wait(context.Background())
	if err != nil {
		tb.Fatalf("commit: %v", err)
	}
	return result
}

// buffer collects what Records write.
type buffer struct{ bytes.Buffer }

// read reads once and returns the bytes.
func read(tb testing.TB, p logstore.Partition, offset int64, opts logstore.ReadOptions) ([]byte, logstore.Fetched) {
	tb.Helper()
	fetched, err := p.Read(offset, opts)
	if err != nil {
		tb.Fatalf("read at %d: %v", offset, err)
	}
	if fetched.Records == nil {
		return nil, fetched
	}
	var b buffer
	n, err := fetched.Records.WriteTo(&b)
	if err != nil || n != int64(b.Len()) || b.Len() != fetched.Records.Size() {
		tb.Fatalf("read at %d: wrote %d bytes of %d, said %d, %v", offset, b.Len(), fetched.Records.Size(), n, err)
	}
	fetched.Records.Release()
	fetched.Records = nil
	return b.Bytes(), fetched
}

// readAll reads everything from an offset up to the end that a reader sees.
func readAll(tb testing.TB, p logstore.Partition, from int64, maxBytes int) []record.Batch {
	tb.Helper()
	var batches []record.Batch
	for at := from; at < p.Offsets().HighWatermark; {
		content, _ := read(tb, p, at, logstore.ReadOptions{MaxBytes: maxBytes, AtLeast1: true})
		if len(content) == 0 {
			tb.Fatalf("nothing at offset %d below the end %d", at, p.Offsets().HighWatermark)
		}
		for _, b := range split(tb, content) {
			if b.LastOffset() < at {
				tb.Fatalf("read at %d returned the batch %d to %d", at, b.BaseOffset(), b.LastOffset())
			}
			if err := b.VerifyCRC(); err != nil {
				tb.Fatal(err)
			}
			batches = append(batches, b)
			at = b.NextOffset()
		}
	}
	return batches
}

// split takes a run of batches apart.
func split(tb testing.TB, content []byte) []record.Batch {
	tb.Helper()
	var batches []record.Batch
	for len(content) > 0 {
		b, err := record.First(content)
		if err != nil {
			tb.Fatalf("what was read is no run of whole batches: %v", err)
		}
		batches = append(batches, b)
		content = content[len(b):]
	}
	return batches
}
