package logstoretest

import (
	"context"
	"errors"
	"testing"

	"github.com/clatterhq/clatter/logstore"
)

func testDeleteBefore(t *testing.T, b Backend) {
	t.Helper()
	config := Config()
	config.SegmentBytes = 500
	o := open(t, b, config)
	if start, err := o.partition(1).DeleteBefore(t.Context(), -1); start != 0 || err != nil {
		t.Errorf("empty log: %d, %v", start, err)
	}
	p := o.partition(0)
	for range 20 {
		appendBatch(t, p, Batch{Records: 2, Size: 100}.Build(t))
	}
	for _, c := range []struct {
		offset, want int64
		err          error
	}{
		{0, 0, nil},
		{7, 7, nil}, // in the middle of a batch
		{3, 7, nil}, // it never falls
		{41, 7, logstore.ErrOffsetOutOfRange},
		{-2, 7, logstore.ErrOffsetOutOfRange},
		{20, 20, nil},
	} {
		start, err := p.DeleteBefore(t.Context(), c.offset)
		if !errors.Is(err, c.err) || (err == nil && start != c.want) {
			t.Errorf("before %d: %d, %v", c.offset, start, err)
		}
		if got := p.Offsets().LogStartOffset; got != c.want {
			t.Errorf("before %d: log starts at %d, want %d", c.offset, got, c.want)
		}
	}
	size := p.Size()
	if err := p.Maintain(t.Context(), logstore.Retention); err != nil {
		t.Fatal(err)
	}
	if p.Size() >= size {
		t.Errorf("%d bytes before retention, %d after", size, p.Size())
	}
	o.reopen(b)
	p = o.partition(0)
	if got := p.Offsets(); got.LogStartOffset != 20 || got.HighWatermark != 40 {
		t.Errorf("after a restart: %+v", got)
	}
	if got := readAll(t, p, 20, 1<<20); len(got) != 10 {
		t.Errorf("%d batches are left", len(got))
	}
	if start, err := p.DeleteBefore(t.Context(), -1); start != 40 || err != nil {
		t.Errorf("before the high watermark: %d, %v", start, err)
	}
	if r := appendBatch(t, p, Batch{}.Build(t)); r.BaseOffset != 40 || r.LogStartOffset != 40 {
		t.Errorf("append after everything was deleted: %+v", r)
	}
}

func testRetentionBySize(t *testing.T, b Backend) {
	t.Helper()
	config := Config()
	config.SegmentBytes, config.RetentionBytes = 1000, 3000
	o := open(t, b, config)
	p := o.partition(0)
	for range 20 {
		appendBatch(t, p, Batch{Size: 400, Timestamp: nowMs()}.Build(t))
	}
	if err := p.Maintain(t.Context(), logstore.Retention); err != nil {
		t.Fatal(err)
	}
	// As much goes as leaves at least the configured size.
	if size := p.Size(); size < 3000 || size > 4000 {
		t.Errorf("%d bytes are left", size)
	}
	start := p.Offsets().LogStartOffset
	if start == 0 {
		t.Error("log start is still 0")
	}
	if _, err := p.Read(start-1, logstore.ReadOptions{MaxBytes: 1}); !errors.Is(err, logstore.ErrOffsetOutOfRange) {
		t.Errorf("read of what is deleted: %v", err)
	}
	readAll(t, p, start, 1<<20)
	zero := Config()
	zero.RetentionBytes = 0
	if err := o.store.Configure(o.topic.ID, zero); err != nil {
		t.Fatal(err)
	}
	if err := p.Maintain(t.Context(), logstore.Retention); err != nil {
		t.Fatal(err)
	}
	if got := p.Offsets(); got.LogStartOffset != 20 || p.Size() != 0 {
		t.Errorf("nothing is to be kept: %+v, %d bytes", got, p.Size())
	}
	if r := appendBatch(t, p, Batch{}.Build(t)); r.BaseOffset != 20 {
		t.Errorf("%+v", r)
	}
}

func testRetentionByTime(t *testing.T, b Backend) {
	t.Helper()
	config := Config()
	config.SegmentBytes, config.RetentionMs = 1000, 3_600_000
	p := open(t, b, config).partition(0)
	now := nowMs()
	for i := range 20 {
		// Two records per segment; all but the last six are older than an hour.
		age := int64(0)
		if i < 14 {
			age = 2 * 3_600_000
		}
		appendBatch(t, p, Batch{Size: 400, Timestamp: now - age}.Build(t))
	}
	if err := p.Maintain(t.Context(), logstore.Retention); err != nil {
		t.Fatal(err)
	}
	if got := p.Offsets().LogStartOffset; got != 14 {
		t.Errorf("log starts at %d", got)
	}
}

