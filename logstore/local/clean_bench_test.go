package local

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// BenchmarkClean compacts a log of 128 MiB from the page cache, with a tenth as many keys as records. MB/s is what is read of the log,
// once: a cleaning reads it twice and writes what stays.
func BenchmarkClean(b *testing.B) {
	for _, c := range []struct {
		name  string
		size  int
		codec record.Codec
	}{{"1KiB", 1024, record.None}, {"100B", 100, record.None}, {"1KiB-lz4", 1024, record.LZ4}, {"1KiB-zstd", 1024, record.Zstd}} {
		b.Run(c.name, func(b *testing.B) {
			o := on(vfs.NewOS(b.TempDir()))
			o.Cleaner = func() CleanerConfig {
				d := DefaultCleanerConfig()
				d.Disabled = true
				return d
			}
			s, err := Open(context.Background(), o)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close(context.Background())
			config := logstoretest.CompactConfig()
			config.SegmentBytes, config.IndexIntervalBytes, config.FlushMessages = 32<<20, 4096, 1<<62
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				topic := logstore.TopicPartitions{ID: logstore.TopicID{byte(i + 1), byte(i >> 8), 1}, Topic: fmt.Sprint("t", i), Partitions: 1, Config: config}
				p := create(b, s, topic)[0]
				fillForCleaning(b, p, c.size, c.codec)
				b.SetBytes(p.Size())
				s.traffic.seen.Store(false) // nothing else is served
				b.StartTimer()
				if err := p.Maintain(context.Background(), logstore.Compaction); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := s.Delete(context.Background(), topic); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

func fillForCleaning(b *testing.B, p logstore.Partition, size int, codec record.Codec) {
	b.Helper()
	const total = 128 << 20
	records := total / size
	value := make([]byte, size)
	random := rand.New(rand.NewPCG(1, 1))
	batch := record.NewBuilder()
	batch.Codec = codec
	for i := 0; i < records; {
		for batch.Size() < 64<<10 {
			for j := 0; j < size/2; j += 8 { // half of it compresses
				binary.LittleEndian.PutUint64(value[j:], random.Uint64())
			}
			batch.Append(int64(i), fmt.Appendf(nil, "key-%d", i*7919%(records/10)), value)
			i++
		}
		built, err := batch.Build(nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Append(built, logstore.AppendOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Maintain(context.Background(), logstore.Flush); err != nil {
		b.Fatal(err)
	}
}
