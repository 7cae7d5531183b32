package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func describeGroup(b *testBroker, version int16, group string) kmsg.DescribeGroupsResponseGroup {
	b.t.Helper()
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Version, req.Groups, req.IncludeAuthorizedOperations = version, []string{group}, version >= 4
	return ask[*kmsg.DescribeGroupsResponse](b, req).Groups[0]
}

func TestDescribeGroupsInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	member := b.join("g")
	for _, v := range versionsOf(t, wire.KeyDescribeGroups) {
		g := describeGroup(b, v, "g")
		wantCode(t, "group", g.ErrorCode, wire.None)
		wantEqual(t, "state", g.State, "Stable")
		wantEqual(t, "member", g.Members[0].MemberID, member)
		wantEqual(t, "client", g.Members[0].ClientID+g.Members[0].ClientHost, "client/192.0.2.7")
		wantEqual(t, "assignment", string(g.Members[0].MemberAssignment), "mine")
		operations := int32(operationsNotAsked)
		if v >= 4 {
			operations = groupOperations
		}
		if v >= 3 {
			wantEqual(t, "operations", g.AuthorizedOperations, operations)
		}
		nobody := describeGroup(b, v, "nobody")
		wantEqual(t, "state", nobody.State, "Dead")
		if v >= 6 {
			wantCode(t, "nobody", nobody.ErrorCode, wire.GroupIDNotFound)
			wantEqual(t, "message", deref(nobody.ErrorMessage), "Group nobody not found.")
			operations = operationsNotAsked
		} else {
			wantCode(t, "nobody", nobody.ErrorCode, wire.None)
		}
		if v >= 3 {
			wantEqual(t, "operations", nobody.AuthorizedOperations, operations)
		}
	}
}
