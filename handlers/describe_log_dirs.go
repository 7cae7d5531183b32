// DescribeLogDirs (key 35), versions 1-5.
//
// 0 KIP-113; 1 throttled clients wait by themselves; 2 flexible; 3 an error for the whole answer;
// 4 size of the volume (KIP-827); 5 cordoned directories (KIP-1066).
//
// Beyond Kafka: how compaction keeps up, for who asks by a tag ([wire.CleaningTag]).
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
	if wire.AsksForCleaning(&r.UnknownTags) {
		status := d.deps.Store.Cleaning()
		wire.Cleaning{DirtyAgeMs: status.DirtyAge.Milliseconds(), Uncleanable: int32(status.Uncleanable)}.AddTo(&resp.UnknownTags)
	}
	dirs, err := d.deps.Store.LogDirs(ctx)
	if err != nil {
		resp.ErrorCode = int16(errorCode(err))
		return answer(resp)
	}
	image := d.topics()
	empty := homeOfEmpty(dirs)
	for i := range dirs {
		dir := kmsg.NewDescribeLogDirsResponseDir()
		dir.Dir = dirs[i].Path
		dir.TotalBytes, dir.UsableBytes = -1, -1
		if dirs[i].Err != nil {
			dir.ErrorCode = int16(wire.KafkaStorageError)
		} else {
			dir.TotalBytes, dir.UsableBytes = dirs[i].TotalBytes, dirs[i].UsableBytes
			dir.Topics = describedTopics(image, r, placed(dirs, i, empty))
		}
		resp.Dirs = append(resp.Dirs, dir)
	}
	return answer(resp)
}

// homeOfEmpty is the directory that partitions without a record are told to be in: they have no files yet, and the one with the fewest
// partitions would get the next.
func homeOfEmpty(dirs []logstore.LogDir) int {
	home := -1
	for i := range dirs {
		if dirs[i].Err == nil && (home < 0 || len(dirs[i].Partitions) < len(dirs[home].Partitions)) {
			home = i
		}
	}
	return home
}

// placed finds the size of a partition in directory i; ok is false if it is in another one.
func placed(dirs []logstore.LogDir, i, empty int) func(key partitionKey) (bytes int64, ok bool) {
	sizes := make(map[partitionKey]int64, len(dirs[i].Partitions))
	for _, s := range dirs[i].Partitions {
		sizes[partitionKey{id: s.ID, partition: s.Partition}] = s.Bytes
	}
	elsewhere := map[partitionKey]bool{}
	if i == empty {
		for j := range dirs {
			for _, s := range dirs[j].Partitions {
				elsewhere[partitionKey{id: s.ID, partition: s.Partition}] = j != i
			}
		}
	}
	return func(key partitionKey) (int64, bool) {
		bytes, ok := sizes[key]
		return bytes, ok || i == empty && !elsewhere[key]
	}
}

// describedTopics is the partitions of a directory that a request asks for. A partition
// without a record has no files, and is told with size 0, as Kafka tells its empty ones.
func describedTopics(image topics, r *kmsg.DescribeLogDirsRequest, size func(partitionKey) (int64, bool)) []kmsg.DescribeLogDirsResponseDirTopic {
	var out []kmsg.DescribeLogDirsResponseDirTopic
	describe := func(t *catalog.Topic, partitions []int32) {
		topic := kmsg.NewDescribeLogDirsResponseDirTopic()
		topic.Topic = t.Name
		for _, partition := range partitions {
			bytes, ok := size(partitionKey{id: t.ID, partition: partition})
			if !ok {
				continue
			}
			p := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
			p.Partition, p.Size = partition, bytes
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
