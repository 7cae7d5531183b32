package configdef

// brokerShareKeys are the keys of share groups and of the coordinator that keeps
// their state (ShareGroupConfig and ShareCoordinatorConfig in Kafka).
var brokerShareKeys = []Key{
	{
		Name: "group.share.session.timeout.ms", Type: Int, Default: "45000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "How long a member of a share group may stay silent before it is removed.",
	},
	{
		Name: "group.share.min.session.timeout.ms", Type: Int, Default: "45000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Least session timeout that a share group may be given.",
	},
	{
		Name: "group.share.max.session.timeout.ms", Type: Int, Default: "60000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Greatest session timeout that a share group may be given.",
	},
	{
		Name: "group.share.heartbeat.interval.ms", Type: Int, Default: "5000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "How often members of a share group are told to send heartbeats.",
	},
	{
		Name: "group.share.min.heartbeat.interval.ms", Type: Int, Default: "5000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Least heartbeat interval that a share group may be given.",
	},
	{
		Name: "group.share.max.heartbeat.interval.ms", Type: Int, Default: "15000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Greatest heartbeat interval that a share group may be given.",
	},
	{
		Name: "group.share.max.size", Type: Int, Default: "200", Check: Between(1, 1000),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Most members of a share group.",
	},
	{
		Name: "group.share.assignors", Type: List, Default: "simple", Check: ListOf{},
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Assignors for share groups; the first is used.",
	},
	{
		Name: "group.share.assignment.interval.ms", Type: Int, Default: "1000", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Least time between two assignments of a share group.",
	},
	{
		Name: "group.share.min.assignment.interval.ms", Type: Int, Default: "0", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Least assignment interval that a share group may be given.",
	},
	{
		Name: "group.share.max.assignment.interval.ms", Type: Int, Default: "15000", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Greatest assignment interval that a share group may be given.",
	},
	{
		Name: "group.share.delivery.count.limit", Type: Int, Default: "5", Check: Between(2, 10),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "How often a record is delivered to a share group before it is given up.",
	},
	{
		Name: "group.share.min.delivery.count.limit", Type: Int, Default: "2", Check: Between(2, 5),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Least delivery limit that a share group may be given.",
	},
	{
		Name: "group.share.max.delivery.count.limit", Type: Int, Default: "10", Check: Between(5, 25),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Greatest delivery limit that a share group may be given.",
	},
	{
		Name: "group.share.record.lock.duration.ms", Type: Int, Default: "30000", Check: Between(1000, 3600000),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "How long a record that a share consumer acquired stays locked.",
	},
	{
		Name: "group.share.min.record.lock.duration.ms", Type: Int, Default: "15000", Check: Between(1000, 30000),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Least lock duration that a share group may be given.",
	},
	{
		Name: "group.share.max.record.lock.duration.ms", Type: Int, Default: "60000", Check: Between(30000, 3600000),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Greatest lock duration that a share group may be given.",
	},
	{
		Name: "group.share.partition.max.record.locks", Type: Int, Default: "2000", Check: Between(100, 10000),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Most locked records of one partition in a share group.",
	},
	{
		Name: "group.share.min.partition.max.record.locks", Type: Int, Default: "100", Check: Between(100, 2000),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Least limit of locks that a share group may be given.",
	},
	{
		Name: "group.share.max.partition.max.record.locks", Type: Int, Default: "4000", Check: Between(2000, 10000),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Greatest limit of locks that a share group may be given.",
	},
	{
		Name: "group.share.max.share.sessions", Type: Int, Default: "2000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Most share sessions at once.",
	},
	{
		Name: "group.share.persister.class.name", Type: String, Default: "org.apache.kafka.server.share.persister.DefaultStatePersister", Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Class that keeps the state of share groups in Kafka.",
	},
	{
		Name: "group.share.initialize.retry.interval.ms", Type: Int, Default: "30000", Check: AtLeast(1), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "How soon Kafka tries again to set up the state of a share group.",
	},
	{
		Name: "group.share.assignor.offload.enable", Type: Boolean, Default: "true", Dynamic: ClusterWide, Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Whether Kafka computes share assignments on its background threads.",
	},
	{
		Name: "group.share.dlq.manager.class.name", Type: String, Default: "org.apache.kafka.server.share.dlq.DefaultShareGroupDLQManager", Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Class that writes records that were given up to a dead letter topic in Kafka.",
	},
	{
		Name: "errors.deadletterqueue.topic.name.prefix", Type: String, Default: "dlq.", Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Prefix that dead letter topics of share groups must have.",
	},
	{
		Name: "errors.deadletterqueue.auto.create.topics.enable", Type: Boolean, Default: "false", Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Whether dead letter topics of share groups are created when they are needed.",
	},
	{
		Name: "share.coordinator.state.topic.num.partitions", Type: Int, Default: "50", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Partitions of the topic that keeps the state of share groups.",
	},
	{
		Name: "share.coordinator.state.topic.replication.factor", Type: Short, Default: "3", Ours: "1", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Replication factor of the topic that keeps the state of share groups.",
	},
	{
		Name: "share.coordinator.state.topic.min.isr", Type: Short, Default: "2", Ours: "1", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Value of min.insync.replicas for the topic that keeps the state of share groups.",
	},
	{
		Name: "share.coordinator.state.topic.segment.bytes", Type: Int, Default: "104857600", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Segment size of the topic that keeps the state of share groups.",
	},
	{
		Name: "share.coordinator.state.topic.compression.codec", Type: Int, Default: "0",
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Codec for the topic that keeps the state of share groups, by its number in the protocol.",
	},
	{
		Name: "share.coordinator.state.topic.prune.interval.ms", Type: Int, Default: "300000", Check: AtLeast(1), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "How often Kafka deletes share state that is no longer needed.",
	},
	{
		Name: "share.coordinator.threads", Type: Int, Default: "1", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonThreads,
		Doc: "Threads of Kafka's share coordinator.",
	},
	{
		Name: "share.coordinator.snapshot.update.records.per.snapshot", Type: Int, Default: "500", Check: Between(0, 500),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Changes of share state that are written between two snapshots.",
	},
	{
		Name: "share.coordinator.load.buffer.size", Type: Int, Default: "5242880", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Bytes read at once when share state is loaded.",
	},
	{
		Name: "share.coordinator.append.linger.ms", Type: Int, Default: "-1", Check: AtLeast(-1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "How long the share coordinator collects writes; -1 adapts to the load.",
	},
	{
		Name: "share.coordinator.cached.buffer.max.bytes", Type: Int, Default: "1048588", Check: AtLeast(524288), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Largest write buffer in bytes that the share coordinator keeps for reuse.",
	},
	{
		Name: "share.coordinator.write.timeout.ms", Type: Int, Default: "5000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonShare,
		Doc: "How long a write of share state may take.",
	},
	{
		Name: "share.coordinator.cold.partition.snapshot.interval.ms", Type: Int, Default: "300000", Check: AtLeast(1), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "How often Kafka takes snapshots of share state that doesn't change.",
	},
	{
		Name: "share.fetch.purgatory.purge.interval.requests", Type: Int, Default: "1000",
		Honour: NoEffect, Reason: reasonPurgatory,
		Doc: "Waiting share fetches after which Kafka looks for finished ones to forget.",
	},
}
