package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestSyncGroupInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	for _, v := range versionsOf(t, wire.KeySyncGroup) {
		group := "g-" + itoa(int(v))
		member := b.join(group)
		resp := ask[*kmsg.SyncGroupResponse](b, syncRequest(v, group, member))
		wantCode(t, group, resp.ErrorCode, wire.None)
		wantEqual(t, "assignment", string(resp.MemberAssignment), "mine")
		wantCode(t, "unknown", ask[*kmsg.SyncGroupResponse](b, syncRequest(v, group, "x")).ErrorCode, wire.UnknownMemberID)
	}
	req := syncRequest(5, "g-5", "")
	req.Protocol = nil
	wantCode(t, "without a protocol", ask[*kmsg.SyncGroupResponse](b, req).ErrorCode, wire.InconsistentGroupProtocol)
}
