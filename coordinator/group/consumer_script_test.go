package group

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/coordinator/group/assignor"
	"github.com/clatterhq/clatter/wire"
)

// TestConsumerScripts plays conversations of consumer groups. Member IDs are the names of clients. A client remembers its epoch and what it has been
// assigned.
//
//	topics a=3 b=2
//	config upgrade=off downgrade=off max-size=3 classic-max-size=3 interval=0s session=45s
//	hb CLIENT... [join] [own] [owned=a0,a1|none] [epoch=] [topics=a,b] [regex=] [assignor=] [instance=] [rebalance=60s] [id=] [version=1]
//	leave CLIENT [epoch=-1] [instance=]
//	commit CLIENT [epoch=] [partition=a0] [version=10]
//	fetch CLIENT [epoch=]                                               "nobody" doesn't say that it is a member
//	c-join CLIENT [topics=a,b] [owned=a0] [id=] [instance=] [protocols=range,roundrobin] [session=30s] [rebalance=60s]
//	c-sync CLIENT [assign=CLIENT:a0+a1,...] / c-heartbeat CLIENT / c-leave CLIENT
//	group                 what the coordinator knows
//	describe              what it tells
//	records               what was written since the last look
//	wait DURATION / restart / full on|off
func TestConsumerScripts(t *testing.T) {
	coordinatortest.Play(t, "testdata/consumer/*.txt", newConsumerScript)
}

// mutableTopics are topics with names of one letter or more, whose IDs are their names.
type mutableTopics struct {
	mu      sync.Mutex
	topics  testTopics
	version int64
}

func (m *mutableTopics) now() testTopics {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.topics
}

func (m *mutableTopics) ByName(name string) (TopicInfo, bool) { return m.now().ByName(name) }
func (m *mutableTopics) ByID(id [16]byte) (TopicInfo, bool)   { return m.now().ByID(id) }
func (m *mutableTopics) All() iter.Seq[TopicInfo]             { return m.now().All() }

func (m *mutableTopics) Version() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version
}

func (m *mutableTopics) set(topics testTopics) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.topics = topics
	m.version++
}

func topicNamed(name string) assignor.TopicID {
	var id assignor.TopicID
	copy(id[:], name)
	return id
}

func nameOf(id assignor.TopicID) string { return strings.TrimRight(string(id[:]), "\x00") }

func infoNamed(name string, partitions int32) TopicInfo {
	return TopicInfo{Name: name, ID: topicNamed(name), Partitions: partitions}
}

// partitionsText is partitions as scripts have them: "a0 a1 b0".
func partitionsText(p assignor.Partitions) string {
	var all []string
	for _, id := range p.Topics() {
		for _, n := range p[id] {
			all = append(all, nameOf(id)+strconv.Itoa(int(n)))
		}
	}
	return strings.Join(all, " ")
}

func parsePartitionsText(text string) assignor.Partitions {
	p := assignor.Partitions{}
	for x := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '+' || r == ' ' }) {
		name := strings.TrimRight(x, "0123456789")
		n, err := strconv.Atoi(x[len(name):])
		if err != nil {
			continue
		}
		p[topicNamed(name)] = append(p[topicNamed(name)], int32(n))
	}
	return p
}

type consumerScript struct {
	*script
	topics  *mutableTopics
	of      ConsumerConfig
	members map[string]*scriptMember
}

// scriptMember is what a client of the consumer protocol knows.
type scriptMember struct {
	epoch int32
	has   assignor.Partitions
}

func newConsumerScript(t *testing.T) *consumerScript {
	t.Helper()
	s := &consumerScript{
		script: newScript(t), topics: &mutableTopics{}, members: map[string]*scriptMember{},
		of: ConsumerConfig{SessionTimeoutMs: 45_000, HeartbeatIntervalMs: 5000},
	}
	s.config.Consumers = ConsumersConfig{MaxSize: 1 << 30, Assignors: []string{"uniform", "range"}, Upgrade: true, Downgrade: true}
	s.restart()
	return s
}

