package handlers

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// fetchRequest asks for one partition, without waiting and outside of a session.
func (b *testBroker) fetchRequest(version int16, topic string, partition int32, offset int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MinBytes, req.MaxBytes = version, 1, 1<<20
	b.addFetch(req, topic, partition, offset)
	return req
}

func (b *testBroker) addFetch(req *kmsg.FetchRequest, topic string, partition int32, offset int64) {
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	if req.Version >= fetchTopicIDs {
		t.TopicID = [16]byte{15: 1}
		if found := b.dispatcher.topics().TopicByName(topic); found != nil {
			t.TopicID = found.ID
		}
	}
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, 1<<20
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
}

// fetchOne is what a Fetch says of its only partition.
func fetchOne(b *testBroker, req *kmsg.FetchRequest) kmsg.FetchResponseTopicPartition {
	b.t.Helper()
	resp := ask[*kmsg.FetchResponse](b, req)
	wantCode(b.t, "fetch", resp.ErrorCode, wire.None)
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		b.t.Fatalf("answer for %d topics", len(resp.Topics))
	}
	return resp.Topics[0].Partitions[0]
}

// fetchBatches are the batches of partition 0 from an offset on.
func (b *testBroker) fetchBatches(topic string, offset int64) []record.Batch {
	b.t.Helper()
	return batchesOf(b.t, fetchOne(b, b.fetchRequest(12, topic, 0, offset)).RecordBatches)
}

func batchesOf(tb testing.TB, records []byte) (batches []record.Batch) {
	tb.Helper()
	for len(records) > 0 {
		batch, err := record.First(records)
		if err != nil {
			tb.Fatal(err)
		}
		batches = append(batches, batch)
		records = records[len(batch):]
	}
	return batches
}

func TestFetchReadsInEveryVersion(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.produce("t", b.batch("a", "b"), b.batch("c"))
	for _, v := range versionsOf(t, wire.KeyFetch) {
		resp := ask[*kmsg.FetchResponse](b, b.fetchRequest(v, "t", 0, 0))
		if v >= fetchTopicIDs {
			wantEqual(t, "topic ID", resp.Topics[0].TopicID, b.topicID("t"))
		} else {
			wantEqual(t, "topic", resp.Topics[0].Topic, "t")
		}
		p := resp.Topics[0].Partitions[0]
		wantCode(t, "partition", p.ErrorCode, wire.None)
		wantEqual(t, "high watermark", p.HighWatermark, 3)
		wantEqual(t, "last stable offset", p.LastStableOffset, 3)
		wantEqual(t, "batches", len(batchesOf(t, p.RecordBatches)), 2)
		if v >= 5 {
			wantEqual(t, "log start offset", p.LogStartOffset, 0)
		}
		if p.AbortedTransactions != nil {
			t.Error("aborted transactions for read_uncommitted")
		}
	}
}

func TestFetchRefuses(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.produce("t", b.batch("a", "b"))
	for _, c := range []struct {
		what      string
		version   int16
		topic     string
		partition int32
		offset    int64
		change    func(*kmsg.FetchRequest)
		code      wire.ErrorCode
	}{
		{what: "unknown topic", topic: "missing", code: wire.UnknownTopicOrPartition},
		{what: "unknown topic ID", version: 13, topic: "missing", code: wire.UnknownTopicID},
		{what: "partition too high", topic: "t", partition: 1, code: wire.UnknownTopicOrPartition},
		{what: "partition negative", topic: "t", partition: -1, code: wire.UnknownTopicOrPartition},
		{what: "offset beyond the end", topic: "t", offset: 3, code: wire.OffsetOutOfRange},
		{what: "offset negative", topic: "t", offset: -1, code: wire.OffsetOutOfRange},
		{what: "newer leader epoch", topic: "t", code: wire.UnknownLeaderEpoch, change: func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].CurrentLeaderEpoch = 1 }},
		{what: "last fetched epoch unknown", topic: "t", code: wire.OffsetOutOfRange, change: func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].LastFetchedEpoch = 1 }},
		{what: "replica", version: 11, topic: "t", code: wire.NotLeaderOrFollower, change: func(r *kmsg.FetchRequest) { r.ReplicaID = 5 }},
		{what: "replica with epoch", version: 11, topic: "t", code: wire.UnknownLeaderEpoch, change: func(r *kmsg.FetchRequest) {
			r.ReplicaID, r.Topics[0].Partitions[0].CurrentLeaderEpoch = 5, 0
		}},
	} {
		if c.version == 0 {
			c.version = 12
		}
		req := b.fetchRequest(c.version, c.topic, c.partition, c.offset)
		req.MaxWaitMillis = 60_000
		if c.change != nil {
			c.change(req)
		}
		p := fetchOne(b, req)
		wantCode(t, c.what, p.ErrorCode, c.code)
		wantEqual(t, c.what+": high watermark", p.HighWatermark, -1)
		wantEqual(t, c.what+": last stable offset", p.LastStableOffset, -1)
		wantEqual(t, c.what+": log start offset", p.LogStartOffset, -1)
	}
}

