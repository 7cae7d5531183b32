package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/coordinator"
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

// commitIn asks the handler itself.
func (b *testBroker) commitIn(req *kmsg.TxnOffsetCommitRequest) *kmsg.TxnOffsetCommitResponse {
	b.t.Helper()
	header := wire.RequestHeader{Key: req.Key(), Version: req.Version}
	message, err := wire.DecodeRequest(header, req.AppendTo(nil))
	if err != nil {
		b.t.Fatal(err)
	}
	reply, err := b.dispatcher.txnOffsetCommit(b.t.Context(), &broker.Request{Header: header, Message: message, Peer: b.peer})
	if err != nil {
		b.t.Fatal(err)
	}
	return decode[*kmsg.TxnOffsetCommitResponse](b, req, reply)
}

// end ends the transaction of a producer for a group.
func (b *testBroker) end(group string, producerID int64, commit bool) {
	b.t.Helper()
	shard := coordinator.ShardOf(group, b.catalog.Image().TopicByName(offsetsTopic).Partitions)
	ended := make(chan error, 1)
	b.dispatcher.deps.Groups.WriteMarker(shard, producerID, 0, 0, 1, commit, func(err error) { ended <- err })
	if err := <-ended; err != nil {
		b.t.Error(err)
	}
}

// TestRegression25TxnOffsetCommitInEveryVersion: whoever wants stable offsets must wait for open transactions, and for nothing else.
func TestRegression25TxnOffsetCommitInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	stable := func(group string) (offset int64, code int16) {
		req := fetchOffsets(9, group, topicID{})
		req.RequireStable = true
		p := ask[*kmsg.OffsetFetchResponse](b, req).Groups[0].Topics[0].Partitions[0]
		return p.Offset, p.ErrorCode
	}
	for v := range kmsg.NewPtrTxnOffsetCommitRequest().MaxVersion() + 1 {
		group := "g-" + itoa(int(v))
		topic := b.commitIn(txnCommitRequest(v, group, b.topicID("t"), int64(v))).Topics[0]
		wantEqual(t, group+": topic", topic.Topic == "t", v < 6)
		wantEqual(t, group+": partitions", len(topic.Partitions), 3)
		for _, p := range topic.Partitions {
			want := wire.None
			if p.Partition == 2 {
				want = wire.UnknownTopicOrPartition
			}
			wantCode(t, group+": partition "+itoa(int(p.Partition)), p.ErrorCode, want)
		}
		_, code := stable(group)
		wantCode(t, group+": before the end", code, wire.UnstableOffsetCommit)
		b.end(group, int64(v), v != 3)
		want := int64(20)
		if v == 3 {
			want = -1
		}
		offset, code := stable(group)
		wantEqual(t, group+": after the end", offset, want)
		wantCode(t, group+": after the end", code, wire.None)
	}
}

func TestTxnOffsetCommitOutsideOfATransactionIsRefused(t *testing.T) {
	b := newGroupBroker(t)
	b.verdict = wire.InvalidTxnState
	for _, p := range b.commitIn(txnCommitRequest(5, "g", topicID{}, 1)).Topics[0].Partitions[:2] {
		if p.Partition != 2 {
			wantCode(t, "partition", p.ErrorCode, wire.InvalidTxnState)
		}
	}
}