func (s *consumerScript) restart() {
	stop(s.t, s.c)
	o := testOptions(s.log)
	o.Config = func() Config { return s.config }
	o.ConsumerConfig = func(string) ConsumerConfig { return s.of }
	o.Topics, o.TopicsVersion = s.topics, s.topics.Version
	o.Random, o.VerifyTransaction = s.random, s.verify
	s.c = New(o)
	s.c.Load()
}

// Run runs a command.
func (s *consumerScript) Run(c coordinatortest.Command) {
	a := arguments{c, s.script}
	switch c.Cmd {
	case "topics":
		var topics testTopics
		for _, arg := range c.CmdArgs {
			n, _ := strconv.Atoi(arg.Vals[0])
			topics = append(topics, infoNamed(arg.Key, int32(n)))
		}
		s.topics.set(topics)
	case "config":
		c := &s.config.Consumers
		c.Upgrade, c.Downgrade = a.Text("upgrade", "on") == "on", a.Text("downgrade", "on") == "on"
		c.MaxSize = int32(a.Number("max-size", int64(c.MaxSize)))
		s.config.MaxSize = int32(a.Number("classic-max-size", int64(s.config.MaxSize)))
		s.of.AssignmentIntervalMs, s.of.SessionTimeoutMs = a.Ms("interval", "0s"), a.Ms("session", "45s")
	case "hb":
		s.beat(a)
	case "leave":
		s.goAway(a)
	case "commit":
		s.commit(a)
	case "fetch":
		s.fetch(a)
	case "c-join":
		s.classicJoin(a)
	case "c-sync":
		s.classicSync(a)
	case "c-heartbeat":
		s.heartbeat(a)
	case "c-leave":
		s.leave(a)
	case "group":
		s.showConsumer(a.group())
	case "describe":
		s.describe(a.group())
	case "records":
		s.consumerRecords()
	case "wait":
		a.Wait()
	case "restart":
		s.restart()
	case "full":
		s.disk.Full.Store(a.Word() == "on")
	default:
		s.t.Fatalf("%s: unknown command %s", c.Pos, c.Cmd)
	}
}

// member is what a client knows.
func (s *consumerScript) member(name string) *scriptMember {
	if s.members[name] == nil {
		s.members[name] = &scriptMember{has: assignor.Partitions{}}
	}
	return s.members[name]
}

// namesIn are the topics of an argument, nil if there is none.
func namesIn(a arguments, key string) []string {
	text := a.Text(key, "")
	if text == "" {
		return nil
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}

func (s *consumerScript) beat(a arguments) {
	words := a.Words()
	join, own := slices.Contains(words, "join"), slices.Contains(words, "own")
	for _, name := range words {
		if name == "join" || name == "own" {
			continue
		}
		m := s.member(name)
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Version, req.Group, req.MemberID = int16(a.Number("version", 1)), a.group(), s.id(a.Text("id", name))
		req.MemberEpoch, req.InstanceID, req.RackID = m.epoch, a.Optional("instance", nil), a.Optional("rack", nil)
		req.SubscribedTopicNames, req.SubscribedTopicRegex = namesIn(a, "topics"), a.Optional("regex", nil)
		req.ServerAssignor = a.Optional("assignor", nil)
		owned, reported := assignor.Partitions(nil), join || own
		switch text := a.Text("owned", ""); {
		case text != "":
			owned, reported = parsePartitionsText(text), true
		case own:
			owned = m.has
		}
		if join {
			req.MemberEpoch, req.RebalanceTimeoutMillis = joinEpoch, 60_000
		}
		switch a.Text("rebalance", "") {
		case "":
		case "none":
			req.RebalanceTimeoutMillis = -1
		default:
			req.RebalanceTimeoutMillis = a.Ms("rebalance", "")
		}
		req.MemberEpoch = int32(a.Number("epoch", int64(req.MemberEpoch)))
		if reported {
			req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
			for _, id := range owned.Topics() {
				req.Topics = append(req.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: id, Partitions: owned[id]})
			}
		}
		s.hear(name, m, s.c.ConsumerGroupHeartbeat(s.ctx, Caller{ClientID: name, ClientHost: "/127.0.0.1"}, req))
	}
}

