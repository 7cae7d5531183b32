package cases

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// newTopic is a topic to be created.
type newTopic struct {
	name        string
	partitions  int32
	replicas    int16
	settings    []string // key=value; key alone has a null value.
	assignments map[int32][]int32
}

func createTopics(version int16, topics ...newTopic) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version, req.TimeoutMillis = version, 10_000
		for _, t := range topics {
			entry := kmsg.NewCreateTopicsRequestTopic()
			entry.Topic, entry.NumPartitions, entry.ReplicationFactor = t.name, t.partitions, t.replicas
			for _, setting := range t.settings {
				key, value, hasValue := strings.Cut(setting, "=")
				c := kmsg.CreateTopicsRequestTopicConfig{Name: key}
				if hasValue {
					c.Value = &value
				}
				entry.Configs = append(entry.Configs, c)
			}
			for _, p := range sortedKeys(t.assignments) {
				entry.ReplicaAssignment = append(entry.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: p, Replicas: t.assignments[p]})
			}
			req.Topics = append(req.Topics, entry)
		}
		return req
	}
}

func sortedKeys(m map[int32][]int32) []int32 {
	keys := make([]int32, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func validateOnly(build func(*script.Run) kmsg.Request) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := build(r)
		switch req := req.(type) {
		case *kmsg.CreateTopicsRequest:
			req.ValidateOnly = true
		case *kmsg.CreatePartitionsRequest:
			req.ValidateOnly = true
		case *kmsg.AlterConfigsRequest:
			req.ValidateOnly = true
		case *kmsg.IncrementalAlterConfigsRequest:
			req.ValidateOnly = true
		}
		return req
	}
}

// deleted deletes a topic; see gone for when that can be seen.
func deleted(name string) script.Setup {
	return func(r *script.Run) error {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version, req.TimeoutMillis, req.TopicNames = 5, 10_000, []string{"~" + name}
		resp, err := r.Do(req)
		if err != nil {
			return err
		}
		answer, ok := resp.(*kmsg.DeleteTopicsResponse)
		if !ok || len(answer.Topics) != 1 {
			return fmt.Errorf("delete %s: %w", name, errAnswer)
		}
		return kerr.ErrorForCode(answer.Topics[0].ErrorCode)
	}
}

// gone waits until a deleted topic can't be seen any more.
func gone(name string) script.Setup {
	return func(r *script.Run) error {
		return r.Poll(func() (bool, error) {
			resp, err := r.Do(metadata(8, "~"+name)(r))
			if err != nil {
				return false, err
			}
			answer, ok := resp.(*kmsg.MetadataResponse)
			return ok && len(answer.Topics) == 1 && answer.Topics[0].ErrorCode == kerr.UnknownTopicOrPartition.Code, nil
		})
	}
}

// recreated creates a topic that was just deleted, again.
func recreated(name string, partitions int32) script.Setup {
	return func(r *script.Run) error {
		if err := gone(name)(r); err != nil {
			return err
		}
		return topic(name, partitions)(r)
	}
}

func createTopicsCases(b *book) {
	for _, v := range versions(2, 7) {
		createEveryVersion(b, v)
	}
	for _, v := range []int16{2, 7} {
		createAssignments(b, v)
	}
	createConfigs(b, 7)
}

