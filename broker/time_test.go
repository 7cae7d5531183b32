package broker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ended waits for the server's end of the connection and returns how long that took.
func (c *testClient) ended() time.Duration {
	began := time.Now()
	io.Copy(io.Discard, c)
	return time.Since(began)
}

// near says whether a sweep at this moment could have been meant for want.
func near(got, want time.Duration) bool { return got >= want && got <= want+2*sweepPause }

func TestIdleConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, stop := startPipeServer(t, Options{MaxIdle: 10 * time.Minute}, answerAll)
		defer stop()
		silent, active := l.dial(t), l.dial(t)
		time.Sleep(6 * time.Minute)
		active.send(frameOf(apiVersions(), 1))
		active.expect(1)
		if took := silent.ended(); !near(took, 4*time.Minute) {
			t.Errorf("the silent connection was closed after %s", 6*time.Minute+took)
		}
		if took := active.ended(); !near(took, 6*time.Minute) {
			t.Errorf("the active connection was closed %s too late or too early", took-6*time.Minute)
		}
	})
}

func TestConnectionsThatWaitForAnAnswerAreNotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, stop := startPipeServer(t, Options{MaxIdle: time.Minute}, func(_ context.Context, req *Request) (Reply, error) {
			reply := ready(req)
			return Reply{Later: func(ctx context.Context) (Reply, error) {
				select {
				case <-time.After(time.Hour):
					return reply, nil
				case <-ctx.Done():
					return Reply{}, ctx.Err()
				}
			}}, nil
		})
		defer stop()
		c := l.dial(t)
		c.send(frameOf(fetchRequest(), 1))
		c.expect(1)
		if took := c.ended(); !near(took, 0) && took > 2*time.Minute {
			t.Errorf("the connection stayed for %s after its answer", took)
		}
	})
}

func TestIdleConnectionsStayWhereThereIsNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l, stop := startPipeServer(t, Options{}, answerAll)
		defer stop()
		c := l.dial(t)
		c.send(frameOf(apiVersions(), 1))
		c.expect(1)
		time.Sleep(1000 * time.Hour)
		if s.sweeper.next.Load() != never {
			t.Error("the sweeper is armed though nothing will ever be due")
		}
		c.send(frameOf(apiVersions(), 2))
		c.expect(2)
	})
}

func TestFramesThatDontArriveAreCutOff(t *testing.T) {
	tests := []struct {
		name  string
		every time.Duration // a byte, after the first
		size  int
	}{
		{"a byte and nothing more", time.Hour, 20},
		{"a byte a second", time.Second, 60 << 10},
		{"a byte a second of a large frame", time.Second, 1 << 20},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, l, stop := startPipeServer(t, Options{}, answerAll)
				defer stop()
				c := l.dial(t)
				c.send(frameOf(apiVersions(), 1))
				c.expect(1)
				began := time.Now()
				for _, b := range frameOf(produceRequest(1, make([]byte, test.size)), 2) {
					if _, err := c.Write([]byte{b}); err != nil {
						break
					}
					if time.Sleep(test.every); test.every == time.Hour {
						break
					}
				}
				c.ended()
				if took := time.Since(began); test.every < time.Minute && (took < 30*time.Second || took > 32*time.Second) {
					t.Errorf("the connection was cut off after %s", took)
				}
				if len(s.logs.lines("arrives too slowly")) != 1 {
					t.Errorf("log is\n%s", s.logs)
				}
			})
		})
	}
}

func TestSlowFramesThatGoOnArriveAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, stop := startPipeServer(t, Options{}, answerAll)
		defer stop()
		c := l.dial(t)
		c.send(frameOf(apiVersions(), 1))
		c.expect(1)
		frame := frameOf(produceRequest(1, make([]byte, 200<<10)), 2)
		for len(frame) > 0 { // 2 KiB a second: 100 s
			n := min(len(frame), 2<<10)
			c.send(frame[:n])
			frame = frame[n:]
			time.Sleep(time.Second)
		}
		c.expect(2)
	})
}

