package broker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// fileRecords are records in a file, as the local store has them.
type fileRecords struct {
	f        *os.File
	offset   int64
	size     int
	released *atomic.Int32
}

func (r *fileRecords) Size() int { return r.size }
func (r *fileRecords) Release()  { r.released.Add(1) }

func (r *fileRecords) WriteTo(w io.Writer) (int64, error) {
	if s, ok := w.(logstore.FileSender); ok {
		return s.SendFile(r.f, r.offset, int64(r.size))
	}
	return io.Copy(w, io.NewSectionReader(r.f, r.offset, int64(r.size)))
}

// memoryRecords are records in memory, as the store of --memory has them.
type memoryRecords struct {
	b        []byte
	released *atomic.Int32
}

func (r *memoryRecords) Size() int { return len(r.b) }
func (r *memoryRecords) Release()  { r.released.Add(1) }

func (r *memoryRecords) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(r.b)
	return int64(n), err
}

// recordsFile is a file of random bytes.
func recordsFile(tb testing.TB, size int) (*os.File, []byte) {
	tb.Helper()
	content := make([]byte, size)
	rand.NewChaCha8([32]byte{7}).Read(content)
	path := filepath.Join(tb.TempDir(), "log")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	return f, content
}

// fetchOf is a response with one partition per set of records.
func fetchOf(sets ...wire.RecordSet) *wire.FetchResponse {
	resp := &wire.FetchResponse{Version: 12}
	for i, records := range sets {
		p := wire.FetchPartition{Partition: int32(i), HighWatermark: 5, LogStartOffset: -1, Records: records}
		resp.Topics = append(resp.Topics, wire.FetchTopic{Topic: "t", Partitions: []wire.FetchPartition{p}})
	}
	return resp
}

func TestFetchedRecordsArriveIntact(t *testing.T) {
	f, content := recordsFile(t, 8<<20)
	var released atomic.Int32
	random := rand.New(rand.NewPCG(3, 4))
	sizes := []int{1, 100, copyBelow - 1, copyBelow, copyBelow + 1, 64 << 10, 1 << 20, 3 << 20}
	make1 := func() (sets []wire.RecordSet) {
		for range 1 + random.IntN(4) {
			size := sizes[random.IntN(len(sizes))]
			offset := random.IntN(len(content) - size)
			if random.IntN(2) == 0 {
				sets = append(sets, &fileRecords{f, int64(offset), size, &released})
			} else {
				sets = append(sets, &memoryRecords{content[offset : offset+size], &released})
			}
		}
		return sets
	}
	replies := make(chan *wire.FetchResponse, 2)              // A round that failed leaves one, and the next must not wait for ever.
	serve := func(context.Context, *Request) (Reply, error) { //nolint:unparam // a dispatcher has an error
		resp := <-replies
		if random.IntN(2) == 0 {
			return Reply{Fetch: resp}, nil
		}
		return Reply{Later: func(context.Context) (Reply, error) { return Reply{Fetch: resp}, nil }}, nil
	}
	check := func(t *testing.T, c *testClient, rounds int) {
		t.Helper()
		for range rounds {
			sets := make1()
			want, err := fetchOf(sets...).Encode(nil, 1)
			if err != nil {
				t.Fatal(err)
			}
			frame, err := want.AppendTo(nil)
			if err != nil {
				t.Fatal(err)
			}
			released.Store(0)
			replies <- fetchOf(sets...)
			go c.Write(frameOf(fetchRequest(), 1))
			got := make([]byte, len(frame))
			if _, err := io.ReadFull(c, got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, frame) {
				t.Fatal("the response arrived with another content")
			}
			await(t, "the release of all records", func() bool { return int(released.Load()) >= len(sets) })
			if n := int(released.Load()); n != len(sets) {
				t.Fatalf("%d sets of records were given back %d times", len(sets), n)
			}
		}
	}
	t.Run("socket", func(t *testing.T) {
		check(t, dialServer(t, startServer(t, Options{}, serve)), 40)
	})
	t.Run("socket with small buffers", func(t *testing.T) {
		check(t, dialServer(t, startServer(t, Options{SendBuffer: 4 << 10, ReceiveBuffer: 4 << 10}, serve)), 2)
	})
	t.Run("memory", func(t *testing.T) {
		_, l, stop := startPipeServer(t, Options{}, serve)
		defer stop()
		c := l.dial(t)
		defer c.Close()
		check(t, c, 20)
	})
}

func TestAnswersAroundAFetchKeepTheirOrder(t *testing.T) {
	f, _ := recordsFile(t, 1<<20)
	var released atomic.Int32
	s := startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
		if req.Header.Key == wire.KeyFetch {
			return Reply{Fetch: fetchOf(&fileRecords{f, 0, 1 << 20, &released})}, nil
		}
		return ready(req), nil
	})
	c := dialServer(t, s)
	var burst []byte
	for id := range int32(30) {
		req := metadataRequest()
		if id%7 == 3 {
			req = fetchRequest()
		}
		burst = append(burst, frameOf(req, id)...)
	}
	c.send(burst)
	for id := range int32(30) {
		c.expect(id)
	}
}

