package txn

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// TestBusyProducerHasTwoAppendsPerTransaction: a transaction over one partition is begun, together with the end of the one before, and
// prepared; the marker is its partition's.
func TestBusyProducerHasTwoAppendsPerTransaction(t *testing.T) {
	for delay, want := range map[time.Duration]int{0: 3, 50 * time.Millisecond: 2} {
		synctest.Test(t, func(t *testing.T) {
			log := openLog(t, vfs.NewMemory(), 1, func(c *logstore.Config) { c.FlushMessages = math.MaxInt64 })
			defer log.Close(t)
			o := testOptions(log)
			o.CompleteDelay = delay
			c := New(o)
			defer stop(t, c)
			p := newBenchProducer(t, c, "tx")
			p.transaction(t, c)
			synctest.Wait()
			partition, err := log.Partition(0)
			if err != nil {
				t.Fatal(err)
			}
			from := partition.Offsets().LogEndOffset
			const transactions = 10
			for range transactions {
				p.transaction(t, c)
				synctest.Wait()
			}
			appends := 0
			coordinatortest.EachBatch(t, partition, &from, func(record.Batch) { appends++ })
			if appends != want*transactions {
				t.Errorf("a Complete record may wait for %s: %d appends for %d transactions, want %d each", delay, appends, transactions, want)
			}
		})
	}
}

// TestVerificationIsLimited: a Produce isn't kept for ever by markers that can't be written.
func TestVerificationIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		o, markers := testOptions(log), &testMarkers{holds: true}
		o.Markers, o.Config = markers, func() Config {
			c := testConfig()
			c.PatienceMs = math.MaxInt32
			return c
		}
		c := New(o)
		defer stop(t, c)
		defer markers.set(false, nil)
		p := newBenchProducer(t, c, "tx")
		p.transaction(t, c)
		began := time.Now()
		code := c.Verify(t.Context(), p.id, p.pid, p.epoch, p.where, true)[0]
		if took := time.Since(began); code == wire.None || took != verifyLimit {
			t.Errorf("%s after %s", code, took)
		}
	})
}
