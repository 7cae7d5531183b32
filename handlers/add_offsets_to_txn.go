// AddOffsetsToTxn (key 25), versions 0-4.
//
// 0 KIP-98; 1 throttled clients wait by themselves; 2 PRODUCER_FENCED (KIP-588); 3 flexible; 4 TRANSACTION_ABORTABLE (KIP-890).
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) addOffsetsToTxn(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.AddOffsetsToTxnRequest)
	if err := d.needTopic(ctx, offsetsTopic); err != nil { // Markers need its partitions.
		d.deps.Log.Warn("an internal topic can't be created", "topic", offsetsTopic, "error", err)
		resp := r.ResponseKind().(*kmsg.AddOffsetsToTxnResponse)
		resp.ErrorCode = int16(wire.CoordinatorNotAvailable)
		return answer(resp)
	}
	return answer(d.deps.Transactions.AddOffsetsToTxn(ctx, r))
}