func createEveryVersion(b *book, v int16) {
	api := "CreateTopics"
	see := ask(metadata(8, "~t"))
	b.add(api, v, "one", ask(createTopics(v, newTopic{name: "~t", partitions: 2, replicas: 1})), until(ask(metadata(12, "~t")), hasLeaders))
	b.add(api, v, "two", ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1}, newTopic{name: "~u", partitions: 3, replicas: 1})))
	b.add(api, v, "with-settings", ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1, settings: []string{"retention.ms=1000", "cleanup.policy=compact"}})))
	b.add(api, v, "validate-only", ask(validateOnly(createTopics(v, newTopic{name: "~t", partitions: 2, replicas: 1, settings: []string{"retention.ms=1000"}}))), see)
	b.add(api, v, "validate-only-exists", topic("t", 1), ask(validateOnly(createTopics(v, newTopic{name: "~t", partitions: 2, replicas: 1}))))
	b.add(api, v, "exists", topic("t", 1), ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1})))
	b.add(api, v, "exists-with-bad-settings", topic("t", 1), ask(createTopics(v, newTopic{name: "~t", partitions: 0, replicas: 9, settings: []string{"nonsense=1"}})))
	b.add(api, v, "collides", topic("a.b", 1), ask(createTopics(v, newTopic{name: "~a_b", partitions: 1, replicas: 1})))
	b.add(api, v, "collides-within-the-request", ask(createTopics(v, newTopic{name: "~a_b", partitions: 1, replicas: 1}, newTopic{name: "~a.b", partitions: 1, replicas: 1})))
	b.add(api, v, "same-name-twice", ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1}, newTopic{name: "~t", partitions: 2, replicas: 1})), see)
	b.add(api, v, "good-and-bad", ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1}, newTopic{name: "~u", partitions: 1, replicas: 3}, newTopic{name: "a b", partitions: 1, replicas: 1})))
	for _, n := range []int32{0, -1, -2, -2147483648} {
		b.add(api, v, "partitions="+itoa(n), ask(createTopics(v, newTopic{name: "~t", partitions: n, replicas: 1})))
	}
	for _, n := range []int32{10001, 2147483647} {
		b.add(api, v, "partitions="+itoa(n), ask(createTopics(v, newTopic{name: "~t", partitions: n, replicas: 1})), see)
	}
	for _, n := range []int16{0, -1, -2, 2, 3, 32767, -32768} {
		b.add(api, v, "replicas="+itoa(n), ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: n})))
	}
	b.add(api, v, "defaults", ask(createTopics(v, newTopic{name: "~t", partitions: -1, replicas: -1})))
	for _, bad := range badTopicNames {
		if bad.what != "empty" && bad.what != "space" && v != 2 && v != 7 {
			continue // The rules for names don't depend on the version.
		}
		b.add(api, v, "name/"+bad.what, ask(createTopics(v, newTopic{name: bad.name, partitions: 1, replicas: 1})))
	}
	b.add(api, v, "unknown-setting", ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1, settings: []string{"nonsense=1"}})), see)
	b.add(api, v, "bad-value", ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1, settings: []string{"retention.ms=soon"}})))
	b.add(api, v, "null-value", ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1, settings: []string{"retention.ms"}})))
	b.add(api, v, "assigned", ask(createTopics(v, newTopic{name: "~t", partitions: -1, replicas: -1, assignments: map[int32][]int32{0: {1}, 1: {1}}})))
	b.add(api, v, "no-topics", ask(createTopics(v)))
	b.in("defaults", func() {
		b.add(api, v, "broker-defaults", ask(createTopics(v, newTopic{name: "~t", partitions: -1, replicas: -1})))
	})
}

// createAssignments is about topics whose replicas the client chose.
func createAssignments(b *book, v int16) {
	for _, c := range []struct {
		what string
		t    newTopic
	}{
		{"with-partitions", newTopic{partitions: 2, replicas: -1, assignments: map[int32][]int32{0: {1}, 1: {1}}}},
		{"with-replicas", newTopic{partitions: -1, replicas: 1, assignments: map[int32][]int32{0: {1}}}},
		{"not-from-0", newTopic{partitions: -1, replicas: -1, assignments: map[int32][]int32{1: {1}, 2: {1}}}},
		{"gap", newTopic{partitions: -1, replicas: -1, assignments: map[int32][]int32{0: {1}, 2: {1}}}},
		{"negative", newTopic{partitions: -1, replicas: -1, assignments: map[int32][]int32{-1: {1}, 0: {1}}}},
		{"unknown-broker", newTopic{partitions: -1, replicas: -1, assignments: map[int32][]int32{0: {7}}}},
		{"negative-broker", newTopic{partitions: -1, replicas: -1, assignments: map[int32][]int32{0: {-1}}}},
		{"same-broker-twice", newTopic{partitions: -1, replicas: -1, assignments: map[int32][]int32{0: {1, 1}}}},
		{"no-broker", newTopic{partitions: -1, replicas: -1, assignments: map[int32][]int32{0: {}}}},
		{"unequal-number-of-replicas", newTopic{partitions: -1, replicas: -1, assignments: map[int32][]int32{0: {1}, 1: {1, 2}}}},
	} {
		c.t.name = "~t"
		b.add("CreateTopics", v, "assigned/"+c.what, ask(createTopics(v, c.t)))
	}
	b.add("CreateTopics", v, "assigned/partition-twice", ask(func(r *script.Run) kmsg.Request {
		req := createTopics(v, newTopic{name: "~t", partitions: -1, replicas: -1, assignments: map[int32][]int32{0: {1}}})(r)
		if c, ok := req.(*kmsg.CreateTopicsRequest); ok {
			c.Topics[0].ReplicaAssignment = append(c.Topics[0].ReplicaAssignment, c.Topics[0].ReplicaAssignment[0])
		}
		return req
	}))
}

