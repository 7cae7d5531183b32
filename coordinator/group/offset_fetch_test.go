package group

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchRequest asks for partitions 0 and 1 of topics, or for everything; "x" is a topic that doesn't exist.
func fetchRequest(version int16, group string, topics ...string) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version = version
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	for _, name := range topics {
		t := kmsg.OffsetFetchRequestGroupTopic{Topic: name, Partitions: []int32{0, 1}}
		if version >= offsetFetchTopicIDs {
			info, _ := threeTopics.ByName(name)
			t.Topic, t.TopicID = "", info.ID
		}
		g.Topics = append(g.Topics, t)
		req.Topics = append(req.Topics, kmsg.OffsetFetchRequestTopic{Topic: name, Partitions: t.Partitions})
	}
	req.Groups, req.Group = []kmsg.OffsetFetchRequestGroup{g}, group
	return req
}

// fetched is an answer in short.
func fetched(resp *kmsg.OffsetFetchResponse) string {
	groups := resp.Groups
	if resp.Version < offsetFetchGroups {
		g := kmsg.OffsetFetchResponseGroup{ErrorCode: resp.ErrorCode}
		for _, t := range resp.Topics {
			topic := kmsg.OffsetFetchResponseGroupTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				topic.Partitions = append(topic.Partitions, kmsg.OffsetFetchResponseGroupTopicPartition(p))
			}
			g.Topics = append(g.Topics, topic)
		}
		groups = append(groups, g)
	}
	var told []string
	for _, g := range groups {
		told = append(told, fmt.Sprint(g.ErrorCode))
		for _, t := range g.Topics {
			s := t.Topic
			if t.TopicID != [16]byte{} {
				s = fmt.Sprintf("%x", t.TopicID[0])
			}
			for _, p := range t.Partitions {
				s += fmt.Sprintf(" %d=%d/%d/%s", p.Partition, p.Offset, p.LeaderEpoch, *p.Metadata)
				if p.ErrorCode != 0 {
					s += fmt.Sprintf("!%d", p.ErrorCode)
				}
			}
			told = append(told, s)
		}
	}
	return strings.Join(told, ", ")
}

func TestOffsetFetchInEveryVersion(t *testing.T) {
	c, _ := startWithTopics(t, nil)
	commit := commitRequest(8, "group", "a/1", "c/0")
	commit.Topics[0].Partitions[0].LeaderEpoch, commit.Topics[0].Partitions[0].Metadata = 5, new("text")
	wantEqual(t, "commit", commitCodes(commitOffsets(t.Context(), c, commit)), "a 1:0, c 0:0")
	const none = " 0=-1/-1/ 1=-1/-1/"
	for version := int16(1); version <= 10; version++ {
		some, all, ofNobody := "0, a 0=-1/-1/ 1=101/5/text, x"+none, "0, a 1=101/5/text, c 0=100/-1/", "0, a"+none
		if version >= offsetFetchTopicIDs {
			some, all = "0, a 0=-1/-1/ 1=101/5/text,  0=-1/-1/!100 1=-1/-1/!100", "0, a 1=101/5/text, c 0=100/-1/"
		}
		if version < offsetFetchAllTopics {
			all = "0"
		}
		fetch := func(req *kmsg.OffsetFetchRequest) string { return fetched(c.OffsetFetch(t.Context(), req)) }
		what := fmt.Sprint("v", version)
		wantEqual(t, what+" some", fetch(fetchRequest(version, "group", "a", "x")), some)
		wantEqual(t, what+" all", fetch(fetchRequest(version, "group")), all)
		wantEqual(t, what+" unknown group", fetch(fetchRequest(version, "nobody", "a")), ofNobody)
		wantEqual(t, what+" all of an unknown group", fetch(fetchRequest(version, "nobody")), "0")
	}
}

func TestOffsetFetchOfManyGroups(t *testing.T) {
	c, _ := startWithTopics(t, nil)
	for _, group := range []string{"g", "h"} {
		commitOffsets(t.Context(), c, commitRequest(8, group, "a/0"))
	}
	req := fetchRequest(8, "g", "a")
	req.Groups = append(req.Groups, fetchRequest(8, "nobody", "a").Groups[0], fetchRequest(8, "h", "a").Groups[0])
	want := "0, a 0=100/-1/ 1=-1/-1/, 0, a 0=-1/-1/ 1=-1/-1/, 0, a 0=100/-1/ 1=-1/-1/"
	wantEqual(t, "answer", fetched(c.OffsetFetch(t.Context(), req)), want)
}

func TestRegression25OffsetFetchTellsErrorsWhereTheVersionHasAPlace(t *testing.T) {
	c, _ := startWithTopics(t, func(o *Options) { o.Topic.(*testLog).Count = 0 })
	for version, want := range map[int16]string{
		1: "0, a 0=-1/-1/!16 1=-1/-1/!16", 2: "16", 7: "16", 8: "16", 10: "16",
	} {
		wantEqual(t, fmt.Sprint("v", version), fetched(c.OffsetFetch(t.Context(), fetchRequest(version, "group", "a"))), want)
	}
}

func TestOffsetFetchByIDForgetsTopicsThatWereReplaced(t *testing.T) {
	topics := append(testTopics{}, threeTopics...)
	c, _ := startWithTopics(t, func(o *Options) { o.Topics = topics })
	commitOffsets(t.Context(), c, commitRequest(10, "group", "a/0", "b/0"))
	topics[0].ID, topics[1].Name = [16]byte{0xaa}, "renamed"
	req := fetchRequest(10, "group", "a")
	req.Groups[0].Topics[0].TopicID = topics[0].ID
	wantEqual(t, "replaced", fetched(c.OffsetFetch(t.Context(), req)), "0, aa 0=-1/-1/ 1=-1/-1/")
	wantEqual(t, "gone", fetched(c.OffsetFetch(t.Context(), fetchRequest(10, "group"))), "0, aa 0=100/-1/")
}
