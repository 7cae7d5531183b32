package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestJoinGroupInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	for _, v := range versionsOf(t, wire.KeyJoinGroup) {
		group := "g-" + itoa(int(v))
		resp := ask[*kmsg.JoinGroupResponse](b, joinRequest(v, group, ""))
		if v >= 4 {
			wantCode(t, group, resp.ErrorCode, wire.MemberIDRequired)
			resp = ask[*kmsg.JoinGroupResponse](b, joinRequest(v, group, resp.MemberID))
		}
		wantCode(t, group, resp.ErrorCode, wire.None)
		wantEqual(t, "leader", resp.LeaderID, resp.MemberID)
		wantEqual(t, "generation", resp.Generation, 1)
		wantEqual(t, "members", len(resp.Members), 1)
	}
}

// A member that waits for others holds up nobody: its answer comes outside of the connection's goroutine.
func TestJoinGroupWaitsElsewhere(t *testing.T) {
	b := newGroupBroker(t)
	reply, err := b.start(joinRequest(3, "g", ""))
	if err != nil || reply.Later == nil {
		t.Fatalf("%+v, %v", reply, err)
	}
	reply, err = b.finish(t.Context(), reply)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, "join", reply.Message.(*kmsg.JoinGroupResponse).ErrorCode, wire.None)
}
