package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

const (
	committingGroups    = 50
	committedPartitions = 4
)

// committer commits rising offsets of one group, and knows which of them were acknowledged and which were tried.
type committer struct {
	group        string
	client       *kgo.Client
	acknowledged atomic.Int64
	tried        atomic.Int64
}

// TestKillsLoseNoAcknowledgedCommit is bar R18: groups commit while the broker is killed again and again. After each kill every group has
// an offset that is not older than the last acknowledged one and not newer than the last that was tried, in all of its partitions the same: a
// commit is in the log as a whole or not at all. FAULT_KILLS sets how often (20 by default, 200 before a release).
//
// Negative control: a coordinator that answers before its records are durable and is killed by a power cut; with kill -9 alone, one that answers
// before it appends.
func TestKillsLoseNoAcknowledgedCommit(t *testing.T) {
	kills := brokertest.Setting(t, "FAULT_KILLS", 20)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(kills)*30*time.Second+2*time.Minute)
	defer cancel()
	broker := brokertest.Start(t, nil)
	client := offsetsClient(t, broker)
	makeCommittedTopic(ctx, t, client)
	committers := make([]*committer, committingGroups)
	for i := range committers {
		committers[i] = &committer{group: fmt.Sprint("group-", i), client: client}
	}
	for kill := range kills {
		commitUntilKilled(ctx, t, broker, committers)
		if err := broker.Restart(ctx); err != nil {
			t.Fatalf("restart after kill %d: %v", kill, err)
		}
		for _, c := range committers {
			c.check(ctx, t)
		}
	}
	var acknowledged int64
	for _, c := range committers {
		acknowledged += c.acknowledged.Load()
	}
	t.Logf("%d commits acknowledged over %d kills", acknowledged, kills)
}

// commitUntilKilled has all groups commit until the broker has been killed under them.
func commitUntilKilled(ctx context.Context, t *testing.T, broker *launch.Broker, committers []*committer) {
	t.Helper()
	committing, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, c := range committers {
		all.Go(func() { c.commit(committing) })
	}
	for _, c := range committers { // A kill without progress of all since the last would prove less.
		for before := c.acknowledged.Load(); c.acknowledged.Load() == before && ctx.Err() == nil; {
			wait(ctx, t, time.Millisecond)
		}
	}
	wait(ctx, t, time.Duration(rand.IntN(300))*time.Millisecond)
	err := broker.Kill()
	stop()
	all.Wait()
	if err != nil {
		t.Fatal(err)
	}
}

// commit commits one offset after the other.
func (c *committer) commit(ctx context.Context) {
	for ctx.Err() == nil {
		offset := c.tried.Add(1)
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group = c.group
		topic := kmsg.NewOffsetCommitRequestTopic()
		topic.Topic = "committed"
		for p := range int32(committedPartitions) {
			partition := kmsg.NewOffsetCommitRequestTopicPartition()
			partition.Partition, partition.Offset = p, offset
			topic.Partitions = append(topic.Partitions, partition)
		}
		req.Topics = append(req.Topics, topic)
		if c.send(ctx, req) {
			c.acknowledged.Store(offset)
		}
	}
}

// send reports whether all of a commit was acknowledged. Version 9 names topics.
func (c *committer) send(ctx context.Context, req *kmsg.OffsetCommitRequest) bool {
	resp, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return false
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return false
			}
		}
	}
	return len(resp.Topics) == 1
}

// check compares what a group has with what it was told.
func (c *committer) check(ctx context.Context, t *testing.T) {
	t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = c.group
	topic := kmsg.NewOffsetFetchRequestTopic()
	topic.Topic, topic.Partitions = "committed", []int32{0, 1, 2, 3}
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, c.client)
	for ; err != nil && ctx.Err() == nil; resp, err = req.RequestWith(ctx, c.client) {
		wait(ctx, t, 10*time.Millisecond) // It was asked over a connection to the broker that was killed.
	}
	if err != nil || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != committedPartitions {
		t.Fatalf("fetch of %s: %+v, %v", c.group, resp, err)
	}
	got := resp.Topics[0].Partitions[0].Offset
	if least, most := c.acknowledged.Load(), c.tried.Load(); got < least || got > most {
		t.Errorf("%s: offset %d, acknowledged was %d, tried %d", c.group, got, least, most)
	}
	for _, p := range resp.Topics[0].Partitions {
		if p.ErrorCode != 0 || p.Offset != got {
			t.Errorf("%s: partition %d has offset %d and code %d, partition 0 offset %d", c.group, p.Partition, p.Offset, p.ErrorCode, got)
		}
	}
}

// offsetsClient is a client that speaks of topics by their names.
func offsetsClient(t *testing.T, broker *launch.Broker) *kgo.Client {
	t.Helper()
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(8, 8)
	versions.SetMaxKeyVersion(9, 7)
	client := brokertest.Client(t, broker.Addr(), kgo.MaxVersions(versions), kgo.RetryTimeout(20*time.Second))
	return client
}

func makeCommittedTopic(ctx context.Context, t *testing.T, client *kgo.Client) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "committed", committedPartitions, 1
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, client)
	if err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("create topic: %+v, %v", resp, err)
	}
}
