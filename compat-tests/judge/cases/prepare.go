package cases

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// errAnswer says that a broker answered a preparing request with an error or with the wrong message.
var errAnswer = errors.New("unexpected answer")

// topic creates a topic and waits until it can be used. Settings are key=value.
func topic(name string, partitions int32, settings ...string) script.Setup {
	return func(r *script.Run) error {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version, req.TimeoutMillis = 7, 30_000
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = "~"+name, partitions, 1
		for _, setting := range settings {
			key, value, _ := strings.Cut(setting, "=")
			t.Configs = append(t.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: key, Value: &value})
		}
		req.Topics = append(req.Topics, t)
		resp, err := r.Do(req)
		if err != nil {
			return err
		}
		answer, ok := resp.(*kmsg.CreateTopicsResponse)
		if !ok || len(answer.Topics) != 1 {
			return fmt.Errorf("create %s: %w", name, errAnswer)
		}
		if err := kerr.ErrorForCode(answer.Topics[0].ErrorCode); err != nil {
			return fmt.Errorf("create %s: %w", name, err)
		}
		return usable(name, partitions)(r)
	}
}

// usable waits until every partition of a topic has a leader that answers, which on Kafka is a moment after its creation.
func usable(name string, partitions int32) script.Setup {
	return func(r *script.Run) error {
		return r.Poll(func() (bool, error) {
			req := kmsg.NewPtrListOffsetsRequest()
			req.Version, req.ReplicaID = 1, -1
			t := kmsg.NewListOffsetsRequestTopic()
			t.Topic = "~" + name
			for p := range partitions {
				part := kmsg.NewListOffsetsRequestTopicPartition()
				part.Partition, part.Timestamp = p, -1
				t.Partitions = append(t.Partitions, part)
			}
			req.Topics = append(req.Topics, t)
			resp, err := r.Do(req)
			if err != nil {
				return false, err
			}
			answer, ok := resp.(*kmsg.ListOffsetsResponse)
			if !ok {
				return false, errAnswer
			}
			for _, t := range answer.Topics {
				for _, p := range t.Partitions {
					if p.ErrorCode != 0 {
						return false, kerr.ErrorForCode(p.ErrorCode)
					}
				}
			}
			return true, nil
		})
	}
}

// wrote appends batches to a partition, which must succeed.
func wrote(name string, partition int32, batches ...batch) script.Setup {
	return func(r *script.Run) error {
		for _, b := range batches {
			resp, err := r.Do(produceTo(9, name, partition, b)(r))
			if err != nil {
				return err
			}
			answer, ok := resp.(*kmsg.ProduceResponse)
			if !ok || len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
				return fmt.Errorf("produce to %s: %w", name, errAnswer)
			}
			if err := kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode); err != nil {
				return fmt.Errorf("produce to %s: %w", name, err)
			}
		}
		return nil
	}
}

// producerID takes a producer id; the n-th of a case is r.Symbols.Producer(n).
func producerID() script.Setup {
	return func(r *script.Run) error {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.Version, req.ProducerID, req.ProducerEpoch = 4, -1, -1
		return r.Poll(func() (bool, error) {
			resp, err := r.Do(req)
			if err != nil {
				return false, err
			}
			answer, ok := resp.(*kmsg.InitProducerIDResponse)
			if !ok {
				return false, errAnswer
			}
			// A broker that just started has no block of ids yet and says so with a retriable error.
			return answer.ErrorCode == 0, kerr.ErrorForCode(answer.ErrorCode)
		})
	}
}

// deletedBefore deletes the records of the first partition of topic t below an offset.
func deletedBefore(offset int64) script.Setup {
	return func(r *script.Run) error {
		resp, err := r.Do(deleteRecords(2, "t", 0, offset)(r))
		if err != nil {
			return err
		}
		answer, ok := resp.(*kmsg.DeleteRecordsResponse)
		if !ok || len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
			return fmt.Errorf("delete records: %w", errAnswer)
		}
		return kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
	}
}

func deleteRecords(version int16, name string, partition int32, offset int64) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDeleteRecordsRequest()
		req.Version, req.TimeoutMillis = version, 10_000
		req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: "~" + name, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: partition, Offset: offset}}}}
		return req
	}
}
