package txn

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

func listRequest(pattern string) *kmsg.ListTransactionsRequest {
	req := kmsg.NewPtrListTransactionsRequest()
	req.Version, req.DurationFilterMillis, req.TransactionalIDPattern = 2, -1, &pattern
	return req
}

// TestPatternsThatExplodeAreRefused: what a pattern takes is bounded before it is compiled, as that of a consumer group.
func TestPatternsThatExplodeAreRefused(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	c := start(t, testOptions(log))
	newBenchProducer(t, c, "tx-7")
	for what, pattern := range map[string]string{
		"many repetitions": strings.Repeat("(a?){1000}", 3000),
		"classes":          strings.Repeat(`\pL`, 10_000),
		"open groups":      strings.Repeat("(", 30_000),
		"no pattern":       "(",
	} {
		if code := wire.ErrorCode(c.ListTransactions(t.Context(), listRequest(pattern)).ErrorCode); code != wire.InvalidRegularExpression {
			t.Errorf("%s: %s", what, code)
		}
	}
	for pattern, want := range map[string]int{"tx-.*": 1, "tx-": 0, strings.Repeat("tx-7|", 1000) + "x": 1} {
		if got := len(c.ListTransactions(t.Context(), listRequest(pattern)).TransactionStates); got != want {
			t.Errorf("%.20s: %d IDs, want %d", pattern, got, want)
		}
	}
	if err := coordinator.CheckPattern(strings.Repeat("(a?){1000}", 30)); !errors.Is(err, coordinator.ErrPatternTooLarge) {
		t.Errorf("%.100v", err)
	}
}

// TestOthersGoOnWhileIDsAreMatched: IDs are matched outside of their shards, and not for ever.
func TestOthersGoOnWhileIDsAreMatched(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	records := make([]Record, 2000)
	for i := range records {
		records[i] = Record{ID: fmt.Sprint(strings.Repeat("a", 240), i), Metadata: begunMetadata(int64(i), -1, 60_000, time.Now().UnixMilli())}
	}
	appendRecords(t, log, 0, 2, records...)
	c := start(t, testOptions(log))
	listAll(t, c)
	listed := make(chan wire.ErrorCode)
	go func() {
		slow := strings.Repeat("(?:a?){1000}", 10) + "[^0-9]"
		listed <- wire.ErrorCode(c.ListTransactions(t.Context(), listRequest(slow)).ErrorCode)
	}()
	p := newBenchProducer(t, c, "tx")
	for n, ended := 0, false; !ended; n++ {
		p.transaction(t, c)
		select {
		case code := <-listed:
			ended = true
			if code != wire.InvalidRegularExpression || n < 3 {
				t.Errorf("%s after %d transactions", code, n)
			}
		default:
		}
	}
	late := &matching{pattern: regexp.MustCompile("a"), until: time.Now()}
	late.of([]kmsg.ListTransactionsResponseTransactionState{{TransactionalID: "a"}})
	if !late.late {
		t.Error("there is always time")
	}
}
