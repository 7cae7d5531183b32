package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func describeConsumerGroup(b *testBroker, version int16, group string) kmsg.ConsumerGroupDescribeResponseGroup {
	b.t.Helper()
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	req.Version, req.Groups, req.IncludeAuthorizedOperations = version, []string{group}, true
	return ask[*kmsg.ConsumerGroupDescribeResponse](b, req).Groups[0]
}

func TestConsumerGroupDescribeInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	ask[*kmsg.ConsumerGroupHeartbeatResponse](b, firstHeartbeat(1, "g"))
	b.join("classic")
	for _, v := range versionsOf(t, wire.KeyConsumerGroupDescribe) {
		g := describeConsumerGroup(b, v, "g")
		wantCode(t, "group", g.ErrorCode, wire.None)
		wantEqual(t, "state", g.State, "Stable")
		wantEqual(t, "assignor", g.AssignorName, "uniform")
		wantEqual(t, "operations", g.AuthorizedOperations, groupOperations)
		wantEqual(t, "client", g.Members[0].ClientID+g.Members[0].ClientHost, "client/192.0.2.7")
		wantEqual(t, "assignment", g.Members[0].Assignment.TopicPartitions[0].Topic, "t")
		for group, message := range map[string]string{"nobody": "Group nobody not found.", "classic": "Group classic is not a consumer group."} {
			unknown := describeConsumerGroup(b, v, group)
			wantCode(t, group, unknown.ErrorCode, wire.GroupIDNotFound)
			wantEqual(t, "message", deref(unknown.ErrorMessage), message)
			wantEqual(t, "operations", unknown.AuthorizedOperations, operationsNotAsked)
		}
		wantCode(t, "no name", describeConsumerGroup(b, v, "").ErrorCode, wire.InvalidGroupID)
	}
}
