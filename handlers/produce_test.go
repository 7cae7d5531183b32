package handlers

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// produceOne sends a Produce with one partition and returns what is said of it.
func produceOne(b *testBroker, req *kmsg.ProduceRequest) kmsg.ProduceResponseTopicPartition {
	b.t.Helper()
	resp := ask[*kmsg.ProduceResponse](b, req)
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		b.t.Fatalf("answer for %d topics", len(resp.Topics))
	}
	return resp.Topics[0].Partitions[0]
}

// TestNothingIsLeftOfARecycledAnswer: what is told of one request must not be told of the next.
func TestNothingIsLeftOfARecycledAnswer(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 3)
	b.createTopic("small", 1, "max.message.bytes", "10")
	for range 3 { // Now and then the pool is empty.
		good, bad := b.batch("a"), b.batch("a")
		bad[16] = 9 // magic
		resp := ask[*kmsg.ProduceResponse](b, b.produceRequest(12, "t", bad, bad, bad))
		for _, p := range resp.Topics[0].Partitions {
			wantEqual(t, "code", wire.ErrorCode(p.ErrorCode), wire.CorruptMessage)
			wantEqual(t, "with a text", p.ErrorMessage != nil, true)
		}
		req := b.produceRequest(12, "t", good)
		req.Topics = append(req.Topics, b.produceRequest(12, "small", good).Topics...)
		resp = ask[*kmsg.ProduceResponse](b, req)
		if len(resp.Topics) != 2 || len(resp.Topics[0].Partitions) != 1 || len(resp.Topics[1].Partitions) != 1 {
			t.Fatalf("%+v", resp)
		}
		if p := resp.Topics[0].Partitions[0]; p.ErrorCode != 0 || p.ErrorMessage != nil || p.LogStartOffset != 0 || p.CurrentLeader.LeaderID != -1 {
			t.Errorf("%+v", p)
		}
		if p := resp.Topics[1].Partitions[0]; wire.ErrorCode(p.ErrorCode) != wire.MessageTooLarge || p.BaseOffset != -1 {
			t.Errorf("%+v", p)
		}
	}
}

func TestProduceAppendsInEveryVersion(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 2)
	for i, v := range versionsOf(t, wire.KeyProduce) {
		resp := ask[*kmsg.ProduceResponse](b, b.produceRequest(v, "t", b.batch("a", "b"), b.batch("c")))
		wantEqual(t, "topics", len(resp.Topics), 1)
		if v >= produceTopicIDs {
			wantEqual(t, "topic ID", resp.Topics[0].TopicID, b.topicID("t"))
		} else {
			wantEqual(t, "topic", resp.Topics[0].Topic, "t")
		}
		first, second := resp.Topics[0].Partitions[0], resp.Topics[0].Partitions[1]
		wantCode(t, "first partition", first.ErrorCode, wire.None)
		wantCode(t, "second partition", second.ErrorCode, wire.None)
		wantEqual(t, "base offset", first.BaseOffset, int64(2*i))
		wantEqual(t, "base offset", second.BaseOffset, int64(i))
		wantEqual(t, "append time", first.LogAppendTime, -1)
		if v >= 5 {
			wantEqual(t, "log start offset", first.LogStartOffset, 0)
		}
	}
}

