package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestHeartbeatInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	member := b.join("g")
	for _, v := range versionsOf(t, wire.KeyHeartbeat) {
		req := kmsg.NewPtrHeartbeatRequest()
		req.Version, req.Group, req.MemberID, req.Generation = v, "g", member, 1
		wantCode(t, "member", ask[*kmsg.HeartbeatResponse](b, req).ErrorCode, wire.None)
		req.Generation = 2
		wantCode(t, "generation", ask[*kmsg.HeartbeatResponse](b, req).ErrorCode, wire.IllegalGeneration)
		req.Group = "nobody"
		wantCode(t, "no group", ask[*kmsg.HeartbeatResponse](b, req).ErrorCode, wire.UnknownMemberID)
	}
}
