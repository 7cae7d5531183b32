package broker

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// gate is an answer that a test holds back.
type gate struct {
	started chan struct{} // closed when Later was called
	open    chan struct{} // closed by the test
	ended   chan error    // what Later returned with: the context's error, or nil
}

func newGate() *gate {
	return &gate{started: make(chan struct{}), open: make(chan struct{}), ended: make(chan error, 1)}
}

// later is the answer behind the gate.
func (g *gate) later(resp kmsg.Response) Reply {
	return Reply{Later: func(ctx context.Context) (Reply, error) {
		close(g.started)
		select {
		case <-g.open:
			g.ended <- nil
			return Reply{Message: resp}, nil
		case <-ctx.Done():
			g.ended <- ctx.Err()
			return Reply{}, ctx.Err()
		}
	}}
}

// scriptServer answers the n-th request with the n-th reply, and tells when one has begun.
func scriptServer(t *testing.T, replies ...func(*Request) Reply) (*testServer, chan int) {
	t.Helper()
	began := make(chan int, len(replies)+1)
	n := 0
	return startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
		n++
		began <- n
		if n > len(replies) {
			return Reply{}, errors.New("more requests than the script has")
		}
		return replies[n-1](req), nil
	}), began
}

func ready(req *Request) Reply { return Reply{Message: req.Message.ResponseKind()} }

func (g *gate) held(req *Request) Reply { return g.later(req.Message.ResponseKind()) }

// notBegun waits long enough to say that no request begins.
func notBegun(t *testing.T, began chan int) {
	t.Helper()
	select {
	case n := <-began:
		t.Fatalf("request %d has begun", n)
	case <-time.After(30 * time.Millisecond):
	}
}

func TestAnswersLeaveInTheOrderOfRequests(t *testing.T) {
	first, third := newGate(), newGate()
	s, _ := scriptServer(t, first.held, ready, third.held, ready)
	c := dialServer(t, s)
	for id := range int32(4) {
		c.send(frameOf(produceRequest(-1, []byte("x")), id))
	}
	close(third.open)
	<-first.started
	close(first.open)
	c.expect(0, 1, 2, 3)
}

func TestProduceStartsWhileProduceIsUnanswered(t *testing.T) {
	first, second := newGate(), newGate()
	s, began := scriptServer(t, first.held, second.held)
	c := dialServer(t, s)
	c.send(frameOf(produceRequest(-1, nil), 1))
	<-began
	c.send(frameOf(produceRequest(-1, nil), 2))
	<-began
	close(second.open)
	close(first.open)
	c.expect(1, 2)
}

func TestOtherRequestsWaitForUnansweredProduce(t *testing.T) {
	first := newGate()
	s, began := scriptServer(t, first.held, ready, ready)
	c := dialServer(t, s)
	c.send(frameOf(produceRequest(-1, nil), 1))
	c.send(frameOf(metadataRequest(), 2))
	c.send(frameOf(produceRequest(-1, nil), 3))
	<-began
	notBegun(t, began)
	close(first.open)
	c.expect(1, 2, 3)
}

func TestNothingStartsWhileFetchWaits(t *testing.T) {
	fetch := newGate()
	s, began := scriptServer(t, fetch.held, ready, ready)
	c := dialServer(t, s)
	c.send(frameOf(fetchRequest(), 1))
	<-began
	// Larger than the read buffer: its memory must not be taken before its turn.
	c.send(frameOf(produceRequest(-1, make([]byte, 100<<10)), 2))
	notBegun(t, began)
	if s.large.free != s.large.total {
		t.Error("a frame that can't start yet holds memory")
	}
	close(fetch.open)
	c.send(frameOf(metadataRequest(), 3))
	c.expect(1, 2, 3)
}

