package group

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/primitive"
	"github.com/clatterhq/clatter/wire"
)

// testMember is a member that knows these protocols; its metadata is its ID.
func testMember(id string, protocols ...string) *classicMember {
	m := &classicMember{id: id, rebalanceTimeoutMs: 1000, sessionTimeoutMs: 500}
	for _, p := range protocols {
		m.protocols = append(m.protocols, protocol{name: p, metadata: []byte(id)})
	}
	return m
}

// testGroup is a group in preparation with these members.
func testGroup(members ...*classicMember) *classicGroup {
	g := newClassicGroup("group", 1)
	g.transition(classicPreparing, 2)
	for _, m := range members {
		g.add(m, "consumer")
	}
	return g
}

func (g *classicGroup) ids() string {
	ids := make([]string, 0, len(g.members))
	for _, m := range g.members {
		ids = append(ids, m.id)
	}
	return fmt.Sprint(ids)
}

// joins answers into a list.
func joins(m *classicMember, answers *[]string) *classicMember {
	m.joining = func(resp *kmsg.JoinGroupResponse) {
		*answers = append(*answers, fmt.Sprint(m.id, " ", wire.ErrorCode(resp.ErrorCode)))
	}
	return m
}

// subscriptionOf is the metadata of a consumer of these topics.
func subscriptionOf(version int16, topics ...string) []byte {
	p := binary.BigEndian.AppendUint16(nil, uint16(version))
	p = primitive.AppendInt32(p, int32(len(topics)))
	for _, topic := range topics {
		p = primitive.AppendString(p, topic)
	}
	return primitive.AppendInt32(p, -1)
}

func TestStatesFollowKafkas(t *testing.T) {
	allowed := map[classicState][]classicState{
		classicEmpty:      {classicPreparing, classicDead},
		classicPreparing:  {classicCompleting, classicEmpty, classicDead},
		classicCompleting: {classicStable, classicPreparing, classicDead},
		classicStable:     {classicPreparing, classicDead},
		classicDead:       {classicDead},
	}
	for from, tos := range allowed {
		for to := classicEmpty; to <= classicDead; to++ {
			if got, want := to.mayFollow(from), slices.Contains(tos, to); got != want {
				t.Errorf("%s to %s: %v, want %v", from, to, got, want)
			}
		}
	}
	g := newClassicGroup("group", 1)
	g.transition(classicPreparing, 5)
	if g.previous != classicEmpty || g.sinceMs != 5 {
		t.Errorf("previous %s since %d", g.previous, g.sinceMs)
	}
	defer func() {
		if recover() == nil {
			t.Error("a group became stable without an assignment")
		}
	}()
	g.transition(classicStable, 6)
}

func TestFirstMemberLeadsAndTheOldestFollows(t *testing.T) {
	g := testGroup(testMember("a", "range"), testMember("b", "range"), testMember("c", "range"))
	wantEqual(t, "leader", g.leader, "a")
	g.remove("b")
	wantEqual(t, "leader", g.leader, "a")
	g.remove("a")
	wantEqual(t, "leader", g.leader, "c")
	g.remove("nobody")
	g.remove("c")
	wantEqual(t, "leader", g.leader, "")
	wantEqual(t, "supporters", len(g.supporters), 0)
}

func TestElectionPrefersThoseWhoJoined(t *testing.T) {
	var answers []string
	a, b, c := testMember("a", "range"), testMember("b", "range"), joins(testMember("c", "range"), &answers)
	g := testGroup(a, b, c)
	if !g.electJoined() || g.leader != "c" {
		t.Errorf("leader %s", g.leader)
	}
	g.update(b, b.protocols, 1, 1, func(*kmsg.JoinGroupResponse) {})
	if !g.electJoined() || g.leader != "c" {
		t.Errorf("a leader that joined was replaced by %s", g.leader)
	}
	g.answerJoin(c, kmsg.NewPtrJoinGroupResponse())
	g.update(b, b.protocols, 1, 1, nil)
	if g.electJoined() {
		t.Error("nobody joined, and somebody leads")
	}
	if testGroup().electJoined() {
		t.Error("nobody is there, and somebody leads")
	}
}

