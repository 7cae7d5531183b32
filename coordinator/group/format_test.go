package group

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
)

// testCommits are committed offsets of all kinds.
func testCommits() []Commit {
	return []Commit{
		{Offset: 0, LeaderEpoch: -1, ExpireTimestamp: -1},
		{Offset: math.MaxInt64, LeaderEpoch: 7, Metadata: "größe", CommitTimestamp: 1_700_000_000_000, ExpireTimestamp: -1, TopicID: [16]byte{1, 15: 16}},
		{Offset: 42, LeaderEpoch: -1, Metadata: strings.Repeat("m", 4096), CommitTimestamp: 1, ExpireTimestamp: 1_800_000_000_000},
	}
}

func testMetadata() []Metadata {
	protocol, leader, instance := "cooperative-sticky", "client-1", "instance"
	return []Metadata{
		{ProtocolType: "consumer", Generation: 3, CurrentStateTimestamp: 1_700_000_000_000},
		{
			ProtocolType: "connect", Generation: math.MaxInt32, Protocol: &protocol, Leader: &leader, CurrentStateTimestamp: 5,
			Members: []Member{
				{ID: "client-1", ClientID: "client", ClientHost: "/192.0.2.1", RebalanceTimeoutMs: 300_000, SessionTimeoutMs: 45_000, Subscription: []byte{0, 3}, Assignment: []byte{}},
				{ID: "client-2", InstanceID: &instance, RebalanceTimeoutMs: 60_000, SessionTimeoutMs: 6000, Subscription: []byte{}, Assignment: bytes.Repeat([]byte{9}, 70_000)},
			},
		},
	}
}

// kmsgCommit is c as another implementation has it.
func kmsgCommit(c *Commit, version int16) *kmsg.OffsetCommitValue {
	return &kmsg.OffsetCommitValue{
		Version: version, Offset: c.Offset, LeaderEpoch: c.LeaderEpoch, Metadata: c.Metadata,
		CommitTimestamp: c.CommitTimestamp, ExpireTimestamp: c.ExpireTimestamp, TopicID: c.TopicID,
	}
}

func kmsgMetadata(m *Metadata, version int16) *kmsg.GroupMetadataValue {
	v := &kmsg.GroupMetadataValue{
		Version: version, ProtocolType: m.ProtocolType, Generation: m.Generation, Protocol: m.Protocol, Leader: m.Leader,
		CurrentStateTimestamp: m.CurrentStateTimestamp,
	}
	for _, x := range m.Members {
		v.Members = append(v.Members, kmsg.GroupMetadataValueMember{
			MemberID: x.ID, InstanceID: x.InstanceID, ClientID: x.ClientID, ClientHost: x.ClientHost,
			RebalanceTimeoutMillis: x.RebalanceTimeoutMs, SessionTimeoutMillis: x.SessionTimeoutMs,
			Subscription: x.Subscription, Assignment: x.Assignment,
		})
	}
	return v
}

func mustDecode(tb testing.TB, key, value []byte) Record {
	tb.Helper()
	r, err := Format{}.Decode(key, value)
	if err != nil {
		tb.Fatalf("decode %x: %v", key, err)
	}
	return r
}

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, want %+v", what, got, want)
	}
}

func TestCommittedOffsetsAreWrittenAsKafkaDoes(t *testing.T) {
	for i, c := range testCommits() {
		version := int16(4)
		if c.ExpireTimestamp >= 0 {
			version = 1
		}
		r := &OffsetRecord{Group: "group", Topic: "topic", Partition: 3, Commit: &c}
		key, value := Format{}.Encode([]byte{1}, []byte{2}, r)
		wantKey := &kmsg.OffsetCommitKey{Version: 1, Group: "group", Topic: "topic", Partition: 3}
		wantEqual(t, fmt.Sprint("key ", i), key, wantKey.AppendTo([]byte{1}))
		wantEqual(t, fmt.Sprint("value ", i), value, kmsgCommit(&c, version).AppendTo([]byte{2}))
		wantEqual(t, fmt.Sprint("decoded ", i), mustDecode(t, key[1:], value[1:]), r)
	}
}

