package group

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// consumerOptions are those of a coordinator that serves consumer groups of some topics.
func consumerOptions(log *testLog, topics ...TopicInfo) Options {
	o := testOptions(log)
	o.Topics = testTopics(topics)
	config := testConfig()
	config.Consumers = ConsumersConfig{MaxSize: 1 << 30, Assignors: []string{"uniform", "range"}, Upgrade: true, Downgrade: true}
	o.Config = func() Config { return config }
	return o
}

// enterRequest is the first heartbeat of a member.
func enterRequest(group, member string, topics ...string) *kmsg.ConsumerGroupHeartbeatRequest {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.MemberID = 1, group, member
	req.RebalanceTimeoutMillis, req.Topics = 60_000, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	req.SubscribedTopicNames = append([]string{}, topics...)
	return req
}

func enterWithRegex(group, regex string) *kmsg.ConsumerGroupHeartbeatRequest {
	req := enterRequest(group, "a")
	req.SubscribedTopicNames, req.SubscribedTopicRegex = nil, &regex
	return req
}

// beatRequest is a heartbeat that says nothing new.
func beatRequest(group, member string, epoch int32) *kmsg.ConsumerGroupHeartbeatRequest {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.MemberEpoch = 1, group, member, epoch
	return req
}

// beat sends a heartbeat and returns its code.
func beat(t *testing.T, c *Coordinator, req *kmsg.ConsumerGroupHeartbeatRequest) wire.ErrorCode {
	t.Helper()
	return wire.ErrorCode(c.ConsumerGroupHeartbeat(t.Context(), Caller{ClientID: "client", ClientHost: "/127.0.0.1"}, req).ErrorCode)
}

func epochOf(t *testing.T, c *Coordinator, group, member string) (epoch int32) {
	t.Helper()
	look(t, c, group, func(s *Shard) { epoch = s.groups[group].(*consumerGroup).members[member].MemberEpoch })
	return epoch
}

func TestWhatMembersOfConsumerGroupsSayIsBounded(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	c := start(t, consumerOptions(log))
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprint(i, strings.Repeat("x", 24<<10))
	}
	wantEqual(t, "first", beat(t, c, enterRequest("large", "a", names...)), wire.None)
	wantEqual(t, "second", beat(t, c, enterRequest("large", "b", names...)), wire.None)
	wantEqual(t, "third", beat(t, c, enterRequest("large", "c", names...)), wire.GroupMaxSizeReached)
	wantEqual(t, "small", beat(t, c, enterRequest("large", "c", "topic")), wire.None)
	more := beatRequest("large", "c", epochOf(t, c, "large", "c"))
	more.SubscribedTopicNames = names
	wantEqual(t, "grown", beat(t, c, more), wire.GroupMaxSizeReached)
	less := beatRequest("large", "b", epochOf(t, c, "large", "b"))
	less.SubscribedTopicNames = names[:10]
	wantEqual(t, "shrunk", beat(t, c, less), wire.None)
	more.MemberEpoch = epochOf(t, c, "large", "c")
	wantEqual(t, "grown where there is room", beat(t, c, more), wire.None)
	wantEqual(t, "other group", beat(t, c, enterRequest("small", "a", "topic")), wire.None)

	// A classic member adds to it, too.
	join := joinRequest(3)
	join.Group, join.Protocols[0].Metadata = "large", subscriptionOf(0, names...)
	wantEqual(t, "classic", wire.ErrorCode(c.JoinGroup(t.Context(), Caller{}, join).ErrorCode), wire.GroupMaxSizeReached)

	for _, member := range []string{"a", "b", "c"} {
		wantEqual(t, "leaves", beat(t, c, beatRequest("large", member, leaveEpoch)), wire.None)
	}
	look(t, c, "large", func(s *Shard) { wantEqual(t, "bytes left", s.groups["large"].(*consumerGroup).bytes, 0) })
}

func TestRegexesThatExplodeAreRefused(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	c := start(t, consumerOptions(log, TopicInfo{Name: "topic-500", ID: [16]byte{1}, Partitions: 1}))
	for what, regex := range map[string]string{
		"repeated repetition":    "((a{100}){100}){100}",
		"many repetitions":       strings.Repeat("(a?){1000}", 3000),
		"alternated repetitions": strings.Repeat("x|(?:a|b){999}|", 40) + "x",
		"classes":                strings.Repeat(`\pL`, 10_000),
		"negated classes":        strings.Repeat(`\P{Greek}`, 3000),
		"open groups":            strings.Repeat("(", 30_000),
		"nested groups":          strings.Repeat("(", 10_000) + strings.Repeat(")", 10_000),
		"nested stars":           strings.Repeat("(?:", 5000) + "a" + strings.Repeat(")*", 5000),
	} {
		wantEqual(t, what, beat(t, c, enterWithRegex("group", regex)), wire.InvalidRegularExpression)
	}
	wantEqual(t, "longer than a record can hold", beat(t, c, enterWithRegex("group", strings.Repeat("a", maxRecordString+1))), wire.InvalidRequest)
	look(t, c, "group", func(s *Shard) { wantEqual(t, "groups", len(s.groups), 0) })

	// What somebody may mean is fine.
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf("topic-%d", i)
	}
	wantEqual(t, "a thousand names", beat(t, c, enterWithRegex("group", strings.Join(names, "|"))), wire.None)
	awaitTopics(t, c, "group", "topic-500")
}

