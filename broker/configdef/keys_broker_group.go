package configdef

// brokerGroupKeys are the keys of the group coordinator: committed offsets, classic,
// consumer and streams groups (GroupCoordinatorConfig in Kafka).
var brokerGroupKeys = []Key{
	{
		Name: "group.coordinator.rebalance.protocols", Type: List, Default: "classic,consumer,streams", Check: ListOf{Items: []string{"consumer", "classic", "share", "streams"}},
		Doc: "Group protocols that are offered: classic, consumer, streams.",
	},
	{
		Name: "group.coordinator.threads", Type: Int, Default: "4", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonThreads,
		Doc: "Threads of Kafka's group coordinator.",
	},
	{
		Name: "group.coordinator.background.threads", Type: Int, Default: "2", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonThreads,
		Doc: "Threads for the heavier work of Kafka's group coordinator.",
	},
	{
		Name: "group.coordinator.append.linger.ms", Type: Int, Default: "-1", Check: AtLeast(-1),
		Honour: NoEffect, Reason: reasonAppends,
		Doc: "How long the group coordinator collects writes; -1 adapts to the load.",
	},
	{
		Name: "group.coordinator.cached.buffer.max.bytes", Type: Int, Default: "1048588", Check: AtLeast(524288), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonAppends,
		Doc: "Largest write buffer in bytes that the group coordinator keeps for reuse.",
	},
	{
		Name: "offsets.commit.timeout.ms", Type: Int, Default: "5000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonDefinite,
		Doc: "How long an offset commit may take until it is written.",
	},
	{
		Name: "offsets.load.buffer.size", Type: Int, Default: "5242880", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonLoading,
		Doc: "Bytes read at once when committed offsets are loaded.",
	},
	{
		Name: "offsets.topic.replication.factor", Type: Short, Default: "3", Ours: "1", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Replication factor of the topic that keeps committed offsets.",
	},
	{
		Name: "offsets.topic.num.partitions", Type: Int, Default: "50", Check: AtLeast(1),
		Doc: "Partitions of the topic that keeps committed offsets. It must not change once the topic exists.",
	},
	{
		Name: "offsets.topic.segment.bytes", Type: Int, Default: "104857600", Check: AtLeast(1),
		Doc: "Segment size of the topic that keeps committed offsets; small, so that it compacts and loads quickly.",
	},
	{
		Name: "offsets.topic.compression.codec", Type: Int, Default: "0",
		Doc: "Codec for the topic that keeps committed offsets, by its number in the protocol.",
	},
	{
		Name: "offset.metadata.max.bytes", Type: Int, Default: "4096",
		Doc: "Longest metadata text in bytes that may accompany a committed offset.",
	},
	{
		Name: "offsets.retention.minutes", Type: Int, Default: "10080", Check: AtLeast(1),
		Doc: "How long the offsets of a group without members are kept.",
	},
	{
		Name: "offsets.retention.check.interval.ms", Type: Long, Default: "600000", Check: AtLeast(1),
		Doc: "How often expired offsets are looked for.",
	},
	{
		Name: "group.min.session.timeout.ms", Type: Int, Default: "6000",
		Doc: "Shortest session timeout that a member of a classic group may ask for.",
	},
	{
		Name: "group.max.session.timeout.ms", Type: Int, Default: "1800000",
		Doc: "Longest session timeout that a member of a classic group may ask for.",
	},
	{
		Name: "group.initial.rebalance.delay.ms", Type: Int, Default: "3000",
		Doc: "How long the first rebalance of an empty classic group waits for more members.",
	},
	{
		Name: "group.max.size", Type: Int, Default: "2147483647", Ours: "5000", Check: AtLeast(1),
		Doc: "Most members of a classic group.",
	},
	{
		Name: "group.consumer.session.timeout.ms", Type: Int, Default: "45000", Check: AtLeast(1),
		Doc: "How long a member of a consumer group may stay silent before it is removed.",
	},
	{
		Name: "group.consumer.min.session.timeout.ms", Type: Int, Default: "45000", Check: AtLeast(1),
		Doc: "Least session timeout that a consumer group may be given.",
	},
	{
		Name: "group.consumer.max.session.timeout.ms", Type: Int, Default: "60000", Check: AtLeast(1),
		Doc: "Greatest session timeout that a consumer group may be given.",
	},
	{
		Name: "group.consumer.heartbeat.interval.ms", Type: Int, Default: "5000", Check: AtLeast(1),
		Doc: "How often members of a consumer group are told to send heartbeats.",
	},
	{
		Name: "group.consumer.min.heartbeat.interval.ms", Type: Int, Default: "5000", Check: AtLeast(1),
		Doc: "Least heartbeat interval that a consumer group may be given.",
	},
	{
		Name: "group.consumer.max.heartbeat.interval.ms", Type: Int, Default: "15000", Check: AtLeast(1),
		Doc: "Greatest heartbeat interval that a consumer group may be given.",
	},
	{
		Name: "group.consumer.max.size", Type: Int, Default: "2147483647", Check: AtLeast(1),
		Doc: "Most members of a consumer group.",
	},
	{
		Name: "group.consumer.assignors", Type: List, Default: "uniform,range", Check: ListOf{},
		Doc: "Assignors that consumer groups may use; the first is the default.",
	},
	{
		Name: "group.consumer.migration.policy", Type: String, Default: "bidirectional", Check: OneOfFold("DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"),
		Doc: "Which conversions between classic and consumer groups are allowed while members change over.",
	},
	{
		Name: "group.consumer.assignment.interval.ms", Type: Int, Default: "1000", Check: AtLeast(0), Dynamic: ClusterWide,
		Doc: "Least time between two assignments of a consumer group.",
	},
	{
		Name: "group.consumer.min.assignment.interval.ms", Type: Int, Default: "0", Check: AtLeast(0),
		Doc: "Least assignment interval that a consumer group may be given.",
	},
	{
		Name: "group.consumer.max.assignment.interval.ms", Type: Int, Default: "15000", Check: AtLeast(0),
		Doc: "Greatest assignment interval that a consumer group may be given.",
	},
	{
		Name: "group.consumer.assignor.offload.enable", Type: Boolean, Default: "true", Dynamic: ClusterWide, Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Whether Kafka computes consumer assignments on its background threads.",
	},
	{
		Name: "group.consumer.regex.refresh.interval.ms", Type: Int, Default: "600000", Check: AtLeast(10000), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "How often Kafka matches subscribed patterns against topics again.",
	},
	{
		Name: "group.streams.session.timeout.ms", Type: Int, Default: "45000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "How long a member of a streams group may stay silent before it is removed.",
	},
	{
		Name: "group.streams.min.session.timeout.ms", Type: Int, Default: "45000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Least session timeout that a streams group may be given.",
	},
	{
		Name: "group.streams.max.session.timeout.ms", Type: Int, Default: "60000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Greatest session timeout that a streams group may be given.",
	},
	{
		Name: "group.streams.heartbeat.interval.ms", Type: Int, Default: "5000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "How often members of a streams group are told to send heartbeats.",
	},
	{
		Name: "group.streams.min.heartbeat.interval.ms", Type: Int, Default: "5000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Least heartbeat interval that a streams group may be given.",
	},
	{
		Name: "group.streams.max.heartbeat.interval.ms", Type: Int, Default: "15000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Greatest heartbeat interval that a streams group may be given.",
	},
	{
		Name: "group.streams.max.size", Type: Int, Default: "2147483647", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Most members of a streams group.",
	},
	{
		Name: "group.streams.num.standby.replicas", Type: Int, Default: "0", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Standby copies of each task's state in a streams group.",
	},
	{
		Name: "group.streams.max.standby.replicas", Type: Int, Default: "2", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Most standby copies that a streams group may be given.",
	},
	{
		Name: "group.streams.initial.rebalance.delay.ms", Type: Int, Default: "3000", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "How long the first assignment of a streams group waits for more members.",
	},
	{
		Name: "group.streams.assignment.interval.ms", Type: Int, Default: "1000", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Least time between two assignments of a streams group.",
	},
	{
		Name: "group.streams.min.assignment.interval.ms", Type: Int, Default: "0", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Least assignment interval that a streams group may be given.",
	},
	{
		Name: "group.streams.max.assignment.interval.ms", Type: Int, Default: "15000", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Greatest assignment interval that a streams group may be given.",
	},
	{
		Name: "group.streams.assignors", Type: List, Default: "sticky", Check: ListOf{},
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Assignors that streams groups may use; the first is the default.",
	},
	{
		Name: "group.streams.rack.aware.assignment.tags", Type: List, Default: "", Check: ListOf{EmptyAllowed: true},
		Honour: NoEffect, Reason: reasonStreams,
		Doc: "Client tags over which standby tasks are spread.",
	},
	{
		Name: "group.streams.topology.description.plugin.class", Type: Class, Default: Null,
		Honour: Refused, Reason: reasonPlugin,
		Doc: "Class that takes the descriptions of streams topologies.",
	},
	{
		Name: "group.streams.assignor.offload.enable", Type: Boolean, Default: "true", Dynamic: ClusterWide, Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Whether Kafka computes streams assignments on its background threads.",
	},
	{
		Name: "group.streams.num.warmup.replicas", Type: Int, Default: "2", Check: AtLeast(0), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Warm-up tasks of a streams group.",
	},
	{
		Name: "group.streams.max.warmup.replicas", Type: Int, Default: "20", Check: AtLeast(0), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Most warm-up tasks that a streams group may be given.",
	},
	{
		Name: "group.streams.task.offset.interval.ms", Type: Int, Default: "60000", Check: AtLeast(1), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "How often streams members report the offsets of their tasks.",
	},
	{
		Name: "group.streams.min.task.offset.interval.ms", Type: Int, Default: "15000", Check: AtLeast(1), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Least interval for such reports.",
	},
	{
		Name: "group.streams.acceptable.recovery.lag", Type: Long, Default: "10000", Check: AtLeast(0), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Lag at which a warm-up task counts as caught up.",
	},
}
