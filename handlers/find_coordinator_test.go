package handlers

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func findRequest(version int16, keyType int8, keys ...string) *kmsg.FindCoordinatorRequest {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.Version, req.CoordinatorType, req.CoordinatorKeys = version, keyType, keys
	if len(keys) > 0 {
		req.CoordinatorKey = keys[0]
	}
	return req
}

func TestFindCoordinatorInEveryVersion(t *testing.T) {
	b := newTestBroker(t)
	for _, v := range versionsOf(t, wire.KeyFindCoordinator) {
		resp := ask[*kmsg.FindCoordinatorResponse](b, findRequest(v, coordinatorOfGroup, "g", ""))
		if v < findCoordinatorKeys {
			wantCode(t, "group", resp.ErrorCode, wire.None)
			wantEqual(t, "place", fmt.Sprint(resp.NodeID, resp.Host, resp.Port), "1192.0.2.19092")
			if v >= 1 {
				wantEqual(t, "message", deref(resp.ErrorMessage), "NONE")
			}
			continue
		}
		wantEqual(t, "keys", len(resp.Coordinators), 2)
		for i, key := range []string{"g", ""} {
			c := resp.Coordinators[i]
			wantCode(t, "group", c.ErrorCode, wire.None)
			wantEqual(t, "answer", fmt.Sprint(c.Key, c.NodeID, c.Host, c.Port), key+"1192.0.2.19092")
			if c.ErrorMessage == nil || *c.ErrorMessage != "" {
				t.Errorf("message %v", c.ErrorMessage)
			}
		}
	}
}

// The topic is there with the first answer, and clients need not come again.
func TestFindCoordinatorCreatesTheTopicOfOffsets(t *testing.T) {
	b := newTestBroker(t, "offsets.topic.num.partitions", "5", "offsets.topic.segment.bytes", "2000000")
	for range 2 {
		wantCode(t, "group", ask[*kmsg.FindCoordinatorResponse](b, findRequest(0, coordinatorOfGroup, "g")).ErrorCode, wire.None)
		topic := b.dispatcher.topics().TopicByName(offsetsTopic)
		wantEqual(t, "partitions", topic.Partitions, 5)
		wantEqual(t, "internal", topic.Internal, true)
		wantEqual(t, "keys", fmt.Sprint(topic.Overrides), "map[cleanup.policy:compact compression.type:producer segment.bytes:2000000]")
	}
}

func TestFindCoordinatorWhereTheTopicCannotBe(t *testing.T) {
	b := newTestBroker(t, "offsets.topic.segment.bytes", "1")
	resp := ask[*kmsg.FindCoordinatorResponse](b, findRequest(3, coordinatorOfGroup, "g"))
	wantCode(t, "group", resp.ErrorCode, wire.CoordinatorNotAvailable)
	wantEqual(t, "message", deref(resp.ErrorMessage), wire.CoordinatorNotAvailable.Message())
	wantEqual(t, "place", fmt.Sprint(resp.NodeID, resp.Host, resp.Port), "-1-1")
}

func TestFindCoordinatorOfOtherKinds(t *testing.T) {
	b := newTestBroker(t)
	const id = "AAAAAAAAAAAAAAAAAAAAAQ"
	for _, c := range []struct {
		version int16
		keyType int8
		key     string
		code    wire.ErrorCode
		message string
	}{
		{5, coordinatorOfShare, "g:" + id + ":0", wire.InvalidRequest, ""},
		{6, coordinatorOfShare, "g:" + id + ":0", wire.CoordinatorNotAvailable, ""},
		{6, coordinatorOfShare, "a:b:" + id + "==:12", wire.CoordinatorNotAvailable, ""},
		{6, coordinatorOfShare, "", wire.InvalidRequest, ""},
		{6, coordinatorOfShare, "g:" + id, wire.InvalidRequest, ""},
		{6, coordinatorOfShare, " :" + id + ":0", wire.InvalidRequest, ""},
		{6, coordinatorOfShare, "g:" + id + "A:0", wire.InvalidRequest, ""},
		{6, coordinatorOfShare, "g:" + id + id + ":0", wire.InvalidRequest, ""},
		{6, coordinatorOfShare, "g:" + id + ":x", wire.InvalidRequest, ""},
		{6, coordinatorOfShare, "g:" + id + ":0::", wire.CoordinatorNotAvailable, ""},
		{6, 3, "x", wire.InvalidRequest, wire.InvalidRequest.Message()},
		{2, -1, "x", wire.InvalidRequest, wire.InvalidRequest.Message()},
	} {
		resp := ask[*kmsg.FindCoordinatorResponse](b, findRequest(c.version, c.keyType, c.key))
		code, message := resp.ErrorCode, resp.ErrorMessage
		if c.version >= findCoordinatorKeys {
			code, message = resp.Coordinators[0].ErrorCode, resp.Coordinators[0].ErrorMessage
			wantEqual(t, "node", resp.Coordinators[0].NodeID, -1)
		}
		what := fmt.Sprintf("v%d, type %d, %q", c.version, c.keyType, c.key)
		wantCode(t, what, code, c.code)
		wantEqual(t, what+": message", deref(message), c.message)
	}
}

func TestFindCoordinatorCreatesTheTopicOfTransactions(t *testing.T) {
	b := newTestBroker(t, "transaction.state.log.num.partitions", "4", "transaction.state.log.segment.bytes", "2000000")
	for range 2 {
		found := ask[*kmsg.FindCoordinatorResponse](b, findRequest(4, coordinatorOfTransaction, "t")).Coordinators[0]
		wantCode(t, "transaction", found.ErrorCode, wire.None)
		wantEqual(t, "node", found.NodeID, 1)
		topic := b.dispatcher.topics().TopicByName(transactionsTopic)
		wantEqual(t, "partitions", topic.Partitions, 4)
		wantEqual(t, "internal", topic.Internal, true)
		wantEqual(t, "keys", fmt.Sprint(topic.Overrides),
			"map[cleanup.policy:compact compression.type:uncompressed min.insync.replicas:1 segment.bytes:2000000 unclean.leader.election.enable:false]")
	}
}