func TestGroupsAreWrittenAsKafkaDoes(t *testing.T) {
	for i, m := range testMetadata() {
		r := &MetadataRecord{Group: "group", Metadata: &m}
		key, value := Format{}.Encode(nil, nil, r)
		wantKey := &kmsg.GroupMetadataKey{Version: 2, Group: "group"}
		wantEqual(t, fmt.Sprint("key ", i), key, wantKey.AppendTo(nil))
		wantEqual(t, fmt.Sprint("value ", i), value, kmsgMetadata(&m, 3).AppendTo(nil))
		wantEqual(t, fmt.Sprint("decoded ", i), mustDecode(t, key, value), r)
	}
}

func TestTombstones(t *testing.T) {
	for _, r := range []Record{&OffsetRecord{Group: "group", Topic: "topic", Partition: 3}, &MetadataRecord{Group: "group"}} {
		key, value := Format{}.Encode(nil, []byte{}, r)
		if value != nil {
			t.Errorf("%T: value %x, want null", r, value)
		}
		wantEqual(t, "decoded", mustDecode(t, key, nil), r)
	}
}

func TestCommittedOffsetsOfAllVersionsAreRead(t *testing.T) {
	for keyType := int16(0); keyType <= 1; keyType++ {
		key := (&kmsg.OffsetCommitKey{Version: keyType, Group: "group", Topic: "topic", Partition: 3}).AppendTo(nil)
		for version := range int16(5) {
			if keyType == 0 && version > 0 {
				continue
			}
			for _, c := range testCommits() {
				want := c
				if version < 3 {
					want.LeaderEpoch = -1
				}
				if version != 1 {
					want.ExpireTimestamp = -1
				}
				if version < 4 {
					want.TopicID = [16]byte{}
				}
				r := mustDecode(t, key, kmsgCommit(&c, version).AppendTo(nil))
				wantEqual(t, fmt.Sprintf("key %d, value %d", keyType, version), r, &OffsetRecord{Group: "group", Topic: "topic", Partition: 3, Commit: &want})
			}
		}
	}
}

func TestGroupsOfAllVersionsAreRead(t *testing.T) {
	key := (&kmsg.GroupMetadataKey{Version: 2, Group: "group"}).AppendTo(nil)
	for version := range int16(5) {
		for _, m := range testMetadata() {
			value := kmsgMetadata(&m, version).AppendTo(nil)
			want := m
			want.Members = append([]Member(nil), m.Members...)
			if version < 2 {
				want.CurrentStateTimestamp = -1
			}
			for i := range want.Members {
				if version < 3 {
					want.Members[i].InstanceID = nil
				}
				if version < 1 {
					want.Members[i].RebalanceTimeoutMs = -1
				}
			}
			wantEqual(t, fmt.Sprint("version ", version), mustDecode(t, key, value), &MetadataRecord{Group: "group", Metadata: &want})
		}
	}
}

func TestTagsFromTheFutureAreIgnored(t *testing.T) {
	c := testCommits()[1]
	v := kmsgCommit(&c, 4)
	v.UnknownTags.Set(9, []byte("future"))
	key := (&kmsg.OffsetCommitKey{Version: 1, Group: "group"}).AppendTo(nil)
	r := mustDecode(t, key, v.AppendTo(nil))
	wantEqual(t, "commit", r.(*OffsetRecord).Commit, &c)
}

func TestUnknownRecordsAreTold(t *testing.T) {
	offsetKey := (&kmsg.OffsetCommitKey{Version: 1, Group: "group", Topic: "topic"}).AppendTo(nil)
	legacyKey := (&kmsg.OffsetCommitKey{Version: 0, Group: "group", Topic: "topic"}).AppendTo(nil)
	groupKey := (&kmsg.GroupMetadataKey{Version: 2, Group: "group"}).AppendTo(nil)
	for _, c := range []struct {
		name       string
		key, value []byte
		want       error
	}{
		{"empty key", nil, nil, coordinator.ErrMalformed},
		{"unknown type", []byte{0, 99, 0, 0}, nil, coordinator.ErrUnknownRecord},
		{"unknown type with a value of a version that no type has", []byte{0, 99, 0, 0}, []byte{0, 1}, coordinator.ErrUnknownRecord},
		{"negative type", []byte{0xff, 0xff}, nil, coordinator.ErrUnknownRecord},
		{"null group", []byte{0, 2, 0xff, 0xff}, nil, coordinator.ErrMalformed},
		{"empty value", groupKey, []byte{}, coordinator.ErrMalformed},
		{"offset of version 5", offsetKey, []byte{0, 5}, coordinator.ErrUnknownVersion},
		{"legacy offset of version 1", legacyKey, []byte{0, 1}, coordinator.ErrUnknownVersion},
		{"group of version 5", groupKey, []byte{0, 5}, coordinator.ErrUnknownVersion},
		{"group of version -1", groupKey, []byte{0xff, 0xff}, coordinator.ErrUnknownVersion},
	} {
		if r, err := (Format{}).Decode(c.key, c.value); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, r, err, c.want)
		}
	}
}

