package group

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore"
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
	paths, err := filepath.Glob("testdata/classic/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal(err, paths)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				defer s.end()
				datadriven.RunTest(t, path, func(_ *testing.T, d *datadriven.TestData) string {
					s.run(d)
					synctest.Wait()
					return s.heard()
				})
			})
		})
	}
}

// script is one conversation.
type script struct {
	t       *testing.T
	ctx     context.Context
	cancel  context.CancelFunc
	log     *testLog
	full    atomic.Bool
	config  Config
	random  *rand.ChaCha8
	c       *Coordinator
	read    int64 // up to this offset of the log
	clients map[string]*scriptClient
	verify  VerifyTransaction

	mu    sync.Mutex
	lines []string
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
	s.log.wrap = func(p logstore.Partition) logstore.Partition { return &fullPartition{Partition: p, full: &s.full} }
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

func (s *script) end() {
	s.cancel()
	stop(s.t, s.c)
	s.log.close(s.t)
}

func (s *script) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// heard is everything that was said, in an order that doesn't depend on goroutines.
func (s *script) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.lines
	s.lines = nil
	slices.Sort(lines)
	if len(lines) == 0 {
		return "nothing"
	}
	return strings.Join(lines, "\n")
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
	*datadriven.TestData
	s *script
}

func (a arguments) text(key, otherwise string) string {
	for _, arg := range a.CmdArgs {
		if arg.Key == key && len(arg.Vals) > 0 {
			return strings.Join(arg.Vals, ",")
		}
	}
	return otherwise
}

func (a arguments) group() string {
	group := a.text("group", "g")
	if group == "none" {
		return ""
	}
	return group
}

func (a arguments) number(key string, otherwise int) int {
	n, err := strconv.Atoi(a.text(key, strconv.Itoa(otherwise)))
	if err != nil {
		a.s.t.Fatal(a.Pos, err)
	}
	return n
}

func (a arguments) ms(key, otherwise string) int32 {
	d, err := time.ParseDuration(a.text(key, otherwise))
	if err != nil {
		a.s.t.Fatal(a.Pos, err)
	}
	return int32(d.Milliseconds())
}

func (a arguments) optional(key string, otherwise *string) *string {
	switch v := a.text(key, ""); v {
	case "":
		return otherwise
	case "null":
		return nil
	default:
		return &v
	}
}

// words are the arguments without a value.
func (a arguments) words() []string {
	var words []string
	for _, arg := range a.CmdArgs {
		if len(arg.Vals) == 0 {
			words = append(words, arg.Key)
		}
	}
	return words
}

func (a arguments) client() (string, *scriptClient) {
	name := a.words()[0]
	c := a.s.clients[name]
	if c == nil {
		c = &scriptClient{generation: -1}
		a.s.clients[name] = c
	}
	return name, c
}

func (s *script) run(d *datadriven.TestData) {
	a := arguments{d, s}
	switch d.Cmd {
	case "config":
		s.config.MaxSize = int32(a.number("max-size", int(s.config.MaxSize)))
		s.config.InitialRebalanceDelayMs = a.ms("delay", millis(s.config.InitialRebalanceDelayMs).String())
		s.config.LeastRebalanceDelayMs = a.ms("least", millis(s.config.LeastRebalanceDelayMs).String())
		s.config.MinSessionTimeoutMs = a.ms("min-session", millis(s.config.MinSessionTimeoutMs).String())
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
		d, err := time.ParseDuration(a.words()[0])
		if err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(d)
	case "group":
		s.show(a.group())
	case "restart":
		stop(s.t, s.c)
		s.start()
	case "full":
		s.full.Store(a.words()[0] == "on")
	case "records":
		s.records()
	default:
		s.t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	}
}

