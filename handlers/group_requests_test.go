package handlers

import (
	"net/netip"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestHostsAreWrittenAsJavaDoes(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1": "/127.0.0.1", "::1": "/0:0:0:0:0:0:0:1", "::ffff:10.0.0.1": "/10.0.0.1", "2001:db8::a:0": "/2001:db8:0:0:0:0:a:0", "fe80::1%eth0": "/fe80:0:0:0:0:0:0:1%eth0",
	} {
		wantEqual(t, addr, javaHost(netip.MustParseAddr(addr)), want)
	}
}

// newGroupBroker is a broker with topic "t" of two partitions whose groups wait for nobody.
func newGroupBroker(t *testing.T) *testBroker {
	t.Helper()
	b := newTestBroker(t, "group.initial.rebalance.delay.ms", "0")
	b.clientID = "client"
	b.createTopic("t", 2)
	b.awaitCoordinator(coordinatorOfGroup)
	return b
}

func joinRequest(version int16, group, member string) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID = version, group, member
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 10_000, 10_000, "consumer"
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte("\x00\x00\x00\x00\x00\x01\x00\x01t\xff\xff\xff\xff")}}
	return req
}

// join brings the only member into a group, and returns its ID.
func (b *testBroker) join(group string) string {
	b.t.Helper()
	resp := ask[*kmsg.JoinGroupResponse](b, joinRequest(3, group, ""))
	wantCode(b.t, "join", resp.ErrorCode, wire.None)
	sync := syncRequest(3, group, resp.MemberID)
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: resp.MemberID, MemberAssignment: []byte("mine")}}
	wantCode(b.t, "sync", ask[*kmsg.SyncGroupResponse](b, sync).ErrorCode, wire.None)
	return resp.MemberID
}

func syncRequest(version int16, group, member string) *kmsg.SyncGroupRequest {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.Generation = version, group, member, 1
	req.ProtocolType, req.Protocol = new("consumer"), new("range")
	return req
}

func commitRequest(version int16, group string, id [16]byte) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group = version, group
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic, t.TopicID = "t", id
	for p := range int32(3) {
		t.Partitions = append(t.Partitions, kmsg.OffsetCommitRequestTopicPartition{Partition: p, Offset: 10 + int64(p), LeaderEpoch: -1})
	}
	req.Topics = append(req.Topics, t)
	return req
}