func TestProduceRefuses(t *testing.T) {
	b := newTestBroker(t, "auto.create.topics.enable", "false")
	b.createTopic("t", 1)
	b.createTopic("small", 1, "max.message.bytes", "100")
	b.createTopic("segment", 1, "segment.bytes", "1048576", "max.message.bytes", "3000000")
	b.createTopic("compacted", 1, "cleanup.policy", "compact")
	b.createTopic("old", 1, "message.timestamp.before.max.ms", "10")
	b.createTopic(offsetsTopic, 1)
	good := b.batch("a")
	broken := bytes.Clone(good)
	broken[len(broken)-1] ^= 1
	magic := bytes.Clone(good)
	magic[16] = 1
	badMagic := bytes.Clone(good)
	badMagic[16] = 9
	zstd := b.compressed(record.Zstd, "a")
	control := b.batchAt(0, func(c *record.Builder) { c.Control = true }, "a")
	for _, c := range []struct {
		what      string
		version   int16
		topic     string
		partition int32
		acks      int16
		records   []byte
		code      wire.ErrorCode
		logStart  int64
		message   string
	}{
		{what: "unknown topic", topic: "missing", records: good, code: wire.UnknownTopicOrPartition, logStart: -1},
		{what: "unknown topic ID", version: 13, topic: "missing", records: good, code: wire.UnknownTopicID, logStart: -1},
		{what: "partition too high", topic: "t", partition: 1, records: good, code: wire.UnknownTopicOrPartition, logStart: -1},
		{what: "partition negative", topic: "t", partition: -1, records: good, code: wire.UnknownTopicOrPartition, logStart: -1},
		{what: "acks", topic: "t", acks: 2, records: good, code: wire.InvalidRequiredAcks, logStart: -1},
		{what: "CRC", topic: "t", records: broken, code: wire.CorruptMessage, logStart: -1},
		{what: "magic 1", topic: "t", records: magic, code: wire.InvalidRecord, logStart: -1},
		{what: "unknown magic", topic: "t", records: badMagic, code: wire.CorruptMessage, logStart: -1, message: "Invalid magic found in record: 9"},
		{what: "two batches", topic: "t", records: append(bytes.Clone(good), good...), code: wire.InvalidRecord, logStart: -1},
		{what: "no records", topic: "t", records: []byte{}, code: wire.InvalidRecord, logStart: -1},
		{what: "null records", topic: "t", records: nil, code: wire.InvalidRecord, logStart: -1},
		{what: "control batch", topic: "t", records: control, code: wire.InvalidRecord},
		{what: "too large", topic: "small", records: b.batch(strings.Repeat("x", 100)), code: wire.MessageTooLarge, logStart: -1},
		{what: "larger than a segment", topic: "segment", records: b.batch(strings.Repeat("x", 1<<20)), code: wire.RecordListTooLarge, logStart: -1},
		{what: "zstd before version 7", version: 6, topic: "t", records: zstd, code: wire.UnsupportedCompressionType, logStart: -1},
		{what: "timestamp", topic: "old", records: good, code: wire.InvalidTimestamp, message: "One or more records have been rejected due to invalid timestamp"},
		{what: "internal topic", topic: offsetsTopic, records: good, code: wire.InvalidTopicException, logStart: -1},
	} {
		if c.version == 0 {
			c.version = 12
		}
		if c.acks == 0 {
			c.acks = acksAll
		}
		req := b.produceRequest(c.version, c.topic, c.records)
		req.Acks = c.acks
		req.Topics[0].Partitions[0].Partition = c.partition
		if c.version >= produceTopicIDs {
			req.Topics[0].TopicID = [16]byte{1}
		}
		p := produceOne(b, req)
		wantCode(t, c.what, p.ErrorCode, c.code)
		wantEqual(t, c.what+": base offset", p.BaseOffset, -1)
		wantEqual(t, c.what+": append time", p.LogAppendTime, -1)
		wantEqual(t, c.what+": log start offset", p.LogStartOffset, c.logStart)
		wantEqual(t, c.what+": message", deref(p.ErrorMessage), c.message)
		if c.code != wire.InvalidRequiredAcks {
			req.Acks = acksNone
			b.refused(req)
		}
	}
	if end := b.offsets(0).LogEndOffset; end != 0 {
		t.Errorf("%d refused records were appended", end)
	}
}

func TestRegression11AcksZeroIsNotAnswered(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	req := b.produceRequest(9, "t", b.batch("a"))
	req.Acks = acksNone
	reply, err := b.start(req)
	if err != nil || reply.Message != nil || reply.Fetch != nil || reply.Later != nil {
		t.Errorf("answer %v, error %v", reply, err)
	}
	wantEqual(t, "log end offset", b.offsets(0).LogEndOffset, 1)
}

func TestProduceTellsOneErrorPerPartition(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 2)
	broken := b.batch("b")
	broken[len(broken)-1] ^= 1
	resp := ask[*kmsg.ProduceResponse](b, b.produceRequest(12, "t", b.batch("a"), broken, b.batch("c")))
	codes := resp.Topics[0].Partitions
	wantCode(t, "good", codes[0].ErrorCode, wire.None)
	wantCode(t, "corrupt", codes[1].ErrorCode, wire.CorruptMessage)
	wantCode(t, "unknown", codes[2].ErrorCode, wire.UnknownTopicOrPartition)
}

