package handlers

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

func (b *testBroker) listRequest(version int16, topic string, partition int32, timestamp int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = version, -1
	b.addList(req, topic, partition, timestamp)
	return req
}

func (b *testBroker) addList(req *kmsg.ListOffsetsRequest, topic string, partition int32, timestamp int64) {
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = partition, timestamp
	req.Topics = append(req.Topics, kmsg.ListOffsetsRequestTopic{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{p}})
}

// listOne is what a ListOffsets says of its only partition.
func listOne(b *testBroker, req *kmsg.ListOffsetsRequest) kmsg.ListOffsetsResponseTopicPartition {
	b.t.Helper()
	resp := ask[*kmsg.ListOffsetsResponse](b, req)
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		b.t.Fatalf("answer for %d topics", len(resp.Topics))
	}
	return resp.Topics[0].Partitions[0]
}

func TestRegression17ListOffsetsByTimestamp(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 2)
	at := b.clock.UnixMilli() - 10_000
	b.produce("t", b.batchAt(at+100, nil, "0", "1"), b.batchAt(at+300, nil, "2"), b.batchAt(at+200, nil, "3"))
	for _, v := range versionsOf(t, wire.KeyListOffsets)[1:] { // Version 0 has a test of its own.
		for _, c := range []struct {
			what            string
			partition       int32
			timestamp       int64
			since           int16
			offset, matched int64
			epoch           int32
		}{
			{"latest", 0, -1, 1, 4, -1, 0},
			{"latest of an empty log", 1, -1, 1, 0, -1, 0},
			{"earliest", 0, -2, 1, 0, -1, 0},
			{"earliest of an empty log", 1, -2, 1, 0, -1, 0},
			{"greatest timestamp", 0, -3, 7, 2, at + 300, 0},
			{"greatest timestamp of an empty log", 1, -3, 7, -1, -1, -1},
			{"earliest local", 0, -4, 8, 0, -1, 0},
			{"latest tiered", 0, -5, 9, -1, -1, -1},
			{"earliest pending upload", 0, -6, 11, -1, -1, -1},
			{"exactly", 0, at + 100, 1, 0, at + 100, 0},
			{"inside a batch", 0, at + 101, 1, 1, at + 101, 0},
			{"between", 0, at + 102, 1, 2, at + 300, 0},
			{"beyond", 0, at + 301, 1, -1, -1, -1},
			{"of an empty log", 1, at, 1, -1, -1, -1},
		} {
			p := listOne(b, b.listRequest(v, "t", c.partition, c.timestamp))
			if v < c.since {
				wantCode(t, c.what, p.ErrorCode, wire.UnsupportedVersion)
				continue
			}
			wantCode(t, c.what, p.ErrorCode, wire.None)
			wantEqual(t, c.what+": offset", p.Offset, c.offset)
			wantEqual(t, c.what+": timestamp", p.Timestamp, c.matched)
			if v >= 4 {
				wantEqual(t, c.what+": leader epoch", p.LeaderEpoch, c.epoch)
			}
		}
	}
}

func TestListOffsetsOfVersion0(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 2)
	at := b.clock.UnixMilli() - 10_000
	b.produce("t", b.batchAt(at+100, nil, "0", "1"), b.batchAt(at+300, nil, "2"), b.batchAt(at+200, nil, "3"))
	b.deleteBefore("t", 0, 1)
	for _, c := range []struct {
		what      string
		partition int32
		timestamp int64
		limit     int32
		offsets   []int64
	}{
		{"latest", 0, -1, 1, []int64{4}},
		{"latest of an empty log", 1, -1, 9, []int64{0}},
		{"all", 0, -1, 9, []int64{4, 1}},
		{"none", 0, -1, 0, []int64{}},
		{"fewer than none", 0, -1, -1, []int64{}},
		{"earliest", 0, -2, 9, []int64{1}},
		{"by time", 0, at + 102, 9, []int64{2, 1}},
		{"beyond", 0, at + 301, 1, []int64{4}},
	} {
		req := b.listRequest(0, "t", c.partition, c.timestamp)
		req.Topics[0].Partitions[0].MaxNumOffsets = c.limit
		p := listOne(b, req)
		wantCode(t, c.what, p.ErrorCode, wire.None)
		if !slices.Equal(p.OldStyleOffsets, c.offsets) {
			t.Errorf("%s: %v, want %v", c.what, p.OldStyleOffsets, c.offsets)
		}
	}
	p := listOne(b, b.listRequest(0, "t", 2, -1))
	wantCode(t, "no such partition", p.ErrorCode, wire.UnknownTopicOrPartition)
	wantEqual(t, "its offsets", len(p.OldStyleOffsets), 0)
	wantCode(t, "a time that version 0 doesn't know", listOne(b, b.listRequest(0, "t", 0, -3)).ErrorCode, wire.UnsupportedVersion)
}

