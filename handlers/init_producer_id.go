// InitProducerId (key 22), versions 0-5.
//
// 0 KIP-98; 2 flexible; 3 producer ID and epoch to go on with (KIP-360); 4 PRODUCER_FENCED
// (KIP-588); 5 newer transaction errors (KIP-890).
//
// Knowingly absent: nothing. An idempotent producer gets a new ID whatever it brings along: it counts its epochs
// itself (KIP-360).

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) initProducerID(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.InitProducerIDRequest)
	if r.TransactionalID != nil {
		return answer(d.deps.Transactions.InitProducerID(ctx, r))
	}
	resp := r.ResponseKind().(*kmsg.InitProducerIDResponse)
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	code := wire.InvalidRequest
	if (r.ProducerID == -1) == (r.ProducerEpoch == -1) {
		code = wire.None
		id, err := d.producerIDs.next(ctx)
		if err != nil {
			code = errorCode(err)
		} else {
			resp.ProducerID, resp.ProducerEpoch = id, 0
		}
	}
	resp.ErrorCode = int16(code)
	return answer(resp)
}
