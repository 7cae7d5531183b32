package configdef

// brokerClusterKeys are the keys of replication, of the controller quorum and of the
// metadata log (ReplicationConfigs, KRaftConfigs, MetadataLogConfig, QuorumConfig in
// Kafka). One broker has nothing to replicate and no quorum, but stock files set them.
var brokerClusterKeys = []Key{
	{
		Name: "controller.socket.timeout.ms", Type: Int, Default: "30000",
		Honour: NoEffect, Reason: reasonController,
		Doc: "How long Kafka's brokers wait for their controller.",
	},
	{
		Name: "default.replication.factor", Type: Int, Default: "1",
		Honour: Implemented,
		Doc:    "Replication factor of topics that are created without one. More than 1 can't be fulfilled by one broker.",
	},
	{
		Name: "replica.lag.time.max.ms", Type: Long, Default: "30000",
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "How long a follower may lag before it leaves the in-sync replicas.",
	},
	{
		Name: "replica.socket.timeout.ms", Type: Int, Default: "30000",
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "How long a follower waits for an answer to its fetch.",
	},
	{
		Name: "replica.socket.receive.buffer.bytes", Type: Int, Default: "65536",
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Receive buffer of a follower's connections.",
	},
	{
		Name: "replica.fetch.max.bytes", Type: Int, Default: "1048576", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Bytes per partition that a follower asks for.",
	},
	{
		Name: "replica.fetch.wait.max.ms", Type: Int, Default: "500",
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "How long a follower's fetch waits for new records.",
	},
	{
		Name: "replica.fetch.backoff.ms", Type: Int, Default: "1000", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "How long a follower rests after a failed fetch.",
	},
	{
		Name: "replica.fetch.min.bytes", Type: Int, Default: "1",
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Bytes that a follower's fetch waits for.",
	},
	{
		Name: "replica.fetch.response.max.bytes", Type: Int, Default: "10485760", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Most bytes of one answer to a follower.",
	},
	{
		Name: "num.replica.fetchers", Type: Int, Default: "1", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Threads that fetch from each leader.",
	},
	{
		Name: "replica.high.watermark.checkpoint.interval.ms", Type: Long, Default: "5000",
		Honour: NoEffect, Reason: reasonCheckpoint,
		Doc: "How often Kafka writes down the high watermarks.",
	},
	{
		Name: "fetch.purgatory.purge.interval.requests", Type: Int, Default: "1000",
		Honour: NoEffect, Reason: reasonPurgatory,
		Doc: "Waiting fetches after which Kafka looks for finished ones to forget.",
	},
	{
		Name: "producer.purgatory.purge.interval.requests", Type: Int, Default: "1000",
		Honour: NoEffect, Reason: reasonPurgatory,
		Doc: "Waiting produces after which Kafka looks for finished ones to forget.",
	},
	{
		Name: "delete.records.purgatory.purge.interval.requests", Type: Int, Default: "1",
		Honour: NoEffect, Reason: reasonPurgatory,
		Doc: "Waiting DeleteRecords after which Kafka looks for finished ones to forget.",
	},
	{
		Name: "auto.leader.rebalance.enable", Type: Boolean, Default: "true",
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Whether Kafka moves leadership back to the preferred replicas.",
	},
	{
		Name: "leader.imbalance.check.interval.seconds", Type: Long, Default: "300", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "How often Kafka looks for leaderships to move back.",
	},
	{
		Name: "unclean.leader.election.enable", Type: Boolean, Default: "false", Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Whether a replica that is not in sync may become leader.",
	},
	{
		Name: "unclean.leader.election.interval.ms", Type: Long, Default: "300000", Check: AtLeast(1), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "How often Kafka looks for partitions that need such an election.",
	},
	{
		Name: "replica.selector.class", Type: String, Default: Null,
		Honour: Refused, Reason: reasonPlugin,
		Doc: "Class that chooses the replica from which a consumer reads.",
	},
	{
		Name: "leader.replication.throttled.rate", Type: Long, Default: Null, Check: AtLeast(0), Dynamic: ClusterWide, Internal: true,
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Bytes per second that throttled leader replicas may send.",
	},
	{
		Name: "follower.replication.throttled.rate", Type: Long, Default: Null, Check: AtLeast(0), Dynamic: ClusterWide, Internal: true,
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Bytes per second that throttled follower replicas may receive.",
	},
	{
		Name: "replica.alter.log.dirs.io.max.bytes.per.second", Type: Long, Default: Null, Check: AtLeast(0), Dynamic: ClusterWide, Internal: true,
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Bytes per second for moving replicas between directories.",
	},
	{
		Name: "follower.fetch.last.tiered.offset.enable", Type: Boolean, Default: "false", Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Whether an empty follower starts at the last offset that is in remote storage.",
	},
	{
		Name: "initial.broker.registration.timeout.ms", Type: Int, Default: "60000",
		Honour: NoEffect, Reason: reasonController,
		Doc: "How long Kafka's broker tries to register with the controllers.",
	},
	{
		Name: "broker.heartbeat.interval.ms", Type: Int, Default: "2000",
		Honour: NoEffect, Reason: reasonController,
		Doc: "How often Kafka's broker tells the controllers that it lives.",
	},
	{
		Name: "broker.session.timeout.ms", Type: Int, Default: "9000",
		Honour: NoEffect, Reason: reasonController,
		Doc: "How long the controllers wait for such a sign before they fence a broker.",
	},
	{
		Name: "server.max.startup.time.ms", Type: Long, Default: "9223372036854775807", Check: AtLeast(0), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "How long Kafka waits for its own start.",
	},
	{
		Name: "metadata.log.dir", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonController,
		Doc: "Directory of Kafka's metadata log.",
	},
	{
		Name: "metadata.log.max.record.bytes.between.snapshots", Type: Long, Default: "20971520", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonController,
		Doc: "Bytes of metadata records after which Kafka takes a snapshot.",
	},
	{
		Name: "metadata.log.max.snapshot.interval.ms", Type: Long, Default: "3600000", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonController,
		Doc: "Longest time between two snapshots of the metadata.",
	},
	{
		Name: "metadata.log.segment.bytes", Type: Int, Default: "1073741824", Check: AtLeast(8388608),
		Honour: NoEffect, Reason: reasonController,
		Doc: "Size of a segment of the metadata log.",
	},
	{
		Name: "metadata.log.segment.ms", Type: Long, Default: "604800000",
		Honour: NoEffect, Reason: reasonController,
		Doc: "Age at which a segment of the metadata log is closed.",
	},
	{
		Name: "metadata.max.retention.bytes", Type: Long, Default: "104857600",
		Honour: NoEffect, Reason: reasonController,
		Doc: "Size above which old metadata segments and snapshots are deleted.",
	},
	{
		Name: "metadata.max.retention.ms", Type: Long, Default: "604800000",
		Honour: NoEffect, Reason: reasonController,
		Doc: "Age above which old metadata segments and snapshots are deleted.",
	},
	{
		Name: "metadata.max.idle.interval.ms", Type: Int, Default: "500", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonController,
		Doc: "How often an idle controller writes an empty record.",
	},
	{
		Name: "internal.metadata.log.segment.bytes", Type: Int, Default: Null, Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Size of a metadata segment in Kafka's own tests.",
	},
	{
		Name: "internal.metadata.max.batch.size.in.bytes", Type: Int, Default: "8388608", Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Largest batch of the metadata log in Kafka's own tests.",
	},
	{
		Name: "internal.metadata.delete.delay.millis", Type: Long, Default: "60000", Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "How long deleted metadata files stay in Kafka's own tests.",
	},
	{
		Name: "controller.performance.sample.period.ms", Type: Long, Default: "60000", Check: AtLeast(100), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "How often Kafka's controller logs its slowest events.",
	},
	{
		Name: "controller.performance.always.log.threshold.ms", Type: Long, Default: "2000", Check: AtLeast(0), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Duration above which Kafka's controller logs an event at once.",
	},
	{
		Name: "controller.quorum.voters", Type: List, Default: "", Check: QuorumVoters{},
		Honour: NoEffect, Reason: reasonController,
		Doc: "Controllers of Kafka's quorum, as id@host:port separated by commas.",
	},
	{
		Name: "controller.quorum.bootstrap.servers", Type: List, Default: "", Check: BootstrapServers{},
		Honour: NoEffect, Reason: reasonController,
		Doc: "Addresses at which Kafka finds its controllers, as host:port separated by commas.",
	},
	{
		Name: "controller.quorum.election.timeout.ms", Type: Int, Default: "1000", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonController,
		Doc: "How long a controller waits for votes.",
	},
	{
		Name: "controller.quorum.fetch.timeout.ms", Type: Int, Default: "2000", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonController,
		Doc: "How long a controller waits for its leader before it starts an election.",
	},
	{
		Name: "controller.quorum.fetch.max.bytes", Type: Int, Default: "1048576", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonController,
		Doc: "Most bytes of one fetch from the metadata log.",
	},
	{
		Name: "controller.quorum.fetch.snapshot.max.bytes", Type: Int, Default: "1048576", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonController,
		Doc: "Most bytes of one fetch of a metadata snapshot.",
	},
	{
		Name: "controller.quorum.election.backoff.max.ms", Type: Int, Default: "1000", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonController,
		Doc: "Longest rest between two elections.",
	},
	{
		Name: "controller.quorum.append.linger.ms", Type: Int, Default: "25", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonController,
		Doc: "How long the controller's leader collects writes.",
	},
	{
		Name: "controller.quorum.request.timeout.ms", Type: Int, Default: "2000", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonController,
		Doc: "How long a controller waits for an answer.",
	},
	{
		Name: "controller.quorum.retry.backoff.ms", Type: Int, Default: "20", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonController,
		Doc: "How long a controller rests before it repeats a request.",
	},
	{
		Name: "controller.quorum.auto.join.enable", Type: Boolean, Default: "false",
		Honour: NoEffect, Reason: reasonController,
		Doc: "Whether a new controller joins the quorum by itself.",
	},
	{
		Name: "unstable.api.versions.enable", Type: Boolean, Default: "false", Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Whether Kafka offers API versions that are still being developed.",
	},
	{
		Name: "unstable.feature.versions.enable", Type: Boolean, Default: "false", Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Whether Kafka offers feature versions that are still being developed.",
	},
}
