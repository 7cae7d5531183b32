package handlers

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// idleStore has logs that cost nothing, so that a benchmark measures the handler alone.
type idleStore struct {
	logstore.Store
	log idlePartition
}

func (s *idleStore) Partition(logstore.TopicID, int32) (logstore.Partition, error) {
	return &s.log, nil
}
func (s *idleStore) LeaderEpoch(logstore.TopicID, int32) int32 { return 0 }

type idlePartition struct {
	logstore.Partition
	offsets logstore.Offsets
	records idleRecords
}

func (p *idlePartition) Append([]byte, logstore.AppendOptions) (logstore.Ticket, error) {
	return logstore.Ticket{Result: logstore.AppendResult{BaseOffset: 5, AppendTime: -1}}, nil
}

func (p *idlePartition) Offsets() logstore.Offsets { return p.offsets }

func (p *idlePartition) Read(int64, logstore.ReadOptions) (logstore.Fetched, error) {
	return logstore.Fetched{Records: &p.records, Offsets: p.offsets}, nil
}

// idleRecords are records that nobody reads.
type idleRecords struct{ logstore.Records }

func (*idleRecords) Size() int { return 100 }
func (*idleRecords) Release()  {}

// onIdleLogs is a broker with a topic "t" whose logs cost nothing.
func onIdleLogs(b *testing.B) *testBroker {
	b.Helper()
	broker := newTestBroker(b)
	broker.createTopic("t", 10)
	store := &idleStore{Store: broker.store}
	store.log.offsets = logstore.Offsets{HighWatermark: 100, LastStableOffset: 100, LogEndOffset: 100}
	broker.dispatcher.deps.Store = store
	broker.dispatcher.deps.Now = time.Now
	return broker
}

// handle runs one request as the connection's goroutine does.
func (b *testBroker) handle(req *broker.Request) broker.Reply {
	reply, err := b.dispatcher.Dispatch(context.Background(), req)
	if err == nil && reply.Later != nil {
		reply, err = reply.Later(context.Background())
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return reply
}

func (b *testBroker) asRequest(message kmsg.Request) *broker.Request {
	return &broker.Request{Header: wire.RequestHeader{Key: message.Key(), Version: message.GetVersion()}, Message: message, Peer: b.peer}
}

// BenchmarkProduce is a small produce without its log: the bar is about 1 us.
func BenchmarkProduce(b *testing.B) {
	broker := onIdleLogs(b)
	broker.clock = time.Now()
	for _, size := range []int{1, 10} {
		b.Run(itoa(size)+"-partitions", func(b *testing.B) {
			batches := make([][]byte, size)
			for i := range batches {
				batches[i] = broker.batch(string(make([]byte, 100)))
			}
			req := broker.asRequest(broker.produceRequest(11, "t", batches...))
			b.ReportAllocs()
			for b.Loop() {
				broker.handle(req).Recycle()
			}
		})
	}
}

// BenchmarkFetch is a fetch without its log.
func BenchmarkFetch(b *testing.B) {
	broker := onIdleLogs(b)
	for _, size := range []int32{1, 10} {
		b.Run(itoa(int(size))+"-partitions", func(b *testing.B) {
			message := broker.fetchRequest(12, "t", 0, 50)
			for i := int32(1); i < size; i++ {
				broker.addFetch(message, "t", i, 50)
			}
			req := broker.asRequest(message)
			b.ReportAllocs()
			for b.Loop() {
				broker.handle(req)
			}
		})
	}
}

// BenchmarkFetchInSession is the fetch of a consumer that has caught up, without waiting.
func BenchmarkFetchInSession(b *testing.B) {
	broker := newTestBroker(b)
	broker.createTopic("t", 100)
	first := broker.fetchRequest(12, "t", 0, 0)
	for i := int32(1); i < 100; i++ {
		broker.addFetch(first, "t", i, 0)
	}
	first.SessionEpoch = 0
	reply := broker.handle(broker.asRequest(first))
	next := kmsg.NewPtrFetchRequest()
	next.Version, next.MaxBytes, next.SessionID, next.SessionEpoch = 12, 1<<20, reply.Fetch.SessionID, 1
	req := broker.asRequest(next)
	b.ReportAllocs()
	for b.Loop() {
		if reply := broker.handle(req); reply.Fetch.ErrorCode != wire.None {
			b.Fatal(reply.Fetch.ErrorCode)
		}
		next.SessionEpoch++
	}
}

// BenchmarkMetadata describes 1000 topics of 10 partitions.
func BenchmarkMetadata(b *testing.B) {
	broker := newTestBroker(b)
	wanted := make([]catalog.NewTopic, 1000)
	for i := range wanted {
		wanted[i] = catalog.NewTopic{Name: "t-" + itoa(i), Partitions: 10}
	}
	if err := broker.catalog.CreateTopics(b.Context(), wanted); err != nil {
		b.Fatal(err)
	}
	message := metadataRequest(12)
	message.Topics = nil
	req := broker.asRequest(message)
	b.ReportAllocs()
	for b.Loop() {
		broker.handle(req)
	}
}
