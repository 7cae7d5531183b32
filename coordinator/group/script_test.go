package group

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// TestClassicScripts plays conversations with a coordinator. Each command prints what was answered until nothing moves any more, whoever
// asked for it; time passes with "wait" only. A client is named by its first word; "a.1" is the first ID that client a was given.
//
//	config max-size=3 delay=3s least=2ms min-session=6s
//	join CLIENT [group=] [version=9] [instance=] [id=] [type=consumer] [protocols=range:metadata,...] [session=30s] [rebalance=60s] [reason=]
//	sync CLIENT [group=] [version=5] [assign=CLIENT:bytes,...] [id=] [instance=] [generation=] [type=] [protocol=]
//	heartbeat CLIENT [group=] [id=] [instance=] [generation=]
//	leave CLIENT... [group=] [version=5] [instance=] [id=] [reason=]
//	commit CLIENT [group=] [version=9] [id=] [instance=] [generation=] [offset=1]
//	wait DURATION
//	group [group=]        what the coordinator knows of it
//	restart               of the coordinator
//	full on|off           the disk
//	records               what was written since the last look
func TestClassicScripts(t *testing.T) {
	coordinatortest.Play(t, "testdata/classic/*.txt", newScript)
}

// script is one conversation.
type script struct {
	coordinatortest.Lines

	t       *testing.T
	ctx     context.Context
	cancel  context.CancelFunc
	log     *testLog
	disk    coordinatortest.Disk
	config  Config
	random  *rand.ChaCha8
	c       *Coordinator
	read    int64 // up to this offset of the log
	clients map[string]*scriptClient
	verify  VerifyTransaction

	mu    sync.Mutex
	names map[string]string // of member IDs
	ids   map[string]string // by those names
	count map[string]int
}

// scriptClient is what a client knows.
type scriptClient struct {
	id         string
	instance   *string
	generation int32
}

func newScript(t *testing.T) *script {
	t.Helper()
	s := &script{
		t: t, config: testConfig(), random: rand.NewChaCha8([32]byte{}), clients: map[string]*scriptClient{},
		names: map[string]string{}, ids: map[string]string{}, count: map[string]int{},
	}
	s.ctx, s.cancel = context.WithCancel(t.Context())
	s.log = openLog(t, vfs.NewMemory(), 1)
	s.log.Wrap = s.disk.Wrap
	s.start()
	return s
}

func (s *script) start() {
	o := testOptions(s.log)
	o.Config = func() Config { return s.config }
	o.Random = s.random
	o.Topics = testTopics{{Name: "topic", ID: [16]byte{7}, Partitions: 1}}
	s.c = New(o)
	s.c.Load()
}

// End ends it.
func (s *script) End() {
	s.cancel()
	stop(s.t, s.c)
	s.log.Close(s.t)
}

// name is that of a member's ID in scripts: what it begins with, and a number.
func (s *script) name(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		return "-"
	}
	const uuid = 37
	if name, ok := s.names[id]; ok {
		return name
	}
	if len(id) < uuid {
		return id
	}
	prefix := id[:len(id)-uuid]
	s.count[prefix]++
	name := prefix + "." + strconv.Itoa(s.count[prefix])
	s.names[id], s.ids[name] = name, id
	return name
}

func (s *script) id(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, ok := s.ids[name]; ok {
		return id
	}
	if name == "none" {
		return ""
	}
	return name
}

// arguments are those of a command.
type arguments struct {
	coordinatortest.Command
	s *script
}

func (a arguments) group() string {
	group := a.Text("group", "g")
	if group == "none" {
		return ""
	}
	return group
}

func (a arguments) client() (string, *scriptClient) {
	name := a.Word()
	c := a.s.clients[name]
	if c == nil {
		c = &scriptClient{generation: -1}
		a.s.clients[name] = c
	}
	return name, c
}

