package group

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore/vfs"
)

const (
	crashGroups     = 10
	crashPartitions = 5
)

// crashCommits is what committers know of each group's offsets.
type crashCommits struct {
	mu           sync.Mutex
	acked, tried [crashGroups][crashPartitions]int64
}

func (k *crashCommits) begin(group, partition int) int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried[group][partition]++
	return k.tried[group][partition]
}

func (k *crashCommits) end(group, partition int, offset int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.acked[group][partition] = offset
}

func (k *crashCommits) acknowledged() [crashGroups][crashPartitions]int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.acked
}

// TestAcknowledgedCommitsSurviveCrashes takes the disk as a power cut leaves it, in the midst of commits of many groups: what was
// acknowledged before is there, and nothing is that nobody has committed.
func TestAcknowledgedCommitsSurviveCrashes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	disk := vfs.NewMemory()
	k := &crashCommits{}
	for crash := range 20 {
		log := openLog(t, disk, 4)
		o := testOptions(log)
		o.Topics = testTopics{{Name: "topic", ID: [16]byte{7}, Partitions: crashPartitions}}
		c := New(o)
		awaitLoaded(t, c)
		k.check(t, c, crash)
		var committers sync.WaitGroup
		enough := make(chan struct{})
		var once sync.Once
		limit := random.Int64N(40)
		for group := range crashGroups {
			committers.Go(func() {
				for i := range 60 {
					k.commit(t, c, group, i%crashPartitions)
					if group == 0 && int64(i) == limit {
						once.Do(func() { close(enough) })
					}
				}
			})
		}
		<-enough
		acked := k.acknowledged()
		after := disk.CrashClone(random)
		committers.Wait()
		stop(t, c)
		log.Close(t)
		// Those who were answered after the crash never were.
		disk, k.acked = after, acked
	}
}

func (k *crashCommits) commit(t *testing.T, c *Coordinator, group, partition int) {
	t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.Generation = 9, fmt.Sprint("group-", group), -1
	offset := k.begin(group, partition)
	req.Topics = []kmsg.OffsetCommitRequestTopic{{
		Topic: "topic", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: int32(partition), Offset: offset, LeaderEpoch: -1}},
	}}
	resp := commitOffsets(t.Context(), c, req)
	if code := resp.Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Errorf("commit: code %d", code)
		return
	}
	k.end(group, partition, offset)
}

func (k *crashCommits) check(t *testing.T, c *Coordinator, crash int) {
	t.Helper()
	for group := range crashGroups {
		look(t, c, fmt.Sprint("group-", group), func(s *Shard) {
			for partition := range crashPartitions {
				commit, _ := s.offsets[fmt.Sprint("group-", group)].get("topic", [16]byte{}, int32(partition))
				if commit.Offset < k.acked[group][partition] || commit.Offset > k.tried[group][partition] {
					t.Errorf("crash %d, group %d, partition %d: offset %d, acknowledged %d of %d", crash, group, partition,
						commit.Offset, k.acked[group][partition], k.tried[group][partition])
				}
			}
		})
	}
}
