package local

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

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
				batch := testBatch(b, 1, size-70)
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

// BenchmarkCommit is the way of an acks=all append: many appenders wait for their commits at once.
func BenchmarkCommit(b *testing.B) {
	for _, c := range []struct{ partitions, inFlight int }{{1, 1}, {1, 32}, {8, 32}} {
		b.Run(fmt.Sprintf("%dx%d", c.partitions, c.inFlight), func(b *testing.B) {
			s := openStore(b, vfs.NewOS(b.TempDir()))
			defer s.Close(context.Background())
			id := logstore.TopicID{1}
			if err := s.Create(logstore.TopicPartitions{ID: id, Topic: "t", Partitions: int32(c.partitions), Config: logstoretest.Config()}); err != nil {
				b.Fatal(err)
			}
			var group sync.WaitGroup
			for i := range c.partitions {
				p, err := s.Partition(id, int32(i))
				if err != nil {
					b.Fatal(err)
				}
				group.Go(func() {
					tickets := make([]logstore.Ticket, c.inFlight)
					batch := testBatch(b, 1, 30)
					for n := range b.N / c.partitions {
						slot := &tickets[n%c.inFlight]
						if slot.Commit != nil {
							<-slot.Commit.Done()
						}
						var err error
						if *slot, err = p.Append(batch, logstore.AppendOptions{Now: 1}); err != nil {
							b.Error(err)
							return
						}
					}
					for _, ticket := range tickets {
						if _, err := ticket.Wait(context.Background()); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
		})
	}
	b.Run("bare fdatasync", func(b *testing.B) {
		f, err := vfs.NewOS(b.TempDir()).Create("x")
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		p := make([]byte, 100)
		for i := range b.N {
			if _, err := f.WriteAt(p, int64(i)*100); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

const manyPartitions = 10_000

func manyTopics() []logstore.TopicPartitions {
	config := logstoretest.Config()
	topics := make([]logstore.TopicPartitions, manyPartitions/10)
	for i := range topics {
		topics[i] = logstore.TopicPartitions{
			ID: logstore.TopicID{1, byte(i >> 8), byte(i)}, Topic: fmt.Sprintf("topic-%d", i), Partitions: 10, Config: config,
		}
	}
	return topics
}

func BenchmarkCreate10000(b *testing.B) {
	topics := manyTopics()
	b.ReportAllocs()
	for b.Loop() {
		s := openStore(b, vfs.NewMemory())
		if err := s.Create(topics...); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen10000 opens a store whose partitions all have records.
func BenchmarkOpen10000(b *testing.B) {
	fs, topics := vfs.NewOS(b.TempDir()), manyTopics()
	s := openStore(b, fs)
	if err := s.Create(topics...); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for i := range topics {
		for partition := range topics[i].Partitions {
			p, err := s.Partition(topics[i].ID, partition)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := p.Append(testBatch(b, 1, 100), logstore.AppendOptions{Now: 1}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Logf("first append to each partition: %v", time.Since(began))
	began = time.Now()
	if err := s.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Logf("close: %v", time.Since(began))
	for b.Loop() {
		s := openStore(b, fs)
		if err := s.Create(topics...); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkMemory10000 reports what an untouched and a touched partition cost.
func BenchmarkMemory10000(b *testing.B) {
	for b.Loop() {
		topics := manyTopics()
		s := openStore(b, vfs.NewMemory())
		before := liveHeap()
		if err := s.Create(topics...); err != nil {
			b.Fatal(err)
		}
		created := liveHeap()
		for i := range topics {
			for partition := range topics[i].Partitions {
				p, err := s.Partition(topics[i].ID, partition)
				if err != nil {
					b.Fatal(err)
				}
				p.Offsets()
			}
		}
		b.ReportMetric(float64(created-before)/manyPartitions, "B/untouched")
		b.ReportMetric(float64(liveHeap()-created)/manyPartitions, "B/touched")
		if err := s.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// nowhere takes bytes from a file and forgets them, so that what is left is the cost of finding them.
type nowhere struct{ io.Writer }

func (nowhere) SendFile(_ *os.File, _, n int64) (int64, error) { return n, nil }

// BenchmarkRead is a consumer that reads a log from its beginning, and one that stays at its end.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{100, 16 << 10, 1 << 20} {
		s := openStore(b, vfs.NewOS(b.TempDir()))
		config := logstoretest.Config()
		config.FlushMessages = 1 << 62
		config.SegmentBytes = 64 << 20
		id := logstore.TopicID{1}
		if err := s.Create(logstore.TopicPartitions{ID: id, Topic: "t", Partitions: 1, Config: config}); err != nil {
			b.Fatal(err)
		}
		p, err := s.Partition(id, 0)
		if err != nil {
			b.Fatal(err)
		}
		batch := testBatch(b, 1, size-70)
		for range max((96<<20)/size/10, 128) {
			if _, err := p.Append(batch, logstore.AppendOptions{Now: 1}); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("%d/1MiB", size), func(b *testing.B) {
			b.ReportAllocs()
			at, bytes := int64(0), int64(0)
			for b.Loop() {
				fetched, err := p.Read(at, logstore.ReadOptions{MaxBytes: 1 << 20, AtLeast1: true})
				if err != nil {
					b.Fatal(err)
				}
				if fetched.Records == nil {
					at = 0
					continue
				}
				n, err := fetched.Records.WriteTo(nowhere{})
				if err != nil {
					b.Fatal(err)
				}
				fetched.Records.Release()
				bytes += n
				at += n / int64(len(batch))
			}
			b.ReportMetric(float64(bytes)/float64(b.N), "B/read")
		})
		b.Run(fmt.Sprintf("%d/tail", size), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				at := p.Offsets().HighWatermark
				if _, err := p.Append(batch, logstore.AppendOptions{Now: 1}); err != nil {
					b.Fatal(err)
				}
				fetched, err := p.Read(at, logstore.ReadOptions{MaxBytes: 2 << 20})
				if err != nil || fetched.Records == nil || fetched.Records.Size() != len(batch) {
					b.Fatal(err, fetched)
				}
				fetched.Records.Release()
			}
		})
		if err := s.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenEmpty opens a new directory.
func BenchmarkOpenEmpty(b *testing.B) {
	root := b.TempDir()
	for i := range b.N {
		s := openStore(b, vfs.NewOS(fmt.Sprintf("%s/%d", root, i)))
		b.StopTimer()
		if err := s.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