func testNoRetentionWithoutPolicy(t *testing.T, b Backend) {
	t.Helper()
	config := Config()
	config.CleanupPolicy, config.SegmentBytes, config.RetentionBytes, config.RetentionMs = 0, 500, 0, 1
	p := open(t, b, config).partition(0)
	for range 10 {
		appendBatch(t, p, Batch{Size: 200, Timestamp: 1}.Build(t))
	}
	if err := p.Maintain(t.Context(), logstore.Retention); err != nil {
		t.Fatal(err)
	}
	if got := p.Offsets().LogStartOffset; got != 0 {
		t.Errorf("log starts at %d", got)
	}
}

func testUnknownPartitions(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, Config())
	for _, i := range []int32{-1, 3, 1 << 30} {
		if _, err := o.store.Partition(o.topic.ID, i); !errors.Is(err, logstore.ErrUnknownPartition) {
			t.Errorf("partition %d: %v", i, err)
		}
	}
	unknown := logstore.TopicID{9}
	if _, err := o.store.Partition(unknown, 0); !errors.Is(err, logstore.ErrUnknownPartition) {
		t.Errorf("unknown topic: %v", err)
	}
	if err := o.store.Configure(unknown, Config()); !errors.Is(err, logstore.ErrUnknownPartition) {
		t.Errorf("configure an unknown topic: %v", err)
	}
	if err := o.store.Delete(t.Context(), logstore.TopicPartitions{ID: unknown, Topic: "unknown", Partitions: 2, Config: Config()}); err != nil {
		t.Errorf("delete an unknown topic: %v", err)
	}
}

func testPartitionsCanBeAdded(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, Config())
	p := o.partition(2)
	appendBatch(t, p, Batch{}.Build(t))
	o.topic.Partitions = 5
	if err := o.store.Create(o.topic); err != nil {
		t.Fatal(err)
	}
	if o.partition(2) != p {
		t.Error("another partition after others were added")
	}
	appendBatch(t, o.partition(4), Batch{}.Build(t))
	if err := o.store.Create(o.topic); err != nil {
		t.Fatal(err)
	}
	if got := o.partition(4).Offsets().LogEndOffset; got != 1 {
		t.Errorf("created again: %d", got)
	}
}

func testDeletedTopicIsGone(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, Config())
	p := o.partition(0)
	appendBatch(t, p, Batch{}.Build(t))
	for range 2 { // it is idempotent
		if err := o.store.Delete(t.Context(), o.topic); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.store.Partition(o.topic.ID, 0); !errors.Is(err, logstore.ErrUnknownPartition) {
		t.Errorf("partition: %v", err)
	}
	if _, err := p.Append(Batch{}.Build(t), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrUnknownPartition) {
		t.Errorf("append: %v", err)
	}
	if _, err := p.Read(0, logstore.ReadOptions{MaxBytes: 1}); !errors.Is(err, logstore.ErrUnknownPartition) {
		t.Errorf("read: %v", err)
	}
	if _, err := p.DeleteBefore(t.Context(), 1); !errors.Is(err, logstore.ErrUnknownPartition) {
		t.Errorf("delete records: %v", err)
	}
	if err := p.Maintain(t.Context(), logstore.Retention); !errors.Is(err, logstore.ErrUnknownPartition) {
		t.Errorf("maintain: %v", err)
	}
	w := logstore.NewWaiter()
	if p.Watch(w); !woken(w) {
		t.Error("who watches a deleted partition is never woken")
	}
}

func testTopicComesBackEmpty(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, Config())
	for i := range 4 {
		appendBatch(t, o.partition(0), Batch{Records: i + 1, ProducerID: 5, BaseSequence: int32(i * (i + 1) / 2)}.Build(t))
		if err := o.store.Delete(t.Context(), o.topic); err != nil {
			t.Fatal(err)
		}
		o.topic.ID[15]++
		if err := o.store.Create(o.topic); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			o.reopen(b)
		}
		p := o.partition(0)
		if got := p.Offsets(); got != (logstore.Offsets{}) || len(p.Producers()) != 0 || p.Size() != 0 {
			t.Errorf("round %d: %+v, producers %v, %d bytes", i, got, p.Producers(), p.Size())
		}
		if r := appendBatch(t, p, Batch{Tag: i}.Build(t)); r.BaseOffset != 0 {
			t.Errorf("round %d: %+v", i, r)
		}
		if _, err := p.DeleteBefore(t.Context(), 1); err != nil {
			t.Error(err)
		}
		if err := o.store.Delete(t.Context(), o.topic); err != nil {
			t.Fatal(err)
		}
		o.topic.ID[15]++
		if err := o.store.Create(o.topic); err != nil {
			t.Fatal(err)
		}
	}
}