func TestAcksZeroIsNotAnswered(t *testing.T) {
	s := startServer(t, Options{}, answerAll)
	c := dialServer(t, s)
	c.send(frameOf(produceRequest(0, nil), 1))
	c.send(frameOf(produceRequest(0, nil), 2))
	c.send(frameOf(metadataRequest(), 3))
	c.expect(3)
}

func TestAcksZeroBetweenUnansweredProduces(t *testing.T) {
	first := newGate()
	s, _ := scriptServer(t, first.held, func(*Request) Reply { return Reply{} }, ready)
	c := dialServer(t, s)
	c.send(frameOf(produceRequest(-1, nil), 1))
	c.send(frameOf(produceRequest(0, nil), 2))
	c.send(frameOf(produceRequest(-1, nil), 3))
	<-first.started
	close(first.open)
	c.expect(1, 3)
}

func TestWhatWaitsForAnAnswerHappensAfterIt(t *testing.T) {
	read, sent := make(chan struct{}), make(chan int, 3)
	s := startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
		n := int(req.Header.CorrelationID)
		return Reply{Message: req.Message.ResponseKind(), Sent: func() {
			<-read // The client has the answers while this goes on.
			sent <- n
		}}, nil
	})
	c := dialServer(t, s)
	var burst []byte
	for id := range int32(3) {
		burst = append(burst, frameOf(produceRequest(1, nil), id)...)
	}
	c.send(burst)
	c.expect(0)
	close(read)
	c.expect(1, 2)
	for want := range 3 {
		if got := <-sent; got != want {
			t.Errorf("request %d comes as number %d", got, want)
		}
	}
}

func TestMemoryOfAnAnswerIsGivenBackOnce(t *testing.T) {
	recycled := make(chan int32, 10)
	recyclable := func(req *Request) Reply {
		id := req.Header.CorrelationID
		return Reply{Message: req.Message.ResponseKind(), Recycle: func() { recycled <- id }}
	}
	expect := func(t *testing.T, want ...int32) {
		t.Helper()
		for _, id := range want {
			if got := <-recycled; got != id {
				t.Errorf("%d was given back, want %d", got, id)
			}
		}
		if len(recycled) > 0 {
			t.Errorf("%d was given back, too", <-recycled)
		}
	}
	t.Run("sent at once and later", func(t *testing.T) {
		held := newGate()
		s, began := scriptServer(t, recyclable, held.held, recyclable, func(req *Request) Reply {
			reply := recyclable(req)
			return Reply{Later: func(context.Context) (Reply, error) { return reply, nil }}
		}, ready)
		c := dialServer(t, s)
		c.send(frameOf(produceRequest(-1, nil), 1))
		c.expect(1)
		for id := int32(2); id <= 5; id++ {
			c.send(frameOf(produceRequest(-1, nil), id))
		}
		for range 5 {
			<-began
		}
		expect(t, 1) // What waits for its turn isn't encoded yet.
		close(held.open)
		c.expect(2, 3, 4, 5)
		expect(t, 3, 4)
	})
	t.Run("thrown away", func(t *testing.T) {
		s := startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
			return recyclable(req), errors.New("failed")
		})
		c := dialServer(t, s)
		c.send(frameOf(produceRequest(-1, nil), 1))
		c.expectGone()
		expect(t, 1)
	})
}

