package config

import (
	"cmp"

	"github.com/clatterhq/clatter/broker/configdef"
	"github.com/clatterhq/clatter/logstore"
)

// Topic keys that are asked for by name.
const (
	flushMessagesKey        = "flush.messages"
	segmentBytesKey         = "segment.bytes"
	internalSegmentBytesKey = "internal.segment.bytes"
	cleanupPolicyKey        = "cleanup.policy"
	maxDecompressedKey      = "max.decompressed.message.bytes"
	remoteStorageKey        = "remote.storage.enable"
)

// topicDefault is what a topic's key counts where the topic doesn't set it: the first
// broker key behind it that is set or has a default, converted, else the key's own
// default (extractLogConfigMap in Kafka). The value is of the topic key's type.
func topicDefault(v *values, key *configdef.Key) any {
	for _, synonym := range key.Synonyms {
		value, err := v.parsed(configdef.Broker.Lookup(synonym.Name))
		if err != nil || value == nil {
			continue
		}
		return convert(value, key.Type, cmp.Or(synonym.Factor, 1), key.Name)
	}
	standard, ok := key.EffectiveDefault()
	if !ok {
		return nil
	}
	value, err := key.Parse(standard)
	if err != nil {
		return nil
	}
	return value
}

// convert makes a broker key's value one of a topic or group key.
func convert(value any, to configdef.Type, factor int64, name string) any {
	switch v := value.(type) {
	case int32:
		if to == configdef.Long {
			return convert(int64(v), to, factor, name)
		}
	case int64:
		if name == "retention.ms" && v < 0 {
			return int64(-1) // every negative time is without limit (logRetentionTimeMillis in Kafka)
		}
		return v * factor // at most 2^31 hours, which fits
	case []string:
		// A group takes the first of the broker's assignors.
		if to == configdef.String && len(v) > 0 {
			return v[0]
		}
	}
	return value
}

// topicValue is what counts for a key of a topic with these keys of its own.
func topicValue(v *values, key *configdef.Key, overrides map[string]string) (any, error) {
	if raw, set := overrides[key.Name]; set {
		return key.Parse(raw)
	}
	return topicDefault(v, key), nil
}

// topicFields say where each topic key goes in logstore.Config. Keys that change nothing
// there have no field.
var topicFields = map[string]func(c *logstore.Config, value any){
	segmentBytesKey:       field(func(c *logstore.Config) *int32 { return &c.SegmentBytes }),
	"segment.ms":          field(func(c *logstore.Config) *int64 { return &c.SegmentMs }),
	"segment.jitter.ms":   field(func(c *logstore.Config) *int64 { return &c.SegmentJitterMs }),
	"segment.index.bytes": field(func(c *logstore.Config) *int32 { return &c.SegmentIndexBytes }),

	"index.interval.bytes": field(func(c *logstore.Config) *int32 { return &c.IndexIntervalBytes }),
	"preallocate":          field(func(c *logstore.Config) *bool { return &c.Preallocate }),
	"retention.ms":         field(func(c *logstore.Config) *int64 { return &c.RetentionMs }),
	"file.delete.delay.ms": field(func(c *logstore.Config) *int64 { return &c.FileDeleteDelayMs }),
	flushMessagesKey:       field(func(c *logstore.Config) *int64 { return &c.FlushMessages }),
	"flush.ms":             field(func(c *logstore.Config) *int64 { return &c.FlushMs }),
	"max.message.bytes":    field(func(c *logstore.Config) *int32 { return &c.MaxMessageBytes }),
	minIsrKey:              field(func(c *logstore.Config) *int32 { return &c.MinInsyncReplicas }),

	"message.timestamp.before.max.ms": field(func(c *logstore.Config) *int64 { return &c.TimestampBeforeMaxMs }),
	"message.timestamp.after.max.ms":  field(func(c *logstore.Config) *int64 { return &c.TimestampAfterMaxMs }),

	"compression.type":       field(func(c *logstore.Config) *string { return &c.CompressionType }),
	"compression.gzip.level": level(func(c *logstore.Config) *int { return &c.CompressionGzipLevel }),
	"compression.lz4.level":  level(func(c *logstore.Config) *int { return &c.CompressionLZ4Level }),
	"compression.zstd.level": level(func(c *logstore.Config) *int { return &c.CompressionZstdLevel }),

	"delete.retention.ms":       field(func(c *logstore.Config) *int64 { return &c.DeleteRetentionMs }),
	"min.compaction.lag.ms":     field(func(c *logstore.Config) *int64 { return &c.MinCompactionLagMs }),
	"max.compaction.lag.ms":     field(func(c *logstore.Config) *int64 { return &c.MaxCompactionLagMs }),
	"min.cleanable.dirty.ratio": field(func(c *logstore.Config) *float64 { return &c.MinCleanableDirtyRatio }),

	"message.timestamp.type": func(c *logstore.Config, value any) { c.LogAppendTime = value == "LogAppendTime" },
	// Every negative size is without limit, as in Kafka.
	"retention.bytes": func(c *logstore.Config, value any) { c.RetentionBytes = max(-1, value.(int64)) },
	cleanupPolicyKey: func(c *logstore.Config, value any) {
		c.CleanupPolicy = 0
		for _, policy := range value.([]string) {
			switch policy {
			case "delete":
				c.CleanupPolicy |= logstore.CleanupDelete
			case "compact":
				c.CleanupPolicy |= logstore.CleanupCompact
			}
		}
	},
}

