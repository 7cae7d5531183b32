package group

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/coordinator/group/assignor"
)

// consumerRecords are records of consumer groups with the bytes that Apache Kafka 4.4 writes for them.
func consumerRecords() []struct {
	name       string
	record     Record
	key, value string
} {
	text := func(s string) *string { return &s }
	t1, t2 := assignor.TopicID{}, assignor.TopicID{}
	for i := range t1 {
		t1[i], t2[i] = byte(i+1), byte(i+17)
	}
	return []struct {
		name       string
		record     Record
		key, value string
	}{
		{"epoch", &ConsumerGroupRecord{Group: "g", Value: &ConsumerGroup{Epoch: 7, MetadataHash: -2}}, "0003000167", "000000000007010008fffffffffffffffe"},
		{"epoch without hash", &ConsumerGroupRecord{Group: "g", Value: &ConsumerGroup{Epoch: 7}}, "0003000167", "00000000000700"},
		{"no epoch", &ConsumerGroupRecord{Group: "g"}, "0003000167", ""},
		{"no subscription metadata", &SubscriptionMetadataRecord{Group: "g"}, "0004000167", ""},
		{
			"member", &ConsumerMemberRecord{Group: "g", Member: "m", Value: &ConsumerMember{
				InstanceID: text("i"), RackID: text("r"), ClientID: "c", ClientHost: "/h", Topics: []string{"a", "b"},
				Regex: text("x.*"), RebalanceTimeoutMs: 300_000, Assignor: text("uniform"),
			}},
			"000500016700016d", "0000026902720263032f68030261026204782e2a000493e008756e69666f726d00",
		},
		{
			"member of few words", &ConsumerMemberRecord{Group: "g", Member: "m", Value: &ConsumerMember{
				ClientID: "c", ClientHost: "/h", Regex: text(""), RebalanceTimeoutMs: -1,
			}},
			"000500016700016d", "000000000263032f680101ffffffff0000",
		},
		{
			"classic member", &ConsumerMemberRecord{Group: "g", Member: "m", Value: &ConsumerMember{
				ClientID: "c", ClientHost: "/h", Topics: []string{"a"}, Regex: text(""), RebalanceTimeoutMs: 1,
				Classic: &ClassicMember{SessionTimeoutMs: 45_000, Protocols: []ClassicProtocol{{Name: "range", Metadata: []byte{1, 2, 3}}}},
			}},
			"000500016700016d", "000000000263032f68020261010000000100010012010000afc8020672616e6765040102030000",
		},
		{"no member", &ConsumerMemberRecord{Group: "g", Member: "m"}, "000500016700016d", ""},
		{"target epoch", &TargetEpochRecord{Group: "g", Value: &TargetEpoch{Epoch: 7, TimestampMs: 1_700_000_000_000}}, "0006000167", "0000000000070100080000018bcfe56800"},
		{"target epoch without time", &TargetEpochRecord{Group: "g", Value: &TargetEpoch{Epoch: 7}}, "0006000167", "00000000000700"},
		{"no target epoch", &TargetEpochRecord{Group: "g"}, "0006000167", ""},
		{
			"target", &TargetRecord{Group: "g", Member: "m", Partitions: assignor.Partitions{t1: {0, 1, 300}, t2: {5}}}, "000700016700016d",
			"0000030102030405060708090a0b0c0d0e0f100400000000000000010000012c001112131415161718191a1b1c1d1e1f2002000000050000",
		},
		{"empty target", &TargetRecord{Group: "g", Member: "m", Partitions: assignor.Partitions{}}, "000700016700016d", "00000100"},
		{"no target", &TargetRecord{Group: "g", Member: "m"}, "000700016700016d", ""},
		{
			"current", &CurrentRecord{Group: "g", Member: "m", Value: &Current{
				MemberEpoch: 7, PreviousMemberEpoch: 6, State: MemberUnrevoked, Assigned: Owned{t1: {0: 3, 1: 7}}, Revoking: Owned{t2: {5: 2}},
			}},
			"000800016700016d", "0000000000070000000601020102030405060708090a0b0c0d0e0f10030000000000000001010009030000000300000007" +
				"021112131415161718191a1b1c1d1e1f200200000005010005020000000200",
		},
		{"no current", &CurrentRecord{Group: "g", Member: "m"}, "000800016700016d", ""},
		{
			"regex", &RegexRecord{Group: "g", Regex: "x.*", Value: &ResolvedRegex{Topics: []string{"xa", "xb"}, Version: 12, TimestampMs: 1_700_000_000_000}},
			"00100001670003782e2a", "000003037861037862000000000000000c0000018bcfe5680000",
		},
		{"no regex", &RegexRecord{Group: "g", Regex: "x.*"}, "00100001670003782e2a", ""},
	}
}