func TestJoiningMembersAreCounted(t *testing.T) {
	var answers []string
	a, b := joins(testMember("a", "range"), &answers), testMember("b", "range")
	g := testGroup(a, b)
	if g.allJoined() {
		t.Error("b hasn't joined")
	}
	joins(b, &answers)
	answer := b.joining
	b.joining = nil
	g.update(b, b.protocols, 2000, 700, answer)
	g.update(b, b.protocols, 2000, 700, answer) // Again, on another connection say.
	if !g.allJoined() || g.joining != 2 {
		t.Errorf("%d joined", g.joining)
	}
	g.expectJoin("pending", time.Now())
	if g.allJoined() {
		t.Error("a pending member hasn't joined")
	}
	g.remove("pending")
	wantEqual(t, "rebalance timeout", g.rebalanceTimeoutMs(), int32(2000))
	if !g.answerJoin(a, kmsg.NewPtrJoinGroupResponse()) || g.answerJoin(a, kmsg.NewPtrJoinGroupResponse()) {
		t.Error("a must be answered once")
	}
	g.remove("b")
	wantEqual(t, "joining", g.joining, 0)
	wantEqual(t, "answers", fmt.Sprint(answers), "[a NONE]")
}

func TestReplacedStaticMemberIsFenced(t *testing.T) {
	instance := "instance"
	var answers []string
	a, s, c := testMember("a", "range"), joins(testMember("s1", "range"), &answers), testMember("c", "range")
	s.instanceID, s.assignment, s.isNew = &instance, []byte{7}, true
	s.syncing = func(resp *kmsg.SyncGroupResponse) {
		answers = append(answers, fmt.Sprint("sync ", wire.ErrorCode(resp.ErrorCode)))
	}
	g := testGroup(a, s, c)
	g.leader = "s1"
	n := g.replaceStatic(instance, "s2")
	wantEqual(t, "answers", fmt.Sprint(answers), "[s1 FENCED_INSTANCE_ID sync FENCED_INSTANCE_ID]")
	wantEqual(t, "members", g.ids(), "[a s2 c]")
	wantEqual(t, "leader", g.leader, "s2")
	wantEqual(t, "assignment", n.assignment, []byte{7})
	if n.isNew || n.joining != nil || n.syncing != nil || g.joining != 0 || g.byID["s1"] != nil || g.byID["s2"] != n {
		t.Errorf("new member %+v", n)
	}
	wantEqual(t, "old ID", g.validate("s1", &instance), wire.FencedInstanceID)
	wantEqual(t, "new ID", g.validate("s2", &instance), wire.None)
	g.remove("s2")
	wantEqual(t, "removed", g.validate("s2", &instance), wire.UnknownMemberID)
}

func TestMembersAreValidated(t *testing.T) {
	instance, other := "instance", "other"
	s := testMember("s", "range")
	s.instanceID = &instance
	g := testGroup(testMember("a", "range"), s)
	for _, c := range []struct {
		member   string
		instance *string
		want     wire.ErrorCode
	}{
		{"a", nil, wire.None},
		{"s", nil, wire.None},
		{"s", &instance, wire.None},
		{"a", &instance, wire.FencedInstanceID},
		{"", &instance, wire.FencedInstanceID},
		{"s", &other, wire.UnknownMemberID},
		{"", nil, wire.UnknownMemberID},
		{"b", nil, wire.UnknownMemberID},
	} {
		if got := g.validate(c.member, c.instance); got != c.want {
			t.Errorf("%q, %v: %s, want %s", c.member, c.instance, got, c.want)
		}
	}
}

func TestCommitsAreValidated(t *testing.T) {
	instance := "instance"
	in := func(state classicState) *classicGroup {
		g := testGroup(testMember("a", "range"))
		g.generation, g.state = 3, state
		if state == classicEmpty {
			g.remove("a")
		}
		return g
	}
	for _, c := range []struct {
		state      classicState
		member     string
		instance   *string
		generation int32
		want       wire.ErrorCode
	}{
		{classicDead, "a", nil, 3, wire.CoordinatorNotAvailable},
		{classicEmpty, "", nil, -1, wire.None},
		{classicEmpty, "anybody", nil, -1, wire.None},
		{classicEmpty, "a", nil, 3, wire.UnknownMemberID},
		{classicStable, "", nil, -1, wire.UnknownMemberID},
		{classicStable, "a", nil, -1, wire.IllegalGeneration},
		{classicStable, "a", nil, 2, wire.IllegalGeneration},
		{classicStable, "a", nil, 4, wire.IllegalGeneration},
		{classicStable, "a", nil, 3, wire.None},
		{classicStable, "b", nil, 3, wire.UnknownMemberID},
		{classicStable, "a", &instance, 3, wire.UnknownMemberID},
		{classicPreparing, "a", nil, 3, wire.None},
		{classicCompleting, "a", nil, 3, wire.RebalanceInProgress},
		{classicCompleting, "a", nil, 2, wire.IllegalGeneration},
	} {
		if got := in(c.state).validateCommit(&committer{memberID: c.member, instanceID: c.instance, generation: c.generation}); got != c.want {
			t.Errorf("%s, member %q, generation %d: %s, want %s", c.state, c.member, c.generation, got, c.want)
		}
	}
}