func TestProduceFailsWholeRequestForUnreadableFraming(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 2)
	resp := ask[*kmsg.ProduceResponse](b, b.produceRequest(12, "t", b.batch("a"), bytes.Repeat([]byte("garbage"), 20)))
	for _, p := range resp.Topics[0].Partitions {
		wantCode(t, "partition", p.ErrorCode, wire.CorruptMessage)
		wantEqual(t, "message", deref(p.ErrorMessage), "Invalid magic found in record: 114")
	}
	wantEqual(t, "log end offset", b.offsets(0).LogEndOffset, 0)
}

func TestRegression15MaxMessageBytesIsEnforced(t *testing.T) {
	b := newTestBroker(t)
	batch := b.batch("value")
	b.createTopic("fits", 1, "max.message.bytes", itoa(len(batch)))
	b.createTopic("tight", 1, "max.message.bytes", itoa(len(batch)-1))
	wantCode(t, "at the limit", produceOne(b, b.produceRequest(9, "fits", batch)).ErrorCode, wire.None)
	wantCode(t, "beyond the limit", produceOne(b, b.produceRequest(9, "tight", b.batch("value"))).ErrorCode, wire.MessageTooLarge)
}

func TestRegression16KeylessRecordsOnCompactedTopicAreNamed(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1, "cleanup.policy", "compact")
	builder := record.NewBuilder()
	builder.Append(b.clock.UnixMilli(), []byte("k"), []byte("0"))
	builder.Append(b.clock.UnixMilli(), nil, []byte("1"))
	builder.Append(b.clock.UnixMilli(), []byte("k"), nil)
	batch, err := builder.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []int16{3, 7, 8, 12} {
		p := produceOne(b, b.produceRequest(v, "t", bytes.Clone(batch)))
		wantCode(t, "keyless record", p.ErrorCode, wire.InvalidRecord)
		if v < 8 {
			continue
		}
		if len(p.ErrorRecords) != 1 || p.ErrorRecords[0].RelativeOffset != 1 ||
			!strings.Contains(deref(p.ErrorRecords[0].ErrorMessage), "without key in topic partition t-0") {
			t.Errorf("blamed records %+v", p.ErrorRecords)
		}
		if p.ErrorMessage == nil {
			t.Error("no message")
		}
	}
}

func TestRegression22DuplicatesSucceedWithTheirFirstOffset(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	batch := func(epoch int16, sequence int32, values ...string) []byte {
		return b.batchAt(b.clock.UnixMilli(), func(c *record.Builder) { c.ProducerID, c.ProducerEpoch, c.BaseSequence = 7, epoch, sequence }, values...)
	}
	send := func(what string, batch []byte, code wire.ErrorCode, offset int64) {
		t.Helper()
		p := produceOne(b, b.produceRequest(9, "t", batch))
		wantCode(t, what, p.ErrorCode, code)
		wantEqual(t, what+": base offset", p.BaseOffset, offset)
	}
	send("first", batch(0, 0, "a", "b"), wire.None, 0)
	send("second", batch(0, 2, "c"), wire.None, 2)
	send("first again", batch(0, 0, "a", "b"), wire.None, 0)
	send("gap", batch(0, 9, "d"), wire.OutOfOrderSequenceNumber, -1)
	send("new epoch", batch(1, 0, "e"), wire.None, 3)
	send("old epoch", batch(0, 3, "f"), wire.InvalidProducerEpoch, -1)
}

func TestProduceRefusesTransactionalRecords(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	batch := b.batchAt(b.clock.UnixMilli(), func(c *record.Builder) {
		c.ProducerID, c.ProducerEpoch, c.BaseSequence, c.Transactional = 7, 0, 0, true
	}, "a")
	req := b.produceRequest(9, "t", batch)
	wantCode(t, "without transactional ID", produceOne(b, req).ErrorCode, wire.TransactionalIDAuthorizationFailed)
	req.TransactionID = new("tx")
	wantCode(t, "without a coordinator", produceOne(b, req).ErrorCode, wire.NotEnoughReplicas)
	wantEqual(t, "log end offset", b.offsets(0).LogEndOffset, 0)
}

