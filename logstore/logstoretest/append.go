package logstoretest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

func testAppendAssignsOffsets(t *testing.T, b Backend) {
	t.Helper()
	p := open(t, b, Config()).partition(1)
	if got := p.Offsets(); got != (logstore.Offsets{}) {
		t.Errorf("new partition: %+v", got)
	}
	next := int64(0)
	for i := range 10 {
		batch := Batch{Records: 1 + i%4, Timestamp: int64(i)}.Build(t)
		result := appendBatch(t, p, batch)
		last := next + int64(i%4)
		want := logstore.AppendResult{BaseOffset: next, LastOffset: last, AppendTime: -1}
		if result != want {
			t.Errorf("append %d: %+v, want %+v", i, result, want)
		}
		if batch.BaseOffset() != next || batch.PartitionLeaderEpoch() != 0 {
			t.Errorf("batch was patched to offset %d, epoch %d", batch.BaseOffset(), batch.PartitionLeaderEpoch())
		}
		next = last + 1
		o := p.Offsets()
		if o.LogEndOffset != next || o.HighWatermark != next || o.LastStableOffset != next || o.LogStartOffset != 0 {
			t.Errorf("after append %d: %+v", i, o)
		}
	}
}

func testAppendTakesSeveralBatchesAtOnce(t *testing.T, b Backend) {
	t.Helper()
	p := open(t, b, Config()).partition(0)
	var run []byte
	for i := range 3 {
		run = append(run, Batch{Records: 2, Tag: i}.Build(t)...)
	}
	if r := appendBatch(t, p, run); r.BaseOffset != 0 || r.LastOffset != 5 {
		t.Errorf("%+v", r)
	}
	got := readAll(t, p, 0, 1<<20)
	if len(got) != 3 || got[1].BaseOffset() != 2 || got[2].BaseOffset() != 4 {
		t.Errorf("read %d batches", len(got))
	}
	if _, err := p.Append(nil, logstore.AppendOptions{}); err == nil {
		t.Error("an append of nothing succeeded")
	}
	if _, err := p.Append(run[:len(run)-1], logstore.AppendOptions{}); err == nil {
		t.Error("an append of half a batch succeeded")
	}
	if o := p.Offsets(); o.LogEndOffset != 6 {
		t.Errorf("after refused appends: %+v", o)
	}
}

func testAppendStampsLogAppendTime(t *testing.T, b Backend) {
	t.Helper()
	config := Config()
	config.LogAppendTime = true
	p := open(t, b, config).partition(0)
	ticket, err := p.Append(Batch{Records: 3, Timestamp: 5}.Build(t), logstore.AppendOptions{Now: 777})
	if err != nil {
		t.Fatal(err)
	}
	if result, err := ticket.Wait(context.Background()); err != nil || result.AppendTime != 777 {
		t.Errorf("%+v, %v", result, err)
	}
	got := readAll(t, p, 0, 1<<20)
	if got[0].MaxTimestamp() != 777 || got[0].Attributes().TimestampType() != record.LogAppendTime {
		t.Errorf("max timestamp %d of type %v", got[0].MaxTimestamp(), got[0].Attributes().TimestampType())
	}
}

func testReadReturnsWholeBatches(t *testing.T, b Backend) {
	t.Helper()
	config := Config()
	config.SegmentBytes = 20_000
	p := open(t, b, config).partition(0)
	var want []record.Batch
	for i := range 300 {
		batch := Batch{Records: 1 + i%5, Size: 10 + i%700, Timestamp: int64(i), Tag: i}.Build(t)
		appendBatch(t, p, batch)
		want = append(want, bytes.Clone(batch))
	}
	for _, maxBytes := range []int{1, 100, 5000, 1 << 20} {
		got := readAll(t, p, 0, maxBytes)
		if len(got) != len(want) {
			t.Fatalf("max %d bytes: %d batches, want %d", maxBytes, len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("max %d bytes: batch %d differs", maxBytes, i)
			}
		}
	}
	for _, w := range want {
		for offset := w.BaseOffset(); offset <= w.LastOffset(); offset++ {
			content, _ := read(t, p, offset, logstore.ReadOptions{MaxBytes: len(w)})
			if !bytes.Equal(content, w) {
				t.Fatalf("read at %d with exactly the size of its batch: %d bytes, want %d", offset, len(content), len(w))
			}
			if content, _ := read(t, p, offset, logstore.ReadOptions{MaxBytes: len(w) - 1}); len(content) != 0 {
				t.Fatalf("read at %d with one byte less than its batch: %d bytes", offset, len(content))
			}
		}
	}
}