func TestProtocolIsWhatMostPreferAmongThoseThatAllKnow(t *testing.T) {
	for _, c := range []struct {
		members [][]string
		want    string
	}{
		{[][]string{{"range"}}, "range"},
		{[][]string{{"range", "sticky"}, {"sticky", "range"}, {"sticky", "range"}}, "sticky"},
		{[][]string{{"range", "sticky"}, {"sticky", "range"}}, "range"}, // A tie: the oldest member's.
		{[][]string{{"best", "range"}, {"range"}, {"best", "range"}}, "range"},
		{[][]string{{"range"}, {"sticky"}}, ""},
	} {
		g := testGroup()
		for i, p := range c.members {
			g.add(testMember(fmt.Sprint(i), p...), "consumer")
		}
		wantEqual(t, fmt.Sprint(c.members), g.selectProtocol(), c.want)
	}
}

func TestSupportedProtocols(t *testing.T) {
	of := func(names ...string) []protocol { return testMember("x", names...).protocols }
	empty := newClassicGroup("group", 1)
	full := testGroup(testMember("a", "range", "sticky"), testMember("b", "sticky"))
	for _, c := range []struct {
		group     *classicGroup
		kind      string
		protocols []protocol
		want      bool
	}{
		{empty, "consumer", of("anything"), true},
		{empty, "", of("anything"), false},
		{empty, "consumer", nil, false},
		{full, "consumer", of("range", "sticky"), true},
		{full, "consumer", of("range"), false},
		{full, "connect", of("sticky"), false},
		{full, "consumer", nil, false},
	} {
		if got := c.group.supports(c.kind, c.protocols); got != c.want {
			t.Errorf("%s group, %s %v: %v, want %v", c.group.state, c.kind, c.protocols, got, c.want)
		}
	}
}

func TestProtocolsOfARequest(t *testing.T) {
	got := protocolsOf([]kmsg.JoinGroupRequestProtocol{{Name: "a", Metadata: []byte{1}}, {Name: "b"}, {Name: "a", Metadata: []byte{2}}})
	m := &classicMember{protocols: got}
	if len(got) != 2 || !m.matches([]protocol{{"a", []byte{1}}, {"b", nil}}) {
		t.Errorf("protocols %v", got)
	}
	for _, other := range [][]protocol{
		{{"b", nil}, {"a", []byte{1}}},
		{{"a", []byte{2}}, {"b", nil}},
		{{"a", []byte{1}}},
	} {
		if m.matches(other) {
			t.Errorf("%v matches", other)
		}
	}
}

func TestWaitingMembersNeedNoHeartbeat(t *testing.T) {
	m := testMember("a")
	if m.satisfied() || m.static() {
		t.Error("it waits for nothing")
	}
	m.syncing = func(*kmsg.SyncGroupResponse) {}
	if !m.satisfied() {
		t.Error("it waits")
	}
	m.isNew = true
	if m.satisfied() {
		t.Error("a new member that waits never expires")
	}
}

func TestSubscriptionsOfConsumersAreKnown(t *testing.T) {
	stable := func(kind string, metadata ...[]byte) *classicGroup {
		g := newClassicGroup("group", 1)
		g.transition(classicPreparing, 2)
		for i, p := range metadata {
			m := testMember(fmt.Sprint(i))
			m.protocols = []protocol{{name: "range", metadata: p}}
			g.add(m, kind)
		}
		g.nextGeneration(3)
		return g
	}
	g := stable("consumer", subscriptionOf(3, "a", "b"), append(subscriptionOf(0, "c"), "more of a later version"...))
	for topic, want := range map[string]bool{"a": true, "b": true, "c": true, "d": false} {
		if got := g.subscribedTo(topic); got != want {
			t.Errorf("%s: %v", topic, got)
		}
	}
	negative := subscriptionOf(0)
	negative[2] = 0x80
	huge := subscriptionOf(0, "a")
	huge[2] = 0x7f
	for _, bad := range [][]byte{nil, {0}, subscriptionOf(0, "a")[:5], subscriptionOf(0, "a")[:10], negative, huge} {
		g := stable("consumer", subscriptionOf(0, "a"), bad)
		if g.subscription.known || !g.subscribedTo("x") {
			t.Errorf("%x: %+v", bad, g.subscription)
		}
	}
	// More topics than are remembered, of one member and of two.
	names := make([]string, maxSubscribed+1)
	for i := range names {
		names[i] = fmt.Sprint("topic-", i)
	}
	half := len(names) / 2
	for _, many := range [][][]byte{{subscriptionOf(0, names...)}, {subscriptionOf(0, names[:half]...), subscriptionOf(0, names[half:]...)}} {
		g := stable("consumer", many...)
		if g.subscription.known || len(g.subscription.topics) > 0 || !g.subscribedTo("x") {
			t.Errorf("%d topics are known: %v", len(g.subscription.topics), g.subscription.known)
		}
	}
	g = stable("consumer", subscriptionOf(0, names[1:]...), subscriptionOf(0, names[1:]...))
	if !g.subscription.known || g.subscribedTo("x") || !g.subscribedTo(names[1]) {
		t.Errorf("%d topics are not known", len(g.subscription.topics))
	}
	g = stable("connect", subscriptionOf(0, "a"))
	if g.subscription.known || g.subscribedTo("a") {
		t.Errorf("connect: %+v", g.subscription)
	}
}