func TestFramesMustBeFastWhileOthersWaitForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l, stop := startPipeServer(t, Options{QueuedRequestBytes: 1}, answerAll)
		defer stop()
		slow, waiting := l.dial(t), l.dial(t)
		for _, c := range []*testClient{slow, waiting} {
			c.send(frameOf(apiVersions(), 1))
			c.expect(1)
		}
		frame := frameOf(produceRequest(1, make([]byte, 200<<10)), 2)
		slow.send(frame[:70<<10]) // more than a read buffer: it holds memory now
		synctest.Wait()
		go waiting.Write(frame)
		began := time.Now()
		for rest := frame[70<<10:]; len(rest) > 2<<10; rest = rest[2<<10:] {
			if _, err := slow.Write(rest[:2<<10]); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took > 62*time.Second {
			t.Errorf("the slow frame held what others wait for for %s", took)
		}
		waiting.expect(2)
		if s.large.contended() {
			t.Error("somebody waits still")
		}
	})
}

func TestPeersThatDontReadTheirAnswersAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l, stop := startPipeServer(t, Options{}, answerAll)
		defer stop()
		c := l.dial(t)
		began := time.Now()
		c.send(frameOf(apiVersions(), 1))
		for range 31 {
			time.Sleep(time.Second)
			if len(s.takeConns()) == 0 {
				break
			}
		}
		if took := time.Since(began); took < 30*time.Second || len(s.takeConns()) > 0 {
			t.Errorf("after %s there are %d connections", took, len(s.takeConns()))
		}
		if len(s.logs.lines("read too slowly")) != 1 {
			t.Errorf("log is\n%s", s.logs)
		}
	})
}

func TestSlowReadersThatGoOnAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, stop := startPipeServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
			resp := req.Message.ResponseKind().(*kmsg.MetadataResponse)
			for range 2000 {
				topic := kmsg.NewMetadataResponseTopic()
				topic.Topic = new("a topic whose name takes a hundred bytes or so, to make the answer a long one, which this is now, I think")
				resp.Topics = append(resp.Topics, topic)
			}
			return Reply{Message: resp}, nil
		})
		defer stop()
		c := l.dial(t)
		c.send(frameOf(metadataRequest(), 1))
		buf, total := make([]byte, 2<<10), 0
		for total < 200<<10 {
			n, err := c.Read(buf)
			if err != nil {
				t.Fatalf("after %d bytes: %v", total, err)
			}
			total += n
			time.Sleep(time.Second)
		}
	})
}

func TestBusyConnectionsCalmDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		borrowed := make(chan bool, 1) // whether the last request ran on a borrowed stack
		s, l, stop := startPipeServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
			borrowed <- bytes.Contains(debug.Stack(), []byte("stackWorker"))
			return ready(req), nil
		})
		defer stop()
		c := l.dial(t)
		ask := func(n int) (last bool) {
			for id := range int32(n) {
				c.send(frameOf(apiVersions(), id))
				last = <-borrowed
				c.expect(id)
			}
			return last
		}
		if !ask(1) {
			t.Error("one request makes a connection busy")
		}
		if ask(10) {
			t.Error("ten requests in a row don't make a connection busy")
		}
		time.Sleep(time.Second)
		if !ask(1) {
			t.Error("the connection is busy after a second of silence")
		}
		time.Sleep(time.Minute) // longer than a frame may take, which the sweeper was armed for
		if s.sweeper.next.Load() != never {
			t.Error("the sweeper is armed though nothing will ever be due")
		}
		if ask(10) {
			t.Error("a calm connection doesn't become busy again")
		}
	})
}

func TestContextOfAConnection(t *testing.T) {
	var early, late connContext
	done := early.Done()
	if early.Err() != nil || isClosed(done) {
		t.Error("a new context is done")
	}
	early.cancel()
	early.cancel()
	late.cancel()
	for _, c := range []*connContext{&early, &late} {
		if !isClosed(c.Done()) || !errors.Is(c.Err(), context.Canceled) {
			t.Error("a cancelled context isn't done")
		}
	}
	if !isClosed(done) {
		t.Error("the channel of a cancelled context is open")
	}
	child, cancel := context.WithTimeout(&early, time.Hour)
	defer cancel()
	<-child.Done()
	if _, ok := early.Deadline(); ok || early.Value("x") != nil {
		t.Error("the context has a deadline or values")
	}
}
