package group

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// crowd is the members of one group, whose leader gives each its own ID.
type crowd struct {
	tb      testing.TB
	c       *Coordinator
	members []crowdMember
}

type crowdMember struct {
	id         string
	generation int32
}

// each runs something for all members at once.
func (w *crowd) each(f func(m *crowdMember)) {
	var all sync.WaitGroup
	for i := range w.members {
		all.Go(func() { f(&w.members[i]) })
	}
	all.Wait()
}

// join has a member join and get its assignment, with 20 topics each and an assignment of a hundred bytes.
func (w *crowd) join(m *crowdMember) {
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version, join.Group, join.ProtocolType = 9, "crowd", "consumer"
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 45_000, 300_000
	topics := make([]string, 20)
	for i := range topics {
		topics[i] = fmt.Sprintf("some.topic.of.a.crowd-%d", i)
	}
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscriptionOf(1, topics...)}}
	for {
		join.MemberID = m.id
		resp := w.c.JoinGroup(w.tb.Context(), Caller{ClientID: "member-of-a-crowd", ClientHost: "/127.0.0.1"}, join)
		m.id = resp.MemberID
		switch code := wire.ErrorCode(resp.ErrorCode); code {
		case wire.MemberIDRequired:
			continue
		case wire.None:
		default:
			w.tb.Errorf("join: %s", code)
			return
		}
		m.generation = resp.Generation
		req := kmsg.NewPtrSyncGroupRequest()
		req.Version, req.Group, req.MemberID, req.Generation = 5, "crowd", m.id, m.generation
		req.Protocol, req.ProtocolType = resp.Protocol, resp.ProtocolType
		for _, x := range resp.Members {
			assignment := append([]byte(x.MemberID), make([]byte, 100)...)
			req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: x.MemberID, MemberAssignment: assignment})
		}
		answer := w.c.SyncGroup(w.tb.Context(), req)
		switch code := wire.ErrorCode(answer.ErrorCode); code {
		case wire.RebalanceInProgress:
			continue
		case wire.None:
		default:
			w.tb.Errorf("sync: %s", code)
		}
		if got := string(answer.MemberAssignment[:len(m.id)]); got != m.id {
			w.tb.Errorf("%s was told %q", m.id, got)
		}
		return
	}
}

func (w *crowd) heartbeat(m *crowdMember) wire.ErrorCode {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 4, "crowd", m.id, m.generation
	return wire.ErrorCode(w.c.Heartbeat(w.tb.Context(), req).ErrorCode)
}

// settle lets all members join, and join again as long as others come, until all are in one generation.
func (w *crowd) settle() {
	var mu sync.Mutex
	synced := map[int32]int{}
	settled := make(chan struct{})
	w.each(func(m *crowdMember) {
		for {
			w.join(m)
			mu.Lock()
			synced[m.generation]++
			if synced[m.generation] == len(w.members) {
				close(settled)
			}
			mu.Unlock()
			for code := wire.None; code == wire.None; code = w.heartbeat(m) {
				select {
				case <-settled:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}
	})
}

func TestCrowdBecomesStableAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		o := testOptions(log)
		config := testConfig()
		config.InitialRebalanceDelayMs = 1000
		o.Config = func() Config { return config }
		w := &crowd{tb: t, c: New(o), members: make([]crowdMember, 2000)}
		began := time.Now()
		w.each(w.join)
		wantEqual(t, "stable after", time.Since(began), 2*time.Second) // As members came, it waited once more.
		look(t, w.c, "crowd", func(s *Shard) {
			g := s.groups["crowd"].(*classicGroup)
			wantEqual(t, "state", g.state, classicStable)
			wantEqual(t, "generation", g.generation, int32(1))
			wantEqual(t, "members", len(g.members), 2000)
		})
		stop(t, w.c)
		w.c = New(o)
		w.each(func(m *crowdMember) {
			if code := w.heartbeat(m); code != wire.None {
				t.Errorf("after the restart: %s", code)
			}
		})
		// For ten minutes everybody sends heartbeats, and nobody expires.
		for range 30 {
			time.Sleep(20 * time.Second)
			w.each(func(m *crowdMember) {
				if code := w.heartbeat(m); code != wire.None {
					t.Errorf("after %s: %s", time.Since(began), code)
				}
			})
		}
		stop(t, w.c)
	})
}

