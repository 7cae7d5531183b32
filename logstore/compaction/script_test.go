package compaction

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/wire/record"
)

// TestScripts runs the conversations in testdata. A log is a list of batches, one per line:
//
//	[pid=ID[.EPOCH]] [seq=N] [txn] [CODEC] [append-time=MS] [leader=N]: KEY=VALUE[@MS] KEY![@MS] =VALUE ...
//	commit pid=ID[.EPOCH] [@MS]        abort pid=ID[.EPOCH] [@MS]
//
// KEY! is a tombstone, =VALUE a record without a key. Batches get the offsets that follow. Commands:
//
//	log                    appends batches
//	clean now=MS [retention=MS] [keys=N] [from=N] [end=N] [expired]   cleans; keys is how many fit the map
//	skip offsets=N         leaves a gap before the next batch
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		t.Helper()
		s := &script{t: t}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			s.t = t
			switch d.Cmd {
			case "log":
				for line := range strings.Lines(d.Input) {
					s.append(d, strings.TrimSpace(line))
				}
				return s.print(s.batches)
			case "skip":
				var n int64
				d.ScanArgs(t, "offsets", &n)
				s.next += n
				return "ok\n"
			case "clean":
				return s.clean(d)
			default:
				d.Fatalf(t, "unknown command %s", d.Cmd)
				return ""
			}
		})
	})
}

type script struct {
	t       *testing.T
	batches []record.Batch
	next    int64
	table   producer.Table
	aborted []producer.AbortedTransaction
}

func (s *script) append(d *datadriven.TestData, line string) {
	header, records, isData := strings.Cut(line, ": ")
	b := record.NewBuilder()
	b.BaseOffset, b.PartitionLeaderEpoch = s.next, 0
	marker := record.EndTransactionMarker{Type: record.ControlUnknown, CoordinatorEpoch: 7}
	timestamp := int64(0)
	for field := range strings.FieldsSeq(header) {
		name, value, _ := strings.Cut(field, "=")
		number := func() int64 {
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				d.Fatalf(s.t, "%s: %v", field, err)
			}
			return n
		}
		switch {
		case name == "pid":
			id, epoch, _ := strings.Cut(value, ".")
			value = id
			b.ProducerID, b.ProducerEpoch = number(), 0
			if epoch != "" {
				value = epoch
				b.ProducerEpoch = int16(number())
			}
		case name == "seq":
			b.BaseSequence = int32(number())
		case name == "txn":
			b.Transactional = true
		case name == "append-time":
			b.LogAppendTime = number()
		case name == "leader":
			b.PartitionLeaderEpoch = int32(number())
		case name == "commit":
			marker.Type = record.ControlCommit
		case name == "abort":
			marker.Type = record.ControlAbort
		case name[0] == '@':
			value = name[1:]
			timestamp = number()
		default:
			codec, err := record.ParseCodec(name)
			if err != nil {
				d.Fatalf(s.t, "%s: %v", field, err)
			}
			b.Codec = codec
		}
	}
	if !isData {
		b.Transactional, b.Control = true, true
		b.Append(timestamp, marker.AppendKey(nil), marker.AppendValue(nil))
	}
	for text := range strings.FieldsSeq(records) {
		text, at, _ := strings.Cut(text, "@")
		timestamp, _ := strconv.ParseInt(at, 10, 64)
		key, value, hasValue := strings.Cut(text, "=")
		switch {
		case !hasValue:
			b.Append(timestamp, []byte(strings.TrimSuffix(key, "!")), nil)
		case key == "":
			b.Append(timestamp, nil, []byte(value))
		default:
			b.Append(timestamp, []byte(key), []byte(value))
		}
	}
	batch, err := b.Build(nil)
	if err != nil {
		d.Fatalf(s.t, "%s: %v", line, err)
	}
	info, err := producer.InfoOf(batch)
	if err != nil {
		d.Fatalf(s.t, "%s: %v", line, err)
	}
	if done, ok := s.table.Update(info); ok && done.Aborted {
		s.aborted = append(s.aborted, done.Entry())
	}
	s.batches = append(s.batches, batch)
	s.next = batch.NextOffset()
}

