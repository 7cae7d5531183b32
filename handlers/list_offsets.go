// ListOffsets (key 2), versions 0-11.
//
// 0 offsets before a time, several if wanted; 1 one offset with its timestamp (KIP-79); 2 isolation level (KIP-98); 4 leader epochs
// (KIP-320); 5 OFFSET_NOT_AVAILABLE (KIP-207); 6 flexible; 7 the offset of the greatest
// timestamp, -3 (KIP-734); 8 the first local offset, -4 (KIP-405); 9 the last tiered
// offset, -5 (KIP-1005); 10 timeout for remote storage (KIP-1075); 11 the first offset to be
// tiered, -6 (KIP-1023).
//
// Kafka 4 dropped version 0, without which no consumer of librdkafka before 1.0 finds the start or the end of a partition.
//
// Knowingly absent: remote storage, so that everything is local and nothing tiered; in version 0, offsets of segments as answers.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// Timestamps with a meaning of their own (ListOffsetsRequest.java).
const (
	latestTimestamp        = -1
	earliestTimestamp      = -2
	maxTimestamp           = -3
	earliestLocalTimestamp = -4
	latestTieredTimestamp  = -5
	earliestPendingUpload  = -6
)

// specialTimestampSince is the first version that knows a special timestamp.
func specialTimestampSince(timestamp int64) (version int16, known bool) {
	switch timestamp {
	case latestTimestamp, earliestTimestamp:
		return 0, true
	case maxTimestamp:
		return 7, true
	case earliestLocalTimestamp:
		return 8, true
	case latestTieredTimestamp:
		return 9, true
	case earliestPendingUpload:
		return 11, true
	}
	return 0, false
}

func (d *Dispatcher) listOffsets(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.ListOffsetsRequest)
	image := d.topics()
	groups := newTopicGroups[kmsg.ListOffsetsResponseTopicPartition](len(r.Topics))
	for i := range r.Topics {
		rt := &r.Topics[i]
		topic := image.TopicByName(rt.Topic)
		for j := range rt.Partitions {
			rp := &rt.Partitions[j]
			p, again := groups.at(rt.Topic, rp.Partition)
			*p = kmsg.NewListOffsetsResponseTopicPartition()
			p.Partition = rp.Partition
			p.Offset, p.Timestamp, p.LeaderEpoch = -1, -1, -1
			if again {
				p.ErrorCode = int16(wire.InvalidRequest)
				continue
			}
			d.listOffset(r, topic, rp, p)
		}
	}
	resp := r.ResponseKind().(*kmsg.ListOffsetsResponse)
	for _, g := range groups.topics {
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic, topic.Partitions = g.name, g.partitions
		resp.Topics = append(resp.Topics, topic)
	}
	return answer(resp)
}

// listOffset answers for one partition.
func (d *Dispatcher) listOffset(r *kmsg.ListOffsetsRequest, topic *catalog.Topic, rp *kmsg.ListOffsetsRequestTopicPartition, p *kmsg.ListOffsetsResponseTopicPartition) {
	if rp.Timestamp < 0 {
		if since, known := specialTimestampSince(rp.Timestamp); !known || r.Version < since {
			p.ErrorCode = int16(wire.UnsupportedVersion)
			return
		}
	}
	log, code := d.partition(topic, rp.Partition)
	if code == wire.None {
		code = checkLeaderEpoch(rp.CurrentLeaderEpoch, log.Offsets().LeaderEpoch)
	}
	if code != wire.None {
		p.ErrorCode = int16(code)
		return
	}
	if r.IsolationLevel != int8(logstore.ReadUncommitted) && r.IsolationLevel != int8(logstore.ReadCommitted) {
		p.ErrorCode = int16(wire.UnknownServerError) // Kafka's exception has no code.
		return
	}
	at, ok, err := findOffset(log, rp.Timestamp, logstore.Isolation(r.IsolationLevel))
	switch {
	case err != nil:
		p.ErrorCode = int16(errorCode(err))
	case r.Version == 0:
		if !ok {
			at.Offset = log.Offsets().HighWatermark // Everything is before that time.
		}
		p.OldStyleOffsets = offsetsBefore(at.Offset, log.Offsets().LogStartOffset, rp.MaxNumOffsets)
	case ok:
		p.Offset, p.Timestamp = at.Offset, at.Timestamp
		if r.Version >= 4 {
			p.LeaderEpoch = at.LeaderEpoch
		}
	}
}

// offsetsBefore is the answer of version 0: up to limit offsets from which reading brings everything from that time on, the latest first. Kafka named where
// segments begin; we name the exact offset, and the start of the log.
func offsetsBefore(at, logStartOffset int64, limit int32) []int64 {
	offsets := []int64{at}
	if at != logStartOffset {
		offsets = append(offsets, logStartOffset)
	}
	return offsets[:min(len(offsets), int(max(limit, 0)))]
}

// findOffset resolves a timestamp; ok is false where no record answers to it.
func findOffset(log logstore.Partition, timestamp int64, isolation logstore.Isolation) (at logstore.TimestampOffset, ok bool, err error) {
	offsets := log.Offsets()
	switch timestamp {
	case latestTimestamp:
		return logstore.TimestampOffset{Offset: offsets.End(isolation), Timestamp: -1, LeaderEpoch: offsets.LeaderEpoch}, true, nil
	case earliestTimestamp, earliestLocalTimestamp:
		epoch := epochOfLogStart(log, offsets)
		return logstore.TimestampOffset{Offset: offsets.LogStartOffset, Timestamp: -1, LeaderEpoch: epoch}, true, nil
	case latestTieredTimestamp, earliestPendingUpload:
		return logstore.TimestampOffset{}, false, nil
	case maxTimestamp:
		at, ok, err = log.MaxTimestamp()
		if !ok && err == nil && offsets.LogStartOffset < offsets.LogEndOffset {
			// Records without timestamps: all have the greatest.
			at, ok = logstore.TimestampOffset{Offset: offsets.LogStartOffset, Timestamp: -1, LeaderEpoch: epochOfLogStart(log, offsets)}, true
		}
		// A record beyond what the reader may see is no answer.
		return at, ok && at.Offset < offsets.End(isolation), err
	}
	return log.OffsetForTime(timestamp, isolation)
}
