package group

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

func joinRequest(version int16) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.ProtocolType = version, "group", "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 10_000, 20_000
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
	return req
}

func TestJoinsThatNobodyFollowsUpAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		c := New(testOptions(log))
		defer stop(t, c)
		pending := func() (n int) {
			look(t, c, "group", func(s *Shard) { n = len(s.groups["group"].(*classicGroup).pendingJoin) })
			return n
		}
		ask := func() string {
			resp := c.JoinGroup(t.Context(), Caller{ClientID: "client"}, joinRequest(9))
			wantEqual(t, "code", wire.ErrorCode(resp.ErrorCode), wire.MemberIDRequired)
			return resp.MemberID
		}
		first := ask()
		time.Sleep(time.Second)
		for range maxPendingJoins - 1 {
			ask()
		}
		wantEqual(t, "pending", pending(), maxPendingJoins)
		// The oldest one makes room for another, who can join.
		last := ask()
		wantEqual(t, "pending", pending(), maxPendingJoins)
		req := joinRequest(9)
		req.MemberID = first
		wantEqual(t, "the oldest", wire.ErrorCode(c.JoinGroup(t.Context(), Caller{}, req).ErrorCode), wire.UnknownMemberID)
		// The first rebalance waits for no pending ones: its delay is over at once.
		req.MemberID = last
		wantEqual(t, "the last", wire.ErrorCode(c.JoinGroup(t.Context(), Caller{}, req).ErrorCode), wire.None)
		time.Sleep(11 * time.Second)
		wantEqual(t, "pending in the end", pending(), 0)
	})
}

func TestWhatMembersSayIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		c := New(testOptions(log))
		defer stop(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		large := joinRequest(3)
		large.Protocols[0].Metadata = make([]byte, 3*maxGroupBytes/4)
		resp := c.JoinGroup(ctx, Caller{}, large)
		wantEqual(t, "large", wire.ErrorCode(resp.ErrorCode), wire.None)
		wantEqual(t, "too large", wire.ErrorCode(c.JoinGroup(ctx, Caller{}, large).ErrorCode), wire.GroupMaxSizeReached)
		// It may say the same again.
		large.MemberID = resp.MemberID
		resp = c.JoinGroup(ctx, Caller{}, large)
		wantEqual(t, "again", wire.ErrorCode(resp.ErrorCode), wire.None)

		sync := kmsg.NewPtrSyncGroupRequest()
		sync.Group, sync.MemberID, sync.Generation = "group", resp.MemberID, resp.Generation
		sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{
			{MemberID: "stranger", MemberAssignment: make([]byte, maxGroupBytes)},
			{MemberID: resp.MemberID, MemberAssignment: make([]byte, maxGroupBytes/2)},
		}
		wantEqual(t, "assignment too large", wire.ErrorCode(c.SyncGroup(ctx, sync).ErrorCode), wire.UnknownServerError)
		resp = c.JoinGroup(ctx, Caller{}, large)
		wantEqual(t, "joins again", resp.Generation, int32(2))
		sync.Generation = resp.Generation
		sync.GroupAssignment[1].MemberAssignment = []byte("small")
		wantEqual(t, "assigned", string(c.SyncGroup(ctx, sync).MemberAssignment), "small")

		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group, leave.MemberID = "group", resp.MemberID
		c.LeaveGroup(ctx, leave)
		look(t, c, "group", func(s *Shard) { wantEqual(t, "bytes left", s.groups["group"].(*classicGroup).bytes, 0) })
	})
}

func TestStringsThatNoRecordCanHoldAreRefused(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	c := start(t, testOptions(log))
	long := strings.Repeat("x", maxRecordString+1)
	for what, change := range map[string]func(*kmsg.JoinGroupRequest){
		"type":     func(r *kmsg.JoinGroupRequest) { r.ProtocolType = long },
		"instance": func(r *kmsg.JoinGroupRequest) { r.InstanceID = &long },
		"protocol": func(r *kmsg.JoinGroupRequest) { r.Protocols[0].Name = long },
	} {
		req := joinRequest(9)
		change(req)
		wantEqual(t, what, wire.ErrorCode(c.JoinGroup(t.Context(), Caller{}, req).ErrorCode), wire.UnknownServerError)
	}
	req := joinRequest(9)
	req.Group = long
	wantEqual(t, "group", wire.ErrorCode(c.JoinGroup(t.Context(), Caller{}, req).ErrorCode), wire.InvalidGroupID)
	heartbeat := kmsg.NewPtrHeartbeatRequest()
	heartbeat.Group = long
	wantEqual(t, "heartbeat", wire.ErrorCode(c.Heartbeat(t.Context(), heartbeat).ErrorCode), wire.InvalidGroupID)

	// A client's name is cut: the ID that begins with it has to fit.
	resp := c.JoinGroup(t.Context(), Caller{ClientID: strings.Repeat("\u00e9", 200)}, joinRequest(9))
	wantEqual(t, "ID", len(resp.MemberID), 254+37)
	if !strings.HasPrefix(resp.MemberID, strings.Repeat("\u00e9", 127)+"-") {
		t.Errorf("ID %q", resp.MemberID)
	}
}

func TestMembersWhoseConnectionIsGoneExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		c := New(testOptions(log))
		defer stop(t, c)
		member := joinAlone(t, c, "group")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantEqual(t, "gone", wire.ErrorCode(c.JoinGroup(ctx, Caller{}, joinRequest(3)).ErrorCode), wire.NotCoordinator)
		heartbeat := kmsg.NewPtrHeartbeatRequest()
		heartbeat.Group, heartbeat.MemberID, heartbeat.Generation = "group", member.MemberID, 1
		for range 30 {
			time.Sleep(time.Second)
			wantEqual(t, "heartbeat", wire.ErrorCode(c.Heartbeat(t.Context(), heartbeat).ErrorCode), wire.RebalanceInProgress)
		}
		// The other one is new: it is waited for until it would have to join again.
		again := joinRequest(3)
		again.MemberID = member.MemberID
		resp := c.JoinGroup(t.Context(), Caller{}, again)
		wantEqual(t, "members", len(resp.Members), 2)
		time.Sleep(20 * time.Second)
		look(t, c, "group", func(s *Shard) {
			g := s.groups["group"].(*classicGroup)
			wantEqual(t, "members left", len(g.members), 0)
		})
	})
}

// slowPartition is a partition that takes long to load.
type slowPartition struct{ logstore.Partition }

func (p slowPartition) Read(offset int64, o logstore.ReadOptions) (logstore.Fetched, error) {
	time.Sleep(time.Second)
	o.MaxBytes = 1 // one batch
	return p.Partition.Read(offset, o)
}

func TestCase30WhileItLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		c := New(testOptions(log))
		member := joinAlone(t, c, "group")
		stop(t, c)
		log.Wrap = func(p logstore.Partition) logstore.Partition { return slowPartition{p} }
		c = New(testOptions(log))
		defer stop(t, c)
		c.Load()
		time.Sleep(1500 * time.Millisecond)
		heartbeat := kmsg.NewPtrHeartbeatRequest()
		heartbeat.Group, heartbeat.MemberID, heartbeat.Generation = "group", member.MemberID, 1
		// Nobody expires meanwhile: a heartbeat is fine, whoever sends it (Kafka). Others come back.
		wantEqual(t, "heartbeat", wire.ErrorCode(c.Heartbeat(t.Context(), heartbeat).ErrorCode), wire.None)
		wantEqual(t, "join", wire.ErrorCode(c.JoinGroup(t.Context(), Caller{}, joinRequest(9)).ErrorCode), wire.CoordinatorLoadInProgress)
		sync := kmsg.NewPtrSyncGroupRequest()
		sync.Group = "group"
		wantEqual(t, "sync", wire.ErrorCode(c.SyncGroup(t.Context(), sync).ErrorCode), wire.CoordinatorLoadInProgress)
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group, leave.Version = "group", 5
		wantEqual(t, "leave", wire.ErrorCode(c.LeaveGroup(t.Context(), leave).ErrorCode), wire.CoordinatorLoadInProgress)
		time.Sleep(20 * time.Second)
		wantEqual(t, "loaded", wire.ErrorCode(c.Heartbeat(t.Context(), heartbeat).ErrorCode), wire.None)
	})
}

func TestEventsAreOneLineEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		var lines bytes.Buffer
		o := testOptions(log)
		o.Log = slog.New(slog.NewTextHandler(&lines, nil))
		c := New(o)
		defer stop(t, c)
		member := joinAlone(t, c, "group")
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Version, leave.Group = 5, "group"
		reason := strings.Repeat("because ", 1000)
		leave.Members = []kmsg.LeaveGroupRequestMember{{MemberID: member.MemberID, Reason: &reason}}
		c.LeaveGroup(t.Context(), leave)
		synctest.Wait()
		for _, want := range []string{"group rebalanced", "group is empty", "members left", "the client says: because", "group=group", "generation=1"} {
			if !strings.Contains(lines.String(), want) {
				t.Errorf("no %q in:\n%s", want, lines.String())
			}
		}
		if lines.Len() > 3000 {
			t.Errorf("%d bytes for three lines", lines.Len())
		}
	})
}
