// DescribeProducers (key 61), version 0 (KIP-664).
//
// Knowingly absent: nothing.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) describeProducers(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.DescribeProducersRequest)
	resp := r.ResponseKind().(*kmsg.DescribeProducersResponse)
	image := d.topics()
	r.Topics = atMostTwice(r.Topics, func(t *kmsg.DescribeProducersRequestTopic) string { return t.Topic })
	for i := range r.Topics {
		rt := &r.Topics[i]
		rt.Partitions = atMostTwice(rt.Partitions, itself)
		topic := image.TopicByName(rt.Topic)
		refused := apiError{}
		if err := config.ValidateTopicName(rt.Topic); err != nil {
			refused = refusal(err)
		} else if topic == nil {
			refused = plain(wire.UnknownTopicOrPartition)
		}
		out := kmsg.NewDescribeProducersResponseTopic()
		out.Topic = rt.Topic
		for _, partition := range rt.Partitions {
			p := kmsg.NewDescribeProducersResponseTopicPartition()
			p.Partition = partition
			failed := refused
			if !failed.failed() {
				var log logstore.Partition
				log, failed.code = d.partition(topic, partition)
				if !failed.failed() {
					p.ActiveProducers = activeProducers(log)
				}
			}
			p.ErrorCode, p.ErrorMessage = int16(failed.code), failed.message
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return answer(resp)
}

func activeProducers(log logstore.Partition) []kmsg.DescribeProducersResponseTopicPartitionActiveProducer {
	states := log.Producers()
	producers := make([]kmsg.DescribeProducersResponseTopicPartitionActiveProducer, 0, len(states))
	for _, s := range states {
		p := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
		p.ProducerID = s.ProducerID
		p.ProducerEpoch = int32(s.ProducerEpoch)
		p.LastSequence = s.LastSequence
		p.LastTimestamp = s.LastTimestamp
		p.CoordinatorEpoch = s.CoordinatorEpoch
		p.CurrentTxnStartOffset = s.CurrentTxnStartOffset
		producers = append(producers, p)
	}
	return producers
}
