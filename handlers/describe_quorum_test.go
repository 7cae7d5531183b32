package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func quorumRequest(version int16, topic string, partitions ...int32) *kmsg.DescribeQuorumRequest {
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Version = version
	t := kmsg.DescribeQuorumRequestTopic{Topic: topic}
	for _, p := range partitions {
		t.Partitions = append(t.Partitions, kmsg.DescribeQuorumRequestTopicPartition{Partition: p})
	}
	req.Topics = append(req.Topics, t)
	return req
}

func TestRegression42DescribeQuorumShowsOneVoter(t *testing.T) {
	b := newTestBroker(t)
	for _, v := range versionsOf(t, wire.KeyDescribeQuorum) {
		resp := ask[*kmsg.DescribeQuorumResponse](b, quorumRequest(v, clusterMetadataTopic, 0))
		wantCode(t, "answer", resp.ErrorCode, wire.None)
		p := resp.Topics[0].Partitions[0]
		wantCode(t, "partition", p.ErrorCode, wire.None)
		wantEqual(t, "leader", p.LeaderID, 1)
		wantEqual(t, "voters", len(p.CurrentVoters), 1)
		wantEqual(t, "voter", p.CurrentVoters[0].ReplicaID, 1)
		wantEqual(t, "observers", len(p.Observers), 0)
		if v >= 1 {
			wantEqual(t, "caught up", p.CurrentVoters[0].LastCaughtUpTimestamp, b.clock.UnixMilli())
		}
		if v >= 2 {
			wantEqual(t, "nodes", len(resp.Nodes), 1)
			wantEqual(t, "listener", resp.Nodes[0].Listeners[0].Name, "PLAINTEXT")
		}
	}
}

func TestDescribeQuorumKnowsNoOtherPartition(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for _, req := range []*kmsg.DescribeQuorumRequest{
		quorumRequest(2, "t", 0), quorumRequest(2, clusterMetadataTopic, 1), quorumRequest(2, clusterMetadataTopic, 0, 0),
	} {
		resp := ask[*kmsg.DescribeQuorumResponse](b, req)
		wantCode(t, "answer", resp.ErrorCode, wire.None)
		for _, p := range resp.Topics[0].Partitions {
			wantCode(t, "partition", p.ErrorCode, wire.UnknownTopicOrPartition)
			wantEqual(t, "message", deref(p.ErrorMessage), "This server does not host this topic-partition.")
		}
	}
}
