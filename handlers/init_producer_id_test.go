package handlers

import (
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func initRequest(version int16) *kmsg.InitProducerIDRequest {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.ProducerID, req.ProducerEpoch = version, -1, -1
	return req
}

func TestInitProducerIDGivesEachProducerItsOwn(t *testing.T) {
	b := newTestBroker(t)
	seen := map[int64]bool{}
	for _, v := range versionsOf(t, wire.KeyInitProducerID) {
		for range 500 {
			resp := ask[*kmsg.InitProducerIDResponse](b, initRequest(v))
			wantCode(t, "answer", resp.ErrorCode, wire.None)
			wantEqual(t, "epoch", resp.ProducerEpoch, 0)
			if seen[resp.ProducerID] || resp.ProducerID < 0 {
				t.Fatalf("producer ID %d again", resp.ProducerID)
			}
			seen[resp.ProducerID] = true
		}
	}
}

func TestInitProducerIDIsSafeForMany(t *testing.T) {
	b := newTestBroker(t)
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				id, err := b.dispatcher.producerIDs.next(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[id] {
					t.Errorf("producer ID %d again", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// TestInitProducerIDIgnoresWhatAnIdempotentProducerHas: it counts its epochs itself (KIP-360).
func TestInitProducerIDIgnoresWhatAnIdempotentProducerHas(t *testing.T) {
	b := newTestBroker(t)
	req := initRequest(4)
	req.ProducerID, req.ProducerEpoch = 77, 3
	resp := ask[*kmsg.InitProducerIDResponse](b, req)
	wantCode(t, "answer", resp.ErrorCode, wire.None)
	wantEqual(t, "epoch", resp.ProducerEpoch, 0)
	if resp.ProducerID == 77 {
		t.Error("the old ID")
	}
}

func TestInitProducerIDRefuses(t *testing.T) {
	b := newTestBroker(t)
	for _, c := range []struct {
		what    string
		id      *string
		timeout int32
		pid     int64
		epoch   int16
		code    wire.ErrorCode
	}{
		{"ID without epoch", nil, 0, 5, -1, wire.InvalidRequest},
		{"epoch without ID", nil, 0, -1, 5, wire.InvalidRequest},
		{"empty transactional ID", new(""), 1000, -1, -1, wire.InvalidRequest},
		{"no timeout", new("tx"), 0, -1, -1, wire.InvalidTransactionTimeout},
		{"long timeout", new("tx"), 900_001, -1, -1, wire.InvalidTransactionTimeout},
		{"transactional, without the topic of transactions", new("tx"), 1000, -1, -1, wire.NotCoordinator},
	} {
		req := initRequest(4)
		req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = c.id, c.timeout, c.pid, c.epoch
		resp := ask[*kmsg.InitProducerIDResponse](b, req)
		wantCode(t, c.what, resp.ErrorCode, c.code)
		wantEqual(t, c.what+": producer ID", resp.ProducerID, -1)
		wantEqual(t, c.what+": epoch", resp.ProducerEpoch, -1)
	}
}

func TestInitProducerIDOfATransactionInEveryVersion(t *testing.T) {
	b := newTransactionBroker(t)
	for _, v := range versionsOf(t, wire.KeyInitProducerID) {
		req := initRequest(v)
		req.TransactionalID, req.TransactionTimeoutMillis = new("tx-"+itoa(int(v))), 1000
		first := ask[*kmsg.InitProducerIDResponse](b, req)
		wantCode(t, "first", first.ErrorCode, wire.None)
		wantEqual(t, "epoch", first.ProducerEpoch, 0)
		second := ask[*kmsg.InitProducerIDResponse](b, req)
		wantEqual(t, "producer ID", second.ProducerID, first.ProducerID)
		wantEqual(t, "epoch", second.ProducerEpoch, 1)
		if v < 3 {
			continue
		}
		req.ProducerID, req.ProducerEpoch = first.ProducerID, first.ProducerEpoch
		want := wire.ProducerFenced
		if v < 4 {
			want = wire.InvalidProducerEpoch
		}
		wantCode(t, "the first again", ask[*kmsg.InitProducerIDResponse](b, req).ErrorCode, want)
	}
}
