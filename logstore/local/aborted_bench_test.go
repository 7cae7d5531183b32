package local

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// copied takes bytes from a file and copies them, as a socket does.
type copied struct{ buffer []byte }

func (c *copied) Write(p []byte) (int, error) { return copy(c.buffer, p), nil }

func (c *copied) SendFile(f *os.File, offset, n int64) (int64, error) {
	read, err := f.ReadAt(c.buffer[:n], offset)
	return int64(read), err
}

// BenchmarkReadCommitted reads a log of transactions of 1 KiB from its begin to its end, a MiB at a time: the bar of readers of
// committed records is 10 % more than that of all others without aborted transactions, and 25 % with half of them aborted.
func BenchmarkReadCommitted(b *testing.B) {
	for _, aborts := range []int{0, 2} {
		config := logstoretest.Config()
		config.FlushMessages, config.SegmentBytes = 1<<62, 64<<20
		topic := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 1, Config: config}
		s := openStore(b, vfs.NewOS(b.TempDir()))
		p := create(b, s, topic)[0]
		size := 0
		for i := range 200_000 {
			data := logstoretest.Batch{Size: 850, ProducerID: int64(1 + i%50), BaseSequence: int32(i / 50), Transactional: true}.Build(b)
			size = len(data)
			m := logstoretest.Marker{ProducerID: int64(1 + i%50), Aborts: aborts > 0 && i%aborts == 0}
			if _, err := p.Append(data, logstore.AppendOptions{Verification: logstore.VerificationOff}); err != nil {
				b.Fatal(err)
			}
			if _, err := p.Append(m.Build(b), logstore.AppendOptions{Origin: logstore.Coordinator}); err != nil {
				b.Fatal(err)
			}
		}
		for _, isolation := range []logstore.Isolation{logstore.ReadUncommitted, logstore.ReadCommitted} {
			b.Run(fmt.Sprintf("aborted=1in%d/isolation=%d", aborts, isolation), func(b *testing.B) {
				to := copied{make([]byte, 2<<20)}
				b.ReportAllocs()
				at, aborted := int64(0), 0
				for b.Loop() {
					fetched, err := p.Read(at, logstore.ReadOptions{MaxBytes: 1 << 20, AtLeast1: true, Isolation: isolation})
					if err != nil {
						b.Fatal(err)
					}
					if fetched.Records == nil {
						at = 0
						continue
					}
					n, err := fetched.Records.WriteTo(&to)
					if err != nil {
						b.Fatal(err)
					}
					fetched.Records.Release()
					aborted += len(fetched.Aborted)
					at += 2 * (n / int64(size+78))
				}
				b.ReportMetric(float64(aborted)/float64(b.N), "aborted/read")
			})
		}
		if err := s.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
