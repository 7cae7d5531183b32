package local

import (
	"context"
	"fmt"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 16 << 10, 1 << 20} {
		for _, mode := range []string{"page cache", "durable"} {
			b.Run(fmt.Sprintf("%d/%s", size, mode), func(b *testing.B) {
				s, err := Open(context.Background(), Options{Dirs: []vfs.FS{vfs.NewOS(b.TempDir())}})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close(context.Background())
				c := logstoretest.Config()
				if mode == "page cache" {
					c.FlushMessages = 1<<63 - 1
				}
				id := logstore.TopicID{1}
				if err := s.Create(logstore.TopicPartitions{ID: id, Topic: "t", Partitions: 1, Config: c}); err != nil {
					b.Fatal(err)
				}
				p, _ := s.Partition(id, 0)
				batch := testBatch(b, 1, 1, size-70)
				b.SetBytes(int64(len(batch)))
				b.ReportAllocs()
				var tk logstore.Ticket
				for b.Loop() {
					if tk, err = p.Append(batch, logstore.AppendOptions{Now: 1}); err != nil {
						b.Fatal(err)
					}
				}
				if tk.Commit != nil {
					<-tk.Commit.Done()
				}
			})
		}
	}
}
