package transcript_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/transcript"
)

// metadataAnswer is an answer with a bit of everything.
func metadataAnswer(version int16, prefix string) *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	resp.Version = version
	resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: "127.0.0.1", Port: 4711}, {NodeID: 2, Host: "elsewhere", Port: 4711}}
	resp.ClusterID = new("Y2xhdHRlci1jb21wYXQtMQ")
	resp.Topics = []kmsg.MetadataResponseTopic{
		{Topic: new(prefix + "u"), ErrorCode: 3, TopicID: [16]byte{1}},
		{Topic: new(prefix + "t"), TopicID: [16]byte{2}, Partitions: []kmsg.MetadataResponseTopicPartition{{Partition: 1, Replicas: []int32{1}}, {Partition: 0, ISR: []int32{}}}},
	}
	return resp
}

func symbols() *transcript.Symbols {
	return &transcript.Symbols{Prefix: "c0001-", Host: "127.0.0.1", Port: 4711, Dir: "/data", T0: time.Now().Add(-time.Hour)}
}

func TestPrintedTreesParseBack(t *testing.T) {
	for version := range int16(14) {
		n := transcript.Response(symbols(), metadataAnswer(version, strings.Repeat("long", 40)))
		back, err := transcript.Parse(n.String())
		if err != nil {
			t.Fatalf("v%d: %v\n%s", version, err, n)
		}
		if back.String() != n.String() {
			t.Errorf("v%d: printed and parsed\n%s\nbecame\n%s", version, n, back)
		}
	}
}

func TestMalformedTextIsAnError(t *testing.T) {
	for _, text := range []string{"", "{", "[", "{a: }", "{a}", "{: 1}", "{a: 1} b", `{a: "open}`, "{a: [1 2}"} {
		if _, err := transcript.Parse(text); !errors.Is(err, transcript.ErrSyntax) {
			t.Errorf("Parse(%q) = %v", text, err)
		}
	}
}

func TestOnlyFieldsOfTheVersionAreShown(t *testing.T) {
	for _, c := range []struct {
		version int16
		has     []string
		lacks   []string
	}{
		{0, []string{"Brokers", "Topics"}, []string{"ClusterID", "ControllerID", "ThrottleMillis", "TopicID", "LeaderEpoch", "AuthorizedOperations"}},
		{4, []string{"ClusterID", "ControllerID", "ThrottleMillis"}, []string{"TopicID", "LeaderEpoch", "OfflineReplicas"}},
		{10, []string{"TopicID", "LeaderEpoch", "OfflineReplicas"}, nil},
	} {
		text := transcript.Response(symbols(), metadataAnswer(c.version, "")).String()
		for _, field := range c.has {
			if !strings.Contains(text, field+":") {
				t.Errorf("v%d lacks %s:\n%s", c.version, field, text)
			}
		}
		for _, field := range c.lacks {
			if strings.Contains(text, field+":") {
				t.Errorf("v%d has %s:\n%s", c.version, field, text)
			}
		}
	}
}

func TestOwnValuesBecomeSymbolsAndOthersStay(t *testing.T) {
	s := symbols()
	resp := metadataAnswer(12, "c0001-")
	s.Learn(resp)
	values := map[string]string{}
	for _, l := range transcript.Response(s, resp).Flatten() {
		values[l.Path] = l.Value
	}
	for path, want := range map[string]string{
		"Brokers[1].Host":                     "<host>",
		"Brokers[1].Port":                     "<port>",
		"Brokers[2].Host":                     `"elsewhere"`,
		"ClusterID":                           "<cluster>",
		"Topics[t].TopicID":                   "<id:t>",
		"Topics[u].TopicID":                   "<id:u>",
		"Topics[u].ErrorCode":                 "UNKNOWN_TOPIC_OR_PARTITION(3)",
		"Topics[t].Partitions[1].Replicas[0]": "1",
		"Topics[t].Partitions[0].ISR":         "[]",
	} {
		if values[path] != want {
			t.Errorf("%s is %q, want %q", path, values[path], want)
		}
	}
	resp.Topics[1].TopicID = [16]byte{9}
	if text := transcript.Response(s, resp).String(); !strings.Contains(text, "<id:?>") {
		t.Errorf("a foreign id was not marked:\n%s", text)
	}
}