// hear prints an answer and remembers it.
func (s *consumerScript) hear(name string, m *scriptMember, resp *kmsg.ConsumerGroupHeartbeatResponse) {
	if resp.ErrorCode != 0 {
		s.Say("%s: %s: %s", name, wire.ErrorCode(resp.ErrorCode), orEmpty(resp.ErrorMessage))
		return
	}
	m.epoch = resp.MemberEpoch
	text := fmt.Sprintf("%s: epoch=%d", name, resp.MemberEpoch)
	if *resp.MemberID != name {
		text += " id=" + *resp.MemberID
	}
	if resp.Assignment != nil {
		m.has = assignor.Partitions{}
		for _, t := range resp.Assignment.Topics {
			m.has[t.TopicID] = t.Partitions
		}
		text += " has " + cmp.Or(partitionsText(m.has), "nothing")
	}
	s.Say("%s", text)
}

func (s *consumerScript) goAway(a arguments) {
	name := a.Word()
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID = 1, a.group(), s.id(a.Text("id", name)), a.Optional("instance", nil)
	req.MemberEpoch = int32(a.Number("epoch", leaveEpoch))
	resp := s.c.ConsumerGroupHeartbeat(s.ctx, Caller{ClientID: name, ClientHost: "/127.0.0.1"}, req)
	s.hear(name, s.member(name), resp)
	if resp.ErrorCode == 0 {
		delete(s.members, name)
	}
}

func (s *consumerScript) commit(a arguments) {
	name := a.Word()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID = int16(a.Number("version", 10)), a.group(), s.id(a.Text("id", name))
	if c := s.clients[name]; c != nil {
		req.MemberID, req.Generation = c.id, c.generation
	} else {
		req.Generation = s.member(name).epoch
	}
	req.Generation = int32(a.Number("epoch", int64(req.Generation)))
	for id, numbers := range parsePartitionsText(a.Text("partition", "a0")) {
		t := kmsg.NewOffsetCommitRequestTopic()
		t.TopicID, t.Topic = id, nameOf(id)
		for _, n := range numbers {
			t.Partitions = append(t.Partitions, kmsg.OffsetCommitRequestTopicPartition{Partition: n, Offset: 5, LeaderEpoch: -1})
		}
		req.Topics = append(req.Topics, t)
	}
	resp := commitOffsets(s.ctx, s.c, req)
	s.Say("%s: %s", name, wire.ErrorCode(resp.Topics[0].Partitions[0].ErrorCode))
}

func (s *consumerScript) fetch(a arguments) {
	name := a.Word()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version = 9
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, g.MemberEpoch = a.group(), int32(a.Number("epoch", int64(s.member(name).epoch)))
	if name != "nobody" {
		g.MemberID = new(s.id(a.Text("id", name)))
	}
	req.Groups = append(req.Groups, g)
	resp := s.c.OffsetFetch(s.ctx, req)
	s.Say("%s: %s", name, wire.ErrorCode(resp.Groups[0].ErrorCode))
}

// subscriptionBytes are the metadata of a consumer of the classic protocol.
func subscriptionBytes(topics []string, owned assignor.Partitions) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version, m.Topics, m.Generation = 3, topics, -1
	for _, id := range owned.Topics() {
		m.OwnedPartitions = append(m.OwnedPartitions, kmsg.ConsumerMemberMetadataOwnedPartition{Topic: nameOf(id), Partitions: owned[id]})
	}
	return m.AppendTo(nil)
}

