package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestOffsetDelete(t *testing.T) {
	b := newGroupBroker(t)
	ask[*kmsg.OffsetCommitResponse](b, commitRequest(8, "g", topicID{}))
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = "g"
	req.Topics = []kmsg.OffsetDeleteRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 1}}}}
	resp := ask[*kmsg.OffsetDeleteResponse](b, req)
	wantCode(t, "answer", resp.ErrorCode, wire.None)
	wantCode(t, "partition", resp.Topics[0].Partitions[0].ErrorCode, wire.None)
	left := ask[*kmsg.OffsetFetchResponse](b, fetchOffsets(8, "g", topicID{})).Groups[0].Topics[0].Partitions
	wantEqual(t, "left", left[0].Offset, 10)
	wantEqual(t, "deleted", left[1].Offset, -1)
	req.Group = "nobody"
	wantCode(t, "no group", ask[*kmsg.OffsetDeleteResponse](b, req).ErrorCode, wire.GroupIDNotFound)
}
