package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/wire"
)

func firstHeartbeat(version int16, group string) *kmsg.ConsumerGroupHeartbeatRequest {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.MemberID = version, group, "m"
	req.RebalanceTimeoutMillis, req.SubscribedTopicNames, req.Topics = 10_000, []string{"t"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	return req
}

func TestConsumerGroupHeartbeatInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	for _, v := range versionsOf(t, wire.KeyConsumerGroupHeartbeat) {
		group := "g" + itoa(int(v))
		resp := ask[*kmsg.ConsumerGroupHeartbeatResponse](b, firstHeartbeat(v, group))
		wantCode(t, "first", resp.ErrorCode, wire.None)
		wantEqual(t, "member", *resp.MemberID, "m")
		wantEqual(t, "interval", resp.HeartbeatIntervalMillis, 5000)
		wantEqual(t, "partitions", len(resp.Assignment.Topics[0].Partitions), 2)
		next := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		next.Version, next.Group, next.MemberID, next.MemberEpoch = v, group, "m", resp.MemberEpoch
		again := ask[*kmsg.ConsumerGroupHeartbeatResponse](b, next)
		wantCode(t, "next", again.ErrorCode, wire.None)
		if again.Assignment != nil {
			t.Error("told again")
		}
		next.MemberEpoch++
		wantCode(t, "epoch", ask[*kmsg.ConsumerGroupHeartbeatResponse](b, next).ErrorCode, wire.FencedMemberEpoch)
		next.Group = "nobody"
		wantCode(t, "no group", ask[*kmsg.ConsumerGroupHeartbeatResponse](b, next).ErrorCode, wire.GroupIDNotFound)
	}
}

func TestTopicsThatGrowReachConsumerGroups(t *testing.T) {
	b := newGroupBroker(t)
	resp := ask[*kmsg.ConsumerGroupHeartbeatResponse](b, firstHeartbeat(1, "g"))
	grow := kmsg.NewPtrCreatePartitionsRequest()
	grow.Version = 3
	grow.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "t", Count: 5}}
	wantCode(t, "grow", ask[*kmsg.CreatePartitionsResponse](b, grow).Topics[0].ErrorCode, wire.None)
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.MemberEpoch = 1, "g", "m", resp.MemberEpoch
	// The assignment interval holds the new target back for a moment; the group knows at once.
	wantCode(t, "next", ask[*kmsg.ConsumerGroupHeartbeatResponse](b, req).ErrorCode, wire.None)
	wantEqual(t, "state", describeConsumerGroup(b, 1, "g").State, "Assigning")
}

func TestConsumerGroupHasKeysOfItsOwn(t *testing.T) {
	b := newGroupBroker(t)
	wantCode(t, "alter", alterOne(b, int8(config.GroupResource), "g", "consumer.heartbeat.interval.ms", "7000"), wire.None)
	wantEqual(t, "interval", ask[*kmsg.ConsumerGroupHeartbeatResponse](b, firstHeartbeat(1, "g")).HeartbeatIntervalMillis, 7000)
	wantEqual(t, "of another", ask[*kmsg.ConsumerGroupHeartbeatResponse](b, firstHeartbeat(1, "h")).HeartbeatIntervalMillis, 5000)
}

func TestConsumerProtocolCanBeSwitchedOff(t *testing.T) {
	b := newTestBroker(t, "group.coordinator.rebalance.protocols", "classic")
	wantCode(t, "heartbeat", ask[*kmsg.ConsumerGroupHeartbeatResponse](b, firstHeartbeat(1, "g")).ErrorCode, wire.UnsupportedVersion)
	wantCode(t, "describe", describeConsumerGroup(b, 1, "g").ErrorCode, wire.UnsupportedVersion)
}

// alterOne sets one key of a resource.
func alterOne(b *testBroker, kind int8, name, key, value string) int16 {
	b.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = 1
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceType(kind), name
	r.Configs = []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: key, Value: &value}}
	req.Resources = append(req.Resources, r)
	return ask[*kmsg.IncrementalAlterConfigsResponse](b, req).Resources[0].ErrorCode
}
