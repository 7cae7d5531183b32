package broker

import (
	"context"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// withVersion patches the version of an encoded request.
func withVersion(frame []byte, version byte) []byte {
	frame[7] = version
	return frame
}

func TestWhatIsNoRequestClosesTheConnectionWithOneLine(t *testing.T) {
	tests := []struct {
		name string
		sent []byte
		says []string
	}{
		{"http", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), []string{"not a Kafka client", "HTTP request"}},
		{"tls", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), []string{"not a Kafka client", "TLS handshake"}},
		{"negative size", []byte{0xff, 0xff, 0xff, 0xff}, []string{"negative frame size"}},
		{"huge size", []byte{0x7f, 0xff, 0xff, 0xff, 0, 0}, []string{"frame too large"}},
		{"empty frame", []byte{0, 0, 0, 0}, []string{"malformed request header"}},
		{"one byte", []byte{0, 0, 0, 1, 9}, []string{"malformed request header"}},
		{"unknown key", []byte{0, 0, 0, 10, 0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff}, []string{"unknown API key"}},
		{"negative key", []byte{0, 0, 0, 10, 0xff, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff}, []string{"unknown API key"}},
		{"key that isn't served", []byte{0, 0, 0, 10, 0, 5, 0, 0, 0, 0, 0, 1, 0xff, 0xff}, []string{"API not served", "StopReplica"}},
		{"version too new", withVersion(frameOf(flexibleMetadata(), 1), 99), []string{"unsupported API version", "Metadata"}},
		{"version too old", withVersion(frameOf(produceRequest(1, nil), 1), 1), []string{"unsupported API version", "Produce"}},
		{"cut body", []byte{0, 0, 0, 12, 0, 3, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0, 0}, []string{"malformed request", "Metadata"}},
		{"count beyond the body", []byte{0, 0, 0, 15, 0, 3, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0}, []string{"malformed request"}},
		{"large and not Produce", frameOf(bigMetadata(), 1), []string{"frame too large"}},
	}
	s := startServer(t, Options{}, answerAll)
	witness := dialServer(t, s)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s.repeats.forgetAll()
			before := len(s.logs.lines("level=WARN"))
			c := dialServer(t, s)
			c.Write(test.sent)
			c.expectClosed()
			if got := len(s.logs.lines("level=WARN")) - before; got != 1 {
				t.Errorf("%d lines were logged, want 1", got)
			}
			if len(s.logs.lines(test.says...)) == 0 {
				t.Errorf("no line says %q:\n%s", test.says, s.logs)
			}
		})
	}
	witness.send(frameOf(apiVersions(), 5))
	witness.expect(5)
}

func flexibleMetadata() kmsg.Request {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	return req
}

// bigMetadata is a request that doesn't fit into what an unknown peer may send.
func bigMetadata() kmsg.Request {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 4
	for range 1000 {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = new(strings.Repeat("x", 100))
		req.Topics = append(req.Topics, topic)
	}
	return req
}

func (l *repeatLimiter) forgetAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.seen)
}

// TestRegression44RepeatedGarbageIsLoggedOnce: a web client on the port is one clear line, however often it comes.
func TestRegression44RepeatedGarbageIsLoggedOnce(t *testing.T) {
	s := startServer(t, Options{}, answerAll)
	for range 5 {
		c := dialServer(t, s)
		c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		c.expectClosed()
	}
	if got := len(s.logs.lines("not a Kafka client")); got != 1 {
		t.Errorf("%d lines were logged, want 1", got)
	}
	c := dialServer(t, s)
	c.Write([]byte("\x16\x03\x01\x02\x00"))
	c.expectClosed()
	if got := len(s.logs.lines("not a Kafka client", "TLS")); got != 1 {
		t.Errorf("%d lines about TLS were logged beside that of HTTP, want 1", got)
	}
}

// TestRegression1APIVersionsFromTheFutureIsAnswered: in version 0, with the error and the range, and the connection stays.
func TestRegression1APIVersionsFromTheFutureIsAnswered(t *testing.T) {
	s := startServer(t, Options{}, answerAll)
	c := dialServer(t, s)
	future := kmsg.NewPtrApiVersionsRequest()
	future.Version = 4
	c.send(withVersion(frameOf(future, 3), 77))
	id, body := c.answer()
	resp := kmsg.NewPtrApiVersionsResponse()
	if err := resp.ReadFrom(body); err != nil {
		t.Fatal(err)
	}
	if id != 3 || resp.ErrorCode != int16(wire.UnsupportedVersion) || len(resp.ApiKeys) != 1 {
		t.Fatalf("answer %d is %+v", id, resp)
	}
	if k := resp.ApiKeys[0]; k.ApiKey != 18 || k.MinVersion != 0 || k.MaxVersion != 5 {
		t.Errorf("range is %+v", k)
	}
	// The client asks again on the same connection.
	c.send(frameOf(apiVersions(), 4))
	c.expect(4)
}

