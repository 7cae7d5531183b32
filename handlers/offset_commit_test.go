package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestOffsetCommitInEveryVersion(t *testing.T) {
	b := newGroupBroker(t)
	for _, v := range versionsOf(t, wire.KeyOffsetCommit) {
		group := "g-" + itoa(int(v))
		partitions := ask[*kmsg.OffsetCommitResponse](b, commitRequest(v, group, b.topicID("t"))).Topics[0].Partitions
		wantEqual(t, group+": partitions", len(partitions), 3)
		for _, p := range partitions {
			want := wire.None
			if p.Partition == 2 {
				want = wire.UnknownTopicOrPartition
			}
			wantCode(t, group+": partition "+itoa(int(p.Partition)), p.ErrorCode, want)
		}
	}
}