func (s *script) clean(d *datadriven.TestData) string {
	var now, retention, from int64
	keys, end := int64(1000), s.next
	for name, to := range map[string]*int64{"now": &now, "retention": &retention, "from": &from, "keys": &keys, "end": &end} {
		if d.HasArg(name) {
			d.ScanArgs(s.t, name, to)
		}
	}
	m, err := NewOffsetMap(keys*EntryBytes, 1, s.next)
	if err != nil {
		d.Fatalf(s.t, "%v", err)
	}
	x := Indexer{Map: m, Transactions: NewTransactions(s.aborted), From: from, Limit: 1 << 20}
	full := false
	for _, b := range s.batches {
		if full || b.BaseOffset() >= end {
			break
		}
		if full, err = x.Add(b); err != nil {
			return fmt.Sprintf("error: %v\n", err)
		}
	}
	f := Filter{
		Map: m, Transactions: NewTransactions(s.aborted), Producers: s.table.LastRecords(), End: end,
		Now: now, DeleteRetentionMs: retention, Limit: 1 << 20,
	}
	if d.HasArg("expired") {
		f.Producers = nil
	}
	var out []byte
	for _, b := range s.batches {
		if b.BaseOffset() >= end {
			out = append(out, b...)
			continue
		}
		if out, err = f.Append(out, b); err != nil {
			return fmt.Sprintf("error: %v\n", err)
		}
	}
	s.batches = nil
	for len(out) > 0 {
		b, err := record.First(out)
		if err != nil {
			d.Fatalf(s.t, "%v", err)
		}
		if err := b.VerifyCRC(); err != nil {
			d.Fatalf(s.t, "%v", err)
		}
		s.batches = append(s.batches, b)
		out = out[len(b):]
	}
	kept := f.Transactions.Kept()
	result := s.print(s.batches)
	if full {
		result += fmt.Sprintf("full: cleaned up to %d\n", m.Latest())
	}
	if len(s.aborted) > 0 {
		for _, a := range kept {
			result += fmt.Sprintf("aborted: pid=%d %d-%d stable=%d\n", a.ProducerID, a.FirstOffset, a.LastOffset, a.LastStableOffset)
		}
	}
	s.aborted = kept
	if result == "" {
		return "nothing\n"
	}
	return result
}

