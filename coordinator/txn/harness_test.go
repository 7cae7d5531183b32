package txn

import (
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

	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testLog is __transaction_state of a store.
type testLog = coordinatortest.Topic

// openLog opens a store on a disk.
func openLog(tb testing.TB, disk vfs.FS, partitions int32, configure ...func(*logstore.Config)) *testLog {
	tb.Helper()
	return coordinatortest.Open(tb, disk, "__transaction_state", partitions, configure...)
}

// testMarkers are logs that remember what was written to them.
type testMarkers struct {
	mu    sync.Mutex
	holds bool
	err   error // what the next writes fail with
	// only is the one partition that err is about, if it isn't empty.
	only TopicPartition
	held []func()
	// written are lines about markers.
	written []string
	count   atomic.Int64
}

func (m *testMarkers) Write(marker Marker, partitions []TopicPartition, w MarkerWaiter) {
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
	only := m.only
	finish := func() {
		for i, p := range partitions {
			if only == (TopicPartition{}) || only == p {
				w.Written(i, err)
			} else {
				w.Written(i, nil)
			}
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

// about chooses the one partition whose markers fail; nil: all.
func (m *testMarkers) about(chosen []TopicPartition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.only = TopicPartition{}
	if len(chosen) > 0 {
		m.only = chosen[0]
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
func recordsFrom(tb testing.TB, p logstore.Partition, from *int64) []Record {
	tb.Helper()
	return coordinatortest.Records(tb, p, from, Format{}.Decode)
}

// begunMetadata is what is known of a producer that has begun with its first epoch.
func begunMetadata(producerID int64, lastEpoch int16, timeoutMs int32, nowMs int64) Metadata {
	m := newMetadata(producerID)
	return m.begun(producerID, 0, lastEpoch, timeoutMs, nowMs)
}

// textOf is a record as scripts have it. What is at its default is left out.
func textOf(r Record, nowMs int64) string {
	m := r.Metadata
	if r.Forgotten {
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
