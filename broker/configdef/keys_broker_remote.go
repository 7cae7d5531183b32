package configdef

// brokerRemoteKeys are the keys of tiered storage (RemoteLogManagerConfig in Kafka).
var brokerRemoteKeys = []Key{
	{
		Name: "remote.log.storage.system.enable", Type: Boolean, Default: "false",
		Honour: Refused, Reason: reasonRemote,
		Doc: "Whether closed segments may be moved to remote storage.",
	},
	{
		Name: "remote.log.storage.manager.class.name", Type: String, Default: Null, Check: NonEmpty{},
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Class that stores segments remotely.",
	},
	{
		Name: "remote.log.storage.manager.class.path", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Class path for that class.",
	},
	{
		Name: "remote.log.storage.manager.impl.prefix", Type: String, Default: "rsm.config.", Check: NonEmpty{},
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Prefix of the keys that are passed to that class.",
	},
	{
		Name: "remote.log.metadata.manager.class.name", Type: String, Default: "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", Check: NonEmpty{},
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Class that keeps track of remote segments.",
	},
	{
		Name: "remote.log.metadata.manager.class.path", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Class path for that class.",
	},
	{
		Name: "remote.log.metadata.manager.impl.prefix", Type: String, Default: "rlmm.config.", Check: NonEmpty{},
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Prefix of the keys that are passed to that class.",
	},
	{
		Name: "remote.log.metadata.manager.listener.name", Type: String, Default: Null, Check: NonEmpty{},
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Listener that this class connects to.",
	},
	{
		Name: "remote.log.metadata.custom.metadata.max.bytes", Type: Int, Default: "128", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Most bytes of extra metadata per remote segment.",
	},
	{
		Name: "remote.log.index.file.cache.total.size.bytes", Type: Long, Default: "1073741824", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Disk space in bytes for indexes of remote segments.",
	},
	{
		Name: "remote.log.index.file.cache.ttl.ms", Type: Long, Default: "900000", Check: AtLeast(-1), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "How long such an index stays after its last use.",
	},
	{
		Name: "remote.log.manager.thread.pool.size", Type: Int, Default: "2", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Threads that schedule the work on remote segments.",
	},
	{
		Name: "remote.log.manager.copier.thread.pool.size", Type: Int, Default: "10", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Threads that copy segments to remote storage.",
	},
	{
		Name: "remote.log.manager.expiration.thread.pool.size", Type: Int, Default: "10", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Threads that delete expired remote segments.",
	},
	{
		Name: "remote.log.manager.follower.thread.pool.size", Type: Int, Default: "2", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Threads for the remote work of followers.",
	},
	{
		Name: "remote.log.manager.task.interval.ms", Type: Long, Default: "30000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "How often remote work is looked for.",
	},
	{
		Name: "remote.log.manager.task.retry.backoff.ms", Type: Long, Default: "500", Check: AtLeast(1), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "First wait after failed remote work.",
	},
	{
		Name: "remote.log.manager.task.retry.backoff.max.ms", Type: Long, Default: "30000", Check: AtLeast(1), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Longest wait after failed remote work.",
	},
	{
		Name: "remote.log.manager.task.retry.jitter", Type: Double, Default: "0.2", Check: Between(0, 0.5), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "Random part of these waits.",
	},
	{
		Name: "remote.log.reader.threads", Type: Int, Default: "10", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Threads that read from remote storage.",
	},
	{
		Name: "remote.log.reader.max.pending.tasks", Type: Int, Default: "100", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Remote reads that may wait.",
	},
	{
		Name: "remote.log.manager.copy.max.bytes.per.second", Type: Long, Default: "9223372036854775807", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Most bytes per second copied to remote storage.",
	},
	{
		Name: "remote.log.manager.copy.quota.window.num", Type: Int, Default: "11", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Samples kept for that limit.",
	},
	{
		Name: "remote.log.manager.copy.quota.window.size.seconds", Type: Int, Default: "1", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Length of a sample for that limit.",
	},
	{
		Name: "remote.log.manager.fetch.max.bytes.per.second", Type: Long, Default: "9223372036854775807", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Most bytes per second read from remote storage.",
	},
	{
		Name: "remote.log.manager.fetch.quota.window.num", Type: Int, Default: "11", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Samples kept for that limit.",
	},
	{
		Name: "remote.log.manager.fetch.quota.window.size.seconds", Type: Int, Default: "1", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Length of a sample for that limit.",
	},
	{
		Name: "remote.fetch.max.wait.ms", Type: Int, Default: "500", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "How long a fetch waits for remote storage.",
	},
	{
		Name: "remote.list.offsets.request.timeout.ms", Type: Long, Default: "30000", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "How long ListOffsets waits for remote storage.",
	},
	{
		Name: "log.local.retention.ms", Type: Long, Default: "-2", Check: AtLeast(-2), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "How many ms a segment stays local once it is stored remotely; -2 as long as log.retention.ms says.",
	},
	{
		Name: "log.local.retention.bytes", Type: Long, Default: "-2", Check: AtLeast(-2), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Local size in bytes of a partition that is stored remotely; -2 as log.retention.bytes says.",
	},
	{
		Name: "log.remote.copy.lag.ms", Type: Long, Default: "0", Check: AtLeast(-1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "How many ms a closed segment waits before it is copied to remote storage.",
	},
	{
		Name: "log.remote.copy.lag.bytes", Type: Long, Default: "-1", Check: AtLeast(-1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Bytes of a partition that must follow a closed segment before it is copied to remote storage.",
	},
}
