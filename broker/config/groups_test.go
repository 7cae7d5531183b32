package config

import (
	"strings"
	"testing"

	"github.com/clatterhq/clatter/wire/record"
)

func TestGroupsHaveKafkasDefaults(t *testing.T) {
	want := Groups{
		OffsetsTopicPartitions: 50, OffsetsTopicSegmentBytes: 100 << 20, OffsetMetadataMaxBytes: 4096,
		OffsetsRetentionMs: 7 * 24 * 3600_000, OffsetsRetentionCheckIntervalMs: 600_000,
		MinSessionTimeoutMs: 6000, MaxSessionTimeoutMs: 1_800_000, InitialRebalanceDelayMs: 3000,
		MaxSize: 5000, // ours
	}
	if got := fromMap(t, nil).Current().Groups; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestGroupsTakeWhatIsSet(t *testing.T) {
	c := fromMap(t, map[string]string{
		"offsets.topic.compression.codec": "4", "offsets.retention.minutes": "2147483647", "group.max.size": "7",
	})
	got := c.Current().Groups
	if got.OffsetsTopicCodec != record.Zstd || got.OffsetsRetentionMs != 2147483647*60_000 || got.MaxSize != 7 {
		t.Errorf("%+v", got)
	}
}

func TestUnknownCodecOfOffsetsEndsTheStart(t *testing.T) {
	_, err := FromMap(map[string]string{"node.id": "1", "offsets.topic.compression.codec": "9"})
	if err == nil || !strings.Contains(err.Error(), "Unknown compression type id: 9") {
		t.Error(err)
	}
}
