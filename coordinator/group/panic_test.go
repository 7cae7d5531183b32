package group

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// TestADecisionThatBreaksDownIsAnsweredOnce: the one that broke down had replied already, so that two want to answer: the runtime, which refuses what
// it couldn't decide on, and the state, which ends with somebody to be told. A second answer would be that to the next request.
func TestADecisionThatBreaksDownIsAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		o := testOptions(log)
		o.Topics = threeTopics
		breaks := false
		o.Now = func() time.Time {
			if breaks {
				breaks = false
				panic("no clock")
			}
			return time.Now()
		}
		c := New(o)
		defer stop(t, c)
		commitOffsets(t.Context(), c, commitRequest(7, "group", "a/0"))
		for range 3 {
			breaks = true
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			resp := commitOffsets(ctx, c, commitRequest(7, "group", "a/1"))
			wantEqual(t, "in time", fmt.Sprint(ctx.Err()), "<nil>")
			cancel()
			wantEqual(t, "broken", wire.ErrorCode(resp.Topics[0].Partitions[0].ErrorCode), wire.NotCoordinator)
			synctest.Wait()
			for range 3 {
				resp = commitOffsets(t.Context(), c, commitRequest(7, "group", "a/0"))
				wantEqual(t, "after it", wire.ErrorCode(resp.Topics[0].Partitions[0].ErrorCode), wire.None)
				wantEqual(t, "partition", resp.Topics[0].Partitions[0].Partition, int32(0))
			}
		}
	})
}
