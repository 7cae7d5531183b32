package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

func TestDescribeProducers(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 2)
	b.produce("t", b.batchAt(b.clock.UnixMilli(), func(c *record.Builder) {
		c.ProducerID, c.ProducerEpoch, c.BaseSequence = 9, 2, 0
	}, "a", "b", "c"))
	req := kmsg.NewPtrDescribeProducersRequest()
	req.Topics = []kmsg.DescribeProducersRequestTopic{
		{Topic: "t", Partitions: []int32{0, 1, 2}}, {Topic: "missing", Partitions: []int32{0}}, {Topic: "a b", Partitions: []int32{0}},
	}
	resp := ask[*kmsg.DescribeProducersResponse](b, req)
	found := resp.Topics[0].Partitions[0]
	wantCode(t, "with a producer", found.ErrorCode, wire.None)
	wantEqual(t, "producers", len(found.ActiveProducers), 1)
	p := found.ActiveProducers[0]
	wantEqual(t, "producer ID", p.ProducerID, 9)
	wantEqual(t, "epoch", p.ProducerEpoch, 2)
	wantEqual(t, "last sequence", p.LastSequence, 2)
	wantEqual(t, "transaction", p.CurrentTxnStartOffset, -1)
	wantEqual(t, "without", len(resp.Topics[0].Partitions[1].ActiveProducers), 0)
	wantCode(t, "unknown partition", resp.Topics[0].Partitions[2].ErrorCode, wire.UnknownTopicOrPartition)
	wantEqual(t, "unknown partition: message", deref(resp.Topics[0].Partitions[2].ErrorMessage), "")
	wantCode(t, "unknown topic", resp.Topics[1].Partitions[0].ErrorCode, wire.UnknownTopicOrPartition)
	wantEqual(t, "unknown topic: message", deref(resp.Topics[1].Partitions[0].ErrorMessage), "This server does not host this topic-partition.")
	wantCode(t, "invalid name", resp.Topics[2].Partitions[0].ErrorCode, wire.InvalidTopicException)
}
