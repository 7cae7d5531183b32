package group

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// threeTopics are "a" and "b" with four partitions, and "c" with one.
var threeTopics = testTopics{{"a", [16]byte{0xa}, 4}, {"b", [16]byte{0xb}, 4}, {"c", [16]byte{0xc}, 1}}

// startWithTopics starts a coordinator over an empty log with one shard.
func startWithTopics(t *testing.T, change func(*Options)) (*Coordinator, *testLog) {
	t.Helper()
	log := openLog(t, vfs.NewMemory(), 1)
	t.Cleanup(func() { log.Close(t) })
	o := testOptions(log)
	o.Topics = threeTopics
	if change != nil {
		change(&o)
	}
	return start(t, o), log
}

// commitRequest commits offset 100 plus the partition for each of "topic/partition".
func commitRequest(version int16, group string, partitions ...string) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group = version, group
	for _, s := range partitions {
		name, number, _ := strings.Cut(s, "/")
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic = name
		if version >= offsetCommitTopicIDs {
			t.Topic = ""
			info, _ := threeTopics.ByName(name)
			if t.TopicID = info.ID; info.ID == [16]byte{} && name != "" {
				t.TopicID = [16]byte{name[0], 1}
			}
		}
		if number != "" {
			p := kmsg.NewOffsetCommitRequestTopicPartition()
			if _, err := fmt.Sscan(number, &p.Partition); err != nil {
				panic(err)
			}
			p.Offset = 100 + int64(p.Partition)
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	return req
}

// commitCodes is an answer in short.
func commitCodes(resp *kmsg.OffsetCommitResponse) string {
	var told []string
	for _, t := range resp.Topics {
		s := t.Topic
		for _, p := range t.Partitions {
			s += fmt.Sprintf(" %d:%d", p.Partition, p.ErrorCode)
		}
		told = append(told, s)
	}
	return strings.Join(told, ", ")
}

func TestOffsetCommitOfWhatExistsAndWhatDoesNot(t *testing.T) {
	c, _ := startWithTopics(t, nil)
	for _, x := range []struct {
		partitions []string
		want       string
	}{
		{[]string{"a/1", "b/0"}, "a 1:0, b 0:0"},
		{[]string{"a/1", "a/1"}, "a 1:0, a 1:0"},
		{[]string{"a/1", "x/0", "b/7", "b/1"}, "x 0:U, b 7:3 1:0, a 1:0"},
		{[]string{"x/0"}, "x 0:U"},
		{[]string{"a/-1", "a/4"}, "a -1:3 4:3"},
		{[]string{"a"}, ""},
		{[]string{"x", "a/0"}, "x, a 0:0"},
		{nil, ""},
	} {
		for _, version := range []int16{2, 9, 10} {
			want := strings.ReplaceAll(x.want, "U", "3")
			req := commitRequest(version, "group", x.partitions...)
			got := commitCodes(commitOffsets(t.Context(), c, req))
			if version >= offsetCommitTopicIDs {
				want = strings.ReplaceAll(x.want, "U", "100")
				want = strings.ReplaceAll(strings.ReplaceAll(want, "x,", ","), "x ", " ")
			}
			wantEqual(t, fmt.Sprint(x.partitions, " v", version), got, want)
		}
	}
	look(t, c, "group", func(s *Shard) {
		commit, _ := s.offsets["group"].get("a", [16]byte{}, 1)
		wantEqual(t, "offset", commit.Offset, int64(101))
		wantEqual(t, "topic ID", commit.TopicID, [16]byte{0xa})
		wantEqual(t, "groups", len(s.groups), 1)
	})
}

func TestOffsetCommitOfAnUnknownGroup(t *testing.T) {
	c, _ := startWithTopics(t, nil)
	for _, x := range []struct {
		version    int16
		generation int32
		want       wire.ErrorCode
	}{
		{8, 0, wire.IllegalGeneration}, {9, 0, wire.GroupIDNotFound}, {8, -1, wire.None}, {9, -5, wire.None},
	} {
		group := fmt.Sprint("group ", x.version, x.generation)
		req := commitRequest(x.version, group, "a/0")
		req.Generation = x.generation
		wantEqual(t, group, commitCodes(commitOffsets(t.Context(), c, req)), fmt.Sprintf("a 0:%d", x.want))
		look(t, c, group, func(s *Shard) {
			g, ok := s.groups[group].(*classicGroup)
			wantEqual(t, group+" is there", ok, x.want == wire.None)
			wantEqual(t, group+" is simple", ok && g.simple(), x.want == wire.None)
		})
	}
}

func TestOffsetCommitAsksTheGroup(t *testing.T) {
	c, _ := startWithTopics(t, nil)
	write(t, c, "group", &MetadataRecord{Group: "group", Metadata: &Metadata{
		ProtocolType: "consumer", Generation: 3, Leader: new("m"), Protocol: new("range"),
		Members: []Member{{ID: "m", SessionTimeoutMs: 10_000}},
	}})
	for _, x := range []struct {
		member     string
		generation int32
		want       wire.ErrorCode
	}{
		{"m", 3, wire.None}, {"m", 2, wire.IllegalGeneration}, {"x", 3, wire.UnknownMemberID}, {"", -1, wire.UnknownMemberID},
	} {
		req := commitRequest(7, "group", "a/0")
		req.MemberID, req.Generation = x.member, x.generation
		wantEqual(t, fmt.Sprint(x.member, x.generation), commitCodes(commitOffsets(t.Context(), c, req)), fmt.Sprintf("a 0:%d", x.want))
	}
}

func TestOffsetCommitMeasuresMetadataAsJavaDoes(t *testing.T) {
	c, _ := startWithTopics(t, func(o *Options) {
		config := testConfig()
		config.OffsetMetadataMaxBytes = 4
		o.Config = func() Config { return config }
	})
	for text, want := range map[string]wire.ErrorCode{
		"": wire.None, "abcd": wire.None, "äöüß": wire.None, "😀😀": wire.None, "abcde": wire.OffsetMetadataTooLarge, "😀😀a": wire.OffsetMetadataTooLarge,
	} {
		req := commitRequest(7, "group", "a/0", "a/1")
		req.Topics[0].Partitions[0].Metadata = &text
		wantEqual(t, text, commitCodes(commitOffsets(t.Context(), c, req)), fmt.Sprintf("a 0:%d, a 1:0", want))
		look(t, c, "group", func(s *Shard) {
			commit, _ := s.offsets["group"].get("a", [16]byte{}, 0)
			wantEqual(t, text+" is kept", commit.Metadata == text, want == wire.None)
		})
	}
}

func TestOffsetCommitMayGiveARetention(t *testing.T) {
	for _, x := range []struct{ retention, want int64 }{
		{-1, -1}, {0, 1000}, {50, 1050}, {math.MaxInt64, math.MaxInt64}, {-5000, 0},
	} {
		wantEqual(t, fmt.Sprint(x.retention), expiry(1000, x.retention), x.want)
	}
}

func TestOffsetCommitTellsWhatIsNotInTheLog(t *testing.T) {
	var disk coordinatortest.Disk
	disk.Full.Store(true)
	c, _ := startWithTopics(t, func(o *Options) { o.Topic.(*testLog).Wrap = disk.Wrap })
	got := commitCodes(commitOffsets(t.Context(), c, commitRequest(7, "group", "a/0", "x/0")))
	wantEqual(t, "full disk", got, fmt.Sprintf("x 0:3, a 0:%d", wire.CoordinatorNotAvailable))
	disk.Full.Store(false)
	got = commitCodes(commitOffsets(t.Context(), c, commitRequest(7, "group", "a/0")))
	wantEqual(t, "room again", got, "a 0:0")
}

// TestRecordsThatNobodyWaitsForAreLeftAlone has somebody give up whose commit is decided on and not in the log yet. What the next one commits must not get
// in there.
func TestRecordsThatNobodyWaitsForAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.Inject(vfs.NewMemory())
		log := openLog(t, disk, 1)
		defer log.Close(t)
		o := testOptions(log)
		o.Topics = threeTopics
		c := New(o)
		defer stop(t, c)
		wantEqual(t, "before", commitCodes(commitOffsets(t.Context(), c, commitRequest(7, "group", "b/0"))), "b 0:0")

		synced := make(chan struct{})
		disk.SetRules(&vfs.Rule{Ops: vfs.OpSync, Before: func(vfs.Call) error {
			<-synced
			return nil
		}})
		commit := func(ctx context.Context, partition string) (told chan string) {
			told = make(chan string, 1)
			go func() { told <- commitCodes(commitOffsets(ctx, c, commitRequest(7, "group", partition))) }()
			synctest.Wait()
			return told
		}
		first := commit(t.Context(), "a/0")
		ctx, cancel := context.WithCancel(t.Context())
		impatient := commit(ctx, "a/1")
		cancel()
		wantEqual(t, "impatient", <-impatient, fmt.Sprintf("a 1:%d", wire.NotCoordinator))
		last := commit(t.Context(), "a/2")
		close(synced)
		wantEqual(t, "first", <-first, "a 0:0")
		wantEqual(t, "last", <-last, "a 2:0")
		look(t, c, "group", func(s *Shard) {
			for partition := range int32(3) {
				commit, ok := s.offsets["group"].get("a", [16]byte{}, partition)
				wantEqual(t, fmt.Sprint(partition, " is there"), ok, true)
				wantEqual(t, fmt.Sprint("offset of ", partition), commit.Offset, 100+int64(partition))
			}
		})
	})
}

