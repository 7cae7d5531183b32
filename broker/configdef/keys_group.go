package configdef

// groupKeys are the keys of a group (GroupConfig in Kafka, KIP-848 and KIP-932), in the
// order in which Kafka checks values.
var groupKeys = []Key{
	{
		Name: "consumer.session.timeout.ms", Type: Int, Default: "45000", Check: AtLeast(1),
		Synonyms: []Synonym{{Name: "group.consumer.session.timeout.ms"}},
		Doc:      "How long a member of the group may stay silent before it is removed, with the consumer protocol.",
	},
	{
		Name: "consumer.heartbeat.interval.ms", Type: Int, Default: "5000", Check: AtLeast(1),
		Synonyms: []Synonym{{Name: "group.consumer.heartbeat.interval.ms"}},
		Doc:      "How often members are told to send heartbeats, with the consumer protocol.",
	},
	{
		Name: "consumer.assignment.interval.ms", Type: Int, Default: "1000", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "group.consumer.assignment.interval.ms"}},
		Doc:      "Least time between two assignments, with the consumer protocol.",
	},
	{
		Name: "consumer.assignor.offload.enable", Type: Boolean, Default: "true", Internal: true,
		Synonyms: []Synonym{{Name: "group.consumer.assignor.offload.enable"}},
		Honour:   NoEffect, Reason: reasonInternal,
		Doc: "Whether Kafka computes the assignment on its background threads, with the consumer protocol.",
	},
	{
		Name: "share.session.timeout.ms", Type: Int, Default: "45000", Check: AtLeast(1),
		Synonyms: []Synonym{{Name: "group.share.session.timeout.ms"}},
		Honour:   NoEffect, Reason: reasonShare,
		Doc: "How long a member of the share group may stay silent before it is removed.",
	},
	{
		Name: "share.heartbeat.interval.ms", Type: Int, Default: "5000", Check: AtLeast(1),
		Synonyms: []Synonym{{Name: "group.share.heartbeat.interval.ms"}},
		Honour:   NoEffect, Reason: reasonShare,
		Doc: "How often members of the share group are told to send heartbeats.",
	},
	{
		Name: "share.record.lock.duration.ms", Type: Int, Default: "30000", Check: AtLeast(1000),
		Synonyms: []Synonym{{Name: "group.share.record.lock.duration.ms"}},
		Honour:   NoEffect, Reason: reasonShare,
		Doc: "How long an acquired record stays locked.",
	},
	{
		Name: "share.delivery.count.limit", Type: Int, Default: "5", Check: AtLeast(2),
		Synonyms: []Synonym{{Name: "group.share.delivery.count.limit"}},
		Honour:   NoEffect, Reason: reasonShare,
		Doc: "How often a record is delivered before it is given up.",
	},
	{
		Name: "share.partition.max.record.locks", Type: Int, Default: "2000", Check: AtLeast(100),
		Synonyms: []Synonym{{Name: "group.share.partition.max.record.locks"}},
		Honour:   NoEffect, Reason: reasonShare,
		Doc: "Most locked records of one partition.",
	},
	{
		Name: "share.auto.offset.reset", Type: String, Default: "latest", Check: AutoOffsetReset{},
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Where the share group starts a partition: latest, earliest, or by_duration: with an ISO 8601 duration before now.",
	},
	{
		Name: "share.isolation.level", Type: String, Default: "read_uncommitted", Check: OneOf("read_committed", "read_uncommitted"),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Whether the share group sees records of transactions that are open or were aborted.",
	},
	{
		Name: "share.renew.acknowledge.enable", Type: Boolean, Default: "true",
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Whether consumers may renew the lock of a record.",
	},
	{
		Name: "share.assignment.interval.ms", Type: Int, Default: "1000", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "group.share.assignment.interval.ms"}},
		Honour:   NoEffect, Reason: reasonShare,
		Doc: "Least time between two assignments of the share group.",
	},
	{
		Name: "share.assignor.offload.enable", Type: Boolean, Default: "true", Internal: true,
		Synonyms: []Synonym{{Name: "group.share.assignor.offload.enable"}},
		Honour:   NoEffect, Reason: reasonInternal,
		Doc: "Whether Kafka computes the share assignment on its background threads.",
	},
	{
		Name: "streams.session.timeout.ms", Type: Int, Default: "45000", Check: AtLeast(1),
		Synonyms: []Synonym{{Name: "group.streams.session.timeout.ms"}},
		Honour:   NoEffect, Reason: reasonStreams,
		Doc: "How long a member of the streams group may stay silent before it is removed.",
	},
	{
		Name: "streams.heartbeat.interval.ms", Type: Int, Default: "5000", Check: AtLeast(1),
		Synonyms: []Synonym{{Name: "group.streams.heartbeat.interval.ms"}},
		Honour:   NoEffect, Reason: reasonStreams,
		Doc: "How often members of the streams group are told to send heartbeats.",
	},
	{
		Name: "streams.num.standby.replicas", Type: Int, Default: "0", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "group.streams.num.standby.replicas"}},
		Honour:   NoEffect, Reason: reasonStreams,
		Doc: "Standby copies of each task's state.",
	},
	{
		Name: "streams.initial.rebalance.delay.ms", Type: Int, Default: "3000", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "group.streams.initial.rebalance.delay.ms"}},
		Honour:   NoEffect, Reason: reasonStreams,
		Doc: "How long the first assignment waits for more members.",
	},
	{
		Name: "streams.assignment.interval.ms", Type: Int, Default: "1000", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "group.streams.assignment.interval.ms"}},
		Honour:   NoEffect, Reason: reasonStreams,
		Doc: "Least time between two assignments of the streams group.",
	},
	{
		Name: "streams.assignor.offload.enable", Type: Boolean, Default: "true", Internal: true,
		Synonyms: []Synonym{{Name: "group.streams.assignor.offload.enable"}},
		Honour:   NoEffect, Reason: reasonInternal,
		Doc: "Whether Kafka computes the streams assignment on its background threads.",
	},
	{
		Name: "streams.task.offset.interval.ms", Type: Int, Default: "60000", Check: AtLeast(1), Internal: true,
		Synonyms: []Synonym{{Name: "group.streams.task.offset.interval.ms"}},
		Honour:   NoEffect, Reason: reasonInternal,
		Doc: "How often members report the offsets of their tasks.",
	},
	{
		Name: "streams.num.warmup.replicas", Type: Int, Default: "2", Check: AtLeast(0), Internal: true,
		Synonyms: []Synonym{{Name: "group.streams.num.warmup.replicas"}},
		Honour:   NoEffect, Reason: reasonInternal,
		Doc: "Warm-up tasks of the streams group.",
	},
	{
		Name: "streams.rack.aware.assignment.tags", Type: List, Default: "", Check: ListOf{EmptyAllowed: true},
		Synonyms: []Synonym{{Name: "group.streams.rack.aware.assignment.tags"}},
		Honour:   NoEffect, Reason: reasonStreams,
		Doc: "Client tags over which standby tasks are spread.",
	},
	{
		Name: "streams.acceptable.recovery.lag", Type: Long, Default: "10000", Check: AtLeast(0), Internal: true,
		Synonyms: []Synonym{{Name: "group.streams.acceptable.recovery.lag"}},
		Honour:   NoEffect, Reason: reasonInternal,
		Doc: "Lag at which a warm-up task counts as caught up.",
	},
	{
		Name: "streams.assignor.name", Type: String, Default: Null,
		Synonyms: []Synonym{{Name: "group.streams.assignors"}},
		Honour:   NoEffect, Reason: reasonStreams,
		Doc: "Assignor of the streams group.",
	},
	{
		Name: "errors.deadletterqueue.topic.name", Type: String, Default: "",
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Topic for the records that the share group gives up; empty for none.",
	},
	{
		Name: "errors.deadletterqueue.copy.record.enable", Type: Boolean, Default: "false",
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Whether the whole record is written to that topic, or only where it stands.",
	},
}
