package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestListGroupsInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	b.join("g")
	ask[*kmsg.OffsetCommitResponse](b, commitRequest(8, "simple", topicID{}))
	for _, v := range versionsOf(t, wire.KeyListGroups) {
		req := kmsg.NewPtrListGroupsRequest()
		req.Version = v
		resp := ask[*kmsg.ListGroupsResponse](b, req)
		wantCode(t, "answer", resp.ErrorCode, wire.None)
		wantEqual(t, "groups", len(resp.Groups), 2)
		if v >= 4 {
			req.StatesFilter = []string{"stable"}
			resp = ask[*kmsg.ListGroupsResponse](b, req)
			wantEqual(t, "stable groups", len(resp.Groups), 1)
			wantEqual(t, "state", resp.Groups[0].GroupState, "Stable")
		}
		if v >= 5 {
			wantEqual(t, "type", resp.Groups[0].GroupType, "classic")
		}
	}
}
