package group

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func deleteRequest(group string, partitions ...string) *kmsg.OffsetDeleteRequest {
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = group
	for _, t := range commitRequest(7, group, partitions...).Topics {
		topic := kmsg.OffsetDeleteRequestTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			topic.Partitions = append(topic.Partitions, kmsg.OffsetDeleteRequestTopicPartition{Partition: p.Partition})
		}
		req.Topics = append(req.Topics, topic)
	}
	return req
}

func TestOffsetDelete(t *testing.T) {
	c, _ := startWithTopics(t, nil)
	commitOffsets(t.Context(), c, commitRequest(7, "group", "a/0", "a/1", "b/0"))
	for _, x := range []struct {
		what string
		req  *kmsg.OffsetDeleteRequest
		want string
	}{
		{"no name", deleteRequest("", "a/0"), "24"},
		{"unknown group", deleteRequest("nobody", "a/0"), "69"},
		{"some", deleteRequest("group", "a/0", "x/1", "a/3", "a/9"), "0, x 1:3, a 9:3 0:0 3:0"},
		{"unknown topics only", deleteRequest("group", "x/1"), "0, x 1:3"},
		{"again", deleteRequest("group", "a/0"), "0, a 0:0"},
	} {
		resp := c.OffsetDelete(t.Context(), x.req)
		told := []string{fmt.Sprint(resp.ErrorCode)}
		for _, topic := range resp.Topics {
			s := topic.Topic
			for _, p := range topic.Partitions {
				s += fmt.Sprintf(" %d:%d", p.Partition, p.ErrorCode)
			}
			told = append(told, s)
		}
		wantEqual(t, x.what, strings.Join(told, ", "), x.want)
	}
	wantEqual(t, "left", fetched(c.OffsetFetch(t.Context(), fetchRequest(8, "group"))), "0, a 1=101/-1/, b 0=100/-1/")
}

func TestOffsetDeleteAsksTheGroup(t *testing.T) {
	c, _ := startWithTopics(t, nil)
	for id, want := range map[string]string{"consumers": "0 86 0", "connect": "68"} {
		records := manyMembers(id, classicStable)
		if id == "connect" {
			records[0].(*MetadataRecord).Metadata.ProtocolType = id
		}
		write(t, c, id, records...)
		resp := c.OffsetDelete(t.Context(), deleteRequest(id, "a/0", "b/0"))
		got := fmt.Sprint(resp.ErrorCode)
		for _, topic := range resp.Topics {
			got += fmt.Sprint(" ", topic.Partitions[0].ErrorCode)
		}
		wantEqual(t, id, got, want)
	}
}