func testReadOutOfRange(t *testing.T, b Backend) {
	t.Helper()
	p := open(t, b, Config()).partition(0)
	for range 3 {
		appendBatch(t, p, Batch{Records: 2}.Build(t))
	}
	if content, fetched := read(t, p, 6, logstore.ReadOptions{MaxBytes: 100, AtLeast1: true}); len(content) != 0 || fetched.Offsets.HighWatermark != 6 || fetched.More {
		t.Errorf("read at the end: %d bytes, %+v", len(content), fetched)
	}
	for _, opts := range []logstore.ReadOptions{{MaxBytes: 1, AtLeast1: true}, {MaxBytes: 100}, {MaxBytes: 0}} {
		if content, fetched := read(t, p, 0, opts); !fetched.More {
			t.Errorf("read of %d of 6 records with %+v says that there is no more", len(content), opts)
		}
	}
	if content, fetched := read(t, p, 0, logstore.ReadOptions{MaxBytes: 1 << 20}); len(content) == 0 || fetched.More {
		t.Errorf("read of everything: %d bytes, more: %t", len(content), fetched.More)
	}
	if _, err := p.DeleteBefore(context.Background(), 2); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{-1, 0, 1, 7, math.MaxInt64} {
		fetched, err := p.Read(offset, logstore.ReadOptions{MaxBytes: 100, AtLeast1: true})
		if !errors.Is(err, logstore.ErrOffsetOutOfRange) {
			t.Errorf("read at %d: %v", offset, err)
		}
		if fetched.Records != nil || fetched.Offsets.HighWatermark != 6 || fetched.Offsets.LogStartOffset != 2 {
			t.Errorf("read at %d: %+v", offset, fetched)
		}
	}
}

func testRecordsOutliveTheirLog(t *testing.T, b Backend) {
	t.Helper()
	config := Config()
	config.SegmentBytes, config.FileDeleteDelayMs = 1000, 0
	o := open(t, b, config)
	p := o.partition(0)
	var want record.Batch
	for i := range 10 {
		batch := Batch{Size: 600, Tag: i}.Build(t)
		appendBatch(t, p, batch)
		if i == 0 {
			want = bytes.Clone(batch)
		}
	}
	held, err := p.Read(0, logstore.ReadOptions{MaxBytes: 1, AtLeast1: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DeleteBefore(context.Background(), 9); err != nil {
		t.Fatal(err)
	}
	if err := p.Maintain(context.Background(), logstore.Retention); err != nil {
		t.Fatal(err)
	}
	if err := o.store.Delete(context.Background(), o.topic); err != nil {
		t.Fatal(err)
	}
	var got buffer
	if _, err := held.Records.WriteTo(&got); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("records of a deleted topic: %d bytes, %v", got.Len(), err)
	}
	held.Records.Release()
}

func testWatermarkFollowsAtOnce(t *testing.T, b Backend) {
	t.Helper()
	config := Config()
	config.FlushMessages = math.MaxInt64
	p := open(t, b, config).partition(0)
	for i := range 5 {
		ticket, err := p.Append(Batch{Tag: i}.Build(t), logstore.AppendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if ticket.Commit != nil {
			t.Error("an append waits for a commit")
		}
		if o := p.Offsets(); o.HighWatermark != int64(i+1) {
			t.Errorf("append %d: %+v", i, o)
		}
	}
	if err := p.Maintain(context.Background(), logstore.Flush); err != nil {
		t.Error(err)
	}
}

// testDeferredCommitsAreShared appends to several partitions before their commit begins.
func testDeferredCommitsAreShared(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, Config())
	var tickets []logstore.Ticket
	for i := range o.topic.Partitions {
		ticket, err := o.partition(i).Append(Batch{Tag: int(i)}.Build(t), logstore.AppendOptions{DeferCommit: true})
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, ticket)
	}
	for _, ticket := range tickets {
		if ticket.Commit != nil {
			ticket.Commit.Begin()
		}
		if _, err := ticket.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ticket.Commit != tickets[0].Commit {
			t.Error("appends that wait for each other have commits of their own")
		}
	}
	for i := range o.topic.Partitions {
		if got := o.partition(i).Offsets(); got.HighWatermark != 1 {
			t.Errorf("partition %d: %+v", i, got)
		}
	}
	// One that nobody begins goes with the next.
	if _, err := o.partition(0).Append(Batch{Tag: 8}.Build(t), logstore.AppendOptions{DeferCommit: true}); err != nil {
		t.Fatal(err)
	}
	appendBatch(t, o.partition(1), Batch{Tag: 9}.Build(t))
	if got := o.partition(0).Offsets(); got.HighWatermark != 2 {
		t.Errorf("an append whose commit was never begun: %+v", got)
	}
}