// field takes a value over as it is.
func field[T any](at func(*logstore.Config) *T) func(*logstore.Config, any) {
	return func(c *logstore.Config, value any) { *at(c) = value.(T) }
}

// level takes a compression level over.
func level(at func(*logstore.Config) *int) func(*logstore.Config, any) {
	return func(c *logstore.Config, value any) { *at(c) = int(value.(int32)) }
}

// defaultTopicConfig is the configuration of a topic without keys of its own.
func defaultTopicConfig(v *values) *logstore.Config {
	c := &logstore.Config{}
	for name, set := range topicFields {
		set(c, topicDefault(v, configdef.Topic.Lookup(name)))
	}
	// Its default says never, but whether anybody said so makes the difference.
	if v.raw("log.flush.interval.messages") == nil {
		c.FlushMessages = logstore.NoFlushInterval
	}
	return c
}

// TopicConfig is the effective configuration of a topic with these keys of its own.
// Topics without any share one value. Overrides have been checked when they were set;
// one that has become invalid since counts as not set.
func (s *Snapshot) TopicConfig(overrides map[string]string) *logstore.Config {
	if len(overrides) == 0 {
		return s.topicDefault
	}
	c := *s.topicDefault
	for name, raw := range overrides {
		if set, known := topicFields[name]; known {
			if value, err := configdef.Topic.Lookup(name).Parse(raw); err == nil {
				set(&c, value)
			}
		}
	}
	// Kafka's internal key goes before the public one and has no lower limit.
	if raw, set := overrides[internalSegmentBytesKey]; set {
		if value, err := configdef.Topic.Lookup(internalSegmentBytesKey).Parse(raw); err == nil && value.(int32) > 0 {
			c.SegmentBytes = value.(int32)
		}
	}
	return &c
}

// MaxDecompressedBytes is the limit for what one compressed batch of a topic with these
// keys may become, or 0 where neither the topic nor the broker sets one and the
// validator's own limit holds. It is not part of logstore.Config because it concerns
// what may be appended, not how it is kept.
func (s *Snapshot) MaxDecompressedBytes(overrides map[string]string) int {
	key := configdef.Topic.Lookup(maxDecompressedKey)
	if _, set := overrides[maxDecompressedKey]; !set && s.values.raw(maxDecompressedKey) == nil {
		return 0
	}
	value, err := topicValue(s.values, key, overrides)
	if err != nil {
		return 0
	}
	return int(value.(int32))
}
