package group

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// modelMember is a consumer of the classic protocol.
type modelMember struct {
	group    *modelGroup
	name     string
	instance *string
	random   *rand.Rand
	leaves   atomic.Bool // when it stops; else it just dies

	id         string
	since      int // the coordinator's start that it got the ID from
	generation int32
	assignment string
}

func (m *modelMember) pause(ctx context.Context, most time.Duration) {
	select {
	case <-time.After(time.Duration(m.random.Int64N(int64(most)))):
	case <-ctx.Done():
	}
}

func (m *modelMember) run(ctx context.Context) {
	for ctx.Err() == nil {
		if !m.join(ctx) {
			m.pause(ctx, 200*time.Millisecond)
			continue
		}
		for ctx.Err() == nil && m.heartbeat(ctx) {
			m.commit(ctx)
			m.pause(ctx, 4*time.Second)
		}
		if m.instance != nil && m.random.IntN(4) == 0 {
			m.id = "" // It is started again.
		}
	}
	if m.leaves.Load() && m.id != "" {
		req := kmsg.NewPtrLeaveGroupRequest()
		req.Version, req.Group = 5, "group"
		req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: m.id, InstanceID: m.instance}}
		m.group.coordinator().LeaveGroup(m.group.ctx, req)
	}
}

// failed learns from a code, and reports whether it is one.
func (m *modelMember) failed(code wire.ErrorCode) bool {
	switch code {
	case wire.None:
		return false
	case wire.UnknownMemberID:
		m.id = ""
	case wire.FencedInstanceID:
		// A new ID that was given out in a rebalance is gone with the coordinator, as in Kafka.
		if m.since == m.group.started() {
			m.group.t.Errorf("%s is fenced by itself", m.name)
		}
		m.id = ""
	case wire.IllegalGeneration, wire.RebalanceInProgress, wire.NotCoordinator, wire.CoordinatorNotAvailable,
		wire.CoordinatorLoadInProgress, wire.MemberIDRequired:
	default:
		m.group.t.Errorf("%s was told %s", m.name, code)
	}
	return true
}

// join joins the group and gets an assignment.
func (m *modelMember) join(ctx context.Context) bool {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID = 9, "group", m.id, m.instance
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 10_000, 20_000, "consumer"
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte(m.name)}}
	if m.id == "" {
		m.since = m.group.started()
	}
	resp := m.group.coordinator().JoinGroup(ctx, Caller{ClientID: m.name, ClientHost: "/127.0.0.1"}, req)
	if resp.ErrorCode == int16(wire.MemberIDRequired) {
		m.id = resp.MemberID
	}
	if ctx.Err() != nil || m.failed(wire.ErrorCode(resp.ErrorCode)) {
		return false
	}
	m.id, m.generation = resp.MemberID, resp.Generation
	if m.random.IntN(20) == 0 {
		m.pause(ctx, 30*time.Second) // It is slow.
	}
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Version, sync.Group, sync.MemberID, sync.InstanceID = 5, "group", m.id, m.instance
	sync.Generation, sync.ProtocolType, sync.Protocol = m.generation, resp.ProtocolType, resp.Protocol
	if resp.LeaderID == m.id && !resp.SkipAssignment {
		sync.GroupAssignment = m.assign(resp.Members)
	}
	answer := m.group.coordinator().SyncGroup(ctx, sync)
	if ctx.Err() != nil || m.failed(wire.ErrorCode(answer.ErrorCode)) {
		return false
	}
	m.assignment = string(answer.MemberAssignment)
	m.group.tells(m, m.generation, m.assignment)
	return true
}

// assign deals the partitions out.
func (m *modelMember) assign(members []kmsg.JoinGroupResponseMember) []kmsg.SyncGroupRequestGroupAssignment {
	shares := make([][]string, len(members))
	first := m.random.IntN(len(members))
	for p := range modelPartitions {
		i := (first + p) % len(members)
		shares[i] = append(shares[i], fmt.Sprint(p))
	}
	list := make([]kmsg.SyncGroupRequestGroupAssignment, len(members))
	assigned := map[string]string{}
	for i, x := range members {
		list[i].MemberID, list[i].MemberAssignment = x.MemberID, []byte(strings.Join(shares[i], " "))
		assigned[x.MemberID] = string(list[i].MemberAssignment)
	}
	m.group.leads(m.generation, assigned)
	return list
}

// heartbeat reports whether the generation goes on.
func (m *modelMember) heartbeat(ctx context.Context) bool {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID, req.Generation = 4, "group", m.id, m.instance, m.generation
	code := wire.ErrorCode(m.group.coordinator().Heartbeat(ctx, req).ErrorCode)
	if code == wire.NotCoordinator {
		return ctx.Err() == nil // It looks for the coordinator, and goes on.
	}
	return !m.failed(code)
}

func (m *modelMember) commit(ctx context.Context) {
	partitions := partitionsOf(m.assignment)
	if len(partitions) == 0 {
		return
	}
	p := partitions[m.random.IntN(len(partitions))]
	offset, acknowledged := m.group.commits(p)
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID, req.Generation = 9, "group", m.id, m.instance, m.generation
	req.Topics = []kmsg.OffsetCommitRequestTopic{{
		Topic: "topic", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: int32(p), Offset: offset, LeaderEpoch: -1}},
	}}
	resp := commitOffsets(ctx, m.group.coordinator(), req)
	if ctx.Err() == nil && resp.Topics[0].Partitions[0].ErrorCode == 0 {
		acknowledged()
	}
}