func TestFetchTellsReplicasWhoLeads(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	req := b.fetchRequest(16, "t", 0, 0)
	req.ReplicaState.ID = 5
	resp := ask[*kmsg.FetchResponse](b, req)
	p := resp.Topics[0].Partitions[0]
	wantCode(t, "replica", p.ErrorCode, wire.NotLeaderOrFollower)
	wantEqual(t, "leader", p.CurrentLeader.LeaderID, 1)
	wantEqual(t, "brokers", len(resp.Brokers), 0) // A replica knows them.
}

func TestRegression12EmptyRecordsAreNeverNull(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for _, v := range versionsOf(t, wire.KeyFetch) {
		req := b.fetchRequest(v, "t", 0, 0)
		b.addFetch(req, "missing", 0, 0)
		b.addFetch(req, "t", 7, 0)
		for _, topic := range ask[*kmsg.FetchResponse](b, req).Topics {
			for _, p := range topic.Partitions {
				if p.RecordBatches == nil {
					t.Errorf("v%d: null records of partition %d with %s", v, p.Partition, wire.ErrorCode(p.ErrorCode))
				}
			}
		}
	}
}

func TestRegression13FetchInsideABatchReturnsTheWholeBatch(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.produce("t", b.batch("0", "1", "2"), b.batch("3"))
	batches := b.fetchBatches("t", 2)
	wantEqual(t, "batches", len(batches), 2)
	wantEqual(t, "base offset", batches[0].BaseOffset(), 0)
}

func TestRegression15FirstBatchIsReturnedHoweverLarge(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 2)
	b.produce("t", b.batch("a"), b.batch("b"))
	resp := ask[*kmsg.ProduceResponse](b, b.produceRequest(9, "t", b.batch("c"), b.batch("d")))
	wantCode(t, "produce", resp.Topics[0].Partitions[1].ErrorCode, wire.None)
	size := int32(len(b.batch("a")))
	for _, c := range []struct {
		what                string
		requestMax, partMax int32
		want                [2]int // batches of each partition
	}{
		{"nothing fits", 1, 1, [2]int{1, 0}},
		{"zero", 0, 0, [2]int{1, 0}},
		{"partition limit", 1 << 20, size, [2]int{1, 1}},
		{"two in the first partition", 1 << 20, 2 * size, [2]int{2, 1}},
		{"request limit is spent by the first", 3 * size, 1 << 20, [2]int{3, 0}},
		{"request limit cuts the second", 2*size + size/2, 2 * size, [2]int{2, 0}},
		{"all", 1 << 20, 1 << 20, [2]int{3, 1}},
	} {
		req := b.fetchRequest(11, "t", 0, 0)
		b.addFetch(req, "t", 1, 0)
		req.MaxBytes = c.requestMax
		for i := range req.Topics {
			req.Topics[i].Partitions[0].PartitionMaxBytes = c.partMax
		}
		resp := ask[*kmsg.FetchResponse](b, req)
		wantEqual(t, c.what+": topics", len(resp.Topics), 1)
		for i, p := range resp.Topics[0].Partitions {
			wantEqual(t, c.what, len(batchesOf(t, p.RecordBatches)), c.want[i])
		}
	}
	req := b.fetchRequest(11, "t", 0, 0)
	req.MaxBytes = -1
	wantCode(t, "negative limit", fetchOne(b, req).ErrorCode, wire.UnknownServerError)
}

