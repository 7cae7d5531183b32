package group

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testLog is __consumer_offsets of a store.
type testLog = coordinatortest.Topic

// openLog opens a store on a disk.
func openLog(tb testing.TB, disk vfs.FS, partitions int32, configure ...func(*logstore.Config)) *testLog {
	tb.Helper()
	return coordinatortest.Open(tb, disk, "__consumer_offsets", partitions, configure...)
}

// testTopics are the topics of a test.
type testTopics []TopicInfo

func (t testTopics) find(is func(TopicInfo) bool) (TopicInfo, bool) {
	i := slices.IndexFunc(t, is)
	if i < 0 {
		return TopicInfo{}, false
	}
	return t[i], true
}

func (t testTopics) ByName(name string) (TopicInfo, bool) {
	return t.find(func(info TopicInfo) bool { return info.Name == name })
}

func (t testTopics) ByID(id [16]byte) (TopicInfo, bool) {
	return t.find(func(info TopicInfo) bool { return info.ID == id })
}

func (t testTopics) All() iter.Seq[TopicInfo] { return slices.Values(t) }

// testConfig is Kafka's default, without the delay.
func testConfig() Config {
	return Config{
		MinSessionTimeoutMs: 6000, MaxSessionTimeoutMs: 1_800_000, MaxSize: 1<<31 - 1,
		OffsetMetadataMaxBytes: 4096, OffsetsRetentionMs: 10080 * 60_000, OffsetsRetentionCheckIntervalMs: 600_000,
	}
}

// testOptions are those of a coordinator over a log. Member IDs are the same in every run.
func testOptions(log *testLog) Options {
	config := testConfig()
	return Options{
		Topic: log, Config: func() Config { return config }, Topics: testTopics{},
		Log: slog.New(slog.DiscardHandler), Random: rand.NewChaCha8([32]byte{}),
	}
}

// start makes a coordinator that is closed at the end of the test.
func start(tb testing.TB, o Options) *Coordinator {
	tb.Helper()
	c := New(o)
	tb.Cleanup(func() { stop(tb, c) })
	awaitLoaded(tb, c)
	return c
}

// awaitLoaded waits until all shards are loaded. On a busy machine that may take longer than a request waits for it.
func awaitLoaded(tb testing.TB, c *Coordinator) {
	tb.Helper()
	for shard := range c.options.Topic.Partitions() {
		load := func() wire.ErrorCode {
			return askShard(tb.Context(), c, shard, question[wire.ErrorCode]{
				decide: func(_ *Shard, reply func(wire.ErrorCode)) []Record {
					reply(wire.None)
					return nil
				},
				refused: func(code wire.ErrorCode) wire.ErrorCode { return code },
			})
		}
		for load() == wire.CoordinatorLoadInProgress {
			time.Sleep(time.Millisecond)
		}
	}
}

func stop(tb testing.TB, c *Coordinator) {
	tb.Helper()
	if err := c.Close(context.Background()); err != nil && !errors.Is(err, context.Canceled) {
		tb.Error(err)
	}
}

// write has a shard write records.
func write(tb testing.TB, c *Coordinator, group string, records ...Record) wire.ErrorCode {
	tb.Helper()
	return ask(tb.Context(), c, group, question[wire.ErrorCode]{
		decide: func(_ *Shard, reply func(wire.ErrorCode)) []Record {
			reply(wire.None)
			return records
		},
		refused: func(code wire.ErrorCode) wire.ErrorCode { return code },
	})
}

// commitOffsets commits, and says that the answer was encoded, as a connection does.
func commitOffsets(ctx context.Context, c *Coordinator, req *kmsg.OffsetCommitRequest) *kmsg.OffsetCommitResponse {
	resp, recycle := c.OffsetCommit(ctx, req)
	told := *resp
	told.Topics = slices.Clone(told.Topics)
	for i := range told.Topics {
		t := &told.Topics[i]
		t.Partitions = slices.Clone(t.Partitions)
	}
	if recycle != nil {
		recycle()
	}
	return &told
}

// look shows a test the state of the shard of a group.
func look(tb testing.TB, c *Coordinator, group string, see func(*Shard)) {
	tb.Helper()
	code := ask(tb.Context(), c, group, question[wire.ErrorCode]{
		decide: func(s *Shard, reply func(wire.ErrorCode)) []Record {
			see(s)
			reply(wire.None)
			return nil
		},
		refused: func(code wire.ErrorCode) wire.ErrorCode { return code },
	})
	if code != wire.None {
		tb.Errorf("look at %s: %s", group, code)
	}
}

// recordsFrom decodes what the log has from an offset on, and moves that.
func recordsFrom(tb testing.TB, p logstore.Partition, from *int64) []Record {
	tb.Helper()
	return coordinatortest.Records(tb, p, from, Format{}.Decode)
}

// askShard has a shard decide on something that is about no single group, and waits for the answer.
func askShard[T any](ctx context.Context, c *Coordinator, shard int32, q question[T]) T {
	k := newCall(q)
	c.runtime.SubmitTo(shard, k.command)
	return k.wait(ctx)
}