func testClosedStoreRefuses(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, Config())
	store, p, untouched := o.store, o.partition(0), o.partition(1)
	appendBatch(t, p, Batch{}.Build(t))
	w := logstore.NewWaiter()
	p.Watch(w)
	o.close()
	if !woken(w) {
		t.Error("the store was closed and nobody was woken")
	}
	ctx := context.Background()
	_, partitionErr := store.Partition(o.topic.ID, 0)
	_, appendErr := p.Append(Batch{}.Build(t), logstore.AppendOptions{})
	_, firstErr := untouched.Append(Batch{}.Build(t), logstore.AppendOptions{})
	_, readErr := p.Read(0, logstore.ReadOptions{MaxBytes: 1})
	_, deleteErr := p.DeleteBefore(ctx, 1)
	_, dirsErr := store.LogDirs(ctx)
	for name, err := range map[string]error{
		"partition": partitionErr, "append": appendErr, "first append": firstErr, "read": readErr, "delete records": deleteErr,
		"log dirs": dirsErr, "create": store.Create(o.topic), "delete": store.Delete(ctx, o.topic),
		"configure": store.Configure(o.topic.ID, Config()), "close": store.Close(ctx),
		"maintain": p.Maintain(ctx, logstore.Retention),
	} {
		if !errors.Is(err, logstore.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func testRestartKeepsEverything(t *testing.T, b Backend) {
	t.Helper()
	config := Config()
	config.SegmentBytes = 3000
	o := open(t, b, config)
	for round := range 4 {
		for i := range 30 {
			for partition := range int32(2) {
				appendBatch(t, o.partition(partition), Batch{Records: 1 + i%3, Size: 100, Tag: i, Timestamp: nowMs()}.Build(t))
			}
		}
		var before [2]logstore.Offsets
		var batches [2]int
		for partition := range int32(2) {
			before[partition] = o.partition(partition).Offsets()
			batches[partition] = len(readAll(t, o.partition(partition), 0, 10_000))
		}
		o.reopen(b)
		if round%2 == 1 {
			o.reopen(b) // without being used
		}
		for partition := range int32(2) {
			got := o.partition(partition).Offsets()
			got.LeaderEpoch = before[partition].LeaderEpoch
			if got != before[partition] {
				t.Errorf("round %d: %+v, want %+v", round, got, before[partition])
			}
			if n := len(readAll(t, o.partition(partition), 0, 10_000)); n != batches[partition] {
				t.Errorf("round %d: %d batches, want %d", round, n, batches[partition])
			}
		}
		if got := o.partition(2).Offsets().LogEndOffset; got != 0 {
			t.Errorf("round %d: an empty partition ends at %d", round, got)
		}
	}
}

func testLogDirs(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, Config())
	appendBatch(t, o.partition(1), Batch{Size: 100}.Build(t))
	check := func(when string) {
		t.Helper()
		dirs, err := o.store.LogDirs(t.Context())
		if err != nil || len(dirs) == 0 {
			t.Fatalf("%s: %+v, %v", when, dirs, err)
		}
		found := 0
		for _, d := range dirs {
			if d.Path == "" || d.Err != nil {
				t.Errorf("%s: %+v", when, d)
			}
			for _, p := range d.Partitions {
				found++
				if p.ID != o.topic.ID || p.Partition != 1 || p.Bytes == 0 {
					t.Errorf("%s: %+v", when, p)
				}
			}
		}
		if found != 1 {
			t.Errorf("%s: %d partitions with files", when, found)
		}
	}
	check("after an append")
	if err := o.store.Health(); err != nil {
		t.Error(err)
	}
	o.reopen(b)
	check("after a restart")
	if size := o.partition(1).Size(); size == 0 {
		t.Error("size 0 after a restart")
	}
	check("after a touch")
}
