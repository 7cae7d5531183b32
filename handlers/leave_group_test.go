package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestLeaveGroupInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	for _, v := range versionsOf(t, wire.KeyLeaveGroup) {
		group := "g-" + itoa(int(v))
		member := b.join(group)
		req := kmsg.NewPtrLeaveGroupRequest()
		req.Version, req.Group, req.MemberID = v, group, member
		req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: member}, {MemberID: "x"}}
		resp := ask[*kmsg.LeaveGroupResponse](b, req)
		wantCode(t, group, resp.ErrorCode, wire.None)
		if v >= 3 {
			wantEqual(t, "members", len(resp.Members), 2)
			wantCode(t, "member", resp.Members[0].ErrorCode, wire.None)
			wantCode(t, "unknown", resp.Members[1].ErrorCode, wire.UnknownMemberID)
		}
		wantEqual(t, "state", describeGroup(b, 6, group).State, "Empty")
	}
}
