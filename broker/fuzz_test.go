package broker

import (
	"context"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzConnection sends any bytes, cut into pieces at random, and goes away. Nothing may panic, and
// nothing may stay: no connection, no memory, no answer that nobody was asked for.
func FuzzConnection(f *testing.F) {
	produce := frameOf(produceRequest(-1, []byte("abc")), 1)
	f.Add(frameOf(apiVersions(), 1), uint64(1))
	f.Add(append(frameOf(apiVersions(), 1), produce...), uint64(2))
	f.Add(append(frameOf(fetchRequest(), 1), produce...), uint64(3))
	f.Add(append(produce, frameOf(metadataRequest(), 2)...), uint64(4))
	f.Add(frameOf(produceRequest(1, make([]byte, 100<<10)), 2)[:70<<10], uint64(5))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), uint64(6))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0}, uint64(7))
	s := startServer(f, Options{MaxRequestBytes: 1 << 20}, func(_ context.Context, req *Request) (Reply, error) {
		switch req.Message.(type) {
		case *kmsg.ProduceRequest:
			resp := req.Message.ResponseKind()
			return Reply{Later: func(context.Context) (Reply, error) { return Reply{Message: resp}, nil }}, nil
		case *kmsg.FetchRequest:
			return Reply{Later: func(ctx context.Context) (Reply, error) {
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond): // where the end of a stream isn't noticed
				}
				return Reply{}, ctx.Err()
			}}, nil
		}
		return Reply{Message: req.Message.ResponseKind()}, nil
	})
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		c := dialServer(t, s)
		drained := make(chan struct{})
		go func() {
			io.Copy(io.Discard, c)
			close(drained)
		}()
		random := rand.New(rand.NewPCG(seed, 0))
		for len(stream) > 0 {
			n := 1 + random.IntN(len(stream))
			if _, err := c.Write(stream[:n]); err != nil {
				break
			}
			stream = stream[n:]
		}
		c.Close()
		<-drained
		for end := time.Now().Add(10 * time.Second); len(s.takeConns()) > 0; time.Sleep(100 * time.Microsecond) {
			if time.Now().After(end) {
				t.Fatal("the connection is still there")
			}
		}
		if s.Panics() != 0 || s.small.taken() != 0 || s.large.taken() != 0 {
			t.Fatalf("%d panics, %d and %d bytes are still held", s.Panics(), s.small.taken(), s.large.taken())
		}
	})
}
