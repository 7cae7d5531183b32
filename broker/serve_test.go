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
		if req.Header.Key == wire.KeyAPIVersions || req.Header.CorrelationID%3 > 0 {
			return ready(req), nil
		}
		return Reply{Later: func(context.Context) (Reply, error) { return ready(req), nil }}, nil
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