// TestTheOldestPendingIsForgottenFirst, whoever has come or gone in between.
func TestTheOldestPendingIsForgottenFirst(t *testing.T) {
	g := newClassicGroup("group", 1)
	now := time.Now()
	for i := range 10 * maxPendingJoins {
		g.expectJoin(fmt.Sprint(i), now)
		if i%3 == 0 {
			g.remove(fmt.Sprint(i))
		}
		if len(g.pendingOrder) > 2*len(g.pendingJoin)+2 {
			t.Fatalf("%d IDs in order of %d", len(g.pendingOrder), len(g.pendingJoin))
		}
	}
	last := 10*maxPendingJoins - 1
	for i := last; i > last-maxPendingJoins; i-- {
		if _, pending := g.pendingJoin[fmt.Sprint(i)]; pending != (i%3 != 0) {
			t.Fatalf("%d: %v", i, pending)
		}
	}
	for i := range 10 * maxPendingJoins {
		g.remove(fmt.Sprint(i))
	}
	if len(g.pendingJoin)+len(g.pendingOrder) > 0 {
		t.Error("not empty")
	}
}

func TestNextGeneration(t *testing.T) {
	g := testGroup(testMember("a", "range"))
	g.expectSync("a")
	g.nextGeneration(9)
	if g.generation != 1 || g.state != classicCompleting || g.protocol != "range" || g.sinceMs != 9 || len(g.pendingSync) != 0 {
		t.Errorf("group %+v", g)
	}
	g.remove("a")
	g.transition(classicPreparing, 10)
	g.nextGeneration(11)
	if g.generation != 2 || g.state != classicEmpty || g.protocol != "" || g.simple() {
		t.Errorf("group %+v", g)
	}
	if !newClassicGroup("group", 1).simple() {
		t.Error("a new group isn't simple")
	}
}

func TestGroupComesBackAsItWas(t *testing.T) {
	instance := "instance"
	a, b := testMember("a", "range", "sticky"), testMember("b", "range")
	b.instanceID, b.clientID, b.clientHost = &instance, "client", "/192.0.2.1"
	g := testGroup(a, b)
	g.nextGeneration(5)
	a.assignment, b.assignment = []byte{1}, []byte{2}
	g.transition(classicStable, 6)
	key, value := Format{}.Encode(nil, nil, &MetadataRecord{Group: "group", Metadata: g.metadata(g.assignments())})
	back := loadClassicGroup("group", mustDecode(t, key, value).(*MetadataRecord).Metadata)
	if back.state != classicStable || back.generation != 1 || back.protocol != "range" || back.leader != "a" || back.protocolType != "consumer" || back.sinceMs != 6 {
		t.Errorf("group %+v", back)
	}
	wantEqual(t, "members", back.ids(), "[a b]")
	wantEqual(t, "b", back.byID["b"], b)
	wantEqual(t, "static", back.validate("b", &instance), wire.None)
	wantEqual(t, "a's metadata", back.byID["a"].metadata("range"), []byte("a"))
}

func TestDamagedGroupCanBeLed(t *testing.T) {
	protocol, leader := "range", "gone"
	m := &Metadata{ProtocolType: "consumer", Generation: 4, Protocol: &protocol, Leader: &leader, CurrentStateTimestamp: -1, Members: []Member{
		{ID: "a", RebalanceTimeoutMs: -1, SessionTimeoutMs: 77}, {ID: "a"},
	}}
	g := loadClassicGroup("group", m)
	wantEqual(t, "members", g.ids(), "[a]")
	wantEqual(t, "leader", g.leader, "a")
	wantEqual(t, "rebalance timeout", g.rebalanceTimeoutMs(), int32(77))
	empty := loadClassicGroup("group", &Metadata{ProtocolType: "consumer", Generation: 4})
	if empty.state != classicEmpty || empty.simple() || !empty.subscription.known {
		t.Errorf("group %+v", empty)
	}
}
