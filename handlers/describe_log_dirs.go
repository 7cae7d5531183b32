// DescribeLogDirs (key 35), versions 1-5.
//
// 0 KIP-113; 1 throttled clients wait by themselves; 2 flexible; 3 an error for the whole answer;
// 4 size of the volume (KIP-827); 5 cordoned directories (KIP-1066).
//
// Knowingly absent: replicas that move between directories, followers that lag, and
// cordoned directories.

package handlers

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) describeLogDirs(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.DescribeLogDirsRequest)
	resp := r.ResponseKind().(*kmsg.DescribeLogDirsResponse)
	dirs, err := d.deps.Store.LogDirs(ctx)
	if err != nil {
		resp.ErrorCode = int16(errorCode(err))
		return answer(resp)
	}
	image := d.topics()
	for i := range dirs {
		dir := kmsg.NewDescribeLogDirsResponseDir()
		dir.Dir = dirs[i].Path
		dir.TotalBytes, dir.UsableBytes = -1, -1
		if dirs[i].Err != nil {
			dir.ErrorCode = int16(wire.KafkaStorageError)
		} else {
			dir.TotalBytes, dir.UsableBytes = dirs[i].TotalBytes, dirs[i].UsableBytes
			dir.Topics = describedTopics(image, r, dirs[i].Partitions)
		}
		resp.Dirs = append(resp.Dirs, dir)
	}
	return answer(resp)
}

// describedTopics is the partitions that a request asks for. A partition
// without a record has no files, and is told with size 0, as Kafka tells its empty ones.
func describedTopics(image topics, r *kmsg.DescribeLogDirsRequest, sizes []logstore.PartitionSize) []kmsg.DescribeLogDirsResponseDirTopic {
	bytes := make(map[partitionKey]int64, len(sizes))
	for _, s := range sizes {
		bytes[partitionKey{id: s.ID, partition: s.Partition}] = s.Bytes
	}
	var out []kmsg.DescribeLogDirsResponseDirTopic
	describe := func(t *catalog.Topic, partitions []int32) {
		topic := kmsg.NewDescribeLogDirsResponseDirTopic()
		topic.Topic = t.Name
		for _, partition := range partitions {
			p := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
			p.Partition = partition
			p.Size = bytes[partitionKey{id: t.ID, partition: partition}]
			topic.Partitions = append(topic.Partitions, p)
		}
		if len(topic.Partitions) > 0 {
			out = append(out, topic)
		}
	}
	if r.Topics == nil {
		for _, t := range image.Topics() {
			describe(t, upTo(t.Partitions))
		}
		return out
	}
	for name, wanted := range wantedPartitions(image, r) {
		describe(image.TopicByName(name), wanted)
	}
	slices.SortFunc(out, func(a, b kmsg.DescribeLogDirsResponseDirTopic) int { return strings.Compare(a.Topic, b.Topic) })
	return out
}

// wantedPartitions is those partitions of the request that exist, each once.
func wantedPartitions(image topics, r *kmsg.DescribeLogDirsRequest) map[string][]int32 {
	wanted := map[string][]int32{}
	for i := range r.Topics {
		t := image.TopicByName(r.Topics[i].Topic)
		for _, partition := range r.Topics[i].Partitions {
			if _, code := hasPartition(t, partition); code == wire.None {
				wanted[t.Name] = append(wanted[t.Name], partition)
			}
		}
	}
	for name := range wanted {
		slices.Sort(wanted[name])
		wanted[name] = slices.Compact(wanted[name])
	}
	return wanted
}

// upTo is 0 to n-1.
func upTo(n int32) []int32 {
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}