// TestNothingIsLeftOfARecycledCommit: what is told of one request must not be told of the next.
func TestNothingIsLeftOfARecycledCommit(t *testing.T) {
	c, _ := startWithTopics(t, nil)
	for range 3 { // Now and then the pool is empty.
		full := commitRequest(9, "group", "a/0", "x/0", "a/1", "b/3")
		full.Topics[0].Partitions[0].Metadata = new("text")
		wantEqual(t, "full", commitCodes(commitOffsets(t.Context(), c, full)), "x 0:3, a 0:0 1:0, b 3:0")
		unknown := commitRequest(10, "unknown", "b/1")
		unknown.Generation = 1
		wantEqual(t, "unknown", commitCodes(commitOffsets(t.Context(), c, unknown)), fmt.Sprintf("b 1:%d", wire.GroupIDNotFound))
		wantEqual(t, "small", commitCodes(commitOffsets(t.Context(), c, commitRequest(7, "group", "a/0"))), "a 0:0")
		wantEqual(t, "none", commitCodes(commitOffsets(t.Context(), c, commitRequest(7, "group"))), "")
		look(t, c, "group", func(s *Shard) {
			commit, _ := s.offsets["group"].get("a", [16]byte{}, 0)
			wantEqual(t, "metadata", commit.Metadata, "")
		})
	}
}
