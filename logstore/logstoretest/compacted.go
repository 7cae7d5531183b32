package logstoretest

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// CompactedLog is what a partition of a compacted topic has been told: every record that was ever appended. It is
// the model that a compacted log is compared with: of what is there, every record is one that was appended, where it
// was, and the last value of each key is the one that was appended last.
type CompactedLog struct {
	// records are by offset; a record without a value is a tombstone.
	records []compactedRecord
	// Acked is the offset behind everything that is known to be durable.
	Acked int64
	Start int64
	// Deleting is where the log will start after a deletion that is under way.
	Deleting int64
	// Sequences are the next sequence numbers by producer.
	Sequences map[int64]int32
}

type compactedRecord struct {
	key, value []byte
	timestamp  int64
}

// NewCompactedLog is the model of an empty log.
func NewCompactedLog() *CompactedLog { return &CompactedLog{Sequences: map[int64]int32{}} }

// Clone is a copy.
func (m *CompactedLog) Clone() *CompactedLog {
	c := *m
	c.records, c.Sequences = slices.Clip(m.records), maps.Clone(m.Sequences)
	return &c
}

// End is the log end offset.
func (m *CompactedLog) End() int64 { return int64(len(m.records)) }

// Append notes the records of a batch at the end.
func (m *CompactedLog) Append(tb testing.TB, batch record.Batch) {
	tb.Helper()
	for r, err := range batch.Records(1 << 30) {
		if err != nil {
			tb.Fatal(err)
		}
		m.records = append(m.records, compactedRecord{bytes.Clone(r.Key), bytes.Clone(r.Value), batch.RecordTimestamp(r)})
	}
	if id := batch.ProducerID(); id >= 0 {
		m.Sequences[id] = batch.LastSequence() + 1
	}
}

// values are the last values of all keys from the log start on. Keys that were deleted have none.
func (m *CompactedLog) values() map[string]string {
	values := map[string]string{}
	for _, r := range m.records[min(m.Start, m.End()):] {
		if r.value == nil {
			delete(values, string(r.key))
		} else {
			values[string(r.key)] = string(r.value)
		}
	}
	return values
}

// Check compares a partition with the model. It returns how many records are there.
func (m *CompactedLog) Check(tb testing.TB, p logstore.Partition, maxBytes int) (records int) {
	tb.Helper()
	o := p.Offsets()
	if o.LogEndOffset != m.End() || o.LogStartOffset != m.Start {
		tb.Fatalf("log from %d to %d, want %d to %d", o.LogStartOffset, o.LogEndOffset, m.Start, m.End())
	}
	got := map[string]string{}
	last := m.Start - 1
	next := int64(0)
	for _, b := range readAll(tb, p, m.Start, maxBytes) {
		if b.BaseOffset() < next {
			tb.Fatalf("batch at %d comes behind %d", b.BaseOffset(), next-1)
		}
		next = b.NextOffset()
		for r, err := range b.Records(1 << 30) {
			offset := b.RecordOffset(r)
			if err != nil || offset > b.LastOffset() {
				tb.Fatalf("batch at %d to %d has a record at %d: %v", b.BaseOffset(), b.LastOffset(), offset, err)
			}
			if offset < m.Start {
				continue
			}
			if offset <= last {
				tb.Fatalf("record at %d comes behind %d", offset, last)
			}
			last = offset
			want := &m.records[offset]
			if !bytes.Equal(r.Key, want.key) || !bytes.Equal(r.Value, want.value) || (r.Value == nil) != (want.value == nil) ||
				b.RecordTimestamp(r) != want.timestamp {
				tb.Fatalf("record at %d is %q=%q at %d, but %q=%q at %d was appended",
					offset, r.Key, r.Value, b.RecordTimestamp(r), want.key, want.value, want.timestamp)
			}
			records++
			if r.Value == nil {
				delete(got, string(r.Key))
			} else {
				got[string(r.Key)] = string(r.Value)
			}
		}
	}
	if o.HighWatermark > m.Start && next != o.HighWatermark {
		tb.Fatalf("readers come to %d, and the end is %d", next, o.HighWatermark)
	}
	m.compare(tb, got)
	return records
}

func (m *CompactedLog) compare(tb testing.TB, got map[string]string) {
	tb.Helper()
	want := m.values()
	for key, value := range want {
		if got[key] != value {
			tb.Fatalf("%s is %q, want %q", key, got[key], value)
		}
	}
	for key, value := range got {
		if _, ok := want[key]; !ok {
			tb.Fatalf("%s is back with %q", key, value)
		}
	}
}

// Recover compares a partition with the model after a crash and adopts what survived of its end.
func (m *CompactedLog) Recover(tb testing.TB, p logstore.Partition, maxBytes int) {
	tb.Helper()
	o := p.Offsets()
	if o.LogEndOffset < m.Acked || o.LogEndOffset > max(m.End(), m.Start, m.Deleting) {
		tb.Fatalf("log ends at %d, but %d was acknowledged and %d appended", o.LogEndOffset, m.Acked, m.End())
	}
	if o.LogStartOffset != m.Start && o.LogStartOffset != m.Deleting {
		tb.Fatalf("log starts at %d, want %d or %d", o.LogStartOffset, m.Start, m.Deleting)
	}
	m.Start = o.LogStartOffset
	m.records = m.records[:min(o.LogEndOffset, m.End())]
	m.Acked = m.End()
	m.Check(tb, p, maxBytes)
}