func TestProduceTakesLastOfRepeatedPartitions(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 3)
	for _, n := range []int{2, 2 * maxCompared} {
		req := b.produceRequest(9, "t", b.batch("first"), b.batch("other"))
		for range n {
			req.Topics = append(req.Topics, kmsg.ProduceRequestTopic{
				Topic:      "t",
				Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 0, Records: b.batch("last", "last")}, {Partition: 2, Records: b.batch("x")}},
			})
		}
		before := b.offsets(0).LogEndOffset
		resp := ask[*kmsg.ProduceResponse](b, req)
		wantEqual(t, "topics", len(resp.Topics), 1)
		wantEqual(t, "partitions", len(resp.Topics[0].Partitions), 3)
		wantEqual(t, "appended", b.offsets(0).LogEndOffset-before, 2)
	}
}

func TestProduceLeavesOutTopicsWithoutPartitions(t *testing.T) {
	b := newTestBroker(t)
	req := b.produceRequest(9, "t")
	wantEqual(t, "topics", len(ask[*kmsg.ProduceResponse](b, req).Topics), 0)
}

func TestProduceCreatesTopics(t *testing.T) {
	b := newTestBroker(t, "num.partitions", "2")
	p := produceOne(b, b.produceRequest(9, "new", b.batch("a")))
	wantCode(t, "new topic", p.ErrorCode, wire.None)
	wantEqual(t, "partitions", b.dispatcher.topics().TopicByName("new").Partitions, 2)
	wantCode(t, "invalid name", produceOne(b, b.produceRequest(9, "a b", b.batch("a"))).ErrorCode, wire.UnknownTopicOrPartition)
	wantCode(t, "internal topic", produceOne(b, b.produceRequest(9, offsetsTopic, b.batch("a"))).ErrorCode, wire.UnknownTopicOrPartition)
}

func TestProduceToInternalTopicIsForTheAdminClient(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic(offsetsTopic, 1)
	b.clientID = adminClientID
	wantCode(t, "admin client", produceOne(b, b.produceRequest(9, offsetsTopic, b.batch("a"))).ErrorCode, wire.None)
}

func TestProduceStampsAppendTime(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1, "message.timestamp.type", "LogAppendTime")
	p := produceOne(b, b.produceRequest(9, "t", b.batch("a", "b")))
	wantEqual(t, "append time", p.LogAppendTime, b.clock.UnixMilli())
	for _, batch := range b.fetchBatches("t", 0) {
		wantEqual(t, "timestamp type", batch.Attributes().TimestampType(), record.LogAppendTime)
		wantEqual(t, "max timestamp", batch.MaxTimestamp(), b.clock.UnixMilli())
		if err := batch.VerifyCRC(); err != nil {
			t.Error(err)
		}
	}
}

func TestProduceRecompresses(t *testing.T) {
	b := newTestBroker(t)
	for name, want := range map[string]record.Codec{
		"uncompressed": record.None, "gzip": record.Gzip, "snappy": record.Snappy, "lz4": record.LZ4, "zstd": record.Zstd,
	} {
		b.createTopic(name, 1, "compression.type", name, "compression.gzip.level", "2")
		for _, from := range []record.Codec{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd} {
			b.produce(name, b.compressed(from, "a", "b"))
		}
		batches := b.fetchBatches(name, 0)
		wantEqual(t, name+": batches", len(batches), 5)
		for i, batch := range batches {
			wantEqual(t, name+": codec", batch.Attributes().Codec(), want)
			wantEqual(t, name+": base offset", batch.BaseOffset(), int64(2*i))
			if err := batch.VerifyCRC(); err != nil {
				t.Error(err)
			}
			n := 0
			for _, err := range batch.Records(1 << 20) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			wantEqual(t, name+": records", n, 2)
		}
	}
}

func TestRegression14BatchesStayByteIdentical(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for _, codec := range []record.Codec{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd} {
		sent := b.compressed(codec, "a", "b", "c")
		b.produce("t", bytes.Clone(sent))
		batches := b.fetchBatches("t", b.offsets(0).LogEndOffset-3)
		got := bytes.Clone(batches[0])
		// Offset and leader epoch are the broker's.
		copy(got[:16], sent[:16])
		if !bytes.Equal(got, sent) {
			t.Errorf("%v batch changed", codec)
		}
	}
}