func TestWhatWaitsForAnAnswerHappensWithoutOne(t *testing.T) {
	held := newGate()
	sent := make(chan struct{})
	tellSent := func() { close(sent) }
	withSent := func(req *Request) Reply { return Reply{Message: req.Message.ResponseKind(), Sent: tellSent} }
	t.Run("others are unanswered", func(t *testing.T) {
		sent = make(chan struct{})
		s, _ := scriptServer(t, held.held, withSent)
		c := dialServer(t, s)
		c.send(frameOf(produceRequest(-1, nil), 1))
		c.send(frameOf(produceRequest(-1, nil), 2))
		<-sent
		close(held.open)
		c.expect(1, 2)
	})
	t.Run("the handler fails", func(t *testing.T) {
		sent = make(chan struct{})
		s := startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
			return withSent(req), errors.New("failed")
		})
		c := dialServer(t, s)
		c.send(frameOf(produceRequest(1, nil), 1))
		<-sent
		c.expectGone()
	})
	t.Run("the next request panics", func(t *testing.T) {
		sent = make(chan struct{})
		s, _ := scriptServer(t, withSent, func(*Request) Reply { panic("as the test wants") })
		c := dialServer(t, s)
		c.send(append(frameOf(produceRequest(1, nil), 1), frameOf(produceRequest(1, nil), 2)...))
		<-sent
		c.expectGone()
	})
	t.Run("the peer doesn't read", func(t *testing.T) {
		sent = make(chan struct{})
		s, _ := scriptServer(t, withSent, func(*Request) Reply {
			return Reply{Fetch: fetchOf(&memoryRecords{b: make([]byte, 64<<20)})}
		})
		c := dialServer(t, s)
		c.send(append(frameOf(produceRequest(1, nil), 1), frameOf(fetchRequest(), 2)...))
		<-sent
	})
}

func TestAnswersThatAreReadyTogetherLeaveInOneWrite(t *testing.T) {
	const n = 20
	release := make(chan struct{})
	var begun atomic.Int32
	s := startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
		resp := req.Message.ResponseKind()
		begun.Add(1)
		return Reply{
			Ready: func() bool { return isClosed(release) },
			Later: func(context.Context) (Reply, error) {
				<-release
				return Reply{Message: resp}, nil
			},
		}, nil
	})
	c := dialServer(t, s)
	var burst []byte
	for id := range int32(n) {
		burst = append(burst, frameOf(produceRequest(-1, nil), id)...)
	}
	c.send(burst)
	// The first answer is awaited by itself; those behind it are ready when it is.
	await(t, "all requests", func() bool { return begun.Load() == n })
	close(release)
	buf := make([]byte, 64<<10)
	got, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	resp := produceRequest(-1, nil).ResponseKind()
	if all := n * len(wire.AppendResponse(nil, 0, resp)); got != all {
		t.Errorf("the first read brought %d bytes of %d", got, all)
	}
}

// outstanding counts what isn't answered.
func (q *queue) outstanding() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) + q.taken
}

// oneConn waits for the only connection of a server.
func oneConn(t *testing.T, s *Server) *conn {
	t.Helper()
	var conns []*conn
	await(t, "the connection", func() bool {
		conns = s.takeConns()
		return len(conns) == 1
	})
	return conns[0]
}

func TestFetchEndsWhenItsPeerGoes(t *testing.T) {
	fetch := newGate()
	s, _ := scriptServer(t, fetch.held)
	c := dialServer(t, s)
	c.send(frameOf(fetchRequest(), 1))
	<-fetch.started
	c.Close()
	if err := <-fetch.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the fetch ended with %v", err)
	}
}

func TestFetchEndsWhenItsPeerGoesWithRequestsBehindIt(t *testing.T) {
	if !canSendFile {
		t.Skip("only Linux tells of the end of a stream that has unread bytes before it")
	}
	fetch := newGate()
	s, _ := scriptServer(t, fetch.held)
	c := dialServer(t, s)
	c.send(frameOf(fetchRequest(), 1))
	<-fetch.started
	for id := range int32(5) {
		c.send(frameOf(produceRequest(-1, make([]byte, 10<<10)), id))
	}
	c.Close()
	if err := <-fetch.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the fetch ended with %v", err)
	}
}

func TestProduceIsAnsweredToAPeerThatStoppedSending(t *testing.T) {
	produce := newGate()
	s, _ := scriptServer(t, produce.held)
	c := dialServer(t, s)
	c.send(frameOf(produceRequest(-1, nil), 7))
	<-produce.started
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	await(t, "the end of the input", oneConn(t, s.Server).queue.inputEnded)
	close(produce.open)
	c.expect(7)
	c.expectClosed()
}