func (s *script) join(a arguments) {
	name, c := a.client()
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = int16(a.number("version", 9))
	req.Group, req.ProtocolType = a.group(), a.text("type", "consumer")
	req.MemberID = s.id(a.text("id", c.id))
	req.InstanceID = a.optional("instance", c.instance)
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = a.ms("session", "30s"), a.ms("rebalance", "60s")
	req.Reason = a.optional("reason", nil)
	for p := range strings.SplitSeq(a.text("protocols", "range"), ",") {
		protocol := kmsg.NewJoinGroupRequestProtocol()
		protocol.Name, _, _ = strings.Cut(p, ":")
		_, metadata, _ := strings.Cut(p, ":")
		protocol.Metadata = []byte(metadata)
		req.Protocols = append(req.Protocols, protocol)
	}
	if a.text("protocols", "") == "none" {
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
		s.say("%s", text)
		c.instance = req.InstanceID
		if code == wire.None || code == wire.MemberIDRequired {
			c.id, c.generation = resp.MemberID, resp.Generation
		}
	}()
}

func (s *script) sync(a arguments) {
	name, c := a.client()
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group = int16(a.number("version", 5)), a.group()
	req.MemberID, req.InstanceID = s.id(a.text("id", c.id)), a.optional("instance", c.instance)
	req.Generation = int32(a.number("generation", int(c.generation)))
	req.ProtocolType, req.Protocol = a.optional("type", new("consumer")), a.optional("protocol", new("range"))
	for pair := range strings.SplitSeq(a.text("assign", ""), ",") {
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
		s.say("%s", text)
	}()
}

func (s *script) heartbeat(a arguments) {
	name, c := a.client()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group = 4, a.group()
	req.MemberID, req.InstanceID = s.id(a.text("id", c.id)), a.optional("instance", c.instance)
	req.Generation = int32(a.number("generation", int(c.generation)))
	go func() { s.say("%s heard: %s", name, wire.ErrorCode(s.c.Heartbeat(s.ctx, req).ErrorCode)) }()
}

func (s *script) leave(a arguments) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version, req.Group = int16(a.number("version", 5)), a.group()
	for _, name := range a.words() {
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID, m.InstanceID = name, a.optional("instance", nil)
		if c := s.clients[name]; c != nil {
			m.MemberID = c.id
		}
		m.MemberID = s.id(a.text("id", m.MemberID))
		m.Reason = a.optional("reason", nil)
		req.MemberID = m.MemberID
		req.Members = append(req.Members, m)
	}
	go func() {
		resp := s.c.LeaveGroup(s.ctx, req)
		text := "left: " + wire.ErrorCode(resp.ErrorCode).String()
		for _, m := range resp.Members {
			text += fmt.Sprintf(" %s:%s", s.name(m.MemberID), wire.ErrorCode(m.ErrorCode))
		}
		s.say("%s", text)
	}()
}

// commit commits an offset of partition 0 of "topic".
func (s *script) commit(a arguments) {
	name, c := a.client()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group = int16(a.number("version", 9)), a.group()
	req.MemberID, req.InstanceID = s.id(a.text("id", c.id)), a.optional("instance", c.instance)
	req.Generation = int32(a.number("generation", int(c.generation)))
	req.Topics = []kmsg.OffsetCommitRequestTopic{{
		Topic: "topic", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: int64(a.number("offset", 1)), LeaderEpoch: -1}},
	}}
	go func() {
		resp := s.c.OffsetCommit(s.ctx, req)
		s.say("%s committed: %s", name, wire.ErrorCode(resp.Topics[0].Partitions[0].ErrorCode))
	}()
}

// show prints a group as the shard has it.
func (s *script) show(group string) {
	look(s.t, s.c, group, func(shard *Shard) {
		g, ok := shard.groups[group].(*classicGroup)
		if !ok {
			s.say("no group")
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
		s.say("%s", text)
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
				s.say("%s deleted", r.Group)
				continue
			}
			text := fmt.Sprintf("%s %q generation=%d protocol=%s leader=%s",
				r.Group, r.Metadata.ProtocolType, r.Metadata.Generation, orEmpty(r.Metadata.Protocol), s.name(orEmpty(r.Metadata.Leader)))
			for _, m := range r.Metadata.Members {
				text += fmt.Sprintf(" %s:%s:%s", s.name(m.ID), m.Subscription, m.Assignment)
			}
			s.say("%s", text)
		case *OffsetRecord:
			s.say("%s committed %s-%d: %d", r.Group, r.Topic, r.Partition, r.Commit.Offset)
		default:
			s.say("%T", r)
		}
	}
}