// BenchmarkCrowd is how long 2,000 members take to become stable without a delay, and how long a restart takes then. Without connections.
func BenchmarkCrowd(b *testing.B) {
	for b.Loop() {
		log := openLog(b, vfs.NewMemory(), 1)
		w := &crowd{tb: b, c: New(testOptions(log)), members: make([]crowdMember, 2000)}
		began, used := time.Now(), cpuTime(b)
		w.settle()
		b.ReportMetric(time.Since(began).Seconds(), "s/stable")
		b.ReportMetric((cpuTime(b) - used).Seconds(), "cpu-s/stable")
		stop(b, w.c)
		began = time.Now()
		w.c = New(testOptions(log))
		w.heartbeat(&w.members[0])
		b.ReportMetric(time.Since(began).Seconds(), "s/restart")
		stop(b, w.c)
		log.Close(b)
	}
}

// BenchmarkConsumerCrowd is how long 2,000 members of a consumer group take until each has its partition. Without connections.
func BenchmarkConsumerCrowd(b *testing.B) {
	const members = 2000
	for b.Loop() {
		log := openLog(b, vfs.NewMemory(), 1)
		o := testOptions(log)
		o.Topics = testTopics{{Name: "topic", ID: [16]byte{7}, Partitions: members}}
		config := testConfig()
		config.Consumers = ConsumersConfig{MaxSize: members, Assignors: []string{"uniform"}}
		o.Config = func() Config { return config }
		c := New(o)
		began, used := time.Now(), cpuTime(b)
		beats := consumerCrowd(b, c, members)
		b.ReportMetric(time.Since(began).Seconds(), "s/stable")
		b.ReportMetric((cpuTime(b) - used).Seconds(), "cpu-s/stable")
		b.ReportMetric(float64(beats), "heartbeats")
		stop(b, c)
		log.Close(b)
	}
}

// consumerCrowd has members join and send a heartbeat every 200 ms until each has one partition. It returns how many they sent.
func consumerCrowd(b *testing.B, c *Coordinator, members int) int64 {
	b.Helper()
	var all sync.WaitGroup
	var beats, ready atomic.Int64
	for i := range members {
		all.Go(func() {
			req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
			req.Version, req.Group, req.MemberID = 1, "crowd", fmt.Sprintf("member-%04d", i)
			req.RebalanceTimeoutMillis, req.SubscribedTopicNames = 300_000, []string{"topic"}
			req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
			partitions := 0
			for ready.Load() < int64(members) {
				resp := c.ConsumerGroupHeartbeat(b.Context(), Caller{ClientID: "c", ClientHost: "/h"}, req)
				beats.Add(1)
				if resp.ErrorCode != 0 {
					b.Errorf("%s: %s", wire.ErrorCode(resp.ErrorCode), *resp.ErrorMessage)
					return
				}
				req.MemberEpoch, req.RebalanceTimeoutMillis, req.SubscribedTopicNames, req.Topics = resp.MemberEpoch, -1, nil, nil
				if resp.Assignment == nil {
					time.Sleep(200 * time.Millisecond)
					continue
				}
				before := partitions
				partitions = 0
				req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
				for _, t := range resp.Assignment.Topics {
					partitions += len(t.Partitions)
					req.Topics = append(req.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: t.TopicID, Partitions: t.Partitions})
				}
				if partitions == 1 && before != 1 {
					ready.Add(1)
				} else if partitions != 1 && before == 1 {
					ready.Add(-1)
				}
			}
		})
	}
	all.Wait()
	return beats.Load()
}