func TestTimestampsShowRelativeToTheConversation(t *testing.T) {
	s := symbols()
	resp := kmsg.NewPtrListOffsetsResponse()
	resp.Version = 7
	part := func(n int32, ms int64) kmsg.ListOffsetsResponseTopicPartition {
		return kmsg.ListOffsetsResponseTopicPartition{Partition: n, Timestamp: ms}
	}
	resp.Topics = []kmsg.ListOffsetsResponseTopic{{Topic: "t", Partitions: []kmsg.ListOffsetsResponseTopicPartition{
		part(0, -1), part(1, s.T0.UnixMilli()+5), part(2, time.Now().UnixMilli()), part(3, 1000), part(4, s.T0.UnixMilli()-86_400_000),
	}}}
	var got []string
	for _, l := range transcript.Response(s, resp).Flatten() {
		if strings.HasSuffix(l.Path, "Timestamp") {
			got = append(got, l.Value)
		}
	}
	if want := "-1 T0+5 <now> 1000 T0-86400000"; strings.Join(got, " ") != want {
		t.Errorf("timestamps show as %v, want %s", got, want)
	}
}

func TestBatchesAreTakenApart(t *testing.T) {
	s := symbols()
	record := kmsg.Record{Key: []byte("k"), Value: []byte("v")}
	body := record.AppendTo(nil)
	record.Length = int32(len(body)) - 1
	b := kmsg.RecordBatch{FirstOffset: 7, Length: 49 + int32(len(body)), Magic: 2, NumRecords: 1, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, Records: record.AppendTo(nil)}
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = 12
	resp.Topics = []kmsg.FetchResponseTopic{{Topic: "t", Partitions: []kmsg.FetchResponseTopicPartition{kmsg.NewFetchResponseTopicPartition()}}}
	resp.Topics[0].Partitions[0].RecordBatches = append(b.AppendTo(nil), b.AppendTo(nil)[:30]...)
	text := transcript.Response(s, resp).String()
	for _, want := range []string{"BaseOffset: 7", "CRC: wrong", "Payload: rewritten", `Offset: 7 Key: "k" Value: "v"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "bytes:") {
		t.Errorf("the piece behind the last whole batch is shown:\n%s", text)
	}
	s.LearnSent(b.AppendTo(nil))
	if text := transcript.Response(s, resp).String(); strings.Contains(text, "rewritten") {
		t.Errorf("a batch that was sent like this shows as rewritten:\n%s", text)
	}
}

func TestNullRecordsDifferFromNone(t *testing.T) {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = 4
	resp.Topics = []kmsg.FetchResponseTopic{{Partitions: []kmsg.FetchResponseTopicPartition{{}, {Partition: 1, RecordBatches: []byte{}}}}}
	text := transcript.Response(symbols(), resp).String()
	if !strings.Contains(text, "RecordBatches: null") || !strings.Contains(text, "RecordBatches: []") {
		t.Errorf("null and empty look alike:\n%s", text)
	}
}

func TestLeavesOfARequestCanBeSet(t *testing.T) {
	build := func() *kmsg.DescribeTopicPartitionsRequest {
		req := kmsg.NewPtrDescribeTopicPartitionsRequest()
		req.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "t"}}
		req.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "c"}
		return req
	}
	var names []string
	for _, l := range transcript.Leaves(build()) {
		names = append(names, l.Name)
		req := build()
		if l.Name == "Cursor.Topic" {
			l.In(req).SetString("changed")
			if req.Cursor.Topic != "changed" {
				t.Error("the cursor's topic did not change")
			}
		}
	}
	if got, want := strings.Join(names, " "), "Topics Topics.Topic ResponsePartitionLimit Cursor Cursor.Topic Cursor.Partition"; got != want {
		t.Errorf("leaves are %s, want %s", got, want)
	}
}

func TestMemberIDsKeepTheirClientAndTheirIdentity(t *testing.T) {
	s := symbols()
	const first, second, other = "a-01234567-89ab-4cde-8f01-23456789abcd", "a-11234567-89ab-4cde-8f01-23456789abcd", "b-21234567-89ab-4cde-8f01-23456789abcd"
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version = 3
	for _, id := range []string{first, second} {
		resp.MemberID = id
		s.Learn(resp)
	}
	resp.LeaderID = first
	resp.Members = []kmsg.JoinGroupResponseMember{{MemberID: other}, {MemberID: second, ProtocolMetadata: []byte("on c0001-t")}}
	text := transcript.Response(s, resp).String()
	for _, want := range []string{`LeaderID: "a-<member:1>"`, `MemberID: "a-<member:2>"`, `{MemberID: "a-<member:2>" ProtocolMetadata: "on t"} {MemberID: "b-<member:?>" ProtocolMetadata: null}`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for name, want := range map[string]string{"a": second, "a/1": first, "a/3": "", "b": "", "": ""} {
		if got := s.Member(name); got != want {
			t.Errorf("Member(%q) = %q, want %q", name, got, want)
		}
	}
	heartbeat := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	heartbeat.MemberID = new("AAECAwQFBgcICQoLDA0ODw")
	s.Learn(heartbeat)
	if got := s.Member(""); got != *heartbeat.MemberID {
		t.Errorf("the id of a consumer is %q", got)
	}
}
