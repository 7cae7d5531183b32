package group

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// timed runs a test in a bubble, with a coordinator of one topic of four partitions.
func timed(t *testing.T, change func(*Options), run func(b bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		o := consumerOptions(log, TopicInfo{Name: "topic", ID: [16]byte{1}, Partitions: 4})
		if change != nil {
			change(&o)
		}
		c := New(o)
		defer stop(t, c)
		run(bubble{T: t, Coordinator: c})
	})
}

// assignAtOnce leaves no time between two target assignments.
func assignAtOnce(o *Options) {
	o.ConsumerConfig = func(string) ConsumerConfig {
		return ConsumerConfig{SessionTimeoutMs: 45_000, HeartbeatIntervalMs: 5000}
	}
}

// membersOf are the members of the group, or nil.
func membersOf(t *testing.T, c *Coordinator) (ids []string) {
	t.Helper()
	look(t, c, "group", func(s *Shard) {
		if g, ok := s.groups["group"].(*consumerGroup); ok {
			ids = g.ids()
		}
	})
	return ids
}

func TestSessionsOfConsumersEndToTheMillisecond(t *testing.T) {
	timed(t, nil, func(b bubble) {
		t, c := b.T, b.Coordinator
		wantEqual(t, "enter", beat(t, c, enterRequest("group", "a", "topic")), wire.None)
		// For an hour it sends its heartbeats at the last moment.
		for range 80 {
			time.Sleep(45*time.Second - time.Millisecond)
			wantEqual(t, "at the last moment", beat(t, c, beatRequest("group", "a", 2)), wire.None)
		}
		time.Sleep(45 * time.Second)
		synctest.Wait()
		wantEqual(t, "members", len(membersOf(t, c)), 0)
		wantEqual(t, "too late", beat(t, c, beatRequest("group", "a", 2)), wire.UnknownMemberID)
	})
}

func TestSessionsFollowTheConfigurationWithTheNextHeartbeat(t *testing.T) {
	config := ConsumerConfig{SessionTimeoutMs: 45_000, HeartbeatIntervalMs: 5000}
	timed(t, func(o *Options) { o.ConsumerConfig = func(string) ConsumerConfig { return config } }, func(b bubble) {
		t, c := b.T, b.Coordinator
		wantEqual(t, "a", beat(t, c, enterRequest("group", "a", "topic")), wire.None)
		wantEqual(t, "b", beat(t, c, enterRequest("group", "b", "topic")), wire.None)
		config.SessionTimeoutMs = 10_000
		wantEqual(t, "a again", beat(t, c, beatRequest("group", "a", 2)), wire.None)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		wantEqual(t, "members after the new timeout", fmt.Sprint(membersOf(t, c)), "[b]")
		time.Sleep(35 * time.Second)
		synctest.Wait()
		wantEqual(t, "members after the old one", len(membersOf(t, c)), 0)
	})
}

func TestTimersOfMembersThatHaveLeftFireNothing(t *testing.T) {
	timed(t, nil, func(b bubble) {
		t, c := b.T, b.Coordinator
		wantEqual(t, "enter", beat(t, c, enterRequest("group", "a", "topic")), wire.None)
		time.Sleep(30 * time.Second)
		wantEqual(t, "leave", beat(t, c, beatRequest("group", "a", leaveEpoch)), wire.None)
		// Somebody else comes under its ID. The old session would end after 15 s.
		wantEqual(t, "enter again", beat(t, c, enterRequest("group", "a", "topic")), wire.None)
		time.Sleep(44 * time.Second)
		synctest.Wait()
		wantEqual(t, "members", fmt.Sprint(membersOf(t, c)), "[a]")
		look(t, c, "group", func(s *Shard) {
			wantEqual(t, "members with timers", len(s.groups["group"].(*consumerGroup).timers), 1)
		})
	})
}

func TestWhoKeepsPartitionsIsFencedAfterItsOwnRebalanceTimeout(t *testing.T) {
	timed(t, assignAtOnce, func(b bubble) {
		t, c := b.T, b.Coordinator
		impatient := enterRequest("group", "a", "topic")
		impatient.RebalanceTimeoutMillis = 20_000
		wantEqual(t, "a", beat(t, c, impatient), wire.None)
		wantEqual(t, "b", beat(t, c, enterRequest("group", "b", "topic")), wire.None)
		// It hears that it has to give up two of four, and goes on as if it hadn't.
		told := time.Now()
		for time.Since(told) < 20*time.Second {
			wantEqual(t, "a goes on", beat(t, c, beatRequest("group", "a", 2)), wire.None)
			wantEqual(t, "b waits", beat(t, c, beatRequest("group", "b", 3)), wire.None)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		wantEqual(t, "members", fmt.Sprint(membersOf(t, c)), "[b]")
		wantEqual(t, "a", beat(t, c, beatRequest("group", "a", 2)), wire.UnknownMemberID)
		wantEqual(t, "b moves on", beat(t, c, beatRequest("group", "b", 3)), wire.None)
		look(t, c, "group", func(s *Shard) {
			g := s.groups["group"].(*consumerGroup)
			wantEqual(t, "partitions of b", g.members["b"].Assigned.partitions().Size(), 4)
		})
	})
}

func TestAStaticMemberIsWaitedForOnceItHasLeft(t *testing.T) {
	timed(t, nil, func(b bubble) {
		t, c := b.T, b.Coordinator
		enter := enterRequest("group", "a", "topic")
		enter.InstanceID = new("instance")
		wantEqual(t, "enter", beat(t, c, enter), wire.None)
		leave := beatRequest("group", "a", staticLeaveEpoch)
		leave.InstanceID = enter.InstanceID
		time.Sleep(20 * time.Second)
		wantEqual(t, "leave", beat(t, c, leave), wire.None)
		time.Sleep(25*time.Second - time.Millisecond)
		synctest.Wait()
		wantEqual(t, "members before the session ends", fmt.Sprint(membersOf(t, c)), "[a]")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		wantEqual(t, "members after it", len(membersOf(t, c)), 0)
	})
}

func TestClassicMembersOfConsumerGroupsHaveTheirOwnSessions(t *testing.T) {
	timed(t, assignAtOnce, func(b bubble) {
		t, c := b.T, b.Coordinator
		wantEqual(t, "a", beat(t, c, enterRequest("group", "a", "topic")), wire.None)
		join := joinRequest(3) // with a session of 10 s
		join.Protocols[0].Metadata = subscriptionOf(0, "topic")
		joined := c.JoinGroup(t.Context(), Caller{ClientID: "client"}, join)
		wantEqual(t, "joined", wire.ErrorCode(joined.ErrorCode), wire.None)
		sync := kmsg.NewPtrSyncGroupRequest()
		sync.Version, sync.Group, sync.MemberID, sync.Generation = 3, "group", joined.MemberID, joined.Generation
		wantEqual(t, "synced", wire.ErrorCode(c.SyncGroup(t.Context(), sync).ErrorCode), wire.None)
		time.Sleep(10*time.Second - time.Millisecond)
		synctest.Wait()
		wantEqual(t, "members before", len(membersOf(t, c)), 2)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		wantEqual(t, "members after", fmt.Sprint(membersOf(t, c)), "[a]")
	})
}
