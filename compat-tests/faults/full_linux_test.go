package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/disk"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// The bounds of bar R7. Each answer is held to the first with FAULT_STRICT=1, on a machine that does nothing else; otherwise half of them are, and all
// must come before clients lose patience.
const (
	refusedWithin = time.Second
	healedWithin  = 5 * time.Second
	answerWithin  = 20 * time.Second
)

// fullDisk is a broker on a small disk, a client of it that takes the first answer, and what was acknowledged.
type fullDisk struct {
	*testing.T
	mount  *disk.Mount
	broker *launch.Broker
	client *kgo.Client
	admin  *kadm.Client
	ended  int64 // end offset that acknowledgements promise
}

// TestFullDiskRefusesAndHeals is bar R7: with no byte left, produce is refused at once with an error that clients repeat, reads and
// deletions go on, a kill and a start change nothing, and appends go on by themselves once there is room.
// FAULT_FULL_DISKS sets how often the disk fills up (3 by default, 20 before a release).
//
// Negative control: a build in which a full disk takes the log directory offline, as other failures do, fails here at "heals".
func TestFullDiskRefusesAndHeals(t *testing.T) {
	rounds := brokertest.Setting(t, "FAULT_FULL_DISKS", 3)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rounds)*time.Minute+time.Minute)
	defer cancel()
	t.Run("tmpfs", func(t *testing.T) { fillAndEmpty(ctx, newFullDisk(ctx, t, tmpfs(t, 64<<20)), rounds) })
	// Here the room that a write found may be gone when it is synced, and the file system keeps its own books.
	t.Run("ext4", func(t *testing.T) { fillAndEmpty(ctx, newFullDisk(ctx, t, ext4(t, 64<<20)), rounds) })
}

func fillAndEmpty(ctx context.Context, f *fullDisk, rounds int) {
	f.Helper()
	for round := range rounds {
		f.fill(ctx)
		f.refuses(ctx)
		f.reads(ctx)
		if round%2 == 1 {
			f.restarts(ctx)
			f.refuses(ctx)
			f.reads(ctx)
		}
		switch round % 3 {
		case 0:
			f.deletesTopic(ctx, fmt.Sprintf("spare-%d", round))
		case 1:
			f.deletesRecords(ctx)
		}
		f.empty()
		f.heals(ctx)
		f.restarts(ctx)
		f.heals(ctx)
		f.reads(ctx)
		f.deletesRecords(ctx) // so that the next round has room
		f.awaitRemoved(ctx)
	}
}

func newFullDisk(ctx context.Context, t *testing.T, m *disk.Mount) *fullDisk {
	t.Helper()
	f := &fullDisk{T: t, mount: m, broker: on(t, m, map[string]string{"log.segment.delete.delay.ms": "1", "log.retention.check.interval.ms": "100"})}
	var err error
	// Records aren't repeated: the first answer is what this test is about.
	f.client, err = kgo.NewClient(kgo.SeedBrokers(f.broker.Addr()), kgo.DefaultProduceTopic("full"), kgo.RecordRetries(0),
		kgo.DisableIdempotentWrite(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.client.Close)
	f.admin = kadm.NewClient(f.client)
	topics := []string{"full"}
	for i := range 30 {
		topics = append(topics, fmt.Sprintf("spare-%d", i))
	}
	responses, err := f.admin.CreateTopics(ctx, 1, 1, nil, topics...)
	if err = errors.Join(err, responses.Error()); err != nil {
		t.Fatal(err)
	}
	return f
}

// produce appends one record of 64 KiB and says how long the answer took.
func (f *fullDisk) produce(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	record := &kgo.Record{Value: make([]byte, 64<<10)}
	err := f.client.ProduceSync(ctx, record).FirstErr()
	if err == nil {
		if record.Offset < f.ended {
			f.Fatalf("offset %d is given again", record.Offset)
		}
		f.ended = record.Offset + 1
	}
	return time.Since(began), err
}

func (f *fullDisk) ballast() string { return filepath.Join(f.mount.Dir(), "ballast") }

// fill takes all room but a little, and lets records take that.
func (f *fullDisk) fill(ctx context.Context) {
	f.Helper()
	for range 40 { // a few segments, for deletions to free
		if took, err := f.produce(ctx); err != nil {
			f.Fatalf("produce with room: after %s: %v", took, err)
		}
	}
	f.fillTo(1 << 20)
	for range 100 {
		if _, err := f.produce(ctx); err != nil {
			f.fillTo(0)
			return
		}
	}
	f.Fatal("the disk doesn't fill up")
}

// fillTo writes ballast until so many bytes are free.
func (f *fullDisk) fillTo(free int64) {
	f.Helper()
	b, err := os.OpenFile(f.ballast(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		f.Fatal(err)
	}
	defer b.Close()
	page := make([]byte, os.Getpagesize())
	for {
		var stat syscall.Statfs_t
		if err := syscall.Statfs(f.mount.Dir(), &stat); err != nil {
			f.Fatal(err)
		}
		if int64(stat.Bavail)*stat.Bsize <= free {
			return
		}
		if _, err := b.Write(page); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			f.Fatal(err)
		}
	}
}

// empty gives the room back.
func (f *fullDisk) empty() {
	f.Helper()
	if err := os.Remove(f.ballast()); err != nil {
		f.Fatal(err)
	}
}

// refuses produces to a full disk for a while.
func (f *fullDisk) refuses(ctx context.Context) {
	f.Helper()
	var all []time.Duration
	defer func() {
		slices.Sort(all)
		if median, slowest := all[len(all)/2], all[len(all)-1]; median > refusedWithin || slowest > strictly(refusedWithin, answerWithin) {
			f.Errorf("refused after %s", all)
		}
	}()
	for range 10 {
		took, err := f.produce(ctx)
		all = append(all, took)
		var code *kerr.Error
		switch {
		case err == nil:
			f.Error("appended to a full disk")
		case errors.Is(err, kgo.ErrRecordRetries): // the client's own word for a retriable error that it was told to expect already
		case !errors.As(err, &code) || !code.Retriable:
			f.Errorf("refused with %v, which clients don't repeat", err)
		}
	}
}

// reads reads what was acknowledged and is not deleted.
func (f *fullDisk) reads(ctx context.Context) {
	f.Helper()
	starts, err := f.admin.ListStartOffsets(ctx, "full")
	if err = errors.Join(err, starts.Error()); err != nil {
		f.Fatal(err)
	}
	start, _ := starts.Lookup("full", 0)
	client, err := kgo.NewClient(kgo.SeedBrokers(f.broker.Addr()), kgo.KeepRetryableFetchErrors(), kgo.ConsumePartitions(
		map[string]map[int32]kgo.Offset{"full": {0: kgo.NewOffset().At(start.Offset)}}))
	if err != nil {
		f.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for next := start.Offset; next < f.ended; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			f.Fatalf("fetch at offset %d of %d: %v", next, f.ended, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset != next || len(r.Value) != 64<<10 {
				f.Fatalf("offset %d with %d bytes at offset %d", r.Offset, len(r.Value), next)
			}
			next++
		})
	}
}

