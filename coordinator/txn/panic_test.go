package txn

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// TestACompletionThatBreaksDownAnswersEachOnce: who asks about an ID whose Complete record has waited has it written. If that breaks down, the runtime
// refuses who has asked, and the state that ends tells those that were waiting before.
func TestACompletionThatBreaksDownAnswersEachOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		o, markers := testOptions(log), &testMarkers{}
		breaks := false
		o.Markers, o.CompleteDelay = markers, time.Minute
		o.Config = func() Config {
			c := testConfig()
			c.PatienceMs = 60_000
			return c
		}
		o.Now = func() time.Time {
			if breaks {
				breaks = false
				panic("no clock")
			}
			return time.Now()
		}
		c := New(o)
		defer stop(t, c)
		p := newBenchProducer(t, c, "tx")
		for range 3 {
			p.transaction(t, c)
			synctest.Wait()
			breaks = true
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			code := c.Verify(ctx, p.id, p.pid, p.epoch, p.where, true)[0]
			if ctx.Err() != nil || code != wire.UnknownServerError {
				t.Fatal(code, ctx.Err())
			}
			cancel()
			for range 3 {
				p.transaction(t, c)
			}
		}

		// Two wait for markers. The one that comes when they are there breaks down.
		markers.set(true, nil)
		p.transaction(t, c)
		synctest.Wait()
		waiting := make(chan wire.ErrorCode, 2)
		for range 2 {
			go func() { waiting <- c.Verify(t.Context(), p.id, p.pid, p.epoch, p.where, true)[0] }()
		}
		synctest.Wait()
		breaks = true
		markers.set(false, nil)
		synctest.Wait()
		if got := fmt.Sprint(len(waiting), <-waiting, <-waiting); got != "2 NOT_COORDINATOR NOT_COORDINATOR" {
			t.Error(got)
		}
		p.transaction(t, c)
	})
}
