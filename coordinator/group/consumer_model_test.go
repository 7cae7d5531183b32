package group

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// TestRandomConsumerGroupsShareAndConverge has clients of both protocols join, send heartbeats, lose answers, leave, fall silent and change their
// minds, while topics grow and the coordinator starts again. No partition ever belongs to two clients, and in the end every one
// belongs to somebody.
func TestRandomConsumerGroupsShareAndConverge(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range 12 {
		synctest.Test(t, func(t *testing.T) {
			m := newConsumerModel(t, rand.New(rand.NewPCG(seed, uint64(i))))
			defer m.close()
			for range 250 {
				m.step()
				m.check()
			}
			m.converge()
		})
	}
}

// consumerModel is a group and its clients.
type consumerModel struct {
	t       *testing.T
	random  *rand.Rand
	log     *testLog
	topics  *mutableTopics
	counts  map[string]int32
	c       *Coordinator
	clients map[string]*modelClient
	born    int
	calm    bool // no answers are lost
	ids     *rand.ChaCha8
}

// modelClient is one client as it sees itself.
type modelClient struct {
	id       string
	instance *string
	classic  bool
	topics   []string
	epoch    int32
	joined   bool
	deaf     bool // the last answer was lost: the next request says all again, as clients do
	owned    map[assignor.TopicID]map[int32]bool
	heard    time.Time
}

const modelSession = 45 * time.Second

func newConsumerModel(t *testing.T, random *rand.Rand) *consumerModel {
	t.Helper()
	m := &consumerModel{t: t, random: random, topics: &mutableTopics{}, ids: rand.NewChaCha8([32]byte{}), counts: map[string]int32{"a": 3, "b": 2}, clients: map[string]*modelClient{}}
	m.log = openLog(t, vfs.NewMemory(), 1)
	m.setTopics()
	m.start()
	return m
}

func (m *consumerModel) setTopics() {
	var topics testTopics
	for name, n := range m.counts {
		topics = append(topics, infoNamed(name, n))
	}
	m.topics.set(topics)
}

func (m *consumerModel) start() {
	o := testOptions(m.log)
	config := testConfig()
	config.Consumers = ConsumersConfig{MaxSize: 1 << 30, Assignors: []string{"uniform", "range"}, Upgrade: true, Downgrade: true}
	o.Random = m.ids // No ID comes twice, whatever starts again.
	o.Config, o.Topics, o.TopicsVersion = func() Config { return config }, m.topics, m.topics.Version
	m.c = New(o)
}

func (m *consumerModel) close() {
	stop(m.t, m.c)
	m.log.Close(m.t)
}

// pick is any client, nil if there is none.
func (m *consumerModel) pick() *modelClient {
	ids := slices.Sorted(maps.Keys(m.clients))
	if len(ids) == 0 {
		return nil
	}
	return m.clients[ids[m.random.IntN(len(ids))]]
}

func (m *consumerModel) step() {
	switch n := m.random.IntN(100); {
	case n < 12 && len(m.clients) < 6:
		m.arrive()
	case n < 15:
		m.counts[[]string{"a", "b"}[m.random.IntN(2)]]++
		m.setTopics()
	case n < 18:
		stop(m.t, m.c)
		m.start()
		for _, c := range m.clients {
			c.heard = time.Now() // Nobody has expired, and everybody has a new session.
		}
	case n < 22:
		m.pass(time.Duration(m.random.IntN(20)) * time.Second)
	case n < 25:
		if c := m.pick(); c != nil {
			m.depart(c)
		}
	case n < 28:
		if c := m.pick(); c != nil { // It is gone without a word.
			delete(m.clients, c.id)
			m.pass(modelSession + 20*time.Second)
		}
	case n < 33:
		if c := m.pick(); c != nil && !c.classic {
			c.topics = m.someTopics()
			m.heartbeat(c, true)
		}
	default:
		if c := m.pick(); c != nil {
			m.beat(c)
		}
		m.pass(time.Duration(m.random.IntN(1500)) * time.Millisecond)
	}
}

func (m *consumerModel) someTopics() []string {
	return [][]string{{"a"}, {"a", "b"}, {"a", "b"}, {"b"}}[m.random.IntN(4)]
}