// Run runs a command.
func (s *script) Run(c coordinatortest.Command) {
	a := arguments{c, s}
	switch c.Cmd {
	case "config":
		s.config.MaxSize = int32(a.Number("max-size", int64(s.config.MaxSize)))
		s.config.InitialRebalanceDelayMs = a.Ms("delay", millis(s.config.InitialRebalanceDelayMs).String())
		s.config.LeastRebalanceDelayMs = a.Ms("least", millis(s.config.LeastRebalanceDelayMs).String())
		s.config.MinSessionTimeoutMs = a.Ms("min-session", millis(s.config.MinSessionTimeoutMs).String())
	case "join":
		s.join(a)
	case "sync":
		s.sync(a)
	case "heartbeat":
		s.heartbeat(a)
	case "leave":
		s.leave(a)
	case "commit":
		s.commit(a)
	case "wait":
		a.Wait()
	case "group":
		s.show(a.group())
	case "restart":
		stop(s.t, s.c)
		s.start()
	case "full":
		s.disk.Full.Store(a.Word() == "on")
	case "records":
		s.records()
	default:
		s.t.Fatalf("%s: unknown command %s", c.Pos, c.Cmd)
	}
}

func (s *script) join(a arguments) {
	name, c := a.client()
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = int16(a.Number("version", 9))
	req.Group, req.ProtocolType = a.group(), a.Text("type", "consumer")
	req.MemberID = s.id(a.Text("id", c.id))
	req.InstanceID = a.Optional("instance", c.instance)
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = a.Ms("session", "30s"), a.Ms("rebalance", "60s")
	req.Reason = a.Optional("reason", nil)
	for p := range strings.SplitSeq(a.Text("protocols", "range"), ",") {
		protocol := kmsg.NewJoinGroupRequestProtocol()
		protocol.Name, _, _ = strings.Cut(p, ":")
		_, metadata, _ := strings.Cut(p, ":")
		protocol.Metadata = []byte(metadata)
		req.Protocols = append(req.Protocols, protocol)
	}
	if a.Text("protocols", "") == "none" {
		req.Protocols = nil
	}
	go func() {
		resp := s.c.JoinGroup(s.ctx, Caller{ClientID: name, ClientHost: "/127.0.0.1"}, req)
		code := wire.ErrorCode(resp.ErrorCode)
		text := fmt.Sprintf("%s joined: %s id=%s", name, code, s.name(resp.MemberID))
		if code == wire.None {
			text += fmt.Sprintf(" generation=%d protocol=%s leader=%s", resp.Generation, orEmpty(resp.Protocol), s.name(resp.LeaderID))
		}
		if resp.SkipAssignment {
			text += " skip-assignment"
		}
		var members []string
		for _, m := range resp.Members {
			members = append(members, s.name(m.MemberID)+":"+string(m.ProtocolMetadata))
		}
		if len(members) > 0 {
			text += " members=" + strings.Join(members, ",")
		}
		s.Say("%s", text)
		c.instance = req.InstanceID
		if code == wire.None || code == wire.MemberIDRequired {
			c.id, c.generation = resp.MemberID, resp.Generation
		}
	}()
}

func (s *script) sync(a arguments) {
	name, c := a.client()
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group = int16(a.Number("version", 5)), a.group()
	req.MemberID, req.InstanceID = s.id(a.Text("id", c.id)), a.Optional("instance", c.instance)
	req.Generation = int32(a.Number("generation", int64(c.generation)))
	req.ProtocolType, req.Protocol = a.Optional("type", new("consumer")), a.Optional("protocol", new("range"))
	for pair := range strings.SplitSeq(a.Text("assign", ""), ",") {
		to, bytes, ok := strings.Cut(pair, ":")
		if !ok {
			continue
		}
		assignment := kmsg.NewSyncGroupRequestGroupAssignment()
		assignment.MemberID, assignment.MemberAssignment = s.id(to), []byte(bytes)
		if client := s.clients[to]; client != nil {
			assignment.MemberID = client.id
		}
		req.GroupAssignment = append(req.GroupAssignment, assignment)
	}
	go func() {
		resp := s.c.SyncGroup(s.ctx, req)
		text := fmt.Sprintf("%s synced: %s", name, wire.ErrorCode(resp.ErrorCode))
		if resp.ErrorCode == 0 {
			text += fmt.Sprintf(" %s/%s %q", orEmpty(resp.ProtocolType), orEmpty(resp.Protocol), resp.MemberAssignment)
		}
		s.Say("%s", text)
	}()
}

