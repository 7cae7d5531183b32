package handlers

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func fetchOffsets(version int16, group string, id [16]byte) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.Group = version, group
	req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0, 1, 2}}}
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, g.Topics = group, []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", TopicID: id, Partitions: []int32{0, 1, 2}}}
	req.Groups = append(req.Groups, g)
	return req
}

// TestRegression24OffsetFetchInEveryVersion: what isn't committed must be in the answer all the same, and have a text.
func TestRegression24OffsetFetchInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	ask[*kmsg.OffsetCommitResponse](b, commitRequest(8, "g", topicID{}))
	for _, v := range versionsOf(t, wire.KeyOffsetFetch) {
		resp := ask[*kmsg.OffsetFetchResponse](b, fetchOffsets(v, "g", b.topicID("t")))
		var offsets []int64
		if v < 8 {
			for _, p := range resp.Topics[0].Partitions {
				wantCode(t, "partition", p.ErrorCode, wire.None)
				wantEqual(t, "metadata", p.Metadata != nil, true)
				offsets = append(offsets, p.Offset)
			}
		} else {
			for _, p := range resp.Groups[0].Topics[0].Partitions {
				wantCode(t, "partition", p.ErrorCode, wire.None)
				wantEqual(t, "metadata", p.Metadata != nil, true)
				offsets = append(offsets, p.Offset)
			}
		}
		if !slices.Equal(offsets, []int64{10, 11, -1}) {
			t.Errorf("v%d: %v", v, offsets)
		}
	}
}

func TestOffsetsOfADeletedTopicAreGone(t *testing.T) {
	b := newGroupBroker(t)
	ask[*kmsg.OffsetCommitResponse](b, commitRequest(8, "g", topicID{}))
	b.deleteTopic("t")
	b.createTopic("t", 2)
	for _, p := range ask[*kmsg.OffsetFetchResponse](b, fetchOffsets(8, "g", topicID{})).Groups[0].Topics[0].Partitions {
		wantEqual(t, "offset", p.Offset, -1)
	}
}
