package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// txnCommitRequest commits three partitions of a topic with two.
func txnCommitRequest(version int16, group string, id [16]byte, producerID int64) *kmsg.TxnOffsetCommitRequest {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.Group, req.TransactionalID, req.ProducerID = version, group, "id", producerID
	t := kmsg.TxnOffsetCommitRequestTopic{Topic: "t", TopicID: id}
	for p := range int32(3) {
		t.Partitions = append(t.Partitions, kmsg.TxnOffsetCommitRequestTopicPartition{Partition: p, Offset: 20 + int64(p), LeaderEpoch: -1})
	}
	req.Topics = append(req.Topics, t)
	return req
}

// TestRegression25TxnOffsetCommitInEveryVersion: whoever wants stable offsets must wait for open transactions, and for nothing else.
func TestRegression25TxnOffsetCommitInEveryVersion(t *testing.T) {
	b := newTransactionBroker(t)
	stable := func(group string) (offset int64, code wire.ErrorCode) {
		req := fetchOffsets(9, group, topicID{})
		req.RequireStable = true
		p := ask[*kmsg.OffsetFetchResponse](b, req).Groups[0].Topics[0].Partitions[0]
		return p.Offset, wire.ErrorCode(p.ErrorCode)
	}
	for _, v := range versionsOf(t, wire.KeyTxnOffsetCommit) {
		group := "g-" + itoa(int(v))
		p := b.newProducer("tx-" + itoa(int(v)))
		if v < 5 {
			add := kmsg.NewPtrAddOffsetsToTxnRequest()
			add.Version, add.TransactionalID, add.ProducerID, add.Group = 3, p.id, p.pid, group
			wantCode(t, "add offsets", ask[*kmsg.AddOffsetsToTxnResponse](b, add).ErrorCode, wire.None)
		}
		req := txnCommitRequest(v, group, b.topicID("t"), p.pid)
		req.TransactionalID = p.id
		req.Topics[0].Partitions[2].Partition = 3
		topic := ask[*kmsg.TxnOffsetCommitResponse](b, req).Topics[0]
		wantEqual(t, "topic", topic.Topic == "t", v < 6)
		wantEqual(t, "partitions", len(topic.Partitions), 3)
		for _, p := range topic.Partitions {
			want := wire.None
			if p.Partition == 3 {
				want = wire.UnknownTopicOrPartition
			}
			wantCode(t, "partition "+itoa(int(p.Partition)), p.ErrorCode, want)
		}
		_, code := stable(group)
		wantEqual(t, "before the end", code, wire.UnstableOffsetCommit)
		wantCode(t, "end", int16(p.end(5, v != 3)), wire.None)
		var offset int64
		eventually(t, "stable offset", func() bool {
			offset, code = stable(group)
			return code != wire.UnstableOffsetCommit
		})
		want := int64(20)
		if v == 3 {
			want = -1
		}
		wantEqual(t, "offset", offset, want)
		wantEqual(t, "after the end", code, wire.None)
	}
}

func TestTxnOffsetCommitOutsideOfATransactionIsRefused(t *testing.T) {
	b := newTransactionBroker(t)
	p := b.newProducer("tx")
	for v, want := range map[int16]wire.ErrorCode{3: wire.InvalidTxnState, 4: wire.TransactionAbortable} {
		req := txnCommitRequest(v, "g", topicID{}, p.pid)
		req.TransactionalID = p.id
		wantCode(t, "partition", ask[*kmsg.TxnOffsetCommitResponse](b, req).Topics[0].Partitions[0].ErrorCode, want)
	}
}