func TestRecordsAreGivenBackWhateverHappens(t *testing.T) {
	f, _ := recordsFile(t, 1<<20)
	tests := []struct {
		name string
		resp func(released *atomic.Int32) *wire.FetchResponse
		says string
	}{
		{"file shorter than announced", func(released *atomic.Int32) *wire.FetchResponse {
			return fetchOf(&fileRecords{f, 900 << 10, 1 << 20, released})
		}, "unexpected EOF"},
		{"small piece beyond the end", func(released *atomic.Int32) *wire.FetchResponse {
			return fetchOf(&fileRecords{f, 1<<20 - 10, 1000, released})
		}, "unexpected EOF"},
		{"version that doesn't exist", func(released *atomic.Int32) *wire.FetchResponse {
			resp := fetchOf(&fileRecords{f, 0, 1000, released})
			resp.Version = 3
			return resp
		}, "unsupported API version"},
	}
	for _, test := range tests {
		for _, later := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				var released atomic.Int32
				s := startServer(t, Options{}, func(context.Context, *Request) (Reply, error) {
					resp := test.resp(&released)
					if !later {
						return Reply{Fetch: resp}, nil
					}
					return Reply{Later: func(context.Context) (Reply, error) { return Reply{Fetch: resp}, nil }}, nil
				})
				c := dialServer(t, s)
				c.send(frameOf(fetchRequest(), 1))
				c.expectGone()
				await(t, "the end of the connection", func() bool { return len(s.takeConns()) == 0 })
				if released.Load() != 1 {
					t.Errorf("records were given back %d times", released.Load())
				}
				if len(s.logs.lines(test.says)) != 1 {
					t.Errorf("log is\n%s", s.logs)
				}
			})
		}
	}
}

func TestRecordsAreGivenBackWhenThePeerGoes(t *testing.T) {
	f, _ := recordsFile(t, 16<<20)
	var released atomic.Int32
	begun := make(chan struct{})
	s := startServer(t, Options{}, func(context.Context, *Request) (Reply, error) {
		close(begun)
		var sets []wire.RecordSet
		for range 5 {
			sets = append(sets, &fileRecords{f, 0, 16 << 20, &released})
		}
		return Reply{Fetch: fetchOf(sets...)}, nil
	})
	c := dialServer(t, s)
	c.send(frameOf(fetchRequest(), 1))
	<-begun
	io.CopyN(io.Discard, c, 1<<20)
	c.Close()
	await(t, "the release of all records", func() bool { return released.Load() == 5 })
}

func TestErrorsOfAReplyReleaseItsRecords(t *testing.T) {
	f, _ := recordsFile(t, 100)
	var released atomic.Int32
	s := startServer(t, Options{}, func(context.Context, *Request) (Reply, error) {
		return Reply{Fetch: fetchOf(&fileRecords{f, 0, 100, &released})}, errors.New("and an error")
	})
	c := dialServer(t, s)
	c.send(frameOf(fetchRequest(), 1))
	c.expectClosed()
	if released.Load() != 1 {
		t.Errorf("records were given back %d times", released.Load())
	}
}

// BenchmarkFetch is a response of 1 MiB from a file in the page cache.
func TestAnswersLeaveTogetherThoughTheLastRequestArrivesInParts(t *testing.T) {
	began, goOn, waited := make(chan struct{}), make(chan struct{}), make(chan int, 2)
	s := startBusyServer(t, func(_ context.Context, c *conn, req *Request) (Reply, error) {
		began <- struct{}{}
		<-goOn
		waited <- c.out.gathered()
		return ready(req), nil
	})
	c := dialServer(t, s)
	if rawConn(c.Conn) == nil {
		t.Skip("this platform has no way to read without waiting")
	}
	second := frameOf(produceRequest(1, make([]byte, 1000)), 2)
	c.send(append(frameOf(produceRequest(1, nil), 1), second[:500]...))
	<-began
	c.send(second[500:])
	goOn <- struct{}{}
	<-began
	goOn <- struct{}{}
	c.expect(1, 2)
	if first, second := <-waited, <-waited; first != 0 || second == 0 {
		t.Errorf("%d and %d bytes of answers waited at the first and the second request; want none and some", first, second)
	}
}

func TestAnswersDontWaitForARequestThatDoesntArrive(t *testing.T) {
	s := startBusyServer(t, func(_ context.Context, _ *conn, req *Request) (Reply, error) { return ready(req), nil })
	c := dialServer(t, s)
	last := frameOf(produceRequest(1, make([]byte, 1000)), 9)
	var burst []byte
	for id := range int32(9) {
		burst = append(burst, frameOf(produceRequest(1, nil), id)...)
	}
	c.send(append(burst, last[:len(last)-1]...))
	c.expect(0, 1, 2, 3, 4, 5, 6, 7, 8)
	c.send(last[len(last)-1:])
	c.expect(9)
}

func TestAnswersLeaveBeforeAConnectionThatEndsInTheMiddleOfAFrame(t *testing.T) {
	goOn := make(chan struct{})
	s := startBusyServer(t, func(_ context.Context, _ *conn, req *Request) (Reply, error) {
		<-goOn
		return ready(req), nil
	})
	c := dialServer(t, s)
	c.send(append(frameOf(produceRequest(1, nil), 1), 0, 0))
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	c.expect(1)
	c.expectClosed()
}

func BenchmarkFetch(b *testing.B) {
	f, _ := recordsFile(b, 1<<20)
	var released atomic.Int32
	s := startServer(b, Options{}, func(context.Context, *Request) (Reply, error) {
		return Reply{Fetch: fetchOf(&fileRecords{f, 0, 1 << 20, &released})}, nil
	})
	c := dialServer(b, s)
	frame := frameOf(fetchRequest(), 1)
	b.SetBytes(1 << 20)
	var buf []byte
	for b.Loop() {
		c.send(frame)
		var err error
		if buf, err = wire.ReadFrame(c, buf, 1<<30); err != nil {
			b.Fatal(err)
		}
	}
}
