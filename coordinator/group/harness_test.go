package group

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local" //nolint:depguard // Tests run on the real store, on a disk in memory.
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testLog is __consumer_offsets of a store.
type testLog struct {
	store      logstore.Store
	partitions int32
	wrap       func(logstore.Partition) logstore.Partition
}

var offsetsTopicID = logstore.TopicID{1}

func (l *testLog) Partitions() int32 { return l.partitions }

func (l *testLog) Partition(i int32) (logstore.Partition, error) {
	p, err := l.store.Partition(offsetsTopicID, i)
	if err == nil && l.wrap != nil {
		p = l.wrap(p)
	}
	return p, err
}

// openLog opens a store on a disk.
func openLog(tb testing.TB, disk vfs.FS, partitions int32) *testLog {
	tb.Helper()
	return openLogWith(tb, disk, partitions, compactedConfig())
}

// compactedConfig is that of a topic that is compacted.
func compactedConfig() *logstore.Config {
	config := logstoretest.Config()
	config.CleanupPolicy = logstore.CleanupCompact
	return config
}

func openLogWith(tb testing.TB, disk vfs.FS, partitions int32, config *logstore.Config) *testLog {
	tb.Helper()
	store, err := local.Open(tb.Context(), local.Options{Dirs: []vfs.FS{disk}, NodeID: 1, ClusterID: "cluster"})
	if err != nil {
		tb.Fatal(err)
	}
	err = store.Create(logstore.TopicPartitions{
		ID: offsetsTopicID, Topic: "__consumer_offsets", Partitions: partitions, Config: config,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return &testLog{store: store, partitions: partitions}
}

func (l *testLog) close(tb testing.TB) {
	tb.Helper()
	if err := l.store.Close(context.Background()); err != nil {
		tb.Error(err)
	}
}

// fullPartition is a partition whose disk is full as long as the test says so.
type fullPartition struct {
	logstore.Partition
	full *atomic.Bool
}

func (p *fullPartition) Append(batches []byte, o logstore.AppendOptions) (logstore.Ticket, error) {
	if p.full.Load() {
		return logstore.Ticket{}, logstore.ErrDiskFull
	}
	return p.Partition.Append(batches, o)
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
	return c
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
	var records []Record
	for *from < p.Offsets().HighWatermark {
		fetched, err := p.Read(*from, logstore.ReadOptions{MaxBytes: 1 << 20, AtLeast1: true})
		if err != nil {
			tb.Fatal(err)
		}
		var buf bytes.Buffer
		_, err = fetched.Records.WriteTo(&buf)
		fetched.Records.Release()
		if err != nil {
			tb.Fatal(err)
		}
		for b := buf.Bytes(); len(b) > 0; {
			batch, err := record.First(b)
			if err != nil {
				tb.Fatal(err)
			}
			for r, err := range batch.Records(record.DefaultLimit(len(batch))) {
				if err != nil {
					tb.Fatal(err)
				}
				records = append(records, mustDecode(tb, r.Key, r.Value))
			}
			*from = batch.NextOffset()
			b = b[len(batch):]
		}
	}
	return records
}