// deletesRecords deletes what a reader has no need of.
func (f *fullDisk) deletesRecords(ctx context.Context) {
	f.Helper()
	to := kadm.Offsets{}
	to.Add(kadm.Offset{Topic: "full", Partition: 0, At: f.ended - 1})
	responses, err := f.admin.DeleteRecords(ctx, to)
	if err = errors.Join(err, responses.Error()); err != nil {
		f.Errorf("delete records while the disk is full: %v", err)
	}
}

// awaitRemoved waits until nothing is left of the segments whose records were deleted. They go after the answer, one after the other, and what a kill leaves
// of them goes at the start: either would make room on a disk that is to be full.
func (f *fullDisk) awaitRemoved(ctx context.Context) {
	f.Helper()
	var files []string
	gone := until(ctx, time.Minute, func() bool {
		segments, err := filepath.Glob(filepath.Join(f.mount.Dir(), "data", "full-0", "*.log"))
		deleted, err1 := filepath.Glob(filepath.Join(f.mount.Dir(), "data", "*", "*.deleted"))
		files = slices.Concat(segments, deleted)
		return errors.Join(err, err1) == nil && len(files) == 1
	})
	if !gone {
		f.Fatalf("a minute after records were deleted there still are %s", files)
	}
}

// deletesTopic deletes a topic.
func (f *fullDisk) deletesTopic(ctx context.Context, topic string) {
	f.Helper()
	responses, err := f.admin.DeleteTopics(ctx, topic)
	if err = errors.Join(err, responses.Error()); err != nil {
		f.Errorf("delete a topic while the disk is full: %v", err)
	}
}

// restarts kills the broker and starts it on the disk as it is.
func (f *fullDisk) restarts(ctx context.Context) {
	f.Helper()
	if err := f.broker.Kill(); err != nil {
		f.Fatal(err)
	}
	if err := f.broker.Restart(ctx); err != nil {
		f.Fatalf("restart: %v", err)
	}
	// The first request finds that its connection is gone.
	if !until(ctx, time.Minute, func() bool { return f.client.Ping(ctx) == nil }) {
		f.Fatal("the client doesn't find the broker")
	}
}

// heals waits until appends go on.
func (f *fullDisk) heals(ctx context.Context) {
	f.Helper()
	var last error
	limit := strictly(healedWithin, answerWithin)
	if !until(ctx, limit, func() bool { _, last = f.produce(ctx); return last == nil }) {
		f.Fatalf("not healed %s after space returned: %v", limit, last)
	}
}