// awaitTopics waits until the regular expressions of a group stand for these topics.
func awaitTopics(t *testing.T, c *Coordinator, group string, want ...string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		resolved := false
		look(t, c, group, func(s *Shard) {
			for _, r := range s.groups[group].(*consumerGroup).resolved {
				resolved = slices.Equal(r.Topics, want)
			}
		})
		if resolved {
			return
		}
	}
	t.Fatalf("the regular expression of %s doesn't stand for %q", group, want)
}

func TestALongScanLeavesOthersTheirTurn(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 4)
	defer log.Close(t)
	topics := []TopicInfo{{Name: "topic", ID: [16]byte{1}, Partitions: 1}}
	for i := range 2000 { // In order before the other one.
		topics = append(topics, TopicInfo{Name: fmt.Sprint(strings.Repeat("a", 240), i), ID: [16]byte{2, byte(i >> 8), byte(i)}, Partitions: 1})
	}
	c := start(t, consumerOptions(log, topics...))
	const slow = "(?:a?){1000}[^0-9]" // A name takes it a fraction of a turn, all of them more than the budget.
	for i := range 2 * regexScans {
		wantEqual(t, "slow", beat(t, c, enterWithRegex(fmt.Sprint("slow-", i), slow)), wire.None)
	}
	wantEqual(t, "quick", beat(t, c, enterWithRegex("quick", "topic")), wire.None)
	awaitTopics(t, c, "quick", "topic")
	for i := range 2 * regexScans {
		group := fmt.Sprint("slow-", i)
		look(t, c, group, func(s *Shard) {
			wantEqual(t, "resolved by "+group, len(s.groups[group].(*consumerGroup).resolved), 0)
		})
	}
	// The end of the coordinator doesn't wait for them.
}

func TestScansEnd(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	c := start(t, consumerOptions(log))
	re, refusal := compileRegex("topic")
	if refusal != nil {
		t.Fatal(refusal)
	}
	names := []string{"topic", "topic-2"}
	for what, x := range map[string]*regexScan{
		"time":   {c: c, began: time.Now().Add(-2 * scanTurn), used: scanBudget},
		"memory": {c: c, began: time.Now().Add(time.Hour), bytes: maxGroupBytes + 1},
	} {
		c.scans <- struct{}{}
		if matching, ok := x.match(re, names); ok {
			t.Errorf("%s: %q", what, matching)
		}
		<-c.scans
	}
	// What another broker has taken and matched stays as it was.
	large := strings.Repeat("(a?){1000}", 3000)
	resolved, ok := c.matchTopics("group", []string{large, "x" + large}, map[string]*ResolvedRegex{large: {Topics: names}})
	wantEqual(t, "expressions of another broker", fmt.Sprint(resolved[large], resolved["x"+large], len(resolved), ok), "[topic topic-2] [] 2 true")
	c.closing.Store(true)
	if _, ok := c.matchTopics("group", []string{"topic"}, nil); ok {
		t.Error("a scan that was cut short counts")
	}
}

func TestHeartbeatsWithWrongEpochsChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		c := New(consumerOptions(log, TopicInfo{Name: "topic", ID: [16]byte{1}, Partitions: 1}))
		defer stop(t, c)
		wantEqual(t, "enter", beat(t, c, enterRequest("consumers", "a", "topic")), wire.None)
		member := joinAlone(t, c, "group")
		p, err := log.Partition(0)
		if err != nil {
			t.Fatal(err)
		}
		before := p.Offsets().LogEndOffset
		for _, x := range []struct {
			epoch int32
			want  wire.ErrorCode
		}{
			{1, wire.FencedMemberEpoch},
			{3, wire.FencedMemberEpoch},
			{1<<31 - 1, wire.FencedMemberEpoch},
			{-2, wire.InvalidRequest},
			{-3, wire.InvalidRequest},
			{-1 << 31, wire.InvalidRequest},
		} {
			wantEqual(t, fmt.Sprint("epoch ", x.epoch), beat(t, c, beatRequest("consumers", "a", x.epoch)), x.want)
			wantEqual(t, "stranger", beat(t, c, beatRequest("consumers", "b", 2)), wire.UnknownMemberID)
			req := kmsg.NewPtrHeartbeatRequest()
			req.Group, req.MemberID, req.Generation = "group", member.MemberID, x.epoch
			if want := wire.IllegalGeneration; x.epoch != member.Generation {
				wantEqual(t, fmt.Sprint("generation ", x.epoch), wire.ErrorCode(c.Heartbeat(t.Context(), req).ErrorCode), want)
			}
		}
		wantEqual(t, "end of the log", p.Offsets().LogEndOffset, before)
		wantEqual(t, "right epoch", beat(t, c, beatRequest("consumers", "a", 2)), wire.None)
		// They don't keep a member alive either.
		for range 10 {
			time.Sleep(10 * time.Second)
			beat(t, c, beatRequest("consumers", "a", 9))
		}
		wantEqual(t, "silent member", beat(t, c, beatRequest("consumers", "a", 2)), wire.UnknownMemberID)
	})
}
