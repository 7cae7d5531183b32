package group

import (
	"fmt"
	"math"
	"testing"
)

// commits is a group's offsets, each committed at its own value in ms.
func commits(partitions map[string][]int64) offsets {
	o := offsets{}
	for topic, at := range partitions {
		for p, ms := range at {
			o.replay(&OffsetRecord{Topic: topic, Partition: int32(p), Commit: &Commit{Offset: ms, CommitTimestamp: ms, ExpireTimestamp: -1}})
		}
	}
	return o
}

func names(records []Record) string {
	var all []string
	for _, r := range records {
		o := r.(*OffsetRecord)
		if o.Commit != nil {
			return "not a tombstone"
		}
		all = append(all, fmt.Sprint(o.Group, "/", o.Topic, "-", o.Partition))
	}
	return fmt.Sprint(all)
}

func TestOffsetsAreReplaced(t *testing.T) {
	o := commits(map[string][]int64{"t": {1, 2}})
	o.replay(&OffsetRecord{Topic: "t", Partition: 1, Commit: &Commit{Offset: 9, Metadata: "m"}})
	c, ok := o.get("t", [16]byte{}, 1)
	wantEqual(t, "commit", c, Commit{Offset: 9, Metadata: "m"})
	wantEqual(t, "found", ok, true)
	for _, p := range []int32{0, 1, 1, 7} {
		o.replay(&OffsetRecord{Topic: "t", Partition: p})
	}
	o.replay(&OffsetRecord{Topic: "unknown"})
	wantEqual(t, "topics", len(o), 0)
}

func TestOffsetsOfAnotherTopicOfTheNameAreNotFound(t *testing.T) {
	o := offsets{}
	o.replay(&OffsetRecord{Topic: "t", Partition: 0, Commit: &Commit{Offset: 1, TopicID: [16]byte{1}}})
	o.replay(&OffsetRecord{Topic: "t", Partition: 1, Commit: &Commit{Offset: 1}})
	for _, c := range []struct {
		id        [16]byte
		partition int32
		want      bool
	}{
		{[16]byte{1}, 0, true},
		{[16]byte{2}, 0, false},
		{[16]byte{}, 0, true},
		{[16]byte{2}, 1, true},
		{[16]byte{}, 2, false},
	} {
		if _, ok := o.get("t", c.id, c.partition); ok != c.want {
			t.Errorf("topic %x, partition %d: %v, want %v", c.id[0], c.partition, ok, c.want)
		}
	}
}

func TestOffsetsAreListedInOrder(t *testing.T) {
	o := commits(map[string][]int64{"b": {1, 2, 3}, "a": {4}, "c": {5}})
	all := o.tombstones("g", func(topic string, _ int32, _ *Commit) bool { return topic != "c" })
	wantEqual(t, "tombstones", names(all), "[g/a-0 g/b-0 g/b-1 g/b-2]")
	var first []int32
	for p := range o.of("b") {
		first = append(first, p)
		if len(first) == 2 {
			break
		}
	}
	wantEqual(t, "partitions", first, []int32{0, 1})
}

// longUptime is longer than anything is kept.
const longUptime = math.MaxInt32

func TestOffsetsExpire(t *testing.T) {
	look := func(now int64) retention { return retention{nowMs: now, uptime: longUptime, keepMs: 100} }
	consumers := func(state classicState, since int64) *classicGroup {
		g := newClassicGroup("g", since)
		g.protocolType, g.state = consumerProtocolType, state
		g.subscription = subscription{known: true, topics: map[string]struct{}{"read": {}}}
		return g
	}
	empty := func(since int64) *classicGroup {
		g := consumers(classicEmpty, since)
		g.subscription.topics = nil
		return g
	}
	opaque := consumers(classicStable, 0)
	opaque.protocolType, opaque.subscription = "connect", subscription{}
	unknown := consumers(classicStable, 0)
	unknown.subscription = subscription{}
	o := commits(map[string][]int64{"read": {10}, "old": {10, 200}})
	for _, c := range []struct {
		name  string
		group *classicGroup
		now   int64
		want  string
		all   bool
	}{
		{"outside of groups, too early", newClassicGroup("g", 0), 109, "[]", false},
		{"outside of groups", newClassicGroup("g", 500), 110, "[g/old-0 g/read-0]", false},
		{"outside of groups, all", newClassicGroup("g", 500), 300, "[g/old-0 g/old-1 g/read-0]", true},
		{"empty, too early", empty(250), 349, "[]", false},
		{"empty", empty(250), 350, "[g/old-0 g/old-1 g/read-0]", true},
		{"empty since nobody knows", empty(-1), 110, "[g/old-0 g/read-0]", false},
		{"stable", consumers(classicStable, 0), 10_000, "[g/old-0 g/old-1]", false},
		{"rebalancing", consumers(classicPreparing, 0), 10_000, "[]", false},
		{"subscription that isn't understood", unknown, 10_000, "[]", false},
		{"not consumers", opaque, 10_000, "[]", false},
	} {
		records, all := o.expired(c.group, nil, look(c.now))
		if got := names(records); got != c.want || all != c.all {
			t.Errorf("%s: %s, all %v, want %s, %v", c.name, got, all, c.want, c.all)
		}
	}
	if _, all := (offsets{}).expired(opaque, nil, look(1)); !all {
		t.Error("no offsets, and some are left")
	}
}

func TestOffsetsWithATimeOfTheirOwnExpireThen(t *testing.T) {
	o := offsets{}
	o.replay(&OffsetRecord{Topic: "t", Commit: &Commit{CommitTimestamp: 1, ExpireTimestamp: 50}})
	for now, want := range map[int64]string{49: "[]", 50: "[g/t-0]"} {
		records, _ := o.expired(newClassicGroup("g", 0), nil, retention{nowMs: now, uptime: longUptime, keepMs: 1})
		wantEqual(t, fmt.Sprint("at ", now), names(records), want)
	}
}
