package txnclient

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// SendOffset makes the offset that a group goes on from in a partition part of the transaction.
func (p *Producer) SendOffset(ctx context.Context, group string, of Partition, offset int64) error {
	p.touched = true
	if err := p.addGroup(ctx, group); err != nil {
		return err
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.TransactionalID, req.Group, req.Generation = p.version(4, 5), p.settings.ID, group, -1
	req.ProducerID, req.ProducerEpoch = p.id, p.epoch
	partition := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	partition.Partition, partition.Offset = of.Number, offset
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: of.Topic, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{partition}}}
	return p.ask(ctx, req, func(r kmsg.Response) (int16, bool) {
		resp, ok := r.(*kmsg.TxnOffsetCommitResponse)
		if !ok || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
			return 0, false
		}
		return resp.Topics[0].Partitions[0].ErrorCode, true
	})
}

// addGroup makes a group's offsets part of the transaction. Version 2 leaves that to the broker.
func (p *Producer) addGroup(ctx context.Context, group string) error {
	if p.bumps() || p.group {
		return nil
	}
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = 3, p.settings.ID, p.id, p.epoch, group
	err := p.ask(ctx, req, func(r kmsg.Response) (int16, bool) {
		resp, ok := r.(*kmsg.AddOffsetsToTxnResponse)
		return resp.ErrorCode, ok
	})
	if err == nil {
		p.group = true
	}
	return err
}

// Offset is the offset that a group goes on from, when no transaction is open that could change it; -1 if there is none.
func (p *Producer) Offset(ctx context.Context, group string, of Partition) (int64, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.Group, req.RequireStable = 7, group, true
	req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: of.Topic, Partitions: []int32{of.Number}}}
	offset := int64(-1)
	err := p.ask(ctx, req, func(r kmsg.Response) (int16, bool) {
		resp, ok := r.(*kmsg.OffsetFetchResponse)
		if !ok {
			return 0, false
		}
		if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
			return resp.ErrorCode, resp.ErrorCode != 0
		}
		offset = resp.Topics[0].Partitions[0].Offset
		return resp.Topics[0].Partitions[0].ErrorCode, true
	})
	return offset, err
}