func TestFramesArriveByteByByte(t *testing.T) {
	s := startServer(t, Options{}, answerAll)
	c := dialServer(t, s)
	stream := append(frameOf(apiVersions(), 1), frameOf(produceRequest(1, []byte("abc")), 2)...)
	for _, b := range stream {
		c.send([]byte{b})
	}
	c.expect(1, 2)
}

func TestPeersThatEndInTheMiddleOfAFrame(t *testing.T) {
	s := startServer(t, Options{}, answerAll)
	frame := frameOf(produceRequest(1, make([]byte, 300<<10)), 2)
	for _, n := range []int{1, 3, 4, 5, 20, 70 << 10, 200 << 10} {
		c := dialServer(t, s)
		c.send(frameOf(apiVersions(), 1))
		c.expect(1)
		c.send(frame[:n])
		c.Close()
	}
	await(t, "the end of all connections", func() bool { return len(s.takeConns()) == 0 })
}

func TestFramesOfAllSizesArriveIntact(t *testing.T) {
	sums := make(chan uint32, 1)
	s := startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
		sums <- crc32.ChecksumIEEE(req.Message.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records)
		return Reply{Message: req.Message.ResponseKind()}, nil
	})
	c := dialServer(t, s)
	random := rand.NewChaCha8([32]byte{1})
	base := len(frameOf(produceRequest(1, nil), 0))
	for _, around := range []int{base, 512, 4 << 10, 16 << 10, 64 << 10, 144 << 10, 272 << 10, 1<<20 + 16<<10, 5 << 20} {
		for _, frameSize := range []int{around - 1, around, around + 1, around + 4} {
			records := make([]byte, max(0, frameSize-base))
			random.Read(records)
			// A small request before and behind, so that frames don't begin where reads do.
			c.send(frameOf(produceRequest(1, records), 1))
			if got := <-sums; got != crc32.ChecksumIEEE(records) {
				t.Fatalf("frame of %d bytes arrived with another content", frameSize)
			}
			c.expect(1)
		}
	}
}

func TestPipelinedFramesOfMixedSizes(t *testing.T) {
	s := startServer(t, Options{}, answerAll)
	c := dialServer(t, s)
	random := rand.New(rand.NewPCG(1, 2))
	const n = 300
	go func() {
		for id := range int32(n) {
			size := random.IntN(300)
			if id%10 == 0 {
				size = random.IntN(400 << 10)
			}
			if _, err := c.Write(frameOf(produceRequest(1, make([]byte, size)), id)); err != nil {
				return
			}
		}
	}()
	for id := range int32(n) {
		c.expect(id)
	}
}

func TestLargeFirstFrameIsAllowedForThoseWhoAskNothingBefore(t *testing.T) {
	s := startServer(t, Options{}, answerAll)
	join := kmsg.NewPtrJoinGroupRequest()
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: make([]byte, 1<<20)}}
	commit := kmsg.NewPtrOffsetCommitRequest()
	commit.Version, commit.Topics = 2, []kmsg.OffsetCommitRequestTopic{{Partitions: make([]kmsg.OffsetCommitRequestTopicPartition, 10_000)}}
	for _, first := range []kmsg.Request{produceRequest(1, make([]byte, 1<<20)), join, commit} {
		c := dialServer(t, s)
		c.send(frameOf(first, 1))
		c.expect(1)
		// From now on the limit is the configured one.
		c.send(frameOf(bigMetadata(), 2))
		c.expect(2)
	}
}

func TestFramesBeyondTheConfiguredSizeAreRefused(t *testing.T) {
	s := startServer(t, Options{MaxRequestBytes: 100 << 10}, answerAll)
	for _, first := range []bool{true, false} {
		c := dialServer(t, s)
		if !first {
			c.send(frameOf(apiVersions(), 1))
			c.expect(1)
		}
		c.Write(frameOf(produceRequest(1, make([]byte, 101<<10)), 2))
		// The rest of the frame is unread when the server closes, so this may be a reset.
		if _, err := wire.ReadFrame(c, nil, 1<<20); err == nil {
			t.Error("there is an answer")
		}
	}
}

