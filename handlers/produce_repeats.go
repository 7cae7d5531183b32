package handlers

import "github.com/twmb/franz-go/pkg/kmsg"

// repeatsPartitions reports whether a request may name a partition, or a topic, twice. It errs on the side of yes
// for requests so large that comparing would cost more than the map of withoutRepeats.
func repeatsPartitions(r *kmsg.ProduceRequest) bool {
	if len(r.Topics) > maxCompared {
		return true
	}
	for i := range r.Topics {
		t := &r.Topics[i]
		for k := range i {
			if r.Topics[k].Topic == t.Topic && r.Topics[k].TopicID == t.TopicID {
				return true
			}
		}
		if repeatsIndex(t.Partitions) {
			return true
		}
	}
	return false
}

func repeatsIndex(partitions []kmsg.ProduceRequestTopicPartition) bool {
	rising := true
	for i := 1; i < len(partitions) && rising; i++ {
		rising = partitions[i-1].Partition < partitions[i].Partition
	}
	if rising || len(partitions) > maxCompared {
		return !rising
	}
	for i := range partitions {
		for k := range i {
			if partitions[i].Partition == partitions[k].Partition {
				return true
			}
		}
	}
	return false
}

// topicKey is a topic as requests name it: by one or the other.
type topicKey struct {
	name string
	id   topicID
}

// withoutRepeats is the request with each topic and partition once: of two batches for one
// partition Kafka takes the last, since it keeps them in a map.
func withoutRepeats(r *kmsg.ProduceRequest) *kmsg.ProduceRequest {
	once := *r
	once.Topics = make([]kmsg.ProduceRequestTopic, 0, len(r.Topics))
	places := make(map[topicKey]int, len(r.Topics))
	seen := make(map[partitionKey]int, len(r.Topics))
	for i := range r.Topics {
		rt := &r.Topics[i]
		key := topicKey{rt.Topic, rt.TopicID}
		at, ok := places[key]
		if !ok {
			at = len(once.Topics)
			places[key] = at
			once.Topics = append(once.Topics, kmsg.ProduceRequestTopic{Topic: rt.Topic, TopicID: rt.TopicID})
		}
		t := &once.Topics[at]
		for _, p := range rt.Partitions {
			pk := partitionKey{id: rt.TopicID, topic: rt.Topic, partition: p.Partition}
			if place, again := seen[pk]; again {
				t.Partitions[place] = p
				continue
			}
			seen[pk] = len(t.Partitions)
			t.Partitions = append(t.Partitions, p)
		}
	}
	return &once
}
