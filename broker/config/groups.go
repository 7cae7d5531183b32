package config

import (
	"strconv"

	"github.com/clatterhq/clatter/wire/record"
)

// Groups is what is configured about classic groups and committed offsets (GroupCoordinatorConfig in Kafka).
type Groups struct {
	// OffsetsTopicPartitions and OffsetsTopicSegmentBytes are for __consumer_offsets when it is created.
	OffsetsTopicPartitions   int32
	OffsetsTopicSegmentBytes int32
	OffsetsTopicCodec        record.Codec // of the records in it

	OffsetMetadataMaxBytes int32 // of the text with a committed offset
	// OffsetsRetentionMs is how long offsets outlive their group's last member, and
	// OffsetsRetentionCheckIntervalMs how often somebody looks.
	OffsetsRetentionMs              int64
	OffsetsRetentionCheckIntervalMs int64

	MinSessionTimeoutMs     int32
	MaxSessionTimeoutMs     int32
	InitialRebalanceDelayMs int32
	MaxSize                 int32 // members of a group
}

// offsetsCodecKey holds the number of a codec.
const offsetsCodecKey = "offsets.topic.compression.codec"

const minuteMs = 60_000

func readGroups(v *values) Groups {
	return Groups{
		OffsetsTopicPartitions:   get[int32](v, "offsets.topic.num.partitions"),
		OffsetsTopicSegmentBytes: get[int32](v, "offsets.topic.segment.bytes"),
		OffsetsTopicCodec:        record.Codec(get[int32](v, offsetsCodecKey)),

		OffsetMetadataMaxBytes:          get[int32](v, "offset.metadata.max.bytes"),
		OffsetsRetentionMs:              int64(get[int32](v, "offsets.retention.minutes")) * minuteMs,
		OffsetsRetentionCheckIntervalMs: get[int64](v, "offsets.retention.check.interval.ms"),

		MinSessionTimeoutMs:     get[int32](v, "group.min.session.timeout.ms"),
		MaxSessionTimeoutMs:     get[int32](v, "group.max.session.timeout.ms"),
		InitialRebalanceDelayMs: get[int32](v, "group.initial.rebalance.delay.ms"),
		MaxSize:                 get[int32](v, "group.max.size"),
	}
}

// offsetsCodecRule is Kafka's CompressionType.forId, which every start of a broker calls.
var offsetsCodecRule = rule{
	key: offsetsCodecKey,
	holds: func(v *values) bool {
		codec := get[int32](v, offsetsCodecKey)
		return codec >= int32(record.None) && codec <= int32(record.Zstd)
	},
	text:   "Unknown compression type id: ",
	detail: func(v *values) string { return strconv.Itoa(int(get[int32](v, offsetsCodecKey))) },
}
