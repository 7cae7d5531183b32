package cases

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// regressionCases are bugs that real clients met on other brokers that speak this protocol, each named after the number it has in
// the project's list. Where another file asks the same in all versions, the case here is the conversation of the report.
func regressionCases(b *book) {
	regressionsOfHandshake(b)
	regressionsOfProduceAndFetch(b)
	regressionsOfAdmin(b)
}

func regressionsOfHandshake(b *book) {
	b.add("ApiVersions", 99, "regression-01-unknown-version-keeps-the-connection", script.Raw{
		What: "ApiVersions v99", Answer: versioned(kmsg.NewPtrApiVersionsResponse(), 0),
		Build: func(_ *script.Run, id int32) []byte {
			return append(rawconn.Header(18, 99, id, new("librdkafka"), true), 2, 'x', 2, '1', 0)
		},
	}, ask(apiVersions(0)), ask(metadata(1)))
	b.add("ApiVersions", 3, "regression-02-header-without-tags", ask(apiVersions(3)), ask(metadata(9)))
	b.add("ApiVersions", 0, "regression-03-pipelined-with-metadata-0", topic("t", 1), send(ask(apiVersions(0))), send(ask(metadata(0, "~t"))), script.Receive{}, script.Receive{})
	b.add("Metadata", 12, "regression-06-topic-ids-work-in-produce-and-fetch", topic("t", 1), ask(metadata(12, "~t")), ask(produceTo(13, "t", 0, plain("a"))), ask(fetch(13, "t", 0, 0)))
	b.add("Fetch", 12, "regression-07-no-tags-before-their-version", topic("t", 1), ask(fetch(12, "t", 0, 0, leaderEpoch(5))), ask(fetch(12, "t", 3, 0)), ask(fetch(16, "t", 0, 0, leaderEpoch(5))))
	all := func(v int16) script.Ask {
		return ask(metadataWith(metadata(v), func(_ *script.Run, req *kmsg.MetadataRequest) { req.Topics = nil }))
	}
	b.add("Metadata", 1, "regression-08-null-is-all-and-empty-is-none", topic("t", 1), all(1), ask(metadata(1)), ask(metadata(0)))
	b.add("Metadata", 9, "regression-08-unknown-topic-is-a-complete-entry", ask(metadata(9, "~missing", "a b")))
	b.add("Metadata", 4, "regression-08-leader-is-never-made-up", until(ask(metadataWith(metadata(4, "~new"), creating)), hasLeaders), usable("new", 1), ask(produceTo(7, "new", 0, plain("a"))))
	b.add("Metadata", 8, "regression-08-operations-not-asked-for", topic("t", 1), ask(metadata(8, "~t")))
	b.add("Metadata", 5, "regression-09-node-and-controller", ask(metadata(5)), on(1, ask(metadata(5))))
}

func regressionsOfProduceAndFetch(b *book) {
	b.add("Produce", 7, "regression-11-acks-0-does-not-stall-what-follows", topic("t", 1), silent(ask(produceTo(7, "t", 0, plain("a"), acks(0)))), silent(ask(produceTo(7, "t", 0, plain("b"), acks(0)))),
		ask(metadata(5, "~t")), fetchedUpTo(2))
	b.add("Fetch", 11, "regression-12-no-records-are-zero-bytes", topic("t", 1), ask(fetch(11, "t", 0, 0)), ask(fetch(11, "t", 0, 9)), ask(fetch(11, "t", 4, 0)), ask(fetch(11, "missing", 0, 0)))
	b.add("Fetch", 11, "regression-13-middle-of-a-batch", topic("t", 1), wrote("t", 0, batch{records: values("a", "b", "c", "d"), codec: 4}), ask(fetch(11, "t", 0, 2)), ask(fetch(11, "t", 0, 3)))
	b.add("Produce", 7, "regression-14-both-framings-of-snappy", topic("t", 1), ask(produceTo(7, "t", 0, batch{records: values("a", "b"), codec: 2})), ask(produceTo(7, "t", 0, batch{records: values("a", "b"), codec: 2, xerial: true})), fetched(0))
	b.add("Produce", 7, "regression-15-large-messages", topic("t", 1, "max.message.bytes=1000"), ask(produceTo(7, "t", 0, plain(strings.Repeat("x", 2000)))), ask(produceTo(7, "t", 0, plain(strings.Repeat("x", 900)))),
		ask(fetch(11, "t", 0, 0, maxBytes(100, 100))))
	b.add("Produce", 8, "regression-16-no-key-on-compacted", topic("t", 1, "cleanup.policy=compact"), ask(produceTo(8, "t", 0, batch{records: []record{{value: []byte("a")}, {key: []byte("k"), value: []byte("b")}, {value: []byte("c")}}})), fetched(0))
	b.add("ListOffsets", 7, "regression-17-by-time-is-the-first-at-or-after", topic("t", 2), wrote("t", 0, timed(100), timed(200, 200), timed(300)),
		ask(listOffsets(7, "t", 0, 200)), ask(listOffsets(7, "t", 0, 201)), ask(listOffsets(7, "t", 0, 301)), ask(listOffsets(7, "t", 1, 100)), ask(listOffsets(7, "t", 0, -3)), ask(listOffsets(7, "t", 1, -3)))
	b.add("ListOffsets", 5, "regression-18-end-of-an-empty-log", topic("t", 1), ask(listOffsets(5, "t", 0, -1)), ask(listOffsets(5, "t", 0, -2)), ask(fetch(11, "t", 0, 0)))
	b.add("Fetch", 11, "regression-18-log-start-offset", topic("t", 1), wrote("t", 0, plain("a", "b", "c")), deletedBefore(2), ask(fetch(11, "t", 0, 2)))
	b.add("Fetch", 11, "regression-19-sessions", topic("t", 1), wrote("t", 0, plain("a")), ask(fetch(11, "t", 0, 0, session(0, 0))), ask(fetch(11, "t", 0, 1, session(1, 1))), ask(emptyFetch(11, session(1, 1))),
		ask(fetch(11, "t", 0, 0, func(_ *script.Run, req *kmsg.FetchRequest) { req.SessionID, req.SessionEpoch = 77777, 3 })))
	b.add("Metadata", 7, "regression-20-leader-epochs-are-real", topic("t", 1), wrote("t", 0, plain("a")), ask(metadata(7, "~t")), ask(listOffsets(4, "t", 0, -1)), ask(offsetForLeaderEpoch(3, "t", 0, 0)), ask(fetch(9, "t", 0, 0, leaderEpoch(0))))
	b.add("Produce", 7, "regression-22-duplicates-answer-their-first-offset", topic("t", 1), producerID(), ask(produceTo(7, "t", 0, sequenced(1, 0, 0, "a", "b"))), ask(produceTo(7, "t", 0, sequenced(1, 0, 2, "c"))),
		ask(produceTo(7, "t", 0, sequenced(1, 0, 0, "a", "b"))), ask(produceTo(7, "t", 0, sequenced(1, 0, 9, "d"))), fetched(0))
	b.add("Produce", 7, "regression-22-producers-are-dropped-with-the-topic", topic("t", 1), producerID(), wrote("t", 0, sequenced(1, 0, 0, "a"), sequenced(1, 0, 1, "b")), deleted("t"), recreated("t", 1),
		ask(describeProducers("~t", 0)), ask(produceTo(7, "t", 0, sequenced(1, 0, 0, "c"))), fetched(0))
	b.add("DeleteRecords", 1, "regression-23-delete-records", topic("t", 1), topic("c", 1, "cleanup.policy=compact"), wrote("t", 0, plain("a", "b")), ask(deleteRecords(1, "t", 0, -1)), ask(deleteRecords(1, "c", 0, 0)), ask(deleteRecords(1, "t", 0, -2)), ask(listOffsets(5, "t", 0, -2)))
}