// print writes batches with everything that a cleaning may change.
func (s *script) print(batches []record.Batch) string {
	var out strings.Builder
	for _, b := range batches {
		a := b.Attributes()
		fmt.Fprintf(&out, "%d-%d", b.BaseOffset(), b.LastOffset())
		if b.HasProducerID() {
			fmt.Fprintf(&out, " pid=%d.%d", b.ProducerID(), b.ProducerEpoch())
			if b.BaseSequence() >= 0 {
				fmt.Fprintf(&out, " seq=%d-%d", b.BaseSequence(), b.LastSequence())
			}
		}
		if a.IsTransactional() && !a.IsControl() {
			out.WriteString(" txn")
		}
		if a.Codec() != record.None {
			fmt.Fprintf(&out, " %v", a.Codec())
		}
		if a.TimestampType() == record.LogAppendTime {
			out.WriteString(" append-time")
		}
		if e := b.PartitionLeaderEpoch(); e != 0 {
			fmt.Fprintf(&out, " leader=%d", e)
		}
		fmt.Fprintf(&out, " max=%d", b.MaxTimestamp())
		if ms, ok := b.DeleteHorizon(); ok {
			fmt.Fprintf(&out, " horizon=%d", ms)
		}
		if b.Count() == 0 {
			out.WriteString(" empty")
			if a.IsControl() {
				out.WriteString(" control")
			}
		}
		for r, err := range b.Records(1 << 20) {
			if err != nil {
				s.t.Fatal(err)
			}
			switch {
			case a.IsControl():
				kind, err := record.ParseControlKey(r.Key)
				if err != nil {
					s.t.Fatal(err)
				}
				fmt.Fprintf(&out, " %v", kind)
			case r.Value == nil:
				fmt.Fprintf(&out, " %d:%s!@%d", b.RecordOffset(r), r.Key, b.RecordTimestamp(r))
			default:
				fmt.Fprintf(&out, " %d:%s=%s@%d", b.RecordOffset(r), r.Key, r.Value, b.RecordTimestamp(r))
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}

func TestOffsetMapHoldsTheLastOffsetOfEachKey(t *testing.T) {
	const keys = 5000
	m, err := NewOffsetMap(keys*EntryBytes, 0.9, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{}
	offset := int64(0)
	for round := range 3 {
		for i := range keys {
			key := fmt.Sprintf("key %d", i*(round+1)%keys)
			if !m.Put([]byte(key), offset) {
				if len(want) < keys*9/10 {
					t.Fatalf("full after %d of %d keys", len(want), keys)
				}
				continue
			}
			want[key] = offset
			offset++
		}
	}
	if m.Len() != len(want) || m.Latest() != offset-1 || m.Len() != keys*9/10 {
		t.Errorf("%d keys up to %d, want %d up to %d", m.Len(), m.Latest(), len(want), offset-1)
	}
	for i := range keys {
		key := fmt.Sprintf("key %d", i)
		at, known := want[key]
		if !known {
			at = -1
		}
		if got := m.Offset([]byte(key)); got != at {
			t.Errorf("%s is at %d, want %d", key, got, at)
		}
	}
}

func TestOffsetMapTakesNoMoreMemoryThanItNeeds(t *testing.T) {
	for _, c := range []struct {
		memory     int64
		loadFactor float64
		records    int64
		least      int64 // keys that fit
		most       int64 // bytes
	}{
		{128 << 20, 0.9, 10, 10, 100 * EntryBytes},
		{128 << 20, 0.1, 100, 100, 1100 * EntryBytes},
		{100 * EntryBytes, 0.9, 1 << 50, 90, 100 * EntryBytes},
		{100 * EntryBytes, 7, 1 << 50, 100, 100 * EntryBytes},
		{2 * EntryBytes, 0.5, 0, 1, 2 * EntryBytes},
	} {
		m, err := NewOffsetMap(c.memory, c.loadFactor, c.records)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if m.Size() > c.most {
			t.Errorf("%+v: takes %d bytes", c, m.Size())
		}
		n := int64(0)
		for m.Put(strconv.AppendInt(nil, n, 10), n) && n < c.least {
			n++
		}
		if n < c.least {
			t.Errorf("%+v: full after %d keys", c, n)
		}
	}
	for _, loadFactor := range []float64{0, -1, 0.01} {
		if _, err := NewOffsetMap(10*EntryBytes, loadFactor, 5); err == nil {
			t.Errorf("a load factor of %v leaves room", loadFactor)
		}
	}
}

// TestFilterKeepsWhatItDoesNotChangeByteForByte also says that the next cleaning changes nothing.
func TestFilterKeepsWhatItDoesNotChangeByteForByte(t *testing.T) {
	b := record.NewBuilder()
	b.Codec = record.Gzip
	b.Append(1, []byte("a"), []byte("1"))
	b.Append(2, []byte("b"), []byte("2"))
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := NewOffsetMap(1000, 1, 10)
	x := Indexer{Map: m, Transactions: NewTransactions(nil), Limit: 1 << 20}
	if _, err := x.Add(batch); err != nil {
		t.Fatal(err)
	}
	f := Filter{Map: m, Transactions: NewTransactions(nil), End: 2, Limit: 1 << 20}
	out, err := f.Append([]byte("before"), batch)
	if err != nil || !bytes.Equal(out, append([]byte("before"), batch...)) || f.Stats.Rewritten != 0 {
		t.Errorf("%q, %v, %+v", out, err, f.Stats)
	}
}

func TestFilterRefusesWhatItCannotRead(t *testing.T) {
	b := record.NewBuilder()
	b.Codec = record.Zstd
	b.Append(1, []byte("a"), bytes.Repeat([]byte("x"), 1000))
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := NewOffsetMap(1000, 1, 10)
	f := Filter{Map: m, Transactions: NewTransactions(nil), End: 2, Limit: 100}
	if out, err := f.Append([]byte("before"), batch); err == nil || string(out) != "before" {
		t.Errorf("%q, %v", out, err)
	}
	x := Indexer{Map: m, Transactions: NewTransactions(nil), Limit: 100}
	if _, err := x.Add(batch); err == nil {
		t.Error("a batch beyond the limit was indexed")
	}
}