func TestConsumerGroupsAreWrittenAsKafkaDoes(t *testing.T) {
	for _, c := range consumerRecords() {
		key, value := Format{}.Encode(nil, nil, c.record)
		if got := hex.EncodeToString(key); got != c.key {
			t.Errorf("%s: key %s, want %s", c.name, got, c.key)
		}
		if got := hex.EncodeToString(value); got != c.value || (value == nil) != (c.value == "") {
			t.Errorf("%s: value %s, want %s", c.name, got, c.value)
		}
		if r := mustDecode(t, key, value); true {
			wantEqual(t, c.name, r, c.record)
		}
	}
}

func TestCutRecordsOfConsumerGroupsAreMalformed(t *testing.T) {
	for _, c := range consumerRecords() {
		key, value := Format{}.Encode(nil, nil, c.record)
		for n := range value {
			if _, err := (Format{}).Decode(key, value[:n:n]); !errors.Is(err, coordinator.ErrMalformed) {
				t.Errorf("%s: %d of %d bytes: %v", c.name, n, len(value), err)
			}
		}
		for n := 2; n < len(key); n++ {
			if _, err := (Format{}).Decode(key[:n:n], value); !errors.Is(err, coordinator.ErrMalformed) {
				t.Errorf("%s: %d of %d bytes of the key: %v", c.name, n, len(key), err)
			}
		}
		if value == nil {
			continue
		}
		value[1] = 1
		if _, err := (Format{}).Decode(key, value); !errors.Is(err, coordinator.ErrUnknownVersion) {
			t.Errorf("%s: version 1: %v", c.name, err)
		}
	}
}

func TestMemberStateOfALaterVersionIsUnknown(t *testing.T) {
	key, value := Format{}.Encode(nil, nil, &CurrentRecord{Group: "g", Member: "m", Value: &Current{State: 9}})
	if s := mustDecode(t, key, value).(*CurrentRecord).Value.State; s != MemberUnknown {
		t.Errorf("state %d", s)
	}
}

func TestPartitionsWithoutTheirEpochsAreOfTheMembersEpoch(t *testing.T) {
	id := assignor.TopicID{1}
	value := append([]byte{0, 0, 0, 0, 0, 9, 0, 0, 0, 8, 0, 2}, id[:]...)
	value = append(value, 2, 0, 0, 0, 4, 0, 1, 0)
	key, _ := Format{}.Encode(nil, nil, &CurrentRecord{Group: "g", Member: "m"})
	wantEqual(t, "assigned", mustDecode(t, key, value).(*CurrentRecord).Value.Assigned, Owned{id: {4: 9}})
}

func TestSubscriptionMetadataOfOldBrokersIsSeen(t *testing.T) {
	key, _ := Format{}.Encode(nil, nil, &SubscriptionMetadataRecord{Group: "g"})
	wantEqual(t, "record", mustDecode(t, key, []byte{0, 0, 1, 0}), Record(&SubscriptionMetadataRecord{Group: "g", Present: true}))
}
