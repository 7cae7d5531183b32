package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestDeleteGroupsInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	b.join("alive")
	for _, v := range versionsOf(t, wire.KeyDeleteGroups) {
		ask[*kmsg.OffsetCommitResponse](b, commitRequest(8, "g", topicID{}))
		req := kmsg.NewPtrDeleteGroupsRequest()
		req.Version, req.Groups = v, []string{"g", "alive", "nobody"}
		resp := ask[*kmsg.DeleteGroupsResponse](b, req)
		wantCode(t, "empty", resp.Groups[0].ErrorCode, wire.None)
		wantCode(t, "alive", resp.Groups[1].ErrorCode, wire.NonEmptyGroup)
		wantCode(t, "nobody", resp.Groups[2].ErrorCode, wire.GroupIDNotFound)
		wantEqual(t, "state", describeGroup(b, 5, "g").State, "Dead")
	}
}
