package configdef

// brokerLogKeys are the keys of segments, retention, flushing and compaction
// (LogConfig and CleanerConfig in Kafka). Topics override most of them.
var brokerLogKeys = []Key{
	{
		Name: "num.partitions", Type: Int, Default: "1", Check: AtLeast(1),
		Honour: Implemented,
		Doc:    "Partitions of a topic that is created without a count.",
	},
	{
		Name: "log.dir", Type: List, Default: "/tmp/kafka-logs", Ours: "./clatter-data", Check: ListOf{},
		Honour: Implemented,
		Doc:    "Directory for the data where log.dirs is not set.",
	},
	{
		Name: "log.dirs", Type: List, Default: Null, Check: ListOf{},
		Honour: Implemented,
		Doc:    "Directories for the data, separated by commas. Where it is not set, log.dir is used.",
	},
	{
		Name: "cordoned.log.dirs", Type: List, Default: "", Check: ListOf{EmptyAllowed: true}, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonOneDir,
		Doc: "Directories in which Kafka places no new partitions.",
	},
	{
		Name: "log.segment.bytes", Type: Int, Default: "1073741824", Check: AtLeast(1048576), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Size in bytes at which a segment is closed and the next one begun.",
	},
	{
		Name: "log.roll.ms", Type: Long, Default: Null, Dynamic: ClusterWide,
		Synonyms: []Synonym{{Name: "log.roll.ms"}, {Name: "log.roll.hours", Factor: hour}},
		Honour:   Implemented,
		Doc:      "Age in ms at which a segment is closed though it isn't full. Where it is not set, log.roll.hours counts.",
	},
	{
		Name: "log.roll.hours", Type: Int, Default: "168", Check: AtLeast(1),
		Synonyms: []Synonym{{Name: "log.roll.ms"}, {Name: "log.roll.hours", Factor: hour}},
		Honour:   Implemented,
		Doc:      "Age in hours at which a segment is closed though it isn't full.",
	},
	{
		Name: "log.roll.jitter.ms", Type: Long, Default: Null, Dynamic: ClusterWide,
		Synonyms: []Synonym{{Name: "log.roll.jitter.ms"}, {Name: "log.roll.jitter.hours", Factor: hour}},
		Honour:   Implemented,
		Doc:      "Most ms by which the closing by age is brought forward at random, so that not all segments close at once. Where it is not set, log.roll.jitter.hours counts.",
	},
	{
		Name: "log.roll.jitter.hours", Type: Int, Default: "0", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "log.roll.jitter.ms"}, {Name: "log.roll.jitter.hours", Factor: hour}},
		Honour:   Implemented,
		Doc:      "Most hours by which the closing by age is brought forward at random.",
	},
	{
		Name: "log.retention.ms", Type: Long, Default: Null, Dynamic: ClusterWide,
		Synonyms: []Synonym{{Name: "log.retention.ms"}, {Name: "log.retention.minutes", Factor: minute}, {Name: "log.retention.hours", Factor: hour}},
		Honour:   Implemented,
		Doc:      "How many ms a record is kept where cleanup by deletion is on; -1 is for ever. Where it is not set, log.retention.minutes counts, then log.retention.hours.",
	},
	{
		Name: "log.retention.minutes", Type: Int, Default: Null,
		Synonyms: []Synonym{{Name: "log.retention.ms"}, {Name: "log.retention.minutes", Factor: minute}, {Name: "log.retention.hours", Factor: hour}},
		Honour:   Implemented,
		Doc:      "How many minutes a record is kept. Where it is not set, log.retention.hours counts.",
	},
	{
		Name: "log.retention.hours", Type: Int, Default: "168",
		Synonyms: []Synonym{{Name: "log.retention.ms"}, {Name: "log.retention.minutes", Factor: minute}, {Name: "log.retention.hours", Factor: hour}},
		Honour:   Implemented,
		Doc:      "How many hours a record is kept.",
	},
	{
		Name: "log.retention.bytes", Type: Long, Default: "-1", Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Size in bytes above which the oldest segments of a partition are deleted; -1 is without limit.",
	},
	{
		Name: "log.retention.check.interval.ms", Type: Long, Default: "300000", Check: AtLeast(1),
		Honour: Implemented,
		Doc:    "How often retention looks for segments to delete, in ms.",
	},
	{
		Name: "log.cleanup.policy", Type: List, Default: "delete", Check: ListOf{EmptyAllowed: true, Items: []string{"compact", "delete"}}, Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "What happens to old records: delete by age and size, compact to the last value of each key, both, or (empty) nothing.",
	},
	{
		Name: "log.index.size.max.bytes", Type: Int, Default: "10485760", Check: AtLeast(4), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Largest size in bytes of a segment's offset index; a full index closes the segment.",
	},
	{
		Name: "log.index.interval.bytes", Type: Int, Default: "4096", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Bytes of records between two entries of the offset index.",
	},
	{
		Name: "log.flush.interval.messages", Type: Long, Default: "9223372036854775807", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Records after which a partition is synced to disk. Unless it is set, here or by a topic, every acks=all answer waits for a sync that it shares with others; 9223372036854775807 leaves it to the page cache.",
	},
	{
		Name: "log.flush.interval.ms", Type: Long, Default: Null, Dynamic: ClusterWide,
		Synonyms: []Synonym{{Name: "log.flush.interval.ms"}, {Name: "log.flush.scheduler.interval.ms"}},
		Honour:   Implemented,
		Doc:      "Most ms that a record stays unsynced. Where it is not set, log.flush.scheduler.interval.ms counts.",
	},
	{
		Name: "log.flush.scheduler.interval.ms", Type: Long, Default: "9223372036854775807",
		Honour: Implemented,
		Doc:    "Default of log.flush.interval.ms.",
	},
	{
		Name: "log.flush.offset.checkpoint.interval.ms", Type: Int, Default: "60000", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonCheckpoint,
		Doc: "How often Kafka writes down the point from which recovery must scan a log.",
	},
	{
		Name: "log.flush.start.offset.checkpoint.interval.ms", Type: Int, Default: "60000", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonCheckpoint,
		Doc: "How often Kafka writes down the log start offsets.",
	},
	{
		Name: "log.segment.delete.delay.ms", Type: Long, Default: "60000", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "How long files that are no longer part of a log are kept before they are removed, in ms.",
	},
	{
		Name: "log.preallocate", Type: Boolean, Default: "false", Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Whether a new segment reserves its full size on disk.",
	},
	{
		Name: "num.recovery.threads.per.data.dir", Type: Int, Default: "2", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonThreads,
		Doc: "Threads that recover the logs of a directory at the start.",
	},
	{
		Name: "min.insync.replicas", Type: Int, Default: "1", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Replicas that must have a record before an acks=all produce is answered. There is one replica here, so a value above 1 refuses such produces.",
	},
	{
		Name: "log.message.timestamp.type", Type: String, Default: "CreateTime", Check: OneOf("CreateTime", "LogAppendTime"), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Which time a record carries: CreateTime, the producer's, or LogAppendTime, that of the broker.",
	},
	{
		Name: "log.message.timestamp.before.max.ms", Type: Long, Default: "9223372036854775807", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "How far, in ms, a record's timestamp may lie before the broker's clock.",
	},
	{
		Name: "log.message.timestamp.after.max.ms", Type: Long, Default: "3600000", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "How far, in ms, a record's timestamp may lie after the broker's clock.",
	},
	{
		Name: "create.topic.policy.class.name", Type: Class, Default: Null,
		Honour: Refused, Reason: reasonPlugin,
		Doc: "Class that Kafka asks whether a topic may be created.",
	},
	{
		Name: "alter.config.policy.class.name", Type: Class, Default: Null,
		Honour: Refused, Reason: reasonPlugin,
		Doc: "Class that Kafka asks whether a configuration may be changed.",
	},
	{
		Name: "log.dir.failure.timeout.ms", Type: Long, Default: "30000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "How long Kafka waits to tell its controller of a failed directory before it stops.",
	},
	{
		Name: "log.initial.task.delay.ms", Type: Long, Default: "30000", Check: AtLeast(0), Internal: true,
		Honour: NoEffect, Reason: reasonInternal,
		Doc: "How long Kafka's retention and cleaning wait after the start.",
	},
	{
		Name: "log.cleaner.threads", Type: Int, Default: "1", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "How many logs are compacted at once; 0 compacts none.",
	},
	{
		Name: "log.cleaner.io.max.bytes.per.second", Type: Double, Default: "1.7976931348623157E308", Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Most bytes per second that compaction reads and writes, all threads together.",
	},
	{
		Name: "log.cleaner.dedupe.buffer.size", Type: Long, Default: "134217728", Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Most memory in bytes for the maps of keys during compaction, of all threads together: 24 bytes for each key. No more is taken than a log needs.",
	},
	{
		Name: "log.cleaner.io.buffer.size", Type: Int, Default: "524288", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Memory in bytes for reading and writing during compaction, of all threads together.",
	},
	{
		Name: "log.cleaner.io.buffer.load.factor", Type: Double, Default: "0.9", Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "How full the map of keys may become during compaction.",
	},
	{
		Name: "log.cleaner.backoff.ms", Type: Long, Default: "15000", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "How long in ms compaction rests at least when it has found nothing to compact; at most 5000 for topics that set max.compaction.lag.ms.",
	},
	{
		Name: "log.cleaner.min.cleanable.ratio", Type: Double, Default: "0.5", Check: Between(0, 1), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Share of a log that must be dirty before it is compacted.",
	},
	{
		Name: "log.cleaner.enable", Type: Boolean, Default: "true",
		Honour: Implemented,
		Doc:    "Whether compaction runs at all.",
	},
	{
		Name: "log.cleaner.delete.retention.ms", Type: Long, Default: "86400000", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "How many ms a tombstone stays readable after the compaction that first met it.",
	},
	{
		Name: "log.cleaner.min.compaction.lag.ms", Type: Long, Default: "0", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "How many ms a record is safe from compaction.",
	},
	{
		Name: "log.cleaner.max.compaction.lag.ms", Type: Long, Default: "9223372036854775807", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Most ms that a record waits for compaction; the active segment is closed for it.",
	},
}
