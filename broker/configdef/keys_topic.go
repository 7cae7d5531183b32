package configdef

// topicKeys are the keys of a topic (TopicConfig and LogConfig in Kafka). Synonyms
// are the broker keys that count where the topic sets none, the first one first. The order
// is that in which Kafka checks values: of several bad ones it names the first.
var topicKeys = []Key{
	{
		Name: "segment.bytes", Type: Int, Default: "1073741824", Check: AtLeast(1048576),
		Synonyms: []Synonym{{Name: "log.segment.bytes"}},
		Honour:   Implemented,
		Doc:      "Size in bytes at which a segment is closed and the next one begun.",
	},
	{
		Name: "segment.ms", Type: Long, Default: "604800000", Check: AtLeast(1),
		Synonyms: []Synonym{{Name: "log.roll.ms"}, {Name: "log.roll.hours", Factor: hour}},
		Honour:   Implemented,
		Doc:      "Age in ms at which a segment is closed though it isn't full.",
	},
	{
		Name: "segment.jitter.ms", Type: Long, Default: "0", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "log.roll.jitter.ms"}, {Name: "log.roll.jitter.hours", Factor: hour}},
		Honour:   Implemented,
		Doc:      "Most ms by which the closing by age is brought forward at random, so that not all segments close at once.",
	},
	{
		Name: "segment.index.bytes", Type: Int, Default: "10485760", Check: AtLeast(4),
		Synonyms: []Synonym{{Name: "log.index.size.max.bytes"}},
		Honour:   Implemented,
		Doc:      "Largest size in bytes of a segment's offset index; a full index closes the segment.",
	},
	{
		Name: "flush.messages", Type: Long, Default: "9223372036854775807", Check: AtLeast(1),
		Synonyms: []Synonym{{Name: "log.flush.interval.messages"}},
		Honour:   Implemented,
		Doc:      "Records after which a partition is synced to disk. Unless it or log.flush.interval.messages is set, every acks=all answer waits for a sync that it shares with others; 9223372036854775807 leaves it to the page cache.",
	},
	{
		Name: "flush.ms", Type: Long, Default: "9223372036854775807", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "log.flush.interval.ms"}, {Name: "log.flush.scheduler.interval.ms"}},
		Honour:   Implemented,
		Doc:      "Most ms that a record stays unsynced.",
	},
	{
		Name: "retention.bytes", Type: Long, Default: "-1",
		Synonyms: []Synonym{{Name: "log.retention.bytes"}},
		Honour:   Implemented,
		Doc:      "Size in bytes above which the oldest segments of a partition are deleted; -1 is without limit.",
	},
	{
		Name: "retention.ms", Type: Long, Default: "604800000", Check: AtLeast(-1),
		Synonyms: []Synonym{{Name: "log.retention.ms"}, {Name: "log.retention.minutes", Factor: minute}, {Name: "log.retention.hours", Factor: hour}},
		Honour:   Implemented,
		Doc:      "How many ms a record is kept where cleanup by deletion is on; -1 is for ever.",
	},
	{
		Name: "max.message.bytes", Type: Int, Default: "1048588", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "message.max.bytes"}},
		Honour:   Implemented,
		Doc:      "Largest record batch that the topic takes, in bytes as sent, compressed.",
	},
	{
		Name: "max.decompressed.message.bytes", Type: Int, Default: "2147483639", Check: Between(1, 2147483639),
		Synonyms: []Synonym{{Name: "max.decompressed.message.bytes"}},
		Honour:   Implemented,
		Doc:      "Largest size in bytes to which one compressed record batch may unpack. Unless it is set, the limit is 16 MiB or 16 times max.message.bytes, whichever is more.",
	},
	{
		Name: "index.interval.bytes", Type: Int, Default: "4096", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "log.index.interval.bytes"}},
		Honour:   Implemented,
		Doc:      "Bytes of records between two entries of the offset index.",
	},
	{
		Name: "delete.retention.ms", Type: Long, Default: "86400000", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "log.cleaner.delete.retention.ms"}},
		Honour:   Implemented,
		Doc:      "How many ms a tombstone stays readable after the compaction that first met it.",
	},
	{
		Name: "min.compaction.lag.ms", Type: Long, Default: "0", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "log.cleaner.min.compaction.lag.ms"}},
		Honour:   Implemented,
		Doc:      "How many ms a record is safe from compaction.",
	},
	{
		Name: "max.compaction.lag.ms", Type: Long, Default: "9223372036854775807", Check: AtLeast(1),
		Synonyms: []Synonym{{Name: "log.cleaner.max.compaction.lag.ms"}},
		Honour:   Implemented,
		Doc:      "Most ms that a record waits for compaction; the active segment is closed for it.",
	},
	{
		Name: "file.delete.delay.ms", Type: Long, Default: "60000", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "log.segment.delete.delay.ms"}},
		Honour:   Implemented,
		Doc:      "How long files that are no longer part of the log are kept before they are removed, in ms.",
	},
	{
		Name: "min.cleanable.dirty.ratio", Type: Double, Default: "0.5", Check: Between(0, 1),
		Synonyms: []Synonym{{Name: "log.cleaner.min.cleanable.ratio"}},
		Honour:   Implemented,
		Doc:      "Share of the log that must be dirty before it is compacted.",
	},
	{
		Name: "cleanup.policy", Type: List, Default: "delete", Check: ListOf{EmptyAllowed: true, Items: []string{"compact", "delete"}},
		Synonyms: []Synonym{{Name: "log.cleanup.policy"}},
		Honour:   Implemented,
		Doc:      "What happens to old records: delete by age and size, compact to the last value of each key, both, or (empty) nothing.",
	},
	{
		Name: "unclean.leader.election.enable", Type: Boolean, Default: "false",
		Synonyms: []Synonym{{Name: "unclean.leader.election.enable"}},
		Honour:   NoEffect, Reason: reasonReplication,
		Doc: "Whether a replica that is not in sync may become leader.",
	},
	{
		Name: "min.insync.replicas", Type: Int, Default: "1", Check: AtLeast(1),
		Synonyms: []Synonym{{Name: "min.insync.replicas"}},
		Honour:   Implemented,
		Doc:      "Replicas that must have a record before an acks=all produce is answered. There is one replica here, and as in Kafka no more count than a topic has.",
	},
	{
		Name: "compression.type", Type: String, Default: "producer", Check: OneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
		Synonyms: []Synonym{{Name: "compression.type"}},
		Honour:   Implemented,
		Doc:      "Codec in which record batches are kept: producer keeps what the producer chose, uncompressed none, else batches are recompressed on the way in.",
	},
	{
		Name: "compression.gzip.level", Type: Int, Default: "-1", Check: GzipLevel{},
		Synonyms: []Synonym{{Name: "compression.gzip.level"}},
		Honour:   Implemented,
		Doc:      "Level for gzip where compression.type asks for gzip; -1 is the library's default.",
	},
	{
		Name: "compression.lz4.level", Type: Int, Default: "9", Check: Between(1, 17),
		Synonyms: []Synonym{{Name: "compression.lz4.level"}},
		Honour:   Implemented,
		Doc:      "Level for lz4 where compression.type asks for lz4.",
	},
	{
		Name: "compression.zstd.level", Type: Int, Default: "3", Check: Between(-131072, 22),
		Synonyms: []Synonym{{Name: "compression.zstd.level"}},
		Honour:   Implemented,
		Doc:      "Level for zstd where compression.type asks for zstd.",
	},
	{
		Name: "preallocate", Type: Boolean, Default: "false",
		Synonyms: []Synonym{{Name: "log.preallocate"}},
		Honour:   Implemented,
		Doc:      "Whether a new segment reserves its full size on disk.",
	},
	{
		Name: "message.timestamp.type", Type: String, Default: "CreateTime", Check: OneOf("CreateTime", "LogAppendTime"),
		Synonyms: []Synonym{{Name: "log.message.timestamp.type"}},
		Honour:   Implemented,
		Doc:      "Which time a record carries: CreateTime, the producer's, or LogAppendTime, that of the broker.",
	},
	{
		Name: "message.timestamp.before.max.ms", Type: Long, Default: "9223372036854775807", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "log.message.timestamp.before.max.ms"}},
		Honour:   Implemented,
		Doc:      "How far, in ms, a record's timestamp may lie before the broker's clock.",
	},
	{
		Name: "message.timestamp.after.max.ms", Type: Long, Default: "3600000", Check: AtLeast(0),
		Synonyms: []Synonym{{Name: "log.message.timestamp.after.max.ms"}},
		Honour:   Implemented,
		Doc:      "How far, in ms, a record's timestamp may lie after the broker's clock.",
	},
	{
		Name: "leader.replication.throttled.replicas", Type: List, Default: "", Check: ThrottledReplicas{},
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Leader replicas whose replication is throttled, as partition:broker, or * for all.",
	},
	{
		Name: "follower.replication.throttled.replicas", Type: List, Default: "", Check: ThrottledReplicas{},
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Follower replicas whose replication is throttled, as partition:broker, or * for all.",
	},
	{
		Name: "remote.storage.enable", Type: Boolean, Default: "false",
		Honour: Refused, Reason: reasonRemote,
		Doc: "Whether closed segments are moved to remote storage.",
	},
	{
		Name: "local.retention.ms", Type: Long, Default: "-2", Check: AtLeast(-2),
		Synonyms: []Synonym{{Name: "log.local.retention.ms"}},
		Honour:   NoEffect, Reason: reasonRemote,
		Doc: "How many ms a segment stays local once it is stored remotely; -2 as long as retention.ms says.",
	},
	{
		Name: "local.retention.bytes", Type: Long, Default: "-2", Check: AtLeast(-2),
		Synonyms: []Synonym{{Name: "log.local.retention.bytes"}},
		Honour:   NoEffect, Reason: reasonRemote,
		Doc: "Local size in bytes of a partition that is stored remotely; -2 as retention.bytes says.",
	},
	{
		Name: "remote.log.copy.disable", Type: Boolean, Default: "false",
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Whether the remote copy is kept but not added to.",
	},
	{
		Name: "remote.copy.lag.ms", Type: Long, Default: "0", Check: AtLeast(-1),
		Synonyms: []Synonym{{Name: "log.remote.copy.lag.ms"}},
		Honour:   NoEffect, Reason: reasonRemote,
		Doc: "How many ms a closed segment waits before it is copied to remote storage.",
	},
	{
		Name: "remote.copy.lag.bytes", Type: Long, Default: "-1", Check: AtLeast(-1),
		Synonyms: []Synonym{{Name: "log.remote.copy.lag.bytes"}},
		Honour:   NoEffect, Reason: reasonRemote,
		Doc: "Bytes of the partition that must follow a closed segment before it is copied to remote storage.",
	},
	{
		Name: "remote.log.delete.on.disable", Type: Boolean, Default: "false",
		Honour: NoEffect, Reason: reasonRemote,
		Doc: "Whether the remote copy is deleted when remote storage is switched off.",
	},
	{
		Name: "errors.deadletterqueue.group.enable", Type: Boolean, Default: "false",
		Honour: NoEffect, Reason: reasonShare,
		Doc: "Whether share groups may write the records that they give up to this topic.",
	},
	{
		Name: "internal.segment.bytes", Type: Int, Default: Null, Internal: true,
		Honour: Implemented,
		Doc:    "Size in bytes at which a segment is closed, without a lower limit; for tests. It goes before segment.bytes.",
	},
}
