package group

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// BenchmarkHeartbeat is the heartbeats of members of many stable groups, without connections.
func BenchmarkHeartbeat(b *testing.B) {
	log := openLog(b, vfs.NewMemory(), 50)
	defer log.Close(b)
	c := New(testOptions(log))
	defer stop(b, c)
	var members []*kmsg.HeartbeatRequest
	for i := range 100 {
		group := fmt.Sprint("group-", i)
		resp := joinAlone(b, c, group)
		req := kmsg.NewPtrHeartbeatRequest()
		req.Version, req.Group, req.MemberID, req.Generation = 4, group, resp.MemberID, resp.Generation
		members = append(members, req)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		req := members[next.Add(1)%int64(len(members))]
		for pb.Next() {
			if code := c.Heartbeat(b.Context(), req).ErrorCode; code != 0 {
				b.Error(wire.ErrorCode(code))
			}
		}
	})
}

// BenchmarkOffsetCommit is commits of one offset each by as many consumers as there are connections.
func BenchmarkOffsetCommit(b *testing.B) {
	log := openLog(b, vfs.NewMemory(), 50)
	defer log.Close(b)
	o := testOptions(log)
	o.Topics = testTopics{{Name: "topic", ID: [16]byte{7}, Partitions: 100}}
	c := New(o)
	defer stop(b, c)
	b.ReportAllocs()
	b.SetParallelism(50)
	b.ResetTimer()
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Version, req.Group, req.Generation = 8, fmt.Sprint("group-", next.Add(1)), -1
		req.Topics = []kmsg.OffsetCommitRequestTopic{{
			Topic: "topic", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: 1, LeaderEpoch: -1}},
		}}
		for pb.Next() {
			req.Topics[0].Partitions[0].Offset++
			resp, recycle := c.OffsetCommit(b.Context(), req)
			if code := resp.Topics[0].Partitions[0].ErrorCode; code != 0 {
				b.Error(wire.ErrorCode(code))
			}
			recycle()
		}
	})
}

// joinAlone makes a stable group of one member.
func joinAlone(tb testing.TB, c *Coordinator, group string) *kmsg.JoinGroupResponse {
	tb.Helper()
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version, join.Group, join.ProtocolType = 3, group, "consumer"
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 30_000, 60_000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscriptionOf(0, "topic")}}
	resp := c.JoinGroup(tb.Context(), Caller{ClientID: "client", ClientHost: "/127.0.0.1"}, join)
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Version, sync.Group, sync.MemberID, sync.Generation = 3, group, resp.MemberID, resp.Generation
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: resp.MemberID, MemberAssignment: []byte("all")}}
	if code := c.SyncGroup(tb.Context(), sync).ErrorCode; code != 0 {
		tb.Fatal(wire.ErrorCode(code))
	}
	return resp
}

// BenchmarkLoad loads 100,000 groups with 10 offsets each, and says how much memory an offset takes.
func BenchmarkLoad(b *testing.B) {
	const groups, topics, partitions = 100_000, 2, 5
	log := openLog(b, vfs.NewMemory(), 50)
	defer log.Close(b)
	fill(b, log, groups, topics, partitions)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began, used := time.Now(), cpuTime(b)
		c := New(testOptions(log))
		c.Load()
		shards, err := c.runtime.Shards()
		if err != nil {
			b.Fatal(err)
		}
		loaded := waitLoaded(c, shards)
		b.ReportMetric(time.Since(began).Seconds(), "s/load")
		b.ReportMetric((cpuTime(b) - used).Seconds(), "cpu-s/load")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(loaded), "B/offset")
		if loaded != groups*topics*partitions {
			b.Errorf("%d offsets", loaded)
		}
		stop(b, c)
	}
}

// cpuTime is what the process has used.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// fill writes the offsets of many groups as the coordinator does.
func fill(tb testing.TB, log *testLog, groups, topics, partitions int) {
	tb.Helper()
	r := coordinator.New(coordinator.Options[*Shard, Record]{
		Topic: log, Format: Format{},
		New: New(testOptions(log)).newShard,
	})
	var done sync.WaitGroup
	for i := range groups {
		group := fmt.Sprintf("consumer-group-%d", i)
		records := make([]Record, 0, topics*partitions)
		for t := range topics {
			for p := range partitions {
				records = append(records, &OffsetRecord{
					Group: group, Topic: fmt.Sprintf("some.topic.name-%d", (i+t)%1000), Partition: int32(p),
					Commit: &Commit{Offset: int64(i), LeaderEpoch: 0, ExpireTimestamp: -1, CommitTimestamp: 1_700_000_000_000},
				})
			}
		}
		done.Add(1)
		r.Submit(group, coordinator.Command[*Shard, Record]{
			Key: group, Shared: true,
			Decide: func(*Shard) coordinator.Decision[Record] {
				return coordinator.Decision[Record]{Records: records, Answer: func(error) { done.Done() }}
			},
			Refused: func(err error) { tb.Error(err); done.Done() },
		})
	}
	done.Wait()
	if err := r.Close(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// waitLoaded waits until all shards are loaded, and counts the offsets.
func waitLoaded(c *Coordinator, shards int32) int {
	var loaded atomic.Int64
	var done sync.WaitGroup
	for i := range shards {
		done.Add(1)
		var count func()
		count = func() {
			c.runtime.SubmitTo(i, coordinator.Command[*Shard, Record]{
				Decide: func(s *Shard) coordinator.Decision[Record] {
					for _, o := range s.offsets {
						for _, t := range o {
							loaded.Add(int64(len(t.partitions)))
						}
					}
					done.Done()
					return coordinator.Decision[Record]{}
				},
				Refused: func(error) { time.AfterFunc(time.Millisecond, count) },
			})
		}
		count()
	}
	done.Wait()
	return int(loaded.Load())
}

// BenchmarkTransaction is transactions that commit one offset each, of as many producers as there are connections.
func BenchmarkTransaction(b *testing.B) {
	log := openLog(b, vfs.NewMemory(), 50)
	defer log.Close(b)
	o := testOptions(log)
	config := testConfig()
	config.TrustProducers = true
	o.Config = func() Config { return config }
	o.Topics = testTopics{{Name: "topic", ID: [16]byte{7}, Partitions: 100}}
	c := New(o)
	defer stop(b, c)
	b.ReportAllocs()
	b.SetParallelism(50)
	b.ResetTimer()
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		producer := next.Add(1)
		req := kmsg.NewPtrTxnOffsetCommitRequest()
		req.Version, req.Group, req.ProducerID = 4, fmt.Sprint("group-", producer), producer
		req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{
			Topic: "topic", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Partition: 1, LeaderEpoch: -1}},
		}}
		shard := coordinator.ShardOf(req.Group, log.Count)
		ended := make(chan error, 1)
		for pb.Next() {
			req.Topics[0].Partitions[0].Offset++
			if code := c.TxnOffsetCommit(b.Context(), req).Topics[0].Partitions[0].ErrorCode; code != 0 {
				b.Error(wire.ErrorCode(code))
			}
			c.WriteMarker(shard, producer, 0, 0, 0, true, func(err error) { ended <- err })
			if err := <-ended; err != nil {
				b.Error(err)
			}
		}
	})
}
