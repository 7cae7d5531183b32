package local

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

func testConfig() *logstore.Config {
	return &logstore.Config{
		CleanupPolicy: logstore.CleanupDelete, SegmentBytes: 1 << 30, SegmentMs: 604800000, SegmentIndexBytes: 10 << 20,
		IndexIntervalBytes: 4096, RetentionMs: 604800000, RetentionBytes: -1, FileDeleteDelayMs: 60000, FlushMs: math.MaxInt64,
		MaxMessageBytes: 1 << 20, TimestampBeforeMaxMs: math.MaxInt64, TimestampAfterMaxMs: 3600000, CompressionType: "producer",
	}
}

func TestBasic(t *testing.T) {
	for name, fsys := range map[string]vfs.FS{"memory": vfs.NewMemory(), "os": vfs.NewOS(t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(context.Background(), Options{Dirs: []vfs.FS{fsys}, Rand: rand.New(rand.NewPCG(1, 2))})
			if err != nil {
				t.Fatal(err)
			}
			id := logstore.TopicID{1}
			c := testConfig()
			c.SegmentBytes = 100000
			if err := s.Create(logstore.TopicPartitions{ID: id, Topic: "t", Partitions: 2, Config: c}); err != nil {
				t.Fatal(err)
			}
			p, err := s.Partition(id, 1)
			if err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer
			var tickets []logstore.Ticket
			for i := range 2000 {
				b := testBatch(t, int64(i), 1+i%3, 100)
				tk, err := p.Append(b, logstore.AppendOptions{Now: int64(i)})
				if err != nil {
					t.Fatal(err)
				}
				want.Write(b)
				tickets = append(tickets, tk)
			}
			for _, tk := range tickets {
				if _, err := tk.Wait(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			for _, max := range []int{1, 1000, 50000, 1 << 20} {
				var got bytes.Buffer
				o := p.Offsets()
				for at := int64(0); at < o.HighWatermark; {
					f, err := p.Read(at, logstore.ReadOptions{MaxBytes: max, AtLeast1: true})
					if err != nil {
						t.Fatal(err)
					}
					from := got.Len()
					if f.Records == nil {
						t.Fatal("nothing at ", at)
					}
					f.Records.WriteTo(&got)
					f.Records.Release()
					for rest := got.Bytes()[from:]; len(rest) > 0; {
						b, err := record.First(rest)
						if err != nil {
							t.Fatal(err)
						}
						if b.BaseOffset() != at {
							t.Fatal(b.BaseOffset(), at)
						}
						at = b.NextOffset()
						rest = rest[len(b):]
					}
				}
				if !bytes.Equal(got.Bytes(), want.Bytes()) {
					t.Fatal("differs")
				}
			}
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