// pass lets time pass. Clients send heartbeats often enough meanwhile, unless it is a jump.
func (m *consumerModel) pass(d time.Duration) {
	for d > 0 {
		step := min(d, 10*time.Second)
		time.Sleep(step)
		d -= step
		for _, id := range slices.Sorted(maps.Keys(m.clients)) {
			if c := m.clients[id]; c != nil && time.Since(c.heard) > modelSession/3 {
				m.beat(c)
			}
		}
	}
}

func (m *consumerModel) arrive() {
	m.born++
	c := &modelClient{id: fmt.Sprintf("c%03d", m.born), topics: m.someTopics(), owned: map[assignor.TopicID]map[int32]bool{}, heard: time.Now()}
	if m.random.IntN(4) == 0 {
		c.instance = new(c.id)
	}
	c.classic = m.random.IntN(4) == 0 && m.isConsumerGroup()
	m.clients[c.id] = c
	m.beat(c)
}

// isConsumerGroup keeps classic clients out of classic groups, where a leader would have to assign.
func (m *consumerModel) isConsumerGroup() bool {
	consumers := 0
	for _, c := range m.clients {
		if !c.classic && c.joined {
			consumers++
		}
	}
	return consumers > 0
}

func (m *consumerModel) beat(c *modelClient) {
	if c.classic {
		m.beatClassic(c)
		return
	}
	m.heartbeat(c, !c.joined)
}

// heartbeat sends a heartbeat of the consumer protocol. One answer in ten is lost.
func (m *consumerModel) heartbeat(c *modelClient, full bool) {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.MemberEpoch, req.InstanceID = 1, "g", c.id, c.epoch, c.instance
	req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	if !c.joined {
		req.MemberEpoch = joinEpoch
		clear(c.owned)
	}
	for id, numbers := range c.owned {
		req.Topics = append(req.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: id, Partitions: slices.Sorted(maps.Keys(numbers))})
	}
	if full || !c.joined || c.deaf || m.random.IntN(5) == 0 {
		req.RebalanceTimeoutMillis, req.SubscribedTopicNames = 60_000, c.topics
	}
	resp := m.c.ConsumerGroupHeartbeat(context.Background(), Caller{ClientID: "client", ClientHost: "/127.0.0.1"}, req)
	if c.deaf = !m.calm && m.random.IntN(10) == 0; c.deaf {
		return
	}
	switch code := wire.ErrorCode(resp.ErrorCode); code {
	case wire.None:
		c.joined, c.epoch, c.heard = true, resp.MemberEpoch, time.Now()
		if resp.Assignment != nil {
			clear(c.owned)
			for _, topic := range resp.Assignment.Topics {
				c.own(topic.TopicID, topic.Partitions)
			}
		}
	case wire.FencedMemberEpoch, wire.UnknownMemberID, wire.UnreleasedInstanceID, wire.GroupIDNotFound:
		c.joined = false
		clear(c.owned)
	default:
		m.t.Fatalf("%s: %s %s", c.id, code, orEmpty(resp.ErrorMessage))
	}
}

func (c *modelClient) own(id assignor.TopicID, partitions []int32) {
	c.owned[id] = map[int32]bool{}
	for _, n := range partitions {
		c.owned[id][n] = true
	}
}