func TestRecordsThatAreCutOffAreTold(t *testing.T) {
	m := testMetadata()[1]
	m.Members[1].Assignment = m.Members[1].Assignment[:10]
	c := testCommits()[1]
	type encoded struct{ key, value []byte }
	var all []encoded
	for version := range int16(5) {
		all = append(all,
			encoded{(&kmsg.OffsetCommitKey{Version: 1, Group: "group", Topic: "topic"}).AppendTo(nil), kmsgCommit(&c, version).AppendTo(nil)},
			encoded{(&kmsg.GroupMetadataKey{Version: 2, Group: "group"}).AppendTo(nil), kmsgMetadata(&m, version).AppendTo(nil)})
	}
	for _, e := range all {
		for n := range e.key {
			if _, err := (Format{}).Decode(e.key[:n], e.value); err == nil {
				t.Errorf("key %x is read", e.key[:n])
			}
		}
		for n := range e.value {
			if _, err := (Format{}).Decode(e.key, e.value[:n]); err == nil {
				t.Errorf("value %x is read", e.value[:n])
			}
		}
	}
}

func TestDecodedRecordsHoldNoView(t *testing.T) {
	m := testMetadata()[1]
	key, value := Format{}.Encode(nil, nil, &MetadataRecord{Group: "group", Metadata: &m})
	r := mustDecode(t, key, value)
	clear(key)
	clear(value)
	wantEqual(t, "group", r, &MetadataRecord{Group: "group", Metadata: &m})
}

func TestStringThatDoesNotFitIsNeverWritten(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was written")
		}
	}()
	Format{}.Encode(nil, nil, &MetadataRecord{Group: strings.Repeat("g", math.MaxInt16+1)})
}

// FuzzDecode looks for panics, and for records that don't survive being written again.
func FuzzDecode(f *testing.F) {
	for _, c := range testCommits() {
		key, value := Format{}.Encode(nil, nil, &OffsetRecord{Group: "group", Topic: "topic", Commit: &c})
		f.Add(key, value)
	}
	for _, m := range testMetadata() {
		key, value := Format{}.Encode(nil, nil, &MetadataRecord{Group: "group", Metadata: &m})
		f.Add(key, value)
		f.Add((&kmsg.GroupMetadataKey{Version: 2}).AppendTo(nil), kmsgMetadata(&m, 4).AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		r, err := Format{}.Decode(key, value)
		if err != nil {
			return
		}
		if g, ok := r.(*MetadataRecord); ok && tooLong(g.Metadata) {
			return // A flexible version can hold what the one that is written can't.
		}
		if o, ok := r.(*OffsetRecord); ok && o.Commit != nil && o.Commit.ExpireTimestamp < -1 {
			return // Kafka reads it, and writes it as none.
		}
		if o, ok := r.(*OffsetRecord); ok && o.Commit != nil && len(o.Commit.Metadata) > math.MaxInt16 {
			return
		}
		again, err := Format{}.Decode(Format{}.Encode(nil, nil, r))
		if err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		wantEqual(t, "written and read again", again, r)
	})
}

func tooLong(m *Metadata) bool {
	if m == nil {
		return false
	}
	long := func(s *string) bool { return s != nil && len(*s) > math.MaxInt16 }
	for i := range m.Members {
		x := &m.Members[i]
		if long(&x.ID) || long(x.InstanceID) || long(&x.ClientID) || long(&x.ClientHost) {
			return true
		}
	}
	return long(&m.ProtocolType) || long(m.Protocol) || long(m.Leader)
}