func (q *queue) inputEnded() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.noInput
}

func TestEveryLaterIsCalledWhenTheConnectionBreaks(t *testing.T) {
	gates := []*gate{newGate(), newGate(), newGate()}
	s, began := scriptServer(t, gates[0].held, gates[1].held, gates[2].held)
	c := dialServer(t, s)
	for id := range int32(3) {
		c.send(frameOf(produceRequest(-1, nil), id))
		<-began
	}
	c.send([]byte("GET / HTTP/1.1\r\n\r\n"))
	for i, g := range gates {
		if err := <-g.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("answer %d ended with %v", i, err)
		}
	}
}

func TestManyUnansweredProducesStopTheReading(t *testing.T) {
	release := make(chan struct{})
	s := startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
		resp := req.Message.ResponseKind()
		return Reply{Later: func(ctx context.Context) (Reply, error) {
			select {
			case <-release:
			case <-ctx.Done():
			}
			return Reply{Message: resp}, ctx.Err()
		}}, nil
	})
	c := dialServer(t, s)
	const n = 3 * maxPending
	go func() {
		for id := range int32(n) {
			if _, err := c.Write(frameOf(produceRequest(-1, nil), id)); err != nil {
				return
			}
		}
	}()
	queue := &oneConn(t, s.Server).queue
	await(t, "as many requests as may wait", func() bool { return queue.outstanding() >= maxPending })
	time.Sleep(20 * time.Millisecond) // Nothing tells that no more comes. A server that reads on is ahead of this by far.
	if got := queue.outstanding(); got > maxPending {
		t.Errorf("%d answers wait, at most %d should", got, maxPending)
	}
	close(release)
	for id := range int32(n) {
		c.expect(id)
	}
}

func TestAnswersBehindABrokenConnectionAreReleased(t *testing.T) {
	f, _ := recordsFile(t, 100)
	var released atomic.Int32
	first := newGate()
	s, began := scriptServer(t, first.held, func(*Request) Reply {
		return Reply{Fetch: fetchOf(&fileRecords{f, 0, 100, &released})} // no handler answers a Produce so; any answer will do
	}, func(*Request) Reply {
		return Reply{Later: func(context.Context) (Reply, error) {
			return Reply{Fetch: fetchOf(&fileRecords{f, 0, 100, &released})}, nil
		}}
	})
	c := dialServer(t, s)
	for id := range int32(3) {
		c.send(frameOf(produceRequest(-1, nil), id))
		<-began
	}
	c.send([]byte("GET / HTTP/1.1\r\n\r\n"))
	c.expectGone()
	await(t, "the release of the records", func() bool { return released.Load() == 2 })
}

func TestRequestsInMemoryWaitForTheirTurn(t *testing.T) {
	tests := []struct {
		name string
		end  func(s *testServer, c *testClient, first *gate)
		ok   bool
	}{
		{"until it comes", func(_ *testServer, _ *testClient, first *gate) { close(first.open) }, true},
		{"until the server stops", func(s *testServer, _ *testClient, _ *gate) { s.Shutdown(context.Background()) }, false},
		{"until the connection is cut off", func(s *testServer, _ *testClient, _ *gate) { s.takeConns()[0].abort() }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := newGate()
				fetched := false
				s, l, stop := startPipeServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
					if fetched {
						return ready(req), nil
					}
					fetched = true
					return first.held(req), nil
				})
				c := l.dial(t)
				c.send(frameOf(fetchRequest(), 1))
				<-first.started
				c.send(frameOf(metadataRequest(), 2))
				synctest.Wait()
				test.end(s, c, first)
				if test.ok {
					c.expect(1, 2)
					stop()
					return
				}
				c.expectClosed()
				<-first.ended
				s.Shutdown(context.Background())
			})
		})
	}
}