func TestAnnouncedFramesTakeNoMemory(t *testing.T) {
	s := startServer(t, Options{}, answerAll)
	announced := frameOf(produceRequest(1, make([]byte, 90<<20)), 2)[:100]
	for range 20 {
		c := dialServer(t, s)
		c.send(frameOf(apiVersions(), 1))
		c.expect(1)
		c.send(announced)
	}
	await(t, "the beginnings of all frames", func() bool { return s.small.taken() >= 20*readBufferSize })
	time.Sleep(10 * time.Millisecond) // Nothing tells that no more is taken.
	if taken := s.large.taken(); taken > 0 {
		t.Errorf("%d bytes are held for frames of which 100 bytes came", taken)
	}
}

func (b *byteBudget) taken() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total - b.free
}

func TestFailingRequestsCostTheirConnectionOnly(t *testing.T) {
	s := startServer(t, Options{}, func(_ context.Context, req *Request) (Reply, error) {
		switch req.Message.(type) {
		case *kmsg.MetadataRequest:
			panic("metadata is broken")
		case *kmsg.FetchRequest:
			return Reply{Later: func(context.Context) (Reply, error) { panic("fetch is broken") }}, nil
		case *kmsg.ProduceRequest:
			return Reply{}, errors.New("produce is broken")
		case *kmsg.InitProducerIDRequest:
			return Reply{Later: func(context.Context) (Reply, error) { return Reply{}, errors.New("late and broken") }}, nil
		case *kmsg.DescribeClusterRequest:
			again := func(context.Context) (Reply, error) { return Reply{}, nil }
			return Reply{Later: func(context.Context) (Reply, error) { return Reply{Later: again}, nil }}, nil
		case *kmsg.ListOffsetsRequest:
			return Reply{Message: (*kmsg.ListOffsetsResponse)(nil)}, nil // can't be encoded
		}
		return Reply{Message: req.Message.ResponseKind()}, nil
	})
	witness := dialServer(t, s)
	listOffsets := kmsg.NewPtrListOffsetsRequest()
	listOffsets.Version = 2
	for _, req := range []kmsg.Request{metadataRequest(), fetchRequest(), produceRequest(0, nil), listOffsets, kmsg.NewPtrInitProducerIDRequest(), kmsg.NewPtrDescribeClusterRequest()} {
		s.repeats.forgetAll()
		before := s.logs.count()
		c := dialServer(t, s)
		c.send(frameOf(req, 1))
		c.expectClosed()
		if got := s.logs.count() - before; got != 1 {
			t.Errorf("%s: %d lines were logged, want 1:\n%s", wire.APIName(req.Key()), got, s.logs)
		}
	}
	if s.Panics() != 3 {
		t.Errorf("%d panics were counted, want 3", s.Panics())
	}
	for _, says := range []string{"metadata is broken", "fetch is broken", "produce is broken", "InitProducerId: request failed: late and broken", "promise again"} {
		if len(s.logs.lines(says)) == 0 {
			t.Errorf("no line says %q", says)
		}
	}
	if len(s.logs.lines("level=ERROR", "goroutine")) != 3 {
		t.Errorf("panics were logged without their stack:\n%s", s.logs)
	}
	witness.send(frameOf(apiVersions(), 9))
	witness.expect(9)
}

func TestConnectionsWaitForReadBuffers(t *testing.T) {
	connect := map[string]func(t *testing.T, options Options, d dispatchFunc) (*testServer, func() *testClient){
		"socket": func(t *testing.T, options Options, d dispatchFunc) (*testServer, func() *testClient) {
			t.Helper()
			s := startServer(t, options, d)
			return s, func() *testClient { return dialServer(t, s) }
		},
		"memory": func(t *testing.T, options Options, d dispatchFunc) (*testServer, func() *testClient) {
			t.Helper()
			s, l, stop := startPipeServer(t, options, d)
			t.Cleanup(stop)
			return s, func() *testClient { return l.dial(t) }
		},
	}
	for name, start := range connect {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			s, dial := start(t, Options{QueuedRequestBytes: 1}, func(_ context.Context, req *Request) (Reply, error) {
				<-release
				return ready(req), nil
			})
			// More connections than there is memory for, each with a request that takes its time.
			const n = minSmallReserve/readBufferSize + 20
			var clients []*testClient
			for range n {
				c := dial()
				go c.Write(frameOf(apiVersions(), 1))
				clients = append(clients, c)
			}
			await(t, "requests for which there is no memory", s.small.contended)
			if taken := s.small.taken(); taken > minSmallReserve+readBufferSize {
				t.Errorf("%d bytes are taken", taken)
			}
			close(release)
			for _, c := range clients {
				c.expect(1)
			}
			for _, c := range clients {
				c.Close()
			}
		})
	}
}
