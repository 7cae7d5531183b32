package group

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

func TestThousandsOfJoinsWithoutSyncLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const joins, maxSize = 3000, 1000
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		o := testOptions(log)
		config := testConfig()
		config.MaxSize = maxSize
		o.Config = func() Config { return config }
		c := New(o)
		defer stop(t, c)
		other := joinAlone(t, c, "other")
		var all sync.WaitGroup
		var mu sync.Mutex
		codes := map[wire.ErrorCode]int{}
		for range joins {
			all.Go(func() {
				code := wire.ErrorCode(c.JoinGroup(t.Context(), Caller{ClientID: "flood"}, joinRequest(3)).ErrorCode)
				mu.Lock()
				defer mu.Unlock()
				codes[code]++
			})
		}
		synctest.Wait()
		look(t, c, "group", func(s *Shard) {
			// Who doesn't join again isn't counted while others do.
			if n := len(s.groups["group"].(*classicGroup).members); n > maxSize+1 {
				t.Errorf("%d members", n)
			}
		})
		heartbeat := kmsg.NewPtrHeartbeatRequest()
		heartbeat.Group, heartbeat.MemberID, heartbeat.Generation = "other", other.MemberID, 1
		for range 30 {
			wantEqual(t, "other group", wire.ErrorCode(c.Heartbeat(t.Context(), heartbeat).ErrorCode), wire.None)
			time.Sleep(10 * time.Second)
		}
		all.Wait()
		if codes[wire.GroupMaxSizeReached] < joins-2*maxSize || codes[wire.None]+codes[wire.GroupMaxSizeReached]+codes[wire.UnknownMemberID] != joins {
			t.Errorf("answers: %v", codes)
		}
		look(t, c, "group", func(s *Shard) {
			g := s.groups["group"].(*classicGroup)
			wantEqual(t, "state", g.state, classicEmpty)
			wantEqual(t, "members", len(g.members)+len(g.byID)+len(g.pendingJoin)+len(g.pendingSync), 0)
			wantEqual(t, "bytes", g.bytes, 0)
		})
	})
}

func TestAssignmentsForStrangersAreDropped(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	c := start(t, testOptions(log))
	member := c.JoinGroup(t.Context(), Caller{}, joinRequest(3))
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Version, sync.Group, sync.MemberID, sync.Generation = 3, "group", member.MemberID, 1
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: member.MemberID, MemberAssignment: []byte("its own")}}
	for i := range 10_000 {
		sync.GroupAssignment = append(sync.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: fmt.Sprint("stranger-", i), MemberAssignment: make([]byte, 100)})
	}
	resp := c.SyncGroup(t.Context(), sync)
	wantEqual(t, "code", wire.ErrorCode(resp.ErrorCode), wire.None)
	wantEqual(t, "assignment", string(resp.MemberAssignment), "its own")
	p, err := log.Partition(0)
	if err != nil {
		t.Fatal(err)
	}
	var from int64
	records := recordsFrom(t, p, &from)
	last := records[len(records)-1].(*MetadataRecord)
	wantEqual(t, "members in the log", len(last.Metadata.Members), 1)
}

func TestCommitsToUnknownTopicsLeaveNothing(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	o := testOptions(log)
	o.Topics = testTopics{{Name: "topic", ID: [16]byte{7}, Partitions: 1}}
	c := start(t, o)
	for i := range 5000 {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Version, req.Group, req.Generation = 9, fmt.Sprint("group-", i), -1
		req.Topics = []kmsg.OffsetCommitRequestTopic{
			{Topic: fmt.Sprint("unknown-", i), Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: 0}}},
			{Topic: "topic", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: 1}, {Partition: -1}}},
		}
		for _, topic := range commitOffsets(t.Context(), c, req).Topics {
			for _, p := range topic.Partitions {
				wantEqual(t, "code", wire.ErrorCode(p.ErrorCode), wire.UnknownTopicOrPartition)
			}
		}
	}
	look(t, c, "group", func(s *Shard) { wantEqual(t, "groups and offsets", len(s.groups)+len(s.offsets), 0) })
	p, err := log.Partition(0)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "end of the log", p.Offsets().LogEndOffset, int64(0))
}

func TestRecordsThatMakeNoSenseAreSkippedCountedAndLogged(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	p, err := log.Partition(0)
	if err != nil {
		t.Fatal(err)
	}
	committed := func(group string) (key, value []byte) {
		return Format{}.Encode(nil, nil, &OffsetRecord{Group: group, Topic: "topic", Commit: &Commit{Offset: 5, ExpireTimestamp: -1}})
	}
	key, value := committed("damaged")
	good, goodValue := committed("good")
	skipped := [][2][]byte{
		{append([]byte{0, 99}, key[2:]...), value},    // a key of a version that is to come
		{append([]byte{0xff, 0xff}, key[2:]...), nil}, // or that never will
		{key[:len(key)-1], value},                     // a key that is cut
		{key, append([]byte{0, 77}, value[2:]...)},    // a value of a version that is to come
		{key, value[:5]},                              // a value that is cut
		{key, []byte{}},                               // nothing, which is no tombstone
		{nil, value},                                  // no key
		{[]byte{0}, value},                            // half a version
	}
	last, lastValue := committed("behind")
	log.Append(t, 0, func(b *record.Builder) {
		b.Append(1, good, goodValue)
		for _, x := range skipped {
			b.Append(1, x[0], x[1])
		}
		b.Append(1, last, lastValue)
	})
	end := p.Offsets().LogEndOffset

	var lines bytes.Buffer
	o := testOptions(log)
	o.Log = slog.New(slog.NewTextHandler(&lines, nil))
	c := start(t, o)
	look(t, c, "group", func(s *Shard) {
		wantEqual(t, "groups", len(s.groups), 2)
		for _, group := range []string{"good", "behind"} {
			commit, ok := s.offsets[group].get("topic", [16]byte{}, 0)
			wantEqual(t, group, commit.Offset, int64(5))
			wantEqual(t, group+" is there", ok, true)
		}
	})
	wantEqual(t, "counted", c.Skipped(), int64(len(skipped)))
	wantEqual(t, "lines", strings.Count(lines.String(), "\n"), 1)
	for _, want := range []string{"skipped=8", "first_offset=1", "first_reason"} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("no %q in %s", want, lines.String())
		}
	}
	wantEqual(t, "end of the log", p.Offsets().LogEndOffset, end)
	wantEqual(t, "begin of the log", p.Offsets().LogStartOffset, int64(0))
}