func regressionsOfAdmin(b *book) {
	b.add("DescribeConfigs", 1, "regression-37-only-the-keys-asked-for", topic("t", 1), ask(describeConfigs(1, onTopic, "~t", "cleanup.policy")), ask(describeConfigs(1, onBroker, "1", "num.partitions", "default.replication.factor",
		"delete.topic.enable", "log.retention.hours", "log.retention.bytes", "auto.create.topics.enable")))
	b.add("DescribeConfigs", 2, "regression-38-cleanup-policy", topic("t", 1, "cleanup.policy=compact"), topic("u", 1), topic("v", 1, "cleanup.policy=compact,delete"),
		ask(describeConfigs(2, onTopic, "~t", "cleanup.policy")), ask(describeConfigs(2, onTopic, "~u", "cleanup.policy")), ask(describeConfigs(2, onTopic, "~v", "cleanup.policy")))
	b.add("CreateTopics", 5, "regression-39-defaults-and-errors", ask(createTopics(5, newTopic{name: "~t", partitions: -1, replicas: -1}, newTopic{name: "~u", partitions: 1, replicas: 3})),
		ask(createTopics(5, newTopic{name: "~t", partitions: 1, replicas: 1})))
	b.add("IncrementalAlterConfigs", 1, "regression-40-bad-values-are-answers", topic("t", 1), ask(incrementalAlterConfigs(1, onTopic, "~t", "set retention.ms=x")), ask(incrementalAlterConfigs(1, onTopic, "~t", "set nonsense=x")),
		ask(incrementalAlterConfigs(1, onTopic, "~t", "append cleanup.policy=compact")), barrier(), ask(describeConfigs(4, onTopic, "~t", "cleanup.policy")), ask(incrementalAlterConfigs(1, onTopic, "~t", "subtract cleanup.policy=delete")),
		barrier(), ask(describeConfigs(4, onTopic, "~t", "cleanup.policy")))
	b.add("CreatePartitions", 1, "regression-41-topics-are-listed", topic("t", 1), ask(createPartitions(1, "~t", 3)), ask(createPartitions(1, "~t", 2)), ask(createPartitions(1, "~missing", 2)))
	b.add("DeleteTopics", 3, "regression-41-deletion-and-recreation", ask(deleteTopics(3, "~t")), topic("t", 1), ask(deleteTopics(3, "~t")), ask(createTopics(4, newTopic{name: "~t", partitions: 1, replicas: 1})))
	b.add("DescribeLogDirs", 1, "regression-42-sizes", topic("t", 1), wrote("t", 0, plain("a")), ask(describeLogDirs(1, "~t", 0)))
	b.add("DescribeCluster", 0, "regression-42-cluster", ask(describeCluster(0)))
	b.add("Fetch", 11, "regression-44-negative-partitions", topic("t", 1), ask(fetch(11, "t", -1, 0)), ask(produceTo(8, "t", -1, plain("a"))), ask(listOffsets(5, "t", -1, -1)), ask(metadata(5, "~t")))
	b.add("Metadata", 1, "regression-44-a-bad-request-hurts-nobody-else", topic("t", 1), ask(metadata(1, "~t")), script.Raw{
		Conn: 1, What: "garbage", Build: func(*script.Run, int32) []byte { return []byte(strings.Repeat("\xff", 40)) },
	}, ask(metadata(1, "~t")))
}
