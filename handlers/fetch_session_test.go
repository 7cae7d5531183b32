package handlers

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// sessionScript runs the conversations of testdata/fetch_sessions. Session IDs are random, so they are numbered in the order
// in which they are met.
type sessionScript struct {
	b   *testBroker
	ids []int32
	// topicIDs are those of topics that may be gone by now.
	topicIDs map[string][16]byte
}

// TestFetchSessions holds KIP-227 and Kafka's answers to it.
func TestFetchSessions(t *testing.T) {
	datadriven.Walk(t, "testdata/fetch_sessions", func(t *testing.T, path string) {
		t.Helper()
		s := &sessionScript{topicIDs: map[string][16]byte{}}
		datadriven.RunTest(t, path, func(t *testing.T, cmd *datadriven.TestData) string {
			t.Helper()
			return s.run(t, cmd)
		})
	})
}

func (s *sessionScript) run(t *testing.T, cmd *datadriven.TestData) string {
	t.Helper()
	if cmd.Cmd == "broker" {
		keys := []string{}
		for _, arg := range cmd.CmdArgs {
			keys = append(keys, arg.Key, arg.Vals[0])
		}
		s.b = newTestBroker(t, keys...)
		return ""
	}
	s.b.t = t
	arg := func(name, otherwise string) string {
		for _, a := range cmd.CmdArgs {
			if a.Key == name {
				return strings.Join(a.Vals, ",")
			}
		}
		return otherwise
	}
	number := func(name, otherwise string) int {
		n, err := strconv.Atoi(arg(name, otherwise))
		if err != nil {
			t.Fatalf("%s: %v", cmd.Pos, err)
		}
		return n
	}
	switch cmd.Cmd {
	case "topic":
		name := cmd.CmdArgs[0].Key
		s.b.createTopic(name, int32(number("partitions", "1")))
		s.topicIDs[name] = s.b.topicID(name)
	case "delete-topic":
		s.b.deleteTopic(cmd.CmdArgs[0].Key)
	case "produce":
		topic, partition, _ := splitPartition(t, cmd.CmdArgs[0].Key)
		req := s.b.produceRequest(9, topic, s.b.batch("a"))
		req.Topics[0].Partitions[0].Partition = partition
		wantCode(t, "produce", produceOne(s.b, req).ErrorCode, wire.None)
	case "delete-before":
		topic, partition, offset := splitPartition(t, cmd.CmdArgs[0].Key)
		s.b.deleteBefore(topic, partition, offset)
	case "sleep":
		d, err := time.ParseDuration(cmd.CmdArgs[0].Key)
		if err != nil {
			t.Fatal(err)
		}
		s.b.clock = s.b.clock.Add(d)
	case "fetch":
		return s.fetch(t, int16(number("version", "12")), number("session", "0"), int32(number("epoch", "-1")), arg("want", ""), arg("forget", ""))
	default:
		t.Fatalf("%s: unknown command %s", cmd.Pos, cmd.Cmd)
	}
	return ""
}

