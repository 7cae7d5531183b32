package broker

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// startBusyServer starts a server whose connections are busy from their first request on. The dispatcher runs on the reader of the
// connection that it is given.
func startBusyServer(t *testing.T, dispatch func(ctx context.Context, c *conn, req *Request) (Reply, error)) *testServer {
	t.Helper()
	var server atomic.Pointer[Server]
	s := startServer(t, Options{}, func(ctx context.Context, req *Request) (Reply, error) {
		for _, c := range server.Load().takeConns() {
			if &c.peer == req.Peer {
				c.onOwnStack = true
				return dispatch(ctx, c, req)
			}
		}
		return Reply{}, errors.New("no such connection")
	})
	server.Store(s.Server)
	return s
}

// dialBusy connects, and has the connection busy.
func dialBusy(t *testing.T, s *testServer) *testClient {
	t.Helper()
	c := dialServer(t, s)
	if rawConn(c.Conn) == nil {
		t.Skip("this platform has no way to read without waiting")
	}
	c.send(frameOf(apiVersions(), 0))
	c.expect(0)
	return c
}

// TestBusyConnectionsAnswerWhateverComes: requests of all sizes, whole, in pieces and several at once, answered at once and later, some of
// which must wait for the turn of others.
func TestBusyConnectionsAnswerWhateverComes(t *testing.T) {
	s := startBusyServer(t, func(_ context.Context, _ *conn, req *Request) (Reply, error) {
		reply := ready(req)
		if req.Header.Key == wire.KeyAPIVersions || req.Header.CorrelationID%3 > 0 {
			return reply, nil
		}
		return Reply{Later: func(context.Context) (Reply, error) { return reply, nil }}, nil
	})
	c := dialBusy(t, s)
	random := rand.New(rand.NewPCG(1, 2))
	sizes := []int{0, 1, 100, 10_000, readBufferSize - 100, readBufferSize, 3 * readBufferSize}
	for first := int32(1); first < 600; {
		var sent []byte
		next := first
		for range 1 + random.IntN(6) {
			req := apiVersions()
			if random.IntN(3) > 0 {
				req = produceRequest(1, bytes.Repeat([]byte{7}, sizes[random.IntN(len(sizes))]))
			}
			sent = append(sent, frameOf(req, next)...)
			next++
		}
		go func() { // The answers are read meanwhile, or the server stops reading.
			for len(sent) > 0 {
				n := 1 + random.IntN(len(sent))
				if _, err := c.Write(sent[:n]); err != nil {
					return // The reader says why.
				}
				sent = sent[n:]
			}
		}()
		for ; first < next; first++ {
			c.expect(first)
		}
	}
}

// TestReadBuffersAreAsLargeAsWhatReadsBring: a buffer counts while it holds a request.
func TestReadBuffersAreAsLargeAsWhatReadsBring(t *testing.T) {
	var held atomic.Int64
	var server atomic.Pointer[Server]
	s := startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
		held.Store(server.Load().small.taken())
		for _, b := range req.Message.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records {
			if b != 7 {
				return Reply{}, errors.New("the request is not what was sent")
			}
		}
		return ready(req), nil
	})
	server.Store(s.Server)
	c := dialServer(t, s)
	if rawConn(c.Conn) == nil {
		t.Skip("this platform reads the size of a frame alone")
	}
	id := int32(0)
	ask := func(size int) int64 {
		id++
		c.send(frameOf(produceRequest(1, bytes.Repeat([]byte{7}, size)), id))
		c.expect(id)
		return held.Load()
	}
	for range 2 {
		ask(2 * littleRead)
		if got := ask(10); got != readBufferSize {
			t.Errorf("a buffer of %d bytes", got)
		}
		for range littleReads {
			ask(10)
		}
		little := int64(classSize(littleClass))
		if got := ask(10); got != little {
			t.Errorf("a buffer of %d bytes where reads bring little", got)
		}
	}
	for _, size := range []int{littleRead, 3 << 10, 4 << 10, readBufferSize - 1000} { // Some don't fit.
		for range littleReads {
			ask(10)
		}
		ask(size)
	}
}

// TestEndOfABusyConnectionIsNoticed: it comes together with the last request, whose bytes are all that the server reads.
func TestEndOfABusyConnectionIsNoticed(t *testing.T) {
	began, goOn := make(chan struct{}), make(chan struct{})
	s := startBusyServer(t, func(_ context.Context, _ *conn, req *Request) (Reply, error) {
		if req.Header.CorrelationID == 1 {
			close(began)
			<-goOn
		}
		return ready(req), nil
	})
	c := dialBusy(t, s)
	c.send(frameOf(apiVersions(), 1))
	<-began
	c.send(frameOf(apiVersions(), 2))
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	c.expect(1, 2)
	c.expectClosed()
}

// TestBusyConnectionsEndWithTheServer: one waits for a request, the other is at one.
func TestBusyConnectionsEndWithTheServer(t *testing.T) {
	began := make(chan struct{})
	s := startBusyServer(t, func(ctx context.Context, _ *conn, req *Request) (Reply, error) {
		if req.Header.CorrelationID == 1 {
			close(began)
			<-ctx.Done()
		}
		return ready(req), nil
	})
	waiting, working := dialBusy(t, s), dialBusy(t, s)
	working.send(frameOf(apiVersions(), 1))
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_ = s.Shutdown(ctx)
	waiting.expectGone()
	working.expectGone()
}
