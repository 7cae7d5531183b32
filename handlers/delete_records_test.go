package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func deleteRecordsRequest(version int16, topic string, partition int32, offset int64) *kmsg.DeleteRecordsRequest {
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Version = version
	req.Topics = []kmsg.DeleteRecordsRequestTopic{{
		Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: partition, Offset: offset}},
	}}
	return req
}

func TestRegression23DeleteRecords(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.createTopic("compacted", 1, "cleanup.policy", "compact")
	b.createTopic("both", 1, "cleanup.policy", "compact,delete")
	b.createTopic(offsetsTopic, 1)
	b.produce("t", b.batch("a", "b", "c"), b.batch("d"))
	for _, v := range versionsOf(t, wire.KeyDeleteRecords) {
		for _, c := range []struct {
			what         string
			topic        string
			partition    int32
			offset       int64
			code         wire.ErrorCode
			lowWatermark int64
		}{
			{"inside a batch", "t", 0, 1, wire.None, 1},
			{"below log start", "t", 0, 0, wire.None, 1},
			{"beyond the end", "t", 0, 5, wire.OffsetOutOfRange, -1},
			{"negative", "t", 0, -2, wire.OffsetOutOfRange, -1},
			{"unknown topic", "missing", 0, 0, wire.UnknownTopicOrPartition, -1},
			{"unknown partition", "t", 1, 0, wire.UnknownTopicOrPartition, -1},
			{"negative partition", "t", -1, 0, wire.UnknownTopicOrPartition, -1},
			{"compacted topic", "compacted", 0, 0, wire.PolicyViolation, -1},
			{"compacted and deleted topic", "both", 0, 0, wire.None, 0},
			{"internal topic", offsetsTopic, 0, 0, wire.InvalidTopicException, -1},
		} {
			p := ask[*kmsg.DeleteRecordsResponse](b, deleteRecordsRequest(v, c.topic, c.partition, c.offset)).Topics[0].Partitions[0]
			wantCode(t, c.what, p.ErrorCode, c.code)
			wantEqual(t, c.what+": low watermark", p.LowWatermark, c.lowWatermark)
		}
	}
	p := ask[*kmsg.DeleteRecordsResponse](b, deleteRecordsRequest(2, "t", 0, toHighWatermark)).Topics[0].Partitions[0]
	wantCode(t, "to the high watermark", p.ErrorCode, wire.None)
	wantEqual(t, "low watermark", p.LowWatermark, 4)
}

func TestDeleteRecordsTakesLastOfRepeatedPartitions(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.produce("t", b.batch("a", "b", "c"))
	req := deleteRecordsRequest(2, "t", 0, 3)
	req.Topics = append(req.Topics, deleteRecordsRequest(2, "t", 0, 1).Topics...)
	resp := ask[*kmsg.DeleteRecordsResponse](b, req)
	wantEqual(t, "topics", len(resp.Topics), 1)
	wantEqual(t, "partitions", len(resp.Topics[0].Partitions), 1)
	wantEqual(t, "low watermark", resp.Topics[0].Partitions[0].LowWatermark, 1)
}
