package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestRegression42DescribeLogDirs(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 2)
	b.createTopic("u", 1)
	batch := b.batch("a")
	b.produce("t", batch)
	for _, v := range versionsOf(t, wire.KeyDescribeLogDirs) {
		req := kmsg.NewPtrDescribeLogDirsRequest()
		req.Version = v
		resp := ask[*kmsg.DescribeLogDirsResponse](b, req)
		wantCode(t, "answer", resp.ErrorCode, wire.None)
		wantEqual(t, "directories", len(resp.Dirs), 1)
		dir := resp.Dirs[0]
		wantCode(t, "directory", dir.ErrorCode, wire.None)
		wantEqual(t, "topics", len(dir.Topics), 2)
		wantEqual(t, "partitions", len(dir.Topics[0].Partitions), 2)
		wantEqual(t, "size with a batch", dir.Topics[0].Partitions[0].Size, int64(len(batch)))
		wantEqual(t, "size without", dir.Topics[0].Partitions[1].Size, 0)
		if dir.IsCordoned {
			t.Error("cordoned")
		}
		req.Topics = []kmsg.DescribeLogDirsRequestTopic{
			{Topic: "missing", Partitions: []int32{0}}, {Topic: "t", Partitions: []int32{1, 9, 1}}, {Topic: "u", Partitions: []int32{}},
		}
		dir = ask[*kmsg.DescribeLogDirsResponse](b, req).Dirs[0]
		wantEqual(t, "asked: topics", len(dir.Topics), 1)
		wantEqual(t, "asked: partitions", len(dir.Topics[0].Partitions), 1)
		wantEqual(t, "asked: partition", dir.Topics[0].Partitions[0].Partition, 1)
	}
}
