package txn

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local" //nolint:depguard // Tests run on the real store, on a disk in memory.
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testLog is __transaction_state of a store.
type testLog struct {
	store      logstore.Store
	partitions int32
	wrap       func(logstore.Partition) logstore.Partition
}

var stateTopicID = logstore.TopicID{1}

func (l *testLog) Partitions() int32 { return l.partitions }

func (l *testLog) Partition(i int32) (logstore.Partition, error) {
	p, err := l.store.Partition(stateTopicID, i)
	if err == nil && l.wrap != nil {
		p = l.wrap(p)
	}
	return p, err
}

// openLog opens a store on a disk.
func openLog(tb testing.TB, disk vfs.FS, partitions int32, configure ...func(*logstore.Config)) *testLog {
	tb.Helper()
	store, err := local.Open(tb.Context(), local.Options{Dirs: []vfs.FS{disk}, NodeID: 1, ClusterID: "cluster"})
	if err != nil {
		tb.Fatal(err)
	}
	config := logstoretest.Config()
	config.CleanupPolicy = logstore.CleanupCompact
	for _, c := range configure {
		c(config)
	}
	err = store.Create(logstore.TopicPartitions{ID: stateTopicID, Topic: "__transaction_state", Partitions: partitions, Config: config})
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

// fullPartition is a partition whose disk is full, or doesn't write at all, as long as the test says so.
type fullPartition struct {
	logstore.Partition
	full, broken *atomic.Bool
}

func (p *fullPartition) Append(batches []byte, o logstore.AppendOptions) (logstore.Ticket, error) {
	if p.full.Load() {
		return logstore.Ticket{}, logstore.ErrDiskFull
	}
	if p.broken.Load() {
		return logstore.Ticket{}, logstore.ErrOffline
	}
	return p.Partition.Append(batches, o)
}

// testMarkers are logs that remember what was written to them.
type testMarkers struct {
	mu    sync.Mutex
	holds bool
	err   error // what the next writes fail with
	held  []func()
	// written are lines about markers.
	written []string
	count   atomic.Int64
}

func (m *testMarkers) Write(marker Marker, partitions []TopicPartition, done func(TopicPartition, error)) {
	m.count.Add(int64(len(partitions)))
	m.mu.Lock()
	err := m.err
	what := "abort"
	if marker.Commit {
		what = "commit"
	}
	line := fmt.Sprintf("marker: %s %d/%d of version %d by coordinator %d to", what, marker.ProducerID, marker.ProducerEpoch, marker.TransactionVersion, marker.CoordinatorEpoch)
	for _, p := range partitions[:min(len(partitions), 5)] {
		line += fmt.Sprintf(" %s:%d", p.Topic, p.Partition)
	}
	if len(partitions) > 5 {
		line += fmt.Sprintf(" and %d more", len(partitions)-5)
	}
	if err != nil {
		line += ": " + err.Error()
	}
	m.written = append(m.written, line)
	finish := func() {
		for _, p := range partitions {
			done(p, err)
		}
	}
	if m.holds {
		m.held = append(m.held, finish)
		finish = func() {}
	}
	m.mu.Unlock()
	finish()
}

func (m *testMarkers) set(holds bool, err error) {
	m.mu.Lock()
	m.holds, m.err = holds, err
	held := m.held
	if !holds {
		m.held = nil
	}
	m.mu.Unlock()
	if !holds {
		for _, finish := range held {
			finish()
		}
	}
}

// drop forgets markers that were to be written: the process is gone.
func (m *testMarkers) drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = nil
}

func (m *testMarkers) take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.written
	m.written = nil
	return taken
}

// testIDs counts producer IDs.
type testIDs struct {
	last atomic.Int64
	err  atomic.Pointer[error]
}

func (i *testIDs) Next(context.Context) (int64, error) {
	if err := i.err.Load(); err != nil {
		return 0, *err
	}
	return i.last.Add(1), nil
}

// testConfig is Kafka's default.
func testConfig() Config {
	return Config{MaxTimeoutMs: 900_000, IDExpirationMs: 604_800_000, RemoveExpiredIntervalMs: 3_600_000, PatienceMs: 100}
}

// testOptions are those of a coordinator over a log. Topics are t, with 10 partitions, and many, with 10,000.
func testOptions(log *testLog) Options {
	return Options{
		Topic: log, Config: testConfig, ProducerIDs: &testIDs{}, Markers: &testMarkers{}, Version: func() int16 { return 2 },
		Exists: func(p TopicPartition) bool {
			return p.Partition >= 0 && (p.Topic == "t" && p.Partition < 10 || p.Topic == "many" && p.Partition < 10_000)
		},
		Internal:         func(topic string) bool { return topic == "__consumer_offsets" },
		OffsetsPartition: func(group string) TopicPartition { return TopicPartition{"__consumer_offsets", int32(len(group))} },
		Log:              slog.New(slog.DiscardHandler),
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

// recordsFrom decodes what the log has from an offset on, and moves that.
func recordsFrom(tb testing.TB, p logstore.Partition, from *int64) []*Record {
	tb.Helper()
	var records []*Record
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
				decoded, err := Format{}.Decode(r.Key, r.Value)
				if err != nil {
					tb.Fatal(err)
				}
				records = append(records, decoded)
			}
			*from = batch.NextOffset()
			b = b[len(batch):]
		}
	}
	return records
}

// textOf is a record as scripts have it. What is at its default is left out.
func textOf(r *Record, nowMs int64) string {
	m := r.Metadata
	if m == nil {
		return r.ID + " forgotten"
	}
	text := fmt.Sprintf("%s %s %d/%d", r.ID, m.State, m.ProducerID, m.ProducerEpoch)
	if m.LastProducerEpoch != noProducerEpoch {
		text += fmt.Sprintf(" last-epoch=%d", m.LastProducerEpoch)
	}
	if m.PreviousProducerID != m.ProducerID && m.PreviousProducerID != noProducerID {
		text += fmt.Sprintf(" previous=%d", m.PreviousProducerID)
	}
	if m.NextProducerID != noProducerID {
		text += fmt.Sprintf(" next=%d", m.NextProducerID)
	}
	if m.ClientVersion != 0 {
		text += fmt.Sprintf(" version=%d", m.ClientVersion)
	}
	if m.TimeoutMs != 60_000 {
		text += fmt.Sprintf(" timeout=%d", m.TimeoutMs)
	}
	if m.StartMs >= 0 {
		text += fmt.Sprintf(" open=%dms", nowMs-m.StartMs)
	}
	return text + partitionsText(m.Partitions)
}

func partitionsText(set partitions) string {
	var b strings.Builder
	all := set.all()
	for _, p := range all[:min(len(all), 5)] {
		fmt.Fprintf(&b, " %s:%d", p.Topic, p.Partition)
	}
	if len(all) > 5 {
		fmt.Fprintf(&b, " and %d more", len(all)-5)
	}
	return b.String()
}

// sorted is lines in an order that doesn't depend on goroutines.
func sorted[T cmp.Ordered](lines []T) []T {
	slices.Sort(lines)
	return lines
}
