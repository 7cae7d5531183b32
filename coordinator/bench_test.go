package coordinator

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/clatterhq/clatter/logstore/vfs"
)

// BenchmarkCommands is what a small record costs from Submit to its answer, with many clients that each wait for theirs.
func BenchmarkCommands(b *testing.B) {
	for _, clients := range []int{1, 100} {
		b.Run(fmt.Sprint(clients, " clients"), func(b *testing.B) {
			topic := openTopic(b, vfs.NewMemory(vfs.Volatile()), 1)
			defer topic.Close(b)
			r := newTestRuntime(b, topic)
			defer r.stop()
			b.ReportAllocs()
			b.SetParallelism(clients)
			b.RunParallel(func(pb *testing.PB) {
				done := make(chan error, 1)
				records := []pair{{key: "key", value: "a value of about the size of an offset"}}
				answer := func(err error) { done <- err }
				c := Command[*pairs, pair]{Key: "key", Shared: true, Refused: answer, Decide: func(*pairs) Decision[pair] {
					return Decision[pair]{Records: records, Answer: answer}
				}}
				for pb.Next() {
					r.Submit("key", c)
					if err := <-done; err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkLoad is the time to load a shard of 100,000 records.
func BenchmarkLoad(b *testing.B) {
	const records = 100_000
	topic := openTopic(b, vfs.NewMemory(vfs.Volatile()), 1)
	defer topic.Close(b)
	batch := make([]pair, 0, 100)
	for i := range records {
		batch = append(batch, pair{key: fmt.Sprint("key", i), value: "a value of about the size of an offset"})
		if len(batch) == cap(batch) {
			appendBatch(b, topic, nil, batch...)
			batch = batch[:0]
		}
	}
	p, err := topic.Partition(0)
	if err != nil {
		b.Fatal(err)
	}
	if n := p.Offsets().HighWatermark; n != records {
		b.Fatalf("%d records", n)
	}
	b.ReportAllocs()
	for b.Loop() {
		r := New(Options[*pairs, pair]{
			Topic: topic, Format: pairFormat{}, Log: slog.New(slog.DiscardHandler),
			New: func(_ int32, timers *Timers[*pairs, pair]) *pairs {
				return &pairs{timers: timers, values: map[string]string{}, last: -1}
			},
		})
		s := newShard(r, 0)
		if err := s.load(); err != nil {
			b.Fatal(err)
		}
		if err := r.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
