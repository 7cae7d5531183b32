// DescribeQuorum (key 55), versions 0-2.
//
// 0 KIP-595; 1 times of the last fetch and of being caught up (KIP-836); 2 error messages,
// directory IDs and nodes (KIP-853).
//
// Knowingly absent: a quorum. The catalog of this broker is described as a quorum of one,
// ourselves, because tools ask for it; its offsets are told as 1, since there
// is no log of metadata and tools wait for a first offset.

package handlers

import (
	"context"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/wire"
)

// clusterMetadataTopic is Kafka's log of metadata, which is no topic for clients.
const clusterMetadataTopic = "__cluster_metadata"

// quorumOffset is where that log is said to end.
const quorumOffset = 1

func (d *Dispatcher) describeQuorum(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.DescribeQuorumRequest)
	resp := r.ResponseKind().(*kmsg.DescribeQuorumResponse)
	resp.ErrorMessage = new("") // Kafka's text where there is no error.
	if !asksForMetadataQuorum(r) {
		refuseQuorums(resp, r)
		return answer(resp)
	}
	now := d.now().UnixMilli()
	voter := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
	voter.ReplicaID = d.nodeID
	voter.LogEndOffset = quorumOffset
	voter.LastFetchTimestamp, voter.LastCaughtUpTimestamp = now, now

	p := kmsg.NewDescribeQuorumResponseTopicPartition()
	p.ErrorMessage = new("")
	p.LeaderID, p.LeaderEpoch, p.HighWatermark = d.nodeID, 1, quorumOffset
	p.CurrentVoters = []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{voter}
	p.Observers = []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{}
	topic := kmsg.NewDescribeQuorumResponseTopic()
	topic.Topic = clusterMetadataTopic
	topic.Partitions = []kmsg.DescribeQuorumResponseTopicPartition{p}
	resp.Topics = []kmsg.DescribeQuorumResponseTopic{topic}

	address := d.addressFor(req.Peer)
	listener := kmsg.NewDescribeQuorumResponseNodeListener()
	listener.Name, listener.Host, listener.Port = strings.ToUpper(req.Peer.Listener), address.host, uint16(address.port)
	node := kmsg.NewDescribeQuorumResponseNode()
	node.NodeID = d.nodeID
	node.Listeners = []kmsg.DescribeQuorumResponseNodeListener{listener}
	resp.Nodes = []kmsg.DescribeQuorumResponseNode{node}
	return answer(resp)
}

// asksForMetadataQuorum reports whether a request names the one partition that has a quorum.
func asksForMetadataQuorum(r *kmsg.DescribeQuorumRequest) bool {
	return len(r.Topics) == 1 && r.Topics[0].Topic == clusterMetadataTopic &&
		len(r.Topics[0].Partitions) == 1 && r.Topics[0].Partitions[0].Partition == 0
}

// refuseQuorums answers that no partition of the request has a quorum.
func refuseQuorums(resp *kmsg.DescribeQuorumResponse, r *kmsg.DescribeQuorumRequest) {
	unknown := plain(wire.UnknownTopicOrPartition)
	for _, rt := range r.Topics {
		topic := kmsg.NewDescribeQuorumResponseTopic()
		topic.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			p := kmsg.NewDescribeQuorumResponseTopicPartition()
			p.Partition = rp.Partition
			p.ErrorCode, p.ErrorMessage = int16(unknown.code), unknown.message
			topic.Partitions = append(topic.Partitions, p)
		}
		resp.Topics = append(resp.Topics, topic)
	}
}