func TestProduceWaitsForTheCommit(t *testing.T) {
	b := newTestBroker(t, "log.flush.interval.messages", unset)
	b.createTopic("t", 2)
	req := b.produceRequest(9, "t", b.batch("a"), b.batch("b"))
	reply, err := b.start(req)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Later == nil {
		t.Fatal("answered before it is durable")
	}
	reply, err = b.finish(t.Context(), reply)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range decode[*kmsg.ProduceResponse](b, req, reply).Topics[0].Partitions {
		wantCode(t, "partition", p.ErrorCode, wire.None)
		wantEqual(t, "high watermark", b.offsets(p.Partition).HighWatermark, 1)
	}
	req = b.produceRequest(9, "t", b.batch("c"))
	req.Acks = acksLeader
	if reply, err := b.start(req); err != nil || reply.Message == nil {
		t.Errorf("acks=1 waits: %v, %v", reply, err)
	}
}

// fakeCommit is decided by the test.
type fakeCommit struct {
	done chan struct{}
	err  error
}

func (*fakeCommit) Begin()                  {}
func (c *fakeCommit) Done() <-chan struct{} { return c.done }
func (c *fakeCommit) Err() error            { return c.err }

// waiting is a produce of partitions 0, 1, … that waits for these commits.
func waiting(timeout time.Duration, commits ...*fakeCommit) *produce {
	a := &produce{deadline: time.Now().Add(timeout)}
	a.resp.Topics = []kmsg.ProduceResponseTopic{{Partitions: make([]kmsg.ProduceResponseTopicPartition, len(commits))}}
	for i, c := range commits {
		p := &a.resp.Topics[0].Partitions[i]
		p.Partition, p.BaseOffset = int32(i), 5
		a.waits = append(a.waits, produceWait{commit: c, out: p})
	}
	return a
}

// TestReadersAreWokenOnceTheProducerHasItsAnswer holds where an append needs no commit.
func TestReadersAreWokenOnceTheProducerHasItsAnswer(t *testing.T) {
	for _, c := range []struct {
		name     string
		acks     int16
		batches  int
		deferred bool
	}{
		{"leader", acksLeader, 1, true},
		{"all", acksAll, 1, true},
		{"no answer", acksNone, 1, false},
		{"several partitions", acksAll, 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newTestBroker(t)
			b.createTopic("t", 2, "flush.messages", "9223372036854775807")
			w := logstore.NewWaiter()
			var batches [][]byte
			for i := range c.batches {
				batches = append(batches, b.batch("a"))
				log, err := b.dispatcher.deps.Store.Partition(b.topicID("t"), int32(i))
				if err != nil {
					t.Fatal(err)
				}
				log.Watch(w)
			}
			req := b.produceRequest(9, "t", batches...)
			req.Acks = c.acks
			reply, err := b.start(req)
			if err != nil {
				t.Fatal(err)
			}
			if c.deferred != (reply.Sent != nil) || c.deferred == (len(w.C()) > 0) {
				t.Errorf("deferred: %t, woken: %t; want deferred: %t", reply.Sent != nil, len(w.C()) > 0, c.deferred)
			}
			if reply.Sent != nil {
				reply.Sent()
			}
			if len(w.C()) != 1 {
				t.Error("the reader wasn't woken")
			}
		})
	}
}

func TestProduceTellsWhatBecameOfEachCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan struct{})
		close(closed)
		good, bad, never := &fakeCommit{done: closed}, &fakeCommit{done: closed, err: logstore.ErrOffline}, &fakeCommit{done: make(chan struct{})}
		a := waiting(time.Second, good, never, bad)
		if a.ready() {
			t.Error("ready with an open commit")
		}
		if _, err := a.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := a.resp.Topics[0].Partitions
		wantCode(t, "durable", p[0].ErrorCode, wire.None)
		wantEqual(t, "durable: base offset", p[0].BaseOffset, 5)
		wantCode(t, "late", p[1].ErrorCode, wire.RequestTimedOut)
		wantCode(t, "failed", p[2].ErrorCode, wire.KafkaStorageError)
		wantEqual(t, "failed: base offset", p[2].BaseOffset, -1)
		if !waiting(time.Second, good, bad).ready() {
			t.Error("not ready with decided commits")
		}
	})
}

func TestProduceWaitEndsWithTheConnection(t *testing.T) {
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	a := waiting(time.Hour, &fakeCommit{done: make(chan struct{})})
	if _, err := a.wait(ctx); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
}