func (s *consumerScript) classicJoin(a arguments) {
	name, c := a.client()
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.ProtocolType = 9, a.group(), a.Text("type", "consumer")
	req.MemberID, req.InstanceID = s.id(a.Text("id", c.id)), a.Optional("instance", c.instance)
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = a.Ms("session", "30s"), a.Ms("rebalance", "60s")
	metadata := subscriptionBytes(namesIn(a, "topics"), parsePartitionsText(a.Text("owned", "")))
	if a.Text("metadata", "") != "" {
		metadata = []byte(a.Text("metadata", ""))
	}
	for p := range strings.SplitSeq(a.Text("protocols", "range"), ",") {
		protocol := kmsg.NewJoinGroupRequestProtocol()
		protocol.Name, protocol.Metadata = p, metadata
		req.Protocols = append(req.Protocols, protocol)
	}
	go func() {
		resp := s.c.JoinGroup(s.ctx, Caller{ClientID: name, ClientHost: "/127.0.0.1"}, req)
		code := wire.ErrorCode(resp.ErrorCode)
		if code == wire.None || code == wire.MemberIDRequired {
			c.id, c.generation, c.instance = resp.MemberID, resp.Generation, req.InstanceID
			s.mu.Lock()
			s.names[c.id], s.ids[name] = name, c.id
			s.mu.Unlock()
		}
		text := fmt.Sprintf("%s joined: %s", name, code)
		if code == wire.None {
			text += fmt.Sprintf(" generation=%d protocol=%s leader=%s members=%d", resp.Generation, orEmpty(resp.Protocol), s.name(resp.LeaderID), len(resp.Members))
		}
		s.Say("%s", text)
	}()
}

func (s *consumerScript) classicSync(a arguments) {
	name, c := a.client()
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID = 5, a.group(), s.id(a.Text("id", c.id)), c.instance
	req.Generation = int32(a.Number("generation", int64(c.generation)))
	req.ProtocolType, req.Protocol = a.Optional("type", new("consumer")), a.Optional("protocol", new("range"))
	for pair := range strings.SplitSeq(a.Text("assign", ""), ",") {
		to, partitions, ok := strings.Cut(pair, ":")
		if ok {
			assigned := appendAssignment(3, byName(parsePartitionsText(partitions), s.topics))
			req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: s.clients[to].id, MemberAssignment: assigned})
		}
	}
	go func() {
		resp := s.c.SyncGroup(s.ctx, req)
		text := fmt.Sprintf("%s synced: %s", name, wire.ErrorCode(resp.ErrorCode))
		if resp.ErrorCode == 0 {
			has, _, ok := parseAssignment(resp.MemberAssignment)
			text += fmt.Sprintf(" has %s", cmp.Or(partitionsText(byID(has, s.topics)), "nothing"))
			if !ok {
				text += " (malformed)"
			}
		}
		s.Say("%s", text)
	}()
}

// showConsumer prints a group as the shard has it.
func (s *consumerScript) showConsumer(group string) {
	other := false
	look(s.t, s.c, group, func(shard *Shard) {
		g, ok := shard.groups[group].(*consumerGroup)
		if !ok {
			other = true
			return
		}
		text := fmt.Sprintf("%s epoch=%d target=%d", g.stateName(), g.epoch, g.target.Epoch)
		for _, id := range g.ids() {
			m := g.members[id]
			state := [...]string{"stable", "unrevoked", "unreleased"}[m.State]
			text += fmt.Sprintf("\n  %s epoch=%d/%d %s has %s", s.name(id), m.MemberEpoch, m.PreviousMemberEpoch, state, cmp.Or(partitionsText(m.Assigned.partitions()), "nothing"))
			if len(m.Revoking) > 0 {
				text += " revoking " + partitionsText(m.Revoking.partitions())
			}
			text += " target " + cmp.Or(partitionsText(g.targets[id]), "nothing")
			if m.classic() {
				text += " classic"
			}
		}
		for _, regex := range sortedKeys(g.resolved) {
			text += fmt.Sprintf("\n  %s: %s", regex, strings.Join(g.resolved[regex].Topics, " "))
		}
		s.Say("%s", text)
	})
	if other {
		s.show(group)
	}
}

