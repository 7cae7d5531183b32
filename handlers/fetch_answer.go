package handlers

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// Versions of Fetch at which its answers change in meaning, not only in shape.
const (
	fetchTopicIDs      = 13 // topics have IDs instead of names
	fetchReplicaState  = 15 // the replica ID is in a tag
	fetchCurrentLeader = 16 // the answer tells who leads instead
	fetchStorageError  = 6  // clients know KAFKA_STORAGE_ERROR
)

// refuse answers the request as a whole: no partitions, no session.
func (f *fetch) refuse(code wire.ErrorCode) broker.Reply {
	return broker.Reply{Fetch: &wire.FetchResponse{Version: f.version, ErrorCode: code}}
}

// refuseAll answers the request as a whole, and before version 13 each partition that it names as well: older clients
// don't look at the code of the whole.
func (f *fetch) refuseAll(r *kmsg.FetchRequest, code wire.ErrorCode) broker.Reply {
	resp := &wire.FetchResponse{Version: f.version, ErrorCode: code, SessionID: r.SessionID}
	if f.version < fetchTopicIDs {
		for i := range r.Topics {
			topic := wire.FetchTopic{Topic: r.Topics[i].Topic}
			for _, rp := range r.Topics[i].Partitions {
				p := wire.FetchPartitionError(rp.Partition, code)
				p.AbortedTransactions = []wire.AbortedTransaction{}
				topic.Partitions = append(topic.Partitions, p)
			}
			resp.Topics = append(resp.Topics, topic)
		}
	}
	return broker.Reply{Fetch: resp}
}

// answer ends the fetch. Afterwards the records belong to the answer.
func (f *fetch) answer() broker.Reply {
	told, sessionID, code := f.context.close(f.targets, f.oneTold[:0], f.d.now())
	resp := &f.resp
	resp.Version, resp.ErrorCode, resp.SessionID = f.version, code, sessionID
	partitions := f.onePartition[:]
	if len(told) > 1 {
		partitions = make([]wire.FetchPartition, len(told))
	}
	first, topics := 0, 0
	for i, t := range told {
		f.tell(&partitions[i], t, resp)
		if i == 0 || !t.sameTopic(told[i-1]) {
			topics++
		}
	}
	resp.Topics = f.oneTopic[:0]
	if topics > 1 {
		resp.Topics = make([]wire.FetchTopic, 0, topics)
	}
	for i, t := range told {
		if i+1 < len(told) && t.sameTopic(told[i+1]) {
			continue
		}
		resp.Topics = append(resp.Topics, wire.FetchTopic{
			Topic:      t.key.topic,
			TopicID:    t.key.id,
			Partitions: partitions[first : i+1],
		})
		first = i + 1
	}
	return broker.Reply{Fetch: resp}
}

// sameTopic reports whether t and o can stand under one topic in the answer. Partitions keep their order, so
// a topic may occur twice, as in Kafka.
func (t *fetchTarget) sameTopic(o *fetchTarget) bool {
	return t.key.id == o.key.id && t.key.topic == o.key.topic
}

// tell fills p in with what was read of t.
func (f *fetch) tell(p *wire.FetchPartition, t *fetchTarget, resp *wire.FetchResponse) {
	*p = wire.FetchPartition{
		Partition:        t.key.partition,
		ErrorCode:        t.err,
		HighWatermark:    t.highWatermark,
		LastStableOffset: t.lastStableOffset,
		LogStartOffset:   t.logStartOffset,
	}
	if t.err == wire.KafkaStorageError && f.version < fetchStorageError {
		p.ErrorCode = wire.NotLeaderOrFollower
	}
	if t.diverging {
		p.DivergingEpoch = &wire.EpochEnd{Epoch: t.divergingEpoch, EndOffset: t.divergingEnd}
	}
	if t.fetched.Records != nil {
		p.Records = t.fetched.Records
	}
	if f.isolation == logstore.ReadCommitted && !t.unknown && t.err == wire.None || t.unknown {
		p.AbortedTransactions = make([]wire.AbortedTransaction, len(t.fetched.Aborted))
		for i, a := range t.fetched.Aborted {
			p.AbortedTransactions[i] = wire.AbortedTransaction{ProducerID: a.ProducerID, FirstOffset: a.FirstOffset}
		}
	}
	if f.version >= fetchCurrentLeader && (t.err == wire.NotLeaderOrFollower || t.err == wire.FencedLeaderEpoch) {
		f.tellLeader(p, t, resp)
	}
}

// tellLeader tells a client with old metadata who leads the partition and where that broker is (KIP-951).
func (f *fetch) tellLeader(p *wire.FetchPartition, t *fetchTarget, resp *wire.FetchResponse) {
	l := t.leader
	if l.id < 0 && l.epoch >= 0 {
		l.id = f.d.nodeID // The log is here; only the epoch was wrong.
	}
	p.CurrentLeader = &wire.LeaderAndEpoch{LeaderID: l.id, LeaderEpoch: l.epoch}
	if l.id == f.d.nodeID && !f.replica && len(resp.NodeEndpoints) == 0 {
		address := f.d.addressFor(f.peer)
		resp.NodeEndpoints = []wire.NodeEndpoint{{
			NodeID: l.id, Host: address.host, Port: address.port, Rack: f.d.config().Rack,
		}}
	}
}