// beatClassic does what a client of the classic protocol does with the cooperative assignor: it keeps what it has while it joins.
func (m *consumerModel) beatClassic(c *modelClient) {
	if c.joined {
		req := kmsg.NewPtrHeartbeatRequest()
		req.Version, req.Group, req.MemberID, req.Generation, req.InstanceID = 4, "g", c.id, c.epoch, c.instance
		switch code := wire.ErrorCode(m.c.Heartbeat(context.Background(), req).ErrorCode); code {
		case wire.None:
			c.heard = time.Now()
			return
		case wire.RebalanceInProgress:
			c.heard = time.Now()
		case wire.UnknownMemberID, wire.IllegalGeneration, wire.FencedInstanceID:
			c.joined = false
			clear(c.owned)
		default:
			m.t.Fatalf("%s heartbeat: %s", c.id, code)
		}
	}
	if !m.isConsumerGroup() { // It is a classic group again: this client has had its day.
		m.depart(c)
		return
	}
	owned := assignor.Partitions{}
	for id, numbers := range c.owned {
		if len(numbers) > 0 {
			owned[id] = slices.Sorted(maps.Keys(numbers))
		}
	}
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version, join.Group, join.ProtocolType, join.MemberID, join.InstanceID = 9, "g", "consumer", c.id, c.instance
	if c.instance != nil && !c.joined {
		join.MemberID = ""
	}
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = int32(modelSession.Milliseconds()), 60_000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "cooperative-sticky", Metadata: subscriptionBytes(c.topics, owned)}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	joined := m.c.JoinGroup(ctx, Caller{ClientID: "client", ClientHost: "/127.0.0.1"}, join)
	if joined.ErrorCode != 0 {
		c.joined = false
		clear(c.owned)
		return
	}
	if joined.MemberID != c.id {
		delete(m.clients, c.id)
		c.id = joined.MemberID
		m.clients[c.id] = c
	}
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Version, sync.Group, sync.MemberID, sync.Generation, sync.InstanceID = 5, "g", c.id, joined.Generation, c.instance
	sync.ProtocolType, sync.Protocol = new("consumer"), new("cooperative-sticky")
	c.joined, c.epoch, c.heard = true, joined.Generation, time.Now()
	synced := m.c.SyncGroup(ctx, sync)
	if synced.ErrorCode != 0 {
		return
	}
	has, _, ok := parseAssignment(synced.MemberAssignment)
	if !ok {
		m.t.Fatalf("%s: assignment %x", c.id, synced.MemberAssignment)
	}
	clear(c.owned)
	for id, numbers := range byID(has, m.topics) {
		c.own(id, numbers)
	}
}

func (m *consumerModel) depart(c *modelClient) {
	delete(m.clients, c.id)
	clear(c.owned)
	if c.classic {
		req := kmsg.NewPtrLeaveGroupRequest()
		req.Version, req.Group = 5, "g"
		req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: c.id, InstanceID: c.instance}}
		m.c.LeaveGroup(context.Background(), req)
		return
	}
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.MemberEpoch, req.InstanceID = 1, "g", c.id, leaveEpoch, c.instance
	m.c.ConsumerGroupHeartbeat(context.Background(), Caller{}, req)
}

// check makes sure that nobody has what somebody else has.
func (m *consumerModel) check() {
	m.t.Helper()
	owners := map[string]string{}
	for id, c := range m.clients {
		for topic, numbers := range c.owned {
			for n := range numbers {
				p := fmt.Sprint(nameOf(topic), n)
				if other := owners[p]; other != "" {
					m.t.Fatalf("%s belongs to %s and %s", p, other, id)
				}
				owners[p] = id
			}
		}
	}
}

// converge lets everybody send heartbeats until nothing moves any more.
func (m *consumerModel) converge() {
	m.t.Helper()
	m.calm = true
	if !m.isConsumerGroup() {
		for _, id := range slices.Sorted(maps.Keys(m.clients)) {
			m.depart(m.clients[id])
		}
		m.pass(2 * modelSession)
		m.arrive()
	}
	m.pass(2 * modelSession)
	for range 60 {
		m.pass(time.Second)
		for _, id := range slices.Sorted(maps.Keys(m.clients)) {
			if c := m.clients[id]; c != nil {
				m.beat(c)
				m.check()
			}
		}
	}
	want, got := map[string]bool{}, map[string]bool{}
	epochs := map[int32]bool{}
	for _, c := range m.clients {
		epochs[c.epoch] = true
		for _, name := range c.topics {
			for n := range m.counts[name] {
				want[fmt.Sprint(name, n)] = true
			}
		}
		for topic, numbers := range c.owned {
			for n := range numbers {
				got[fmt.Sprint(nameOf(topic), n)] = true
			}
		}
	}
	if !maps.Equal(want, got) || len(epochs) != 1 {
		look(m.t, m.c, "g", func(s *Shard) {
			if g, ok := s.groups["g"].(*consumerGroup); ok {
				for _, id := range g.ids() {
					m.t.Logf("%s %+v target %v", id, g.members[id].Current, g.targets[id])
				}
			}
		})
		m.t.Fatalf("%d clients at %v have %v and should have %v", len(m.clients), epochs, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}