// createConfigs is about the settings that topics are created with.
func createConfigs(b *book, v int16) {
	for _, s := range topicSettings {
		b.add("CreateTopics", v, "setting/"+s, ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1, settings: []string{s}})))
	}
	b.add("CreateTopics", v, "settings/key-twice", ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1, settings: []string{"retention.ms=1000", "retention.ms=2000"}})))
	b.add("CreateTopics", v, "settings/lag-max-below-min", ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1, settings: []string{"min.compaction.lag.ms=2000", "max.compaction.lag.ms=1000"}})))
	b.add("CreateTopics", v, "settings/many", ask(createTopics(v, newTopic{name: "~t", partitions: 1, replicas: 1, settings: []string{
		"cleanup.policy=compact,delete", "compression.type=zstd", "compression.zstd.level=7", "segment.bytes=2000000", "retention.bytes=9", "unclean.leader.election.enable=true",
	}})))
}

// topicSettings are values at and beyond the edges of what each topic key allows.
var topicSettings = []string{
	"cleanup.policy=", "cleanup.policy=delete", "cleanup.policy=compact,delete", "cleanup.policy=delete,delete", "cleanup.policy=nonsense", "cleanup.policy=delete,nonsense", "cleanup.policy= compact , delete ",
	"compression.type=producer", "compression.type=none", "compression.type=nonsense", "compression.type=GZIP",
	"compression.gzip.level=0", "compression.gzip.level=9", "compression.gzip.level=10", "compression.gzip.level=-1", "compression.lz4.level=0", "compression.lz4.level=17", "compression.lz4.level=18",
	"compression.zstd.level=22", "compression.zstd.level=23", "compression.zstd.level=-131072", "compression.zstd.level=-131073",
	"delete.retention.ms=-1", "delete.retention.ms=0", "file.delete.delay.ms=-1", "flush.messages=0", "flush.messages=1", "flush.ms=-1", "flush.ms=0",
	"follower.replication.throttled.replicas=*", "follower.replication.throttled.replicas=0:1,1:2", "follower.replication.throttled.replicas=nonsense", "leader.replication.throttled.replicas=0:1",
	"index.interval.bytes=-1", "local.retention.bytes=-3", "local.retention.ms=-3", "local.retention.ms=5", "max.compaction.lag.ms=0", "max.message.bytes=-1", "max.message.bytes=2147483648",
	"message.timestamp.after.max.ms=-1", "message.timestamp.before.max.ms=-1", "message.timestamp.type=nonsense", "message.timestamp.type=LogAppendTime", "min.cleanable.dirty.ratio=-0.1",
	"min.cleanable.dirty.ratio=1.1", "min.cleanable.dirty.ratio=0.25", "min.compaction.lag.ms=-1", "min.insync.replicas=0", "min.insync.replicas=1", "preallocate=yes", "preallocate=TRUE", "preallocate=",
	"remote.storage.enable=true", "remote.storage.enable=false", "remote.log.copy.disable=true", "remote.log.delete.on.disable=true", "remote.copy.lag.ms=1", "remote.copy.lag.bytes=-5",
	"retention.bytes=-1", "retention.bytes=-2", "retention.ms=-1", "retention.ms=-2", "retention.ms=9223372036854775808", "retention.ms=1.5", "retention.ms= 7 ", "retention.ms=", "retention.ms=+5",
	"segment.bytes=1048575", "segment.bytes=1048576", "segment.bytes=2147483648", "segment.index.bytes=3", "segment.index.bytes=4", "segment.jitter.ms=-1", "segment.ms=0", "segment.ms=1",
	"unclean.leader.election.enable=maybe", "message.format.version=3.0", "message.downconversion.enable=true", "message.timestamp.difference.max.ms=5", "internal.segment.bytes=1000", "Retention.Ms=5", "=5",
}
