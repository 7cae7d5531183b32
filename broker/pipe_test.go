package broker

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
)

// pipeListener hands out connections in memory, so that time can be a test's own (synctest).
type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }

// dial is the other end of a new connection.
func (l *pipeListener) dial(tb testing.TB) *testClient {
	tb.Helper()
	client, server := net.Pipe()
	l.conns <- server
	return &testClient{Conn: client, t: tb}
}

// startPipeServer is a server without network. The caller calls the function that it returns at the end.
func startPipeServer(tb testing.TB, options Options, d dispatchFunc) (*testServer, *pipeListener, func()) {
	tb.Helper()
	l := newPipeListener()
	logs := new(logBuffer)
	options.Log = slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	options.Listeners = []Listener{{Name: "MEMORY"}}
	options.Listen = func(context.Context, string, string) (net.Listener, error) { return l, nil }
	s, err := Listen(context.Background(), options)
	if err != nil {
		tb.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		s.Serve(d)
		close(served)
	}()
	return &testServer{Server: s, logs: logs}, l, func() {
		if err := s.Shutdown(context.Background()); err != nil {
			tb.Error(err)
		}
		<-served
	}
}
