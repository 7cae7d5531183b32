package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// cost is what something took, the client's part in this process included.
type cost struct{ wall, cpu time.Duration }

// of adds what fn takes.
func (c *cost) of(fn func()) {
	began, used := time.Now(), processTime()
	fn()
	c.wall += time.Since(began)
	c.cpu += processTime() - used
}

func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report says how much more b took than a.
func report(b *testing.B, name string, first, second cost, bytes int) {
	b.Helper()
	b.ReportMetric(float64(second.wall)/float64(first.wall), name+"-time")
	b.ReportMetric(float64(second.cpu)/float64(first.cpu), name+"-cpu")
	b.ReportMetric(float64(bytes)/first.wall.Seconds()/1e6, "MB/s")
	b.ReportMetric(0, "ns/op") // of both together, which nobody wants to know
}

// benchLog is a partition of a broker, and one producer in transactions.
type benchLog struct {
	*testClient
	producer testProducer
	batch    record.Batch
	sequence int32
	produce  *kmsg.ProduceRequest
}

func newBenchLog(b *testing.B, records, recordBytes int, overrides ...string) *benchLog {
	b.Helper()
	c := dialNode(b, runTestNode(b, b.TempDir(), overrides...))
	c.prepare()
	l := &benchLog{testClient: c, producer: c.initProducer()}
	builder := record.NewBuilder()
	builder.ProducerID, builder.ProducerEpoch, builder.BaseSequence = l.producer.id, l.producer.epoch, 0
	for range records {
		builder.Append(time.Now().UnixMilli(), nil, make([]byte, recordBytes))
	}
	batch, err := builder.Build(nil)
	if err != nil {
		b.Fatal(err)
	}
	l.batch = batch
	l.produce = kmsg.NewPtrProduceRequest()
	l.produce.Version, l.produce.Acks, l.produce.TimeoutMillis = 12, -1, 30_000
	l.produce.Topics = []kmsg.ProduceRequestTopic{{Topic: txnTestTopic, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: l.batch}}}}
	return l
}

// append appends the batch, to partition 0 as part of a transaction, else to partition 1.
func (l *benchLog) append(transactional bool) {
	const (
		crcAt, attributesAt, idAt, epochAt, sequenceAt = 17, 21, 43, 51, 53
		transactionalBit                               = 0x10
	)
	attributes, id, epoch, sequence := uint16(0), int64(-1), int16(-1), int32(-1)
	l.produce.TransactionID, l.produce.Topics[0].Partitions[0].Partition = nil, 1
	if transactional {
		txn := txnTestID
		l.produce.TransactionID, l.produce.Topics[0].Partitions[0].Partition = &txn, 0
		attributes, id, epoch, sequence = transactionalBit, l.producer.id, l.producer.epoch, l.sequence
		l.sequence += l.batch.Count()
	}
	big := binary.BigEndian
	big.PutUint16(l.batch[attributesAt:], attributes)
	big.PutUint64(l.batch[idAt:], uint64(id))
	big.PutUint16(l.batch[epochAt:], uint16(epoch))
	big.PutUint32(l.batch[sequenceAt:], uint32(sequence))
	big.PutUint32(l.batch[crcAt:], crc32.Checksum(l.batch[attributesAt:], crc32.MakeTable(crc32.Castagnoli)))
	l.until("produce", func() int16 {
		return request[*kmsg.ProduceResponse](l.testClient, l.produce).Topics[0].Partitions[0].ErrorCode
	})
}

// finish ends the transaction.
func (l *benchLog) finish(commit bool) {
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = 5, txnTestID, l.producer.id, l.producer.epoch, commit
	l.until("end", func() int16 {
		resp := request[*kmsg.EndTxnResponse](l.testClient, req)
		if resp.ErrorCode == 0 {
			l.producer, l.sequence = testProducer{resp.ProducerID, resp.ProducerEpoch}, 0
		}
		return resp.ErrorCode
	})
}

// pageCache leaves records to the page cache.
var pageCache = fmt.Sprintf("log.flush.interval.messages=%d", int64(math.MaxInt64))

// BenchmarkTransactionOf10MB is a transaction of 10 MB beside a plain produce of as much, in turn. The bar is 1.1 of it.
func BenchmarkTransactionOf10MB(b *testing.B) {
	for _, mode := range []struct{ name, override string }{{"page-cache", pageCache}, {"durable", "log.retention.hours=1"}} {
		b.Run(mode.name, func(b *testing.B) {
			l := newBenchLog(b, 1000, 1000, mode.override, "log.retention.bytes=50000000", "log.segment.bytes=20000000")
			var plain, transactions cost
			var bytes int
			for b.Loop() {
				plain.of(func() {
					for range 10 {
						l.append(false)
						bytes += len(l.batch)
					}
				})
				transactions.of(func() {
					for range 10 {
						l.append(true)
					}
					l.finish(true)
				})
			}
			report(b, "transaction/plain", plain, transactions, bytes)
		})
	}
}

// BenchmarkReadCommitted reads a log of 20,000 transactions of one record of 1 KB, with and without leaving out what was aborted, in
// turn. The bars are 1.1 where nothing was aborted, and 1.25 where half was.
func BenchmarkReadCommitted(b *testing.B) {
	for _, aborts := range []bool{false, true} {
		b.Run(map[bool]string{false: "all-committed", true: "half-aborted"}[aborts], func(b *testing.B) {
			l := newBenchLog(b, 1, 1000, pageCache)
			for i := range 20_000 {
				l.append(true)
				l.finish(!aborts || i%2 == 0)
			}
			var uncommitted, committed cost
			var bytes int
			l.read(0)
			for b.Loop() {
				uncommitted.of(func() { bytes += l.read(0) })
				committed.of(func() { l.read(1) })
			}
			report(b, "committed/uncommitted", uncommitted, committed, bytes)
		})
	}
}

// read fetches partition 0 from its begin to its end, and returns how many bytes of batches there are.
func (l *benchLog) read(isolation int8) (bytes int) {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.IsolationLevel, req.MaxWaitMillis = 11, 1<<20, isolation, 1000
	req.Topics = []kmsg.FetchRequestTopic{{Topic: txnTestTopic, Partitions: []kmsg.FetchRequestTopicPartition{{
		PartitionMaxBytes: 1 << 20, CurrentLeaderEpoch: -1, LogStartOffset: -1,
	}}}}
	offset := &req.Topics[0].Partitions[0].FetchOffset
	for {
		resp := request[*kmsg.FetchResponse](l.testClient, req).Topics[0].Partitions[0]
		if resp.ErrorCode != 0 {
			l.t.Fatal(wire.ErrorCode(resp.ErrorCode))
		}
		bytes += len(resp.RecordBatches)
		for rest := resp.RecordBatches; len(rest) > 0; {
			batch, err := record.First(rest)
			if err != nil {
				l.t.Fatal(err)
			}
			*offset, rest = batch.NextOffset(), rest[len(batch):]
		}
		if *offset >= resp.HighWatermark {
			return bytes
		}
	}
}
