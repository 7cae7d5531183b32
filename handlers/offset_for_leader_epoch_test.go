package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestOffsetForLeaderEpoch(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 2)
	b.produce("t", b.batch("a", "b"))
	for _, v := range versionsOf(t, wire.KeyOffsetForLeaderEpoch) {
		for _, c := range []struct {
			what           string
			topic          string
			partition      int32
			current, epoch int32
			code           wire.ErrorCode
			endEpoch       int32
			endOffset      int64
		}{
			{"this epoch", "t", 0, -1, 0, wire.None, 0, 2},
			{"this epoch, checked", "t", 0, 0, 0, wire.None, 0, 2},
			{"an empty log", "t", 1, -1, 0, wire.None, 0, 0},
			{"a newer epoch", "t", 0, -1, 1, wire.None, -1, -1},
			{"no epoch", "t", 0, -1, -1, wire.None, -1, -1},
			{"before all epochs", "t", 0, -1, -2, wire.None, -2, 0},
			{"older metadata", "t", 0, -2, 0, wire.FencedLeaderEpoch, -1, -1},
			{"newer metadata", "t", 0, 1, 0, wire.UnknownLeaderEpoch, -1, -1},
			{"unknown topic", "missing", 0, -1, 0, wire.UnknownTopicOrPartition, -1, -1},
			{"unknown partition", "t", 2, -1, 0, wire.UnknownTopicOrPartition, -1, -1},
			{"negative partition", "t", -1, -1, 0, wire.UnknownTopicOrPartition, -1, -1},
		} {
			req := kmsg.NewPtrOffsetForLeaderEpochRequest()
			req.Version, req.ReplicaID = v, -1
			p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
			p.Partition, p.CurrentLeaderEpoch, p.LeaderEpoch = c.partition, c.current, c.epoch
			req.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: c.topic, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{p}}}
			got := ask[*kmsg.OffsetForLeaderEpochResponse](b, req).Topics[0].Partitions[0]
			wantCode(t, c.what, got.ErrorCode, c.code)
			wantEqual(t, c.what+": partition", got.Partition, c.partition)
			wantEqual(t, c.what+": epoch", got.LeaderEpoch, c.endEpoch)
			wantEqual(t, c.what+": end offset", got.EndOffset, c.endOffset)
		}
	}
}