func (s *script) heartbeat(a arguments) {
	name, c := a.client()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group = 4, a.group()
	req.MemberID, req.InstanceID = s.id(a.Text("id", c.id)), a.Optional("instance", c.instance)
	req.Generation = int32(a.Number("generation", int64(c.generation)))
	go func() { s.Say("%s heard: %s", name, wire.ErrorCode(s.c.Heartbeat(s.ctx, req).ErrorCode)) }()
}

func (s *script) leave(a arguments) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version, req.Group = int16(a.Number("version", 5)), a.group()
	for _, name := range a.Words() {
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID, m.InstanceID = name, a.Optional("instance", nil)
		if c := s.clients[name]; c != nil {
			m.MemberID = c.id
		}
		m.MemberID = s.id(a.Text("id", m.MemberID))
		m.Reason = a.Optional("reason", nil)
		req.MemberID = m.MemberID
		req.Members = append(req.Members, m)
	}
	go func() {
		resp := s.c.LeaveGroup(s.ctx, req)
		text := "left: " + wire.ErrorCode(resp.ErrorCode).String()
		for _, m := range resp.Members {
			text += fmt.Sprintf(" %s:%s", s.name(m.MemberID), wire.ErrorCode(m.ErrorCode))
		}
		s.Say("%s", text)
	}()
}

// commit commits an offset of partition 0 of "topic".
func (s *script) commit(a arguments) {
	name, c := a.client()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group = int16(a.Number("version", 9)), a.group()
	req.MemberID, req.InstanceID = s.id(a.Text("id", c.id)), a.Optional("instance", c.instance)
	req.Generation = int32(a.Number("generation", int64(c.generation)))
	req.Topics = []kmsg.OffsetCommitRequestTopic{{
		Topic: "topic", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: a.Number("offset", 1), LeaderEpoch: -1}},
	}}
	go func() {
		resp := commitOffsets(s.ctx, s.c, req)
		s.Say("%s committed: %s", name, wire.ErrorCode(resp.Topics[0].Partitions[0].ErrorCode))
	}()
}

// show prints a group as the shard has it.
func (s *script) show(group string) {
	look(s.t, s.c, group, func(shard *Shard) {
		g, ok := shard.groups[group].(*classicGroup)
		if !ok {
			s.Say("no group")
			return
		}
		text := fmt.Sprintf("%s generation=%d protocol=%s leader=%s", g.state, g.generation, g.protocol, s.name(g.leader))
		for _, m := range g.members {
			text += "\n  " + s.name(m.id)
			if m.static() {
				text += " instance=" + *m.instanceID
			}
			if m.joining != nil {
				text += " joining"
			}
			if m.syncing != nil {
				text += " syncing"
			}
			text += fmt.Sprintf(" %q", m.assignment)
		}
		if len(g.pendingJoin) > 0 {
			text += fmt.Sprintf("\n  %d pending", len(g.pendingJoin))
		}
		s.Say("%s", text)
	})
}

// records prints what is new in the log.
func (s *script) records() {
	p, err := s.log.Partition(0)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range recordsFrom(s.t, p, &s.read) {
		switch r := r.(type) {
		case *MetadataRecord:
			if r.Metadata == nil {
				s.Say("%s deleted", r.Group)
				continue
			}
			text := fmt.Sprintf("%s %q generation=%d protocol=%s leader=%s",
				r.Group, r.Metadata.ProtocolType, r.Metadata.Generation, orEmpty(r.Metadata.Protocol), s.name(orEmpty(r.Metadata.Leader)))
			for _, m := range r.Metadata.Members {
				text += fmt.Sprintf(" %s:%s:%s", s.name(m.ID), m.Subscription, m.Assignment)
			}
			s.Say("%s", text)
		case *OffsetRecord:
			s.Say("%s committed %s-%d: %d", r.Group, r.Topic, r.Partition, r.Commit.Offset)
		default:
			s.Say("%T", r)
		}
	}
}