func TestListOffsetsRefuses(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for _, c := range []struct {
		what      string
		topic     string
		partition int32
		timestamp int64
		epoch     int32
		code      wire.ErrorCode
	}{
		{"unknown topic", "missing", 0, -1, -1, wire.UnknownTopicOrPartition},
		{"partition too high", "t", 1, -1, -1, wire.UnknownTopicOrPartition},
		{"partition negative", "t", -1, -1, -1, wire.UnknownTopicOrPartition},
		{"unknown special timestamp", "t", 0, -7, -1, wire.UnsupportedVersion},
		{"newer leader epoch", "t", 0, -1, 3, wire.UnknownLeaderEpoch},
	} {
		req := b.listRequest(9, c.topic, c.partition, c.timestamp)
		req.Topics[0].Partitions[0].CurrentLeaderEpoch = c.epoch
		p := listOne(b, req)
		wantCode(t, c.what, p.ErrorCode, c.code)
		wantEqual(t, c.what+": offset", p.Offset, -1)
		wantEqual(t, c.what+": timestamp", p.Timestamp, -1)
	}
}

func TestListOffsetsRefusesRepeatedPartitions(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 2)
	req := b.listRequest(7, "t", 0, -1)
	b.addList(req, "t", 1, -1)
	b.addList(req, "t", 0, -2)
	resp := ask[*kmsg.ListOffsetsResponse](b, req)
	wantEqual(t, "topics", len(resp.Topics), 1)
	wantEqual(t, "partitions", len(resp.Topics[0].Partitions), 2)
	wantCode(t, "repeated", resp.Topics[0].Partitions[0].ErrorCode, wire.InvalidRequest)
	wantCode(t, "other", resp.Topics[0].Partitions[1].ErrorCode, wire.None)
}

func TestRegression18EndOffsets(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	wantEqual(t, "end of an empty log", listOne(b, b.listRequest(5, "t", 0, -1)).Offset, 0)
	b.produce("t", b.batch("a", "b", "c"))
	wantEqual(t, "end", listOne(b, b.listRequest(5, "t", 0, -1)).Offset, 3)
	b.deleteBefore("t", 0, -1)
	wantEqual(t, "start after all was deleted", listOne(b, b.listRequest(5, "t", 0, -2)).Offset, 3)
	wantEqual(t, "end after all was deleted", listOne(b, b.listRequest(5, "t", 0, -1)).Offset, 3)
}

func TestListOffsetsOfRecordsWithoutTimestamps(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	builder := record.NewBuilder()
	for range 2 {
		builder.Append(record.NoTimestamp, nil, []byte("a"))
	}
	batch, err := builder.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.produce("t", batch)
	p := listOne(b, b.listRequest(7, "t", 0, maxTimestamp))
	wantCode(t, "greatest timestamp", p.ErrorCode, wire.None)
	wantEqual(t, "offset", p.Offset, 0)
	wantEqual(t, "timestamp", p.Timestamp, -1)
	wantEqual(t, "epoch", p.LeaderEpoch, 0)
}

func TestListOffsetsRefusesUnknownIsolation(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	req := b.listRequest(11, "t", 0, latestTimestamp)
	req.IsolationLevel = 2
	wantCode(t, "isolation level 2", listOne(b, req).ErrorCode, wire.UnknownServerError)
}