func (s *consumerScript) describe(group string) {
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	req.Version, req.Groups = 1, []string{group}
	g := s.c.ConsumerGroupDescribe(s.ctx, req).Groups[0]
	if g.ErrorCode != 0 {
		s.Say("%s: %s", wire.ErrorCode(g.ErrorCode), orEmpty(g.ErrorMessage))
		return
	}
	partitions := func(a kmsg.Assignment) string {
		p := assignor.Partitions{}
		for _, t := range a.TopicPartitions {
			p[t.TopicID] = t.Partitions
		}
		return cmp.Or(partitionsText(p), "nothing")
	}
	text := fmt.Sprintf("%s epoch=%d assignment-epoch=%d assignor=%s", g.State, g.Epoch, g.AssignmentEpoch, g.AssignorName)
	for _, m := range g.Members {
		text += fmt.Sprintf("\n  %s type=%d epoch=%d client=%s host=%s instance=%s rack=%s topics=%s regex=%s has %s target %s", s.name(m.MemberID), m.MemberType, m.MemberEpoch,
			m.ClientID, m.ClientHost, orEmpty(m.InstanceID), orEmpty(m.RackID), strings.Join(m.SubscribedTopics, ","), orEmpty(m.SubscribedTopicRegex),
			partitions(m.Assignment), partitions(m.TargetAssignment))
	}
	s.Say("%s", text)
}

// consumerRecords prints what is new in the log, in its order.
func (s *consumerScript) consumerRecords() {
	p, err := s.log.Partition(0)
	if err != nil {
		s.t.Fatal(err)
	}
	var lines []string
	for _, r := range recordsFrom(s.t, p, &s.read) {
		lines = append(lines, s.recordText(r))
	}
	s.Say("%s", strings.Join(lines, "\n"))
}

func (s *consumerScript) recordText(r Record) string {
	switch r := r.(type) {
	case *MetadataRecord:
		return fmt.Sprintf("classic group %s: %v", r.Group, r.Metadata != nil)
	case *ConsumerGroupRecord:
		if r.Value == nil {
			return "no group"
		}
		return fmt.Sprintf("group epoch=%d", r.Value.Epoch)
	case *SubscriptionMetadataRecord:
		return "no subscription metadata"
	case *ConsumerMemberRecord:
		if r.Value == nil {
			return "no member " + s.name(r.Member)
		}
		return fmt.Sprintf("member %s topics=%s regex=%s", s.name(r.Member), strings.Join(r.Value.Topics, ","), orEmpty(r.Value.Regex))
	case *TargetEpochRecord:
		if r.Value == nil {
			return "no target epoch"
		}
		return fmt.Sprintf("target epoch=%d timed=%v", r.Value.Epoch, r.Value.TimestampMs != 0)
	case *TargetRecord:
		if r.Partitions == nil {
			return "no target of " + s.name(r.Member)
		}
		return fmt.Sprintf("target of %s: %s", s.name(r.Member), partitionsText(r.Partitions))
	case *CurrentRecord:
		if r.Value == nil {
			return "no current of " + s.name(r.Member)
		}
		return fmt.Sprintf("current of %s: epoch=%d/%d state=%d has %s, revoking %s", s.name(r.Member), r.Value.MemberEpoch, r.Value.PreviousMemberEpoch, r.Value.State,
			partitionsText(r.Value.Assigned.partitions()), partitionsText(r.Value.Revoking.partitions()))
	case *RegexRecord:
		if r.Value == nil {
			return "no regex " + r.Regex
		}
		return fmt.Sprintf("regex %s: %s", r.Regex, strings.Join(r.Value.Topics, " "))
	}
	return fmt.Sprintf("%T", r)
}
