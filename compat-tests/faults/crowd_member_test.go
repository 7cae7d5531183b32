package faults

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// crowdTimeout is that of one request. A JoinGroup waits for the others.
	crowdTimeout = time.Minute
	crowdSession = 45_000
)

// ask sends a request of a member and expects an answer of type R.
func ask[R kmsg.Response](m *crowdMember, req kmsg.Request) (R, error) {
	resp, err := m.conn.Do(req, crowdTimeout)
	if err != nil {
		var none R
		return none, err
	}
	return resp.(R), nil
}

// joinClassic joins by the classic protocol and waits for the assignment.
func (m *crowdMember) joinClassic() error {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.ProtocolType = 9, crowdTopic, "consumer"
	req.MemberID = m.id
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = crowdSession, crowdSession
	said := kmsg.NewConsumerMemberMetadata()
	said.Topics = []string{crowdTopic}
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: said.AppendTo(nil)}}
	resp, err := ask[*kmsg.JoinGroupResponse](m, req)
	if err != nil {
		return err
	}
	if resp.MemberID != "" {
		m.id = resp.MemberID
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return err
	}
	m.generation = resp.Generation
	return m.syncClassic(resp)
}

// syncClassic asks for the assignment, and gives one partition to each member if this one leads.
func (m *crowdMember) syncClassic(join *kmsg.JoinGroupResponse) error {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 5, crowdTopic, m.id, m.generation
	req.ProtocolType, req.Protocol = join.ProtocolType, join.Protocol
	for i, x := range join.Members {
		given := kmsg.NewConsumerMemberAssignment()
		given.Topics = []kmsg.ConsumerMemberAssignmentTopic{{Topic: crowdTopic, Partitions: []int32{int32(i)}}}
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: x.MemberID, MemberAssignment: given.AppendTo(nil)})
	}
	resp, err := ask[*kmsg.SyncGroupResponse](m, req)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return err
	}
	var given kmsg.ConsumerMemberAssignment
	if err := given.ReadFrom(resp.MemberAssignment); err != nil {
		return err
	}
	m.partitions = given.Topics[0].Partitions
	return nil
}

func (m *crowdMember) beatClassic() error {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 4, crowdTopic, m.id, m.generation
	resp, err := ask[*kmsg.HeartbeatResponse](m, req)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

// joinConsumer sends a heartbeat of the consumer protocol, and another one at once if it has something to tell: what it was
// asked to give up, it has given up.
func (m *crowdMember) joinConsumer() error {
	m.id = m.name
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.MemberEpoch = 1, crowdTopic, m.id, m.generation
	if m.generation == 0 {
		req.RebalanceTimeoutMillis, req.SubscribedTopicNames = crowdSession, []string{crowdTopic}
		req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	}
	for {
		resp, err := ask[*kmsg.ConsumerGroupHeartbeatResponse](m, req)
		if err != nil {
			return err
		}
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			return err
		}
		m.generation = resp.MemberEpoch
		if resp.Assignment == nil {
			return nil
		}
		m.partitions = nil
		owned := []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		for _, t := range resp.Assignment.Topics {
			m.partitions = append(m.partitions, t.Partitions...)
			owned = append(owned, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: t.TopicID, Partitions: t.Partitions})
		}
		req = kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Version, req.Group, req.MemberID, req.MemberEpoch, req.Topics = 1, crowdTopic, m.id, m.generation, owned
	}
}

// commit commits offset 0 of what the member has.
func (m *crowdMember) commit() error { return m.commitAll(0) }

func (m *crowdMember) commitAll(offset int64) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 9, crowdTopic, m.id, m.generation
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = crowdTopic
	for _, p := range m.partitions {
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Partition, partition.Offset = p, offset
		topic.Partitions = append(topic.Partitions, partition)
	}
	req.Topics = append(req.Topics, topic)
	resp, err := ask[*kmsg.OffsetCommitResponse](m, req)
	if err != nil {
		return err
	}
	for _, p := range resp.Topics[0].Partitions {
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
	}
	return nil
}

// consume reads the record behind the committed offset of each partition, and commits that.
func (m *crowdMember) consume() error {
	for _, p := range m.partitions {
		offset, err := m.committed(p)
		if err != nil {
			return err
		}
		if offset != 0 {
			return fmt.Errorf("%w: offset %d of partition %d", errLost, offset, p)
		}
		if err := m.fetch(p, offset); err != nil {
			return err
		}
	}
	return m.commitAll(1)
}

var errLost = errors.New("not what was acknowledged")

func (m *crowdMember) committed(partition int32) (int64, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version = 9
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group, group.MemberID, group.MemberEpoch = crowdTopic, &m.id, m.generation
	group.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: crowdTopic, Partitions: []int32{partition}}}
	req.Groups = append(req.Groups, group)
	resp, err := ask[*kmsg.OffsetFetchResponse](m, req)
	if err != nil {
		return 0, err
	}
	if err := kerr.ErrorForCode(resp.Groups[0].ErrorCode); err != nil {
		return 0, fmt.Errorf("offset fetch: %w", err)
	}
	return resp.Groups[0].Topics[0].Partitions[0].Offset, nil
}

func (m *crowdMember) fetch(partition int32, offset int64) error {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.MinBytes, req.SessionEpoch = 12, 1<<20, 1, -1
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, 1<<20
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.Partitions = crowdTopic, append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	resp, err := ask[*kmsg.FetchResponse](m, req)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	records := resp.Topics[0].Partitions[0].RecordBatches
	if !bytes.Contains(records, []byte(strconv.Itoa(int(partition)))) {
		return fmt.Errorf("%w: the record of partition %d is not in %q", errLost, partition, records)
	}
	return nil
}
