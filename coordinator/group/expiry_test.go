package group

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

const (
	week  = 7 * 24 * time.Hour
	check = 10 * time.Minute
)

// clock is a wall clock that can be set. It runs with the time of a bubble.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// bubble is a coordinator with one shard in a bubble of time.
type bubble struct {
	*testing.T
	*Coordinator
	*clock
}

// inBubble runs a coordinator with one shard in a bubble of time.
func inBubble(t *testing.T, f func(b bubble), change ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		wall := &clock{}
		o := testOptions(log)
		o.Topics, o.Now = threeTopics, wall.now
		config := testConfig()
		for _, f := range change {
			f(&config)
		}
		o.Config = func() Config { return config }
		c := New(o)
		defer stop(t, c)
		f(bubble{t, c, wall})
	})
}

// state is how many groups and offsets there are.
func state(t *testing.T, c *Coordinator) string {
	t.Helper()
	var told string
	look(t, c, "", func(s *Shard) {
		n := 0
		for _, committed := range s.offsets {
			for _, partitions := range committed {
				n += len(partitions.partitions)
			}
		}
		told = fmt.Sprintf("%d groups, %d offsets", len(s.groups), n)
	})
	return told
}

func TestRegression26OffsetsOfASimpleGroupExpireOneByOne(t *testing.T) {
	inBubble(t, func(b bubble) {
		t, c := b.T, b.Coordinator
		commitOffsets(t.Context(), c, commitRequest(7, "group", "a/0", "a/1"))
		time.Sleep(time.Hour)
		commitOffsets(t.Context(), c, commitRequest(7, "group", "a/1"))
		time.Sleep(week - time.Hour - check)
		wantEqual(t, "before", state(t, c), "1 groups, 2 offsets")
		time.Sleep(2 * check)
		wantEqual(t, "after a week", state(t, c), "1 groups, 1 offsets")
		time.Sleep(time.Hour)
		wantEqual(t, "an hour later", state(t, c), "0 groups, 0 offsets")
	})
}

func TestNothingTicksWithoutGroups(t *testing.T) {
	inBubble(t, func(b bubble) {
		t, c := b.T, b.Coordinator
		c.Load()
		pending := func() (pending bool) {
			look(t, c, "", func(s *Shard) { pending = s.expiry != nil && s.expiry.Pending() })
			return pending
		}
		wantEqual(t, "timer", pending(), false)
		write(t, c, "empty", manyMembers("empty", classicEmpty)...)
		wantEqual(t, "timer with a group", pending(), true)
		time.Sleep(2*check + time.Second) // The second look finds nothing.
		wantEqual(t, "groups", state(t, c), "0 groups, 0 offsets")
		wantEqual(t, "timer", pending(), false)
	})
}

func TestAClockThatJumpsExpiresNothing(t *testing.T) {
	for _, jump := range []time.Duration{10 * 24 * time.Hour, -10 * 24 * time.Hour} {
		inBubble(t, func(b bubble) {
			t, c, wall := b.T, b.Coordinator, b.clock
			commitOffsets(t.Context(), c, commitRequest(7, "simple", "a/0"))
			write(t, c, "empty", append(manyMembers("empty", classicEmpty), commitRecord("empty", 0, 5))...)
			for range 3 {
				wall.ahead.Add(int64(jump))
				time.Sleep(24 * time.Hour)
				wantEqual(t, fmt.Sprint("after ", jump), state(t, c), "2 groups, 2 offsets")
				wall.ahead.Add(-int64(jump))
				time.Sleep(24 * time.Hour)
				wantEqual(t, "and back", state(t, c), "2 groups, 2 offsets")
			}
			time.Sleep(2 * 24 * time.Hour)
			wantEqual(t, "in the end", state(t, c), "0 groups, 0 offsets")
		})
	}
}

func TestALongListOfExpiredOffsetsIsDeletedInParts(t *testing.T) {
	inBubble(t, func(b bubble) {
		t, c := b.T, b.Coordinator
		const groups = 25
		for g := range groups {
			var records []Record
			group := fmt.Sprint(g)
			for p := range int32(1000) {
				records = append(records, commitRecord(group, p, 5))
			}
			write(t, c, group, records...)
		}
		time.Sleep(2 * check)
		wantEqual(t, "left", state(t, c), "0 groups, 0 offsets")
	}, func(c *Config) { c.OffsetsRetentionMs = 60_000 })
}

