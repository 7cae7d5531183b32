package txn

import (
	"fmt"
	"math"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// BenchmarkTransaction is the coordinator's part of transactions over one partition each, by so many producers at once: its log in memory, left
// to the page cache.
func BenchmarkTransaction(b *testing.B) {
	for _, producers := range []int{1, 50} {
		b.Run(fmt.Sprint(producers), func(b *testing.B) {
			log := openLog(b, vfs.NewMemory(), 50, func(c *logstore.Config) { c.FlushMessages = math.MaxInt64 })
			defer log.Close(b)
			c := New(testOptions(log))
			defer stop(b, c)
			b.ReportAllocs()
			b.SetParallelism(producers)
			var next atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				p := newBenchProducer(b, c, fmt.Sprint("tx-", next.Add(1)))
				for pb.Next() {
					p.transaction(b, c)
				}
			})
		})
	}
}

// benchProducer is a producer of transaction version 2.
type benchProducer struct {
	id    string
	pid   int64
	epoch int16
	where []TopicPartition
}

func newBenchProducer(tb testing.TB, c *Coordinator, id string) *benchProducer {
	tb.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.TransactionalID, req.TransactionTimeoutMillis = 5, &id, 60_000
	req.ProducerID, req.ProducerEpoch = -1, -1
	for {
		resp := c.InitProducerID(tb.Context(), req)
		if resp.ErrorCode != int16(wire.CoordinatorLoadInProgress) {
			return &benchProducer{id, resp.ProducerID, resp.ProducerEpoch, []TopicPartition{{"t", 0}}}
		}
	}
}

func (p *benchProducer) transaction(tb testing.TB, c *Coordinator) {
	tb.Helper()
	if codes := c.Verify(tb.Context(), p.id, p.pid, p.epoch, p.where, true); codes[0] != wire.None {
		tb.Error(codes)
		return
	}
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = 5, p.id, p.pid, p.epoch, true
	resp := c.EndTxn(tb.Context(), req)
	if resp.ErrorCode != 0 {
		tb.Error(wire.ErrorCode(resp.ErrorCode))
	}
	p.pid, p.epoch = resp.ProducerID, resp.ProducerEpoch
}