func TestFetchMaxBytesOfTheBrokerCounts(t *testing.T) {
	b := newTestBroker(t, "fetch.max.bytes", "1024")
	b.createTopic("t", 1)
	for range 100 {
		b.produce("t", b.batch("a"))
	}
	if n := len(fetchOne(b, b.fetchRequest(11, "t", 0, 0)).RecordBatches); n > 1024 {
		t.Errorf("%d bytes", n)
	}
}

func TestRegression18LogStartOffsetIsTold(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.produce("t", b.batch("a", "b"), b.batch("c"))
	b.deleteBefore("t", 0, 1)
	p := fetchOne(b, b.fetchRequest(12, "t", 0, 3))
	wantEqual(t, "log start offset", p.LogStartOffset, 1)
	wantCode(t, "at the end", p.ErrorCode, wire.None)
	wantCode(t, "below log start", fetchOne(b, b.fetchRequest(12, "t", 0, 0)).ErrorCode, wire.OffsetOutOfRange)
}

func TestRegression20DivergingEpochIsTold(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.produce("t", b.batch("a", "b"))
	req := b.fetchRequest(12, "t", 0, 3)
	req.MaxWaitMillis = 60_000
	req.Topics[0].Partitions[0].LastFetchedEpoch = 0
	p := fetchOne(b, req)
	wantCode(t, "past the end", p.ErrorCode, wire.None)
	wantEqual(t, "diverging epoch", p.DivergingEpoch.Epoch, 0)
	wantEqual(t, "end offset", p.DivergingEpoch.EndOffset, 2)
}

func TestRegression21AbortedTransactionsOnlyForReadCommitted(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.produce("t", b.batch("a"))
	req := b.fetchRequest(11, "t", 0, 0)
	req.IsolationLevel = 1
	if fetchOne(b, req).AbortedTransactions == nil {
		t.Error("null for read_committed")
	}
	req.IsolationLevel = 2
	resp := ask[*kmsg.FetchResponse](b, req)
	wantCode(t, "unknown isolation level", resp.ErrorCode, wire.UnknownServerError)
	wantCode(t, "unknown isolation level, partition", resp.Topics[0].Partitions[0].ErrorCode, wire.UnknownServerError)
}

func TestRegression19DuplicatePartitionIsAnsweredOnce(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 40)
	b.produce("t", b.batch("a"), b.batch("b"))
	for _, others := range []int32{0, 2 * maxCompared} {
		req := b.fetchRequest(11, "t", 0, 0)
		for p := range others {
			b.addFetch(req, "t", p+1, 0)
		}
		b.addFetch(req, "t", 0, 1)
		resp := ask[*kmsg.FetchResponse](b, req)
		wantEqual(t, "topics", len(resp.Topics), 1)
		wantEqual(t, "partitions", len(resp.Topics[0].Partitions), 1+int(others))
		wantEqual(t, "the last offset counts", batchesOf(t, resp.Topics[0].Partitions[0].RecordBatches)[0].BaseOffset(), 1)
	}
}

// later starts a fetch that must wait.
func (b *testBroker) later(req *kmsg.FetchRequest) func(context.Context) (broker.Reply, error) {
	b.t.Helper()
	reply, err := b.start(req)
	if err != nil {
		b.t.Fatal(err)
	}
	if reply.Later == nil {
		b.t.Fatal("the fetch doesn't wait")
	}
	return reply.Later
}

func TestFetchWaitsForMinBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t)
		b.createTopic("t", 2)
		size := int32(len(b.batch("a")))
		req := b.fetchRequest(11, "t", 0, 0)
		b.addFetch(req, "t", 1, 0)
		req.MaxWaitMillis, req.MinBytes = 60_000, 2*size
		later := b.later(req)
		started := time.Now()
		answered := make(chan broker.Reply, 1)
		go func() {
			reply, err := later(t.Context())
			if err != nil {
				t.Error(err)
			}
			answered <- reply
		}()
		synctest.Wait()
		b.produce("t", b.batch("a"))
		synctest.Wait()
		if len(answered) > 0 {
			t.Fatal("answered with too few bytes")
		}
		req2 := b.produceRequest(9, "t", b.batch("b"))
		req2.Topics[0].Partitions[0].Partition = 1
		wantCode(t, "produce", produceOne(b, req2).ErrorCode, wire.None)
		resp := decode[*kmsg.FetchResponse](b, req, <-answered)
		wantEqual(t, "waited", time.Since(started), 0)
		for _, p := range resp.Topics[0].Partitions {
			wantEqual(t, "batches", len(batchesOf(t, p.RecordBatches)), 1)
			wantEqual(t, "high watermark", p.HighWatermark, 1)
		}
	})
}

func TestFetchAnswersWhatIsThereAfterMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t)
		b.createTopic("t", 1)
		b.produce("t", b.batch("a"))
		req := b.fetchRequest(11, "t", 0, 0)
		req.MaxWaitMillis, req.MinBytes = 700, 1000
		started := time.Now()
		reply, err := b.later(req)(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "waited", time.Since(started), 700*time.Millisecond)
		wantEqual(t, "batches", len(batchesOf(t, decode[*kmsg.FetchResponse](b, req, reply).Topics[0].Partitions[0].RecordBatches)), 1)
	})
}

func TestFetchDoesNotWaitForWhatItsLimitsKeepOut(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 2)
	b.produce("t", b.batch("a"), b.batch("b"))
	size := int32(len(b.batch("a")))
	for _, c := range []struct {
		what                        string
		minBytes, maxBytes, partMax int32
		waits                       bool
	}{
		{"the second batch is cut off", size + size/2, size + size/2, 1 << 20, false},
		{"more is wanted than may be returned", 1 << 20, size + 1, 1 << 20, false},
		{"the partition's limit is below what is wanted", 2 * size, 1 << 20, size + 1, true},
		{"everything is returned and too little", 2*size + 1, 1 << 20, 1 << 20, true},
	} {
		req := b.fetchRequest(11, "t", 0, 0)
		b.addFetch(req, "t", 1, 0)
		req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 60_000, c.minBytes, c.maxBytes
		req.Topics[0].Partitions[0].PartitionMaxBytes = c.partMax
		reply, err := b.start(req)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, c.what+": waits", reply.Later != nil, c.waits)
	}
}

func TestFetchWaitEndsWithTheConnection(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.produce("t", b.batch("a"))
	req := b.fetchRequest(11, "t", 0, 0)
	req.MaxWaitMillis, req.MinBytes = 60_000, 1000
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.later(req)(ctx); err == nil {
		t.Error("an answer after the end")
	}
}

func TestFetchWaitEndsWithTheTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t)
		b.createTopic("t", 1)
		req := b.fetchRequest(11, "t", 0, 0)
		req.MaxWaitMillis = 60_000
		later := b.later(req)
		started := time.Now()
		go func() {
			time.Sleep(time.Second)
			b.deleteTopic("t")
		}()
		reply, err := later(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "waited", time.Since(started), time.Second)
		wantCode(t, "partition", decode[*kmsg.FetchResponse](b, req, reply).Topics[0].Partitions[0].ErrorCode, wire.UnknownTopicOrPartition)
	})
}

func TestFetchOfUnknownPartitionsAloneDoesNotWait(t *testing.T) {
	b := newTestBroker(t)
	req := b.fetchRequest(11, "missing", 0, 0)
	req.MaxWaitMillis = 60_000
	wantCode(t, "partition", fetchOne(b, req).ErrorCode, wire.UnknownTopicOrPartition)
	empty := kmsg.NewPtrFetchRequest()
	empty.Version, empty.MaxWaitMillis, empty.MinBytes = 11, 60_000, 1
	wantEqual(t, "topics", len(ask[*kmsg.FetchResponse](b, empty).Topics), 0)
}
