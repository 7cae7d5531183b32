package schema

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestOffsetCommitsAreText(t *testing.T) {
	k := kmsg.OffsetCommitKey{Version: 1, Group: "g\"", Topic: "t", Partition: 3}
	v := kmsg.OffsetCommitValue{Version: 3, Offset: 5, LeaderEpoch: -1, Metadata: "m", CommitTimestamp: 9}
	key, value, _, _ := Offsets(0, k.AppendTo(nil), v.AppendTo(nil))
	if key != `{"type":"1","data":{"group":"g\"","topic":"t","partition":3}}` {
		t.Error(key)
	}
	if value != `{"version":"3","data":{"offset":5,"leaderEpoch":-1,"metadata":"m","commitTimestamp":9}}` {
		t.Error(value)
	}
	if _, value, _, has := Offsets(0, k.AppendTo(nil), nil); value != "<DELETE>" || !has {
		t.Error(value)
	}
}

func TestClassicGroupsAreText(t *testing.T) {
	subscribed := kmsg.ConsumerMemberMetadata{Version: 1, Topics: []string{"t"}}
	assigned := kmsg.ConsumerMemberAssignment{Version: 0, Topics: []kmsg.ConsumerMemberAssignmentTopic{{Topic: "t", Partitions: []int32{0, 1}}}}
	v := kmsg.GroupMetadataValue{Version: 3, ProtocolType: "consumer", Generation: 2, CurrentStateTimestamp: 7, Members: []kmsg.GroupMetadataValueMember{
		{MemberID: "m", ClientID: "c", ClientHost: "h", RebalanceTimeoutMillis: 1, SessionTimeoutMillis: 2, Subscription: subscribed.AppendTo(nil), Assignment: assigned.AppendTo(nil)},
	}}
	k := kmsg.GroupMetadataKey{Version: 2, Group: "g"}
	_, value, _, _ := Offsets(0, k.AppendTo(nil), v.AppendTo(nil))
	want := `{"version":"3","data":{"protocolType":"consumer","generation":2,"protocol":null,"leader":null,"currentStateTimestamp":7,"members":[` +
		`{"memberId":"m","groupInstanceId":null,"clientId":"c","clientHost":"h","rebalanceTimeout":1,"sessionTimeout":2,` +
		`"subscription":{"topics":["t"],"userData":null,"ownedPartitions":[]},"assignment":{"assignedPartitions":[{"topic":"t","partitions":[0,1]}],"userData":null}}]}}`
	if value != want {
		t.Errorf("%s\nwant\n%s", value, want)
	}
}

func TestWhatIsNotUnderstoodIsSaid(t *testing.T) {
	for name, test := range map[string]struct{ key, value []byte }{
		"Error at offset 4":            {nil, nil},
		"Unknown record type 99":       {[]byte{0, 99}, nil},
		"The key is cut short":         {[]byte{0, 1, 0, 9}, nil},
		"The value has version 77":     {[]byte{0, 2, 0, 1, 'g'}, []byte{0, 77}},
		"The value is cut short":       {[]byte{0, 3, 0, 1, 'g'}, []byte{0, 0, 1}},
		"Error at offset 4, skipping.": {[]byte{0, 8, 0, 1, 'g', 0, 1, 'm'}, []byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f}},
	} {
		key, value, hasKey, hasValue := Offsets(4, test.key, test.value)
		if !hasKey || hasValue || value != "" || !strings.Contains(key, name) {
			t.Errorf("%s: %q %q", name, key, value)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 0}, []byte{0, 3, 0})
	f.Add([]byte{0, 5, 0, 1, 'g', 0, 1, 'm'}, []byte{0, 0, 0, 0, 2, 'c', 2, 'h', 1, 0, 0, 0, 0, 1, 0, 1, 0, 7})
	f.Fuzz(func(_ *testing.T, key, value []byte) {
		Offsets(0, key, value)
		Transactions(0, key, value)
	})
}

func TestMembersOfConsumerGroupsAreText(t *testing.T) {
	value := []byte{0, 0, 0, 0, 2, 'c', 2, 'h', 2, 2, 't', 1, 0, 0, 0, 9, 0, 2, 0, 1, 0, 7, 1, 'x'} // An unknown tag as well.
	for content, want := range map[string]string{
		string(value): "null",
		string(append(value[:17:17], 1, 0, 10, 1, 0, 0, 0, 5, 2, 2, 'n', 2)) + "z\x00\x00": `{"sessionTimeoutMs":5,"supportedProtocols":[{"name":"n","metadata":"eg=="}]}`,
	} {
		if len(content) > 24 {
			content = content[:19] + string(rune(len(content)-20)) + content[20:] // the size of the tag
		}
		key, text, _, _ := Offsets(0, []byte{0, 5, 0, 1, 'g', 0, 1, 'm'}, []byte(content))
		want = `{"version":"0","data":{"instanceId":null,"rackId":null,"clientId":"c","clientHost":"h","subscribedTopicNames":["t"],` +
			`"subscribedTopicRegex":"","rebalanceTimeoutMs":9,"serverAssignor":null,"classicMemberMetadata":` + want + `}}`
		if text != want {
			t.Errorf("%s %s\nwant\n%s", key, text, want)
		}
	}
}
