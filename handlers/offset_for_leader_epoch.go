// OffsetForLeaderEpoch (key 23), versions 2-4.
//
// 2 current leader epoch (KIP-320); 3 replica ID (KIP-392); 4 flexible.
//
// Knowingly absent: nothing. The replica ID makes no difference, since every log is led here.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) offsetForLeaderEpoch(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.OffsetForLeaderEpochRequest)
	resp := r.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	image := d.topics()
	for i := range r.Topics {
		rt := &r.Topics[i]
		topic := image.TopicByName(rt.Topic)
		out := kmsg.NewOffsetForLeaderEpochResponseTopic()
		out.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			p.Partition, p.LeaderEpoch, p.EndOffset = rp.Partition, -1, -1
			log, code := d.partition(topic, rp.Partition)
			if code == wire.None {
				code = checkLeaderEpoch(rp.CurrentLeaderEpoch, log.Offsets().LeaderEpoch)
			}
			if p.ErrorCode = int16(code); code == wire.None {
				p.LeaderEpoch, p.EndOffset = endOfEpoch(log, rp.LeaderEpoch)
			}
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return answer(resp)
}
