package logstore

// CleanupPolicy is what a topic's retention may do; neither bit set keeps everything.
type CleanupPolicy uint8

// Bits of cleanup.policy.
const (
	CleanupDelete CleanupPolicy = 1 << iota
	CleanupCompact
)

// Has reports whether all bits of p are set.
func (c CleanupPolicy) Has(p CleanupPolicy) bool { return c&p == p }

// NoFlushInterval in Config.FlushMessages says that the key isn't set anywhere, which
// here means: an acks=all append is answered after a group commit.
const NoFlushInterval = 0

// Config is the effective configuration of one topic: the topic's own keys over the
// broker's. It is immutable; a change makes a new one. Names are those of the
// topic keys (TopicConfig.java), units last.
type Config struct {
	CleanupPolicy CleanupPolicy

	SegmentBytes       int32
	SegmentMs          int64
	SegmentJitterMs    int64
	SegmentIndexBytes  int32
	IndexIntervalBytes int32
	Preallocate        bool

	RetentionMs       int64 // -1: no limit
	RetentionBytes    int64 // -1: no limit
	FileDeleteDelayMs int64

	// FlushMessages is flush.messages, or NoFlushInterval where neither the topic nor the
	// broker sets it. FlushMs is flush.ms; math.MaxInt64 is never.
	FlushMessages int64
	FlushMs       int64

	MaxMessageBytes      int32
	LogAppendTime        bool // message.timestamp.type
	TimestampBeforeMaxMs int64
	TimestampAfterMaxMs  int64

	// CompressionType is Kafka's name: producer, uncompressed, gzip, snappy, lz4, zstd.
	CompressionType      string
	CompressionGzipLevel int
	CompressionLZ4Level  int
	CompressionZstdLevel int

	MinInsyncReplicas int32

	DeleteRetentionMs      int64
	MinCompactionLagMs     int64
	MaxCompactionLagMs     int64
	MinCleanableDirtyRatio float64
}
