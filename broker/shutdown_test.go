package broker

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// shutdown stops the server and returns the error and how long it took.
func shutdown(t *testing.T, s *testServer, atMost time.Duration) (time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), atMost)
	defer cancel()
	began := time.Now()
	err := s.Shutdown(ctx)
	if left := len(s.takeConns()); left > 0 {
		t.Errorf("%d connections are left", left)
	}
	return time.Since(began), err
}

// quick is how long what takes milliseconds may take on a machine that does other things as well.
const quick = 10 * time.Second

func TestShutdownOfIdleConnectionsIsQuick(t *testing.T) {
	s := startServer(t, Options{}, answerAll)
	var clients []*testClient
	for range 50 {
		c := dialServer(t, s)
		c.send(frameOf(apiVersions(), 1))
		c.expect(1)
		clients = append(clients, c)
	}
	clients[0].send(frameOf(apiVersions(), 1)[:7]) // one has begun a frame
	took, err := shutdown(t, s, time.Minute)
	if err != nil || took > quick {
		t.Errorf("shutdown took %s: %v", took, err)
	}
	for _, c := range clients {
		c.expectClosed()
	}
	if _, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.addr); err == nil {
		t.Error("the port still takes connections")
	}
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	s := startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
		close(begun)
		<-finish
		return Reply{Message: req.Message.ResponseKind()}, nil
	})
	c := dialServer(t, s)
	c.send(frameOf(metadataRequest(), 1))
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	<-s.stop
	close(finish)
	c.expect(1)
	c.expectClosed()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestShutdownAnswersUnansweredProduces(t *testing.T) {
	produce := newGate()
	s, _ := scriptServer(t, produce.held)
	c := dialServer(t, s)
	c.send(frameOf(produceRequest(-1, nil), 1))
	<-produce.started
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	<-s.stop
	close(produce.open)
	c.expect(1)
	c.expectClosed()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestShutdownEndsWaitingFetches(t *testing.T) {
	first, second := newGate(), newGate()
	gates := make(chan *gate, 2)
	gates <- first
	gates <- second
	s := startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
		return (<-gates).held(req), nil
	})
	alone, withMore := dialServer(t, s), dialServer(t, s)
	alone.send(frameOf(fetchRequest(), 1))
	<-first.started
	withMore.send(frameOf(fetchRequest(), 1))
	<-second.started
	withMore.send(frameOf(metadataRequest(), 2))
	took, err := shutdown(t, s, time.Minute)
	if err != nil || took > quick {
		t.Errorf("shutdown took %s: %v", took, err)
	}
	alone.expectClosed()
}

func TestShutdownCutsOffWhatTakesTooLong(t *testing.T) {
	begun := make(chan struct{})
	s := startServer(t, Options{}, func(ctx context.Context, req *Request) (Reply, error) {
		close(begun)
		<-ctx.Done()
		return Reply{Message: req.Message.ResponseKind()}, nil
	})
	c := dialServer(t, s)
	c.send(frameOf(metadataRequest(), 1))
	<-begun
	if _, err := shutdown(t, s, 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown returned %v", err)
	}
	if len(s.logs.lines("cut off", "connections=1")) != 1 {
		t.Errorf("log is\n%s", s.logs)
	}
}

func TestShutdownEndsWaitsForMemory(t *testing.T) {
	release := make(chan struct{})
	var first kmsg.Request
	s := startServer(t, Options{QueuedRequestBytes: 1}, func(_ context.Context, req *Request) (Reply, error) {
		if p, ok := req.Message.(*kmsg.ProduceRequest); ok && len(p.Topics[0].Partitions[0].Records) > 1000 && first == nil {
			first = p
			<-release
		}
		return Reply{Message: req.Message.ResponseKind()}, nil
	})
	large := frameOf(produceRequest(1, make([]byte, 200<<10)), 1)
	holder, waiter := dialServer(t, s), dialServer(t, s)
	holder.send(large)
	await(t, "the first request", func() bool { return s.large.taken() > 0 })
	go waiter.Write(large)
	await(t, "the second request", s.large.contended)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	waiter.expectGone()
	close(release)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
