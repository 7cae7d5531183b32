package broker

import (
	"encoding/binary"
	"io"
	"testing"
)

// BenchmarkSmallProduce is the loop of a small request: 32 in flight on one connection.
func BenchmarkSmallProduce(b *testing.B) {
	benchmarkPipelined(b, frameOf(produceRequest(1, make([]byte, 170)), 1), 32)
}

// BenchmarkSmallProduceOneByOne has one request in flight: every one is a wake-up.
func BenchmarkSmallProduceOneByOne(b *testing.B) {
	benchmarkPipelined(b, frameOf(produceRequest(1, make([]byte, 170)), 1), 1)
}

// BenchmarkMediumProduce is a batch of 16 KiB.
func BenchmarkMediumProduce(b *testing.B) {
	benchmarkPipelined(b, frameOf(produceRequest(1, make([]byte, 16<<10)), 1), 4)
}

// BenchmarkLargeProduce is a batch of 1 MiB.
func BenchmarkLargeProduce(b *testing.B) {
	benchmarkPipelined(b, frameOf(produceRequest(1, make([]byte, 1<<20)), 1), 2)
}

func benchmarkPipelined(b *testing.B, frame []byte, depth int) {
	b.Helper()
	s := startServer(b, Options{}, answerAll)
	c := dialServer(b, s)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	burst := make([]byte, 0, depth*len(frame))
	for range depth {
		burst = append(burst, frame...)
	}
	var size [4]byte
	answer := make([]byte, 64<<10)
	b.ResetTimer()
	for done := 0; done < b.N; {
		n := min(depth, b.N-done)
		c.send(burst[:n*len(frame)])
		for range n {
			if _, err := io.ReadFull(c, size[:]); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(c, answer[:binary.BigEndian.Uint32(size[:])]); err != nil {
				b.Fatal(err)
			}
		}
		done += n
	}
}