// splitPartition reads topic/partition@offset.
func splitPartition(t *testing.T, text string) (topic string, partition int32, offset int64) {
	t.Helper()
	text, at, _ := strings.Cut(text, "@")
	topic, index, ok := strings.Cut(text, "/")
	p, err := strconv.ParseInt(index, 10, 32)
	if !ok || err != nil {
		t.Fatalf("%q is no topic/partition", text)
	}
	if at != "" {
		if offset, err = strconv.ParseInt(at, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return topic, int32(p), offset
}

func (s *sessionScript) fetch(t *testing.T, version int16, session int, epoch int32, want, forget string) string {
	t.Helper()
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MinBytes, req.MaxBytes, req.SessionEpoch = version, 1, 1<<20, epoch
	switch {
	case session > len(s.ids):
		req.SessionID = int32(session) // One that nobody has.
	case session > 0:
		req.SessionID = s.ids[session-1]
	}
	for _, text := range strings.FieldsFunc(want, func(r rune) bool { return r == ',' }) {
		topic, partition, offset := splitPartition(t, text)
		s.b.addFetch(req, topic, partition, offset)
		if id, ok := s.topicIDs[topic]; ok && version >= fetchTopicIDs {
			req.Topics[len(req.Topics)-1].TopicID = id
		}
	}
	for _, text := range strings.FieldsFunc(forget, func(r rune) bool { return r == ',' }) {
		topic, partition, _ := splitPartition(t, text)
		req.ForgottenTopics = append(req.ForgottenTopics, kmsg.FetchRequestForgottenTopic{
			Topic: topic, TopicID: s.topicIDs[topic], Partitions: []int32{partition},
		})
	}
	return s.format(t, ask[*kmsg.FetchResponse](s.b, req))
}

func (s *sessionScript) format(t *testing.T, resp *kmsg.FetchResponse) string {
	t.Helper()
	var out strings.Builder
	if resp.ErrorCode != 0 {
		fmt.Fprintf(&out, "%s ", wire.ErrorCode(resp.ErrorCode))
	}
	fmt.Fprintf(&out, "session %d\n", s.number(resp.SessionID))
	for _, topic := range resp.Topics {
		name := topic.Topic
		for known, id := range s.topicIDs {
			if id == topic.TopicID {
				name = known
			}
		}
		for _, p := range topic.Partitions {
			fmt.Fprintf(&out, "%s/%d: ", name, p.Partition)
			if p.ErrorCode != 0 {
				fmt.Fprintf(&out, "%s\n", wire.ErrorCode(p.ErrorCode))
				continue
			}
			fmt.Fprintf(&out, "%d batches, log %d to %d\n", len(batchesOf(t, p.RecordBatches)), p.LogStartOffset, p.HighWatermark)
		}
	}
	return out.String()
}

// number is the place of a session ID among those that were met; 0 is none.
func (s *sessionScript) number(id int32) int {
	if id == noSession {
		return 0
	}
	for i, known := range s.ids {
		if known == id {
			return i + 1
		}
	}
	s.ids = append(s.ids, id)
	return len(s.ids)
}

func TestFetchSessionMemoryIsBounded(t *testing.T) {
	c := newFetchSessionCache(1000)
	now := time.Now()
	var last *fetchSession
	for range 4 {
		s := newFetchSession(false, 0)
		if c.add(s, 1, maxSessionBytes/4, now) {
			last = s
		}
	}
	wantEqual(t, "bytes", c.mu.bytes, maxSessionBytes)
	if c.add(newFetchSession(false, 0), 1, 1, now) {
		t.Error("a session beyond the bound")
	}
	if c.touch(last, 2, 1, now) {
		t.Error("a session grew beyond the bound")
	}
	wantEqual(t, "sessions", len(c.mu.sessions), 3)
	if !c.add(newFetchSession(false, 0), 1, 1, now) {
		t.Error("no room where a session went")
	}
}

func TestFetchSessionEviction(t *testing.T) {
	now := time.Now()
	old, older := now.Add(-sessionEvictionAge-time.Second), now.Add(-2*sessionEvictionAge)
	session := func(c *fetchSessionCache, size int, created, used time.Time) *fetchSession {
		s := newFetchSession(false, 0)
		if !c.add(s, size, size, created) || !c.touch(s, size, 0, used) {
			t.Fatal("no room")
		}
		return s
	}
	for _, c := range []struct {
		what    string
		fill    func(c *fetchSessionCache) *fetchSession
		size    int
		evicted bool
	}{
		{"a fresh one stays", func(c *fetchSessionCache) *fetchSession { return session(c, 1, now, now) }, 100, false},
		{"an unused one goes", func(c *fetchSessionCache) *fetchSession { return session(c, 100, older, old) }, 1, true},
		{"an old one goes for a larger one", func(c *fetchSessionCache) *fetchSession { return session(c, 5, older, now) }, 6, true},
		{"an old one stays for an equal one", func(c *fetchSessionCache) *fetchSession { return session(c, 5, older, now) }, 5, false},
	} {
		cache := newFetchSessionCache(1)
		s := c.fill(cache)
		added := cache.add(newFetchSession(false, 0), c.size, c.size, now)
		wantEqual(t, c.what+": added", added, c.evicted)
		wantEqual(t, c.what+": evicted", cache.get(s.id) == nil, c.evicted)
		wantEqual(t, c.what+": sessions", len(cache.mu.sessions), 1)
	}
}

func TestFetchSessionEvictionTakesTheSmallestOldOne(t *testing.T) {
	now := time.Now()
	c := newFetchSessionCache(3)
	var all []*fetchSession
	for i, size := range []int{5, 3, 4} {
		s := newFetchSession(false, 0)
		c.add(s, size, size, now.Add(-2*sessionEvictionAge))
		c.touch(s, size, 0, now.Add(time.Duration(-i)*time.Second))
		all = append(all, s)
	}
	if !c.add(newFetchSession(false, 0), 10, 10, now) {
		t.Fatal("no room")
	}
	for i, gone := range []bool{false, true, false} {
		wantEqual(t, "evicted", c.get(all[i].id) == nil, gone)
	}
}

func TestFetchWithoutSessionSlots(t *testing.T) {
	b := newTestBroker(t, "max.incremental.fetch.session.cache.slots", "0")
	b.createTopic("t", 1)
	req := b.fetchRequest(12, "t", 0, 0)
	req.SessionEpoch = initialSessionEpoch
	wantEqual(t, "session", ask[*kmsg.FetchResponse](b, req).SessionID, noSession)
}

func TestNextSessionEpochWraps(t *testing.T) {
	for epoch, want := range map[int32]int32{0: 1, 1: 2, 1<<31 - 1: 1, -1: -1} {
		wantEqual(t, "next epoch", nextSessionEpoch(epoch), want)
	}
}
