package handlers

import (
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// Partitions that no topic can have are unknown ones, never an index into anything.
func TestRegression44PartitionsOutOfRangeAreUnknown(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for _, partition := range []int32{-1, math.MinInt32, 1, math.MaxInt32} {
		produce := b.produceRequest(13, "t", b.batch("a"))
		produce.Topics[0].Partitions[0].Partition = partition
		wantCode(t, "Produce", produceOne(b, produce).ErrorCode, wire.UnknownTopicOrPartition)

		wantCode(t, "Fetch", fetchOne(b, b.fetchRequest(18, "t", partition, 0)).ErrorCode, wire.UnknownTopicOrPartition)
		wantCode(t, "ListOffsets", listOne(b, b.listRequest(11, "t", partition, latestTimestamp)).ErrorCode, wire.UnknownTopicOrPartition)

		deleted := ask[*kmsg.DeleteRecordsResponse](b, deleteRecordsRequest(2, "t", partition, 0))
		wantCode(t, "DeleteRecords", deleted.Topics[0].Partitions[0].ErrorCode, wire.UnknownTopicOrPartition)

		producers := kmsg.NewPtrDescribeProducersRequest()
		producers.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "t", Partitions: []int32{partition}}}
		described := ask[*kmsg.DescribeProducersResponse](b, producers)
		wantCode(t, "DescribeProducers", described.Topics[0].Partitions[0].ErrorCode, wire.UnknownTopicOrPartition)

		dirs := kmsg.NewPtrDescribeLogDirsRequest()
		dirs.Version = 4
		dirs.Topics = []kmsg.DescribeLogDirsRequestTopic{{Topic: "t", Partitions: []int32{partition}}}
		for _, dir := range ask[*kmsg.DescribeLogDirsResponse](b, dirs).Dirs {
			wantEqual(t, "DescribeLogDirs: topics", len(dir.Topics), 0)
		}
	}
}
