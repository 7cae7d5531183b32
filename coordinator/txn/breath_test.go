package txn

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// heldMarkers are written when the test says so.
type heldMarkers chan func()

func (h heldMarkers) Write(_ Marker, partitions []TopicPartition, w MarkerWaiter) {
	h <- func() {
		for i := range partitions {
			w.Written(i, nil)
		}
	}
}

// TestTransactionBegunAndEndedInOneBreathEnds is anomaly A22: while a transaction ends, its producer gives a Produce up that waits to begin the next one, and
// aborts that. Both are decided together when the markers are there, and the second transaction needs markers of its own.
func TestTransactionBegunAndEndedInOneBreathEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		markers := make(heldMarkers, 4)
		o := testOptions(log)
		o.Markers = markers
		o.Config = func() Config {
			c := testConfig()
			c.PatienceMs = 60_000
			return c
		}
		c := New(o)
		defer stop(t, c)
		c.Load()
		w := &crashWorld{t: t, c: c}
		p := &crashProducer{id: "tx", bumps: true, pid: -1, acked: map[int]bool{}}
		p.begin(w)
		end := func(commit bool) wire.ErrorCode {
			req := kmsg.NewPtrEndTxnRequest()
			req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = 5, p.id, p.pid, p.epoch, commit
			resp := c.EndTxn(t.Context(), req)
			if resp.ErrorCode == 0 {
				p.pid, p.epoch = resp.ProducerID, resp.ProducerEpoch
			}
			return wire.ErrorCode(resp.ErrorCode)
		}
		add := func() { c.Verify(t.Context(), p.id, p.pid, p.epoch, []TopicPartition{{"t", 0}}, true) }
		add()
		if code := end(true); code != wire.None {
			t.Fatal(code)
		}
		first := <-markers

		var waiting sync.WaitGroup
		waiting.Go(add)
		synctest.Wait()
		parked := make(chan int, 1)
		c.runtime.SubmitTo(0, coordinator.Command[*Shard, Record]{Decide: func(s *Shard) coordinator.Decision[Record] {
			parked <- len(s.transactions[p.id].completion.parked)
			return coordinator.Decision[Record]{}
		}})
		if n := <-parked; n != 1 {
			t.Fatalf("%d requests wait for the end of the first transaction", n)
		}
		// The shard is kept busy until the end of the second transaction is asked for, and the marker of the first one is there.
		busy, goOn := make(chan struct{}), make(chan struct{})
		waiting.Go(func() {
			c.runtime.SubmitTo(0, coordinator.Command[*Shard, Record]{Decide: func(*Shard) coordinator.Decision[Record] {
				close(busy)
				<-goOn
				return coordinator.Decision[Record]{}
			}})
		})
		<-busy
		var code wire.ErrorCode
		waiting.Go(func() { code = end(false) })
		synctest.Wait()
		waiting.Go(first)
		synctest.Wait()
		close(goOn)
		waiting.Wait()
		if code != wire.None {
			t.Fatal(code)
		}
		select {
		case second := <-markers:
			second()
		case <-time.After(20 * time.Second):
			t.Fatal("no marker is written for the second transaction")
		}
		if state := awaitEnd(t, c); state != "CompleteAbort" {
			t.Errorf("the second transaction is %s", state)
		}
	})
}
