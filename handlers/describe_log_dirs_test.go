package handlers

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore/vfs"
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

// TestCleaningIsToldToWhoAsks asks with our tag and without it.
func TestCleaningIsToldToWhoAsks(t *testing.T) {
	b := newTestBroker(t)
	req := kmsg.NewPtrDescribeLogDirsRequest()
	req.Version = 2
	resp := ask[*kmsg.DescribeLogDirsResponse](b, req)
	wantEqual(t, "tags of an answer to others", resp.UnknownTags.Len(), 0)
	req.UnknownTags.Set(wire.CleaningTag, nil)
	resp = ask[*kmsg.DescribeLogDirsResponse](b, req)
	got, ok := wire.CleaningOf(&resp.UnknownTags)
	if status := b.store.Cleaning(); !ok || got != (wire.Cleaning{DirtyAgeMs: status.DirtyAge.Milliseconds(), Uncleanable: int32(status.Uncleanable)}) {
		t.Errorf("got %+v, %v", got, ok)
	}
}

// TestOfflineLogDirIsTold has two log directories, of which one fails while the broker runs.
func TestOfflineLogDirIsTold(t *testing.T) {
	b := newTestBrokerOnDirs(t, []vfs.FS{vfs.NewMemory(), vfs.NewMemory()})
	b.createTopic("t", 3)
	for partition := range int32(2) {
		wantCode(t, "produce", b.produceTo("t", partition, b.batch("a")), wire.None)
	}
	describe := func() map[int][]int32 {
		found := map[int][]int32{}
		req := kmsg.NewPtrDescribeLogDirsRequest()
		req.Version = 5
		for i, dir := range ask[*kmsg.DescribeLogDirsResponse](b, req).Dirs {
			if dir.ErrorCode != 0 {
				wantCode(t, "directory", dir.ErrorCode, wire.KafkaStorageError)
				found[i] = []int32{-1}
				continue
			}
			for _, topic := range dir.Topics {
				for _, p := range topic.Partitions {
					found[i] = append(found[i], p.Partition)
				}
			}
		}
		return found
	}
	// A partition is in one directory alone; the one without files is told to be in the first of the least loaded.
	wantEqual(t, "directories", fmt.Sprint(describe()), "map[0:[0 2] 1:[1]]")
	b.store.(interface {
		Fail(dir int, op string, cause error)
	}).Fail(0, "write", syscall.EIO)
	wantEqual(t, "directories", fmt.Sprint(describe()), "map[0:[-1] 1:[1 2]]")

	metadata := kmsg.NewPtrMetadataRequest()
	metadata.Version = 12
	for _, p := range ask[*kmsg.MetadataResponse](b, metadata).Topics[0].Partitions {
		wantLed(t, p.Partition, p.Leader, p.OfflineReplicas)
		want := wire.None
		if p.Partition == 0 {
			want = wire.LeaderNotAvailable
		}
		wantCode(t, "partition", p.ErrorCode, want)
	}
	for _, p := range ask[*kmsg.DescribeTopicPartitionsResponse](b, kmsg.NewPtrDescribeTopicPartitionsRequest()).Topics[0].Partitions {
		wantLed(t, p.Partition, p.LeaderID, p.OfflineReplicas)
		wantCode(t, "described", p.ErrorCode, wire.None)
	}
	for partition, want := range []wire.ErrorCode{wire.KafkaStorageError, wire.None, wire.None} {
		wantCode(t, "produce", b.produceTo("t", int32(partition), b.batch("b")), want)
	}
}

// wantLed wants partition 0 to be led by nobody and all others by this broker.
func wantLed(t *testing.T, partition, leader int32, offline []int32) {
	t.Helper()
	if led := leader == 1 && len(offline) == 0; led != (partition != 0) || !led && (leader != -1 || len(offline) != 1) {
		t.Errorf("partition %d: leader %d, offline replicas %v", partition, leader, offline)
	}
}
