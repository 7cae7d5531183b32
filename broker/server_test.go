package broker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/clatterhq/clatter/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dispatchFunc is a dispatcher in one function.
type dispatchFunc func(ctx context.Context, req *Request) (Reply, error)

func (f dispatchFunc) Dispatch(ctx context.Context, req *Request) (Reply, error) { return f(ctx, req) }

// answerAll answers every request with an empty response; a Produce with acks=0 not at all.
func answerAll(_ context.Context, req *Request) (Reply, error) {
	if p, ok := req.Message.(*kmsg.ProduceRequest); ok && p.Acks == 0 {
		return Reply{}, nil
	}
	return Reply{Message: req.Message.ResponseKind()}, nil
}

// logBuffer collects log lines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// count is the number of lines that an operator sees by default.
func (l *logBuffer) count() (n int) {
	for line := range strings.Lines(l.String()) {
		if !strings.Contains(line, "level=DEBUG") {
			n++
		}
	}
	return n
}

// lines returns the lines that contain all of the given texts.
func (l *logBuffer) lines(texts ...string) (found []string) {
	for line := range strings.Lines(l.String()) {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			found = append(found, line)
		}
	}
	return found
}

// testServer is a server on a free port of the loopback interface, and what it logs.
type testServer struct {
	*Server
	addr string
	logs *logBuffer
}

func startServer(tb testing.TB, options Options, d dispatchFunc) *testServer {
	tb.Helper()
	logs := new(logBuffer)
	options.Log = slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if options.Listeners == nil {
		options.Listeners = []Listener{{Name: "PLAINTEXT", Host: "127.0.0.1"}}
	}
	s, err := Listen(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(d) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil && !errors.Is(err, ErrServerClosed) {
			tb.Errorf("shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			tb.Errorf("Serve returned %v", err)
		}
		if total := s.small.total - s.small.free; total != 0 {
			tb.Errorf("%d bytes of the small budget were not given back", total)
		}
		if total := s.large.total - s.large.free; total != 0 {
			tb.Errorf("%d bytes of the large budget were not given back", total)
		}
	})
	await(tb, "a line for each listener", func() bool { return len(logs.lines("msg=listening")) == len(s.Bound()) })
	return &testServer{Server: s, addr: s.Bound()[0].Addr.String(), logs: logs}
}

// clientTime is how long a test's conversation may take: the longest needs 18 s with -race on a busy machine.
const clientTime = 2 * time.Minute

// await waits until something holds of which nobody is told.
func await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	for end := time.Now().Add(clientTime); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("waited for %s for %s", what, clientTime)
		}
	}
}

// testClient is the other end of a connection.
type testClient struct {
	net.Conn
	t testing.TB
}

func dialServer(tb testing.TB, s *testServer) *testClient {
	tb.Helper()
	nc, err := new(net.Dialer).DialContext(tb.Context(), "tcp", s.addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(clientTime)); err != nil {
		tb.Fatal(err)
	}
	return &testClient{Conn: nc, t: tb}
}

// frameOf encodes a request with its size.
func frameOf(req kmsg.Request, correlationID int32) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, correlationID)
}

func apiVersions() kmsg.Request {
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version = 0
	return req
}

func produceRequest(acks int16, records []byte) kmsg.Request {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks = 7, acks
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "t"
	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Records = records
	topic.Partitions = append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	return req
}

func fetchRequest() kmsg.Request {
	req := kmsg.NewPtrFetchRequest()
	req.Version = 7
	return req
}

func metadataRequest() kmsg.Request {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 4
	return req
}

func (c *testClient) send(p []byte) {
	c.t.Helper()
	if _, err := c.Write(p); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads one response frame and returns its correlation ID and the rest.
func (c *testClient) answer() (int32, []byte) {
	c.t.Helper()
	frame, err := wire.ReadFrame(c, nil, 1<<30)
	if err != nil {
		c.t.Fatalf("reading an answer: %v", err)
	}
	return int32(binary.BigEndian.Uint32(frame)), frame[4:]
}

// expect reads answers and checks their order.
func (c *testClient) expect(correlationIDs ...int32) {
	c.t.Helper()
	for _, want := range correlationIDs {
		if got, _ := c.answer(); got != want {
			c.t.Fatalf("answer has correlation ID %d, want %d", got, want)
		}
	}
}

// expectClosed waits for the server to close the connection without another answer.
func (c *testClient) expectClosed() {
	c.t.Helper()
	n, err := io.Copy(io.Discard, c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatal("connection is still open")
	}
	if n != 0 {
		c.t.Fatalf("%d bytes came before the connection was closed", n)
	}
}

// expectGone waits for the end of the connection, orderly or not.
func (c *testClient) expectGone() {
	c.t.Helper()
	_, err := io.Copy(io.Discard, c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatal("connection is still open")
	}
}

func TestServerTellsWhenTheLastConnectionHasGone(t *testing.T) {
	deserted := make(chan struct{}, 3)
	s := startServer(t, Options{Deserted: func() { deserted <- struct{}{} }}, answerAll)
	for range 2 {
		first, second := dialServer(t, s), dialServer(t, s)
		for _, c := range []*testClient{first, second} {
			c.send(frameOf(apiVersions(), 1))
			c.expect(1)
		}
		first.Close()
		await(t, "the end of a connection", func() bool { return s.Connections() == 1 })
		if len(deserted) > 0 {
			t.Fatal("one connection is still there")
		}
		second.Close()
		select {
		case <-deserted:
		case <-time.After(clientTime):
			t.Fatal("nobody is told")
		}
		if n := s.Connections(); n != 0 {
			t.Errorf("%d connections after the last one", n)
		}
	}
}