func TestOffsetsOfDeletedTopicsAreDropped(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 3)
	defer log.Close(t)
	o := testOptions(log)
	o.Topics = threeTopics
	c := start(t, o)
	for i := range 10 {
		commitOffsets(t.Context(), c, commitRequest(7, fmt.Sprint(i), "a/0", "b/0", "b/1"))
	}
	c.TopicsDeleted([]string{"b", "nothing"})
	commitOffsets(t.Context(), c, commitRequest(7, "5", "b/2"))
	for i := range 10 {
		want := "0, a 0=100/-1/"
		if i == 5 {
			want += ", b 2=102/-1/"
		}
		wantEqual(t, fmt.Sprint(i), fetched(c.OffsetFetch(t.Context(), fetchRequest(8, fmt.Sprint(i)))), want)
	}
}

func TestTopicsDeletedWithoutOffsets(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 0)
	defer log.Close(t)
	c := start(t, testOptions(log))
	c.TopicsDeleted([]string{"a"})
	_, err := c.runtime.Shards()
	wantEqual(t, "shards", fmt.Sprint(err), fmt.Sprint(coordinator.ErrNotAvailable, ": its topic does not exist"))
}

// A topic that is deleted while a shard loads may be there again with new offsets when it has loaded.
func TestOffsetsCommittedAfterTheDeletionStay(t *testing.T) {
	inBubble(t, func(b bubble) {
		t, c := b.T, b.Coordinator
		commitOffsets(t.Context(), c, commitRequest(7, "group", "a/0"))
		deletedAt := time.Now()
		time.Sleep(time.Second)
		commitOffsets(t.Context(), c, commitRequest(7, "group", "a/1"))
		c.dropOffsets(0, map[string]struct{}{"a": {}}, deletedAt.UnixMilli())
		wantEqual(t, "left", fetched(c.OffsetFetch(t.Context(), fetchRequest(8, "group"))), "0, a 1=101/-1/")
	})
}

// fullDisk is a coordinator in a bubble of time, on a disk that can be full. lines are what the operator is told.
type fullDisk struct {
	*testing.T
	*Coordinator
	disk  *coordinatortest.Disk
	lines *bytes.Buffer
}

func onFullDisk(t *testing.T, f func(d fullDisk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		var disk coordinatortest.Disk
		var lines bytes.Buffer
		log.Wrap = disk.Wrap
		o := testOptions(log)
		config := testConfig()
		config.OffsetsRetentionMs = 60_000
		o.Topics, o.Config, o.Log = threeTopics, func() Config { return config }, slog.New(slog.NewTextHandler(&lines, nil))
		c := New(o)
		defer stop(t, c)
		f(fullDisk{t, c, &disk, &lines})
	})
}

func TestExpiryOnAFullDiskWaitsForTheNextLook(t *testing.T) {
	onFullDisk(t, func(d fullDisk) {
		t, c, disk, lines := d.T, d.Coordinator, d.disk, d.lines
		for g := range 11 {
			var records []Record
			for p := range int32(1000) {
				records = append(records, commitRecord(fmt.Sprint(g), p, 5))
			}
			write(t, c, fmt.Sprint(g), records...)
		}
		disk.Full.Store(true)
		time.Sleep(3*check + time.Minute)
		wantEqual(t, "kept", state(t, c), "11 groups, 11000 offsets")
		if n := disk.Refused.Load(); n < 2 || n > 4 {
			t.Errorf("%d appends to a full disk", n)
		}
		wantEqual(t, "lines", lines.String(), "")
		disk.Full.Store(false)
		time.Sleep(check)
		wantEqual(t, "left", state(t, c), "0 groups, 0 offsets")
		wantEqual(t, "lines about it", strings.Count(lines.String(), "expired offsets and empty groups deleted"), 2)
	})
}

// A topic of the same name must not find the offsets of the one that was deleted while the disk was full.
func TestOffsetsOfTopicsDeletedOnAFullDiskAreDroppedLater(t *testing.T) {
	onFullDisk(t, func(d fullDisk) {
		t, c, disk, lines := d.T, d.Coordinator, d.disk, d.lines
		commitOffsets(t.Context(), c, commitRequest(7, "group", "a/0", "b/0"))
		disk.Full.Store(true)
		c.TopicsDeleted([]string{"a"})
		time.Sleep(5 * time.Second)
		wantEqual(t, "lines", lines.String(), "")
		disk.Full.Store(false)
		time.Sleep(2 * time.Second)
		wantEqual(t, "left", fetched(c.OffsetFetch(t.Context(), fetchRequest(8, "group"))), "0, b 0=100/-1/")
		wantEqual(t, "lines about it", strings.Count(lines.String(), "offsets of deleted topics dropped"), 1)
		if n := disk.Refused.Load(); n < 3 || n > 10 {
			t.Errorf("%d appends to a full disk", n)
		}
	})
}
