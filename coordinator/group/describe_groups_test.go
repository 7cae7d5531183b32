package group

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// manyMembers is a group of consumers of topic "a".
func manyMembers(id string, state classicState) []Record {
	m := &Metadata{ProtocolType: "consumer", Generation: 1}
	if state != classicEmpty {
		m.Leader, m.Protocol = new("m"), new("range")
		m.Members = []Member{{
			ID: "m", ClientID: "client", ClientHost: "/127.0.0.1", SessionTimeoutMs: 30_000,
			Subscription: []byte("\x00\x00\x00\x00\x00\x01\x00\x01a\xff\xff\xff\xff"), Assignment: []byte("assignment"),
		}}
	}
	return []Record{&MetadataRecord{Group: id, Metadata: m}}
}

// TestManyGroupsAreAnsweredInOrder: more than are asked at once.
func TestManyGroupsAreAnsweredInOrder(t *testing.T) {
	c, _ := startWithTopics(t, nil)
	const groups = 2*askedAtOnce + 7
	names := make([]string, groups)
	for i := range names {
		names[i] = fmt.Sprint("group-", i)
	}
	last := names[groups-1]
	write(t, c, last, manyMembers(last, classicEmpty)...)
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = names
	remove := kmsg.NewPtrDeleteGroupsRequest()
	remove.Groups = names
	described, removed := c.DescribeGroups(t.Context(), describe).Groups, c.DeleteGroups(t.Context(), remove).Groups
	wantEqual(t, "described and deleted", fmt.Sprint(len(described), len(removed)), fmt.Sprint(groups, groups))
	for i, name := range names {
		state, code := "Dead", wire.GroupIDNotFound
		if name == last {
			state, code = "Empty", wire.None
		}
		wantEqual(t, "described", described[i].Group+" "+described[i].State, name+" "+state)
		wantEqual(t, "deleted", fmt.Sprint(removed[i].Group, " ", removed[i].ErrorCode), fmt.Sprint(name, " ", int16(code)))
	}
}

func TestDescribeGroups(t *testing.T) {
	c, _ := startWithTopics(t, nil)
	write(t, c, "stable", manyMembers("stable", classicStable)...)
	write(t, c, "empty", manyMembers("empty", classicEmpty)...)
	for _, version := range []int16{5, 6} {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Version, req.Groups = version, []string{"stable", "empty", "nobody", ""}
		resp := c.DescribeGroups(t.Context(), req)
		var told []string
		for _, g := range resp.Groups {
			s := fmt.Sprintf("%s %d %s %s %s", g.Group, g.ErrorCode, g.State, g.ProtocolType, g.Protocol)
			for _, m := range g.Members {
				s += fmt.Sprintf(" [%s %s %s %d %s]", m.MemberID, m.ClientID, m.ClientHost, len(m.ProtocolMetadata), m.MemberAssignment)
			}
			if g.ErrorMessage != nil {
				s += " " + *g.ErrorMessage
			}
			told = append(told, s)
		}
		want := "stable 0 Stable consumer range [m client /127.0.0.1 13 assignment], empty 0 Empty consumer , nobody 0 Dead  ,  0 Dead  "
		if version >= describeGroupsNotFound {
			want = strings.ReplaceAll(want, "nobody 0 Dead  ,  0 Dead  ", "nobody 69 Dead   Group nobody not found.,  69 Dead   Group  not found.")
		}
		wantEqual(t, fmt.Sprint("v", version), strings.Join(told, ", "), want)
	}
}

func TestListGroups(t *testing.T) {
	c, log := startWithTopics(t, func(o *Options) { o.Topic.(*testLog).Count = 0 })
	list := func(states, types []string) string {
		t.Helper()
		req := kmsg.NewPtrListGroupsRequest()
		req.Version, req.StatesFilter, req.TypesFilter = 5, states, types
		resp := c.ListGroups(t.Context(), req)
		told := map[string]string{}
		for _, g := range resp.Groups {
			told[g.Group] = g.ProtocolType + "/" + g.GroupState + "/" + g.GroupType
		}
		return fmt.Sprint(resp.ErrorCode, told)
	}
	wantEqual(t, "without the topic", list(nil, nil), "0 map[]")
	log.Count = 1
	awaitLoaded(t, c)
	write(t, c, "stable", manyMembers("stable", classicStable)...)
	write(t, c, "empty", manyMembers("empty", classicEmpty)...)
	commitOffsets(t.Context(), c, commitRequest(7, "simple", "a/0"))
	const stable, empty, simple = "stable:consumer/Stable/classic", "empty:consumer/Empty/classic", "simple:/Empty/classic"
	wantEqual(t, "all", list(nil, nil), "0 map["+empty+" "+simple+" "+stable+"]")
	wantEqual(t, "states", list([]string{" STABLE "}, nil), "0 map["+stable+"]")
	wantEqual(t, "types", list([]string{"Empty"}, []string{"Classic"}), "0 map["+empty+" "+simple+"]")
	wantEqual(t, "other types", list(nil, []string{"share", "what"}), "0 map[]")
	stop(t, c)
	wantEqual(t, "closed", list(nil, nil), fmt.Sprint(int16(wire.None), " map[]"))
}

func TestDeleteGroups(t *testing.T) {
	c, log := startWithTopics(t, nil)
	write(t, c, "stable", manyMembers("stable", classicStable)...)
	write(t, c, "empty", manyMembers("empty", classicEmpty)...)
	commitOffsets(t.Context(), c, commitRequest(7, "empty", "a/0", "b/0"))
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = []string{"stable", "empty", "nobody", "empty"}
	told := ""
	for _, g := range c.DeleteGroups(t.Context(), req).Groups {
		told += fmt.Sprintf("%s:%d ", g.Group, g.ErrorCode)
	}
	wantEqual(t, "answer", told, fmt.Sprintf("stable:%d empty:0 nobody:%d ", wire.NonEmptyGroup, wire.GroupIDNotFound))
	stop(t, c)
	again := start(t, testOptions(log))
	look(t, again, "empty", func(s *Shard) {
		wantEqual(t, "groups", len(s.groups), 1)
		wantEqual(t, "offsets", len(s.offsets), 0)
	})
}
