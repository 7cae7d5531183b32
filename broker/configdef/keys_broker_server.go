package configdef

// brokerServerKeys are the keys of the broker itself: its identity, topics and
// requests (ServerConfigs and KRaftConfigs in Kafka).
var brokerServerKeys = []Key{
	{
		Name: "node.id", Type: Int, Default: Null, Ours: "1", Check: AtLeast(0),
		Honour: Implemented,
		Doc:    "Number of this broker in the cluster. It is written into the data directory at the first start and can't change afterwards.",
	},
	{
		Name: "broker.id", Type: Int, Default: "-1", Ours: "1",
		Honour: Implemented,
		Doc:    "Older name of node.id. Where only one of the two is set the other follows; where both are set they must be equal.",
	},
	{
		Name: "broker.rack", Type: String, Default: Null,
		Honour: Implemented,
		Doc:    "Rack or zone of this broker, as told to clients that choose replicas by rack.",
	},
	{
		Name: "process.roles", Type: List, Default: Null, Ours: "broker,controller", Check: ListOf{Items: []string{"broker", "controller"}},
		Honour: NoEffect, Reason: reasonController,
		Doc: "Roles that Kafka's quorum mode gives a process. Every value is accepted; this process is the broker and keeps the metadata itself.",
	},
	{
		Name: "message.max.bytes", Type: Int, Default: "1048588", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Largest record batch that a topic takes, in bytes as sent, compressed. Topics override it with max.message.bytes.",
	},
	{
		Name: "max.decompressed.message.bytes", Type: Int, Default: "2147483639", Check: Between(1, 2147483639), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Largest size in bytes to which one compressed record batch may unpack. Topics override it with the key of the same name.",
	},
	{
		Name: "num.io.threads", Type: Int, Default: "8", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonThreads,
		Doc: "Threads that handle requests in Kafka.",
	},
	{
		Name: "num.replica.alter.log.dirs.threads", Type: Int, Default: Null,
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Threads that move replicas between log directories in Kafka.",
	},
	{
		Name: "background.threads", Type: Int, Default: "10", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonThreads,
		Doc: "Threads for background work in Kafka.",
	},
	{
		Name: "request.timeout.ms", Type: Int, Default: "30000",
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "How long Kafka's brokers wait for an answer from each other.",
	},
	{
		Name: "socket.connection.setup.timeout.ms", Type: Long, Default: "10000",
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "How long Kafka waits for a connection to another broker to be made.",
	},
	{
		Name: "socket.connection.setup.timeout.max.ms", Type: Long, Default: "30000",
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Upper end of the growing wait for connections to other brokers.",
	},
	{
		Name: "config.providers", Type: List, Default: "", Check: ListOf{EmptyAllowed: true}, Dynamic: ClusterWide,
		Honour: Refused, Reason: reasonProviders,
		Doc: "Classes that Kafka loads to look values up elsewhere, as in ${file:path:key}.",
	},
	{
		Name: "authorizer.class.name", Type: String, Default: "",
		Honour: Refused, Reason: reasonAuthorizer,
		Doc: "Class that decides in Kafka who may do what. Empty means that everyone may do everything.",
	},
	{
		Name: "early.start.listeners", Type: List, Default: Null, Check: ListOf{EmptyAllowed: true},
		Honour: NoEffect, Reason: reasonEarlyStart,
		Doc: "Listeners that Kafka opens before its metadata has been loaded.",
	},
	{
		Name: "controlled.shutdown.enable", Type: Boolean, Default: "true",
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Whether Kafka hands its leaderships over before it stops.",
	},
	{
		Name: "auto.create.topics.enable", Type: Boolean, Default: "true",
		Honour: Implemented,
		Doc:    "Whether a topic that doesn't exist is created when a client asks for its metadata or writes to it.",
	},
	{
		Name: "delete.topic.enable", Type: Boolean, Default: "true",
		Honour: Implemented,
		Doc:    "Whether topics may be deleted. While false, DeleteTopics is refused.",
	},
	{
		Name: "compression.type", Type: String, Default: "producer", Check: OneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Codec in which record batches are kept: producer keeps what the producer chose, uncompressed none, else batches are recompressed on the way in.",
	},
	{
		Name: "compression.gzip.level", Type: Int, Default: "-1", Check: GzipLevel{}, Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Level for gzip where compression.type asks for gzip; -1 is the library's default.",
	},
	{
		Name: "compression.lz4.level", Type: Int, Default: "9", Check: Between(1, 17), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Level for lz4 where compression.type asks for lz4.",
	},
	{
		Name: "compression.zstd.level", Type: Int, Default: "3", Check: Between(-131072, 22), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Level for zstd where compression.type asks for zstd.",
	},
	{
		Name: "max.incremental.fetch.session.cache.slots", Type: Int, Default: "1000", Check: AtLeast(0),
		Honour: Implemented,
		Doc:    "Most incremental fetch sessions kept at once; when they are used up, new consumers fetch without a session.",
	},
	{
		Name: "fetch.max.bytes", Type: Int, Default: "57671680", Check: AtLeast(1024),
		Honour: Implemented,
		Doc:    "Most bytes returned for one Fetch request, whatever the client asks for. The first batch is returned even if it is larger.",
	},
	{
		Name: "max.request.partition.size.limit", Type: Int, Default: "2000", Check: AtLeast(1),
		Honour: Implemented,
		Doc:    "Most partitions that one DescribeTopicPartitions answer lists; the rest comes with the next page.",
	},
	{
		Name: "telemetry.max.bytes", Type: Int, Default: "1048576", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonTelemetry,
		Doc: "Largest metrics payload that Kafka takes from one client.",
	},
}
