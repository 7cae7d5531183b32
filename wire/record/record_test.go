package record

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// collect is all records of a batch, which must be sound.
func collect(t *testing.T, b Batch) []Record {
	t.Helper()
	var list []Record
	for r, err := range b.Records(64 << 20) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// sameAsKmsg compares records with kmsg's, nil and empty told apart.
func sameAsKmsg(t *testing.T, got []Record, want []kmsg.Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	same := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	for i, w := range want {
		g := got[i]
		ok := g.Attributes == w.Attributes && g.TimestampDelta == w.TimestampDelta64 && g.OffsetDelta == w.OffsetDelta &&
			same(g.Key, w.Key) && same(g.Value, w.Value) && g.Headers.Len() == len(w.Headers)
		n := 0
		for key, value := range g.Headers.All() {
			ok = ok && string(key) == w.Headers[n].Key && same(value, w.Headers[n].Value)
			n++
		}
		if !ok || n != len(w.Headers) {
			t.Errorf("record %d: got %+v, want %+v", i, g, w)
		}
	}
}

func TestRecordsReadWhatKmsgWrites(t *testing.T) {
	sameAsKmsg(t, collect(t, kmsgBatch(kmsgHeader(), kmsgRecords())), kmsgRecords())
}

// randomRecords are n records of all shapes.
func randomRecords(rnd *rand.Rand, n int) []kmsg.Record {
	field := func() []byte {
		switch rnd.IntN(8) {
		case 0:
			return nil
		case 1:
			return []byte{}
		case 2:
			return bytes.Repeat([]byte{'L'}, rnd.IntN(20_000))
		default:
			return bytes.Repeat([]byte{'s'}, 1+rnd.IntN(100))
		}
	}
	list := make([]kmsg.Record, n)
	for i := range list {
		list[i] = kmsg.Record{OffsetDelta: int32(i), TimestampDelta64: rnd.Int64N(1<<20) - 1<<10, Key: field(), Value: field()}
		if rnd.IntN(20) == 0 {
			list[i].TimestampDelta64 = rnd.Int64N(math.MaxInt64) - 1<<61
		}
		for range rnd.IntN(4) / 2 * rnd.IntN(5) {
			list[i].Headers = append(list[i].Headers, kmsg.Header{Key: strings.Repeat("h", rnd.IntN(80)), Value: field()})
		}
	}
	return list
}

func TestBuilderWritesWhatKmsgWrites(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for n := 1; n < 60; n++ {
		records := randomRecords(rnd, n)
		records[0].TimestampDelta64 = 0
		header := kmsgHeader()
		header.LastOffsetDelta, header.NumRecords = int32(n-1), int32(n)
		header.MaxTimestamp = header.FirstTimestamp
		builder := NewBuilder()
		builder.BaseOffset, builder.PartitionLeaderEpoch = header.FirstOffset, header.PartitionLeaderEpoch
		builder.ProducerID, builder.ProducerEpoch, builder.BaseSequence = header.ProducerID, header.ProducerEpoch, header.FirstSequence
		builder.Transactional = true
		for _, r := range records {
			var headers []RecordHeader
			for _, h := range r.Headers {
				headers = append(headers, RecordHeader{h.Key, h.Value})
			}
			ts := header.FirstTimestamp + r.TimestampDelta64
			header.MaxTimestamp = max(header.MaxTimestamp, ts)
			builder.Append(ts, r.Key, r.Value, headers...)
		}
		want := kmsgBatch(header, records)
		if builder.Size() != len(want) || builder.Len() != n {
			t.Fatalf("builder has %d records in %d bytes, want %d in %d", builder.Len(), builder.Size(), n, len(want))
		}
		got, err := builder.Build([]byte("prefix"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%d records:\n%x\n%x", n, []byte(got), []byte(want))
		}
		sameAsKmsg(t, collect(t, got), records)
	}
}

func TestWalkAgreesWithReadRecord(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for round := range 1000 {
		n := 1 + rnd.IntN(6)
		records := randomRecords(rnd, n)
		b := kmsgBatch(kmsg.RecordBatch{Magic: 2, NumRecords: int32(n), LastOffsetDelta: int32(n - 1)}, records)
		payload := b.Payload()
		if round%2 == 1 { // damage it, preferably where lengths are
			at := rnd.IntN(min(len(payload), 16))
			payload[at] = byte(rnd.Uint32())
		}
		checkWalk(t, payload, int32(n))
	}
}

// checkWalk fails if walkRecords decides otherwise than readRecord does.
func checkWalk(t *testing.T, payload []byte, count int32) {
	t.Helper()
	want := extent{minDelta: math.MaxInt64, maxDelta: math.MinInt64}
	var wantFlaw flaw
	at, index := 0, int32(0)
	for ; index < count && wantFlaw == flawNone; index++ {
		var r Record
		if at, wantFlaw = readRecord(payload, at, &r); wantFlaw != flawNone {
			break
		}
		if r.OffsetDelta != index {
			wantFlaw = flawOffset
			break
		}
		want.minDelta, want.maxDelta = min(want.minDelta, r.TimestampDelta), max(want.maxDelta, r.TimestampDelta)
		want.nullKey = want.nullKey || r.Key == nil
	}
	if wantFlaw == flawNone && at != len(payload) {
		wantFlaw = flawTrailing
	}
	got, gotIndex, gotFlaw := walkRecords(payload, count)
	if gotFlaw != wantFlaw || (gotFlaw != flawNone && gotFlaw != flawTrailing && gotIndex != index) {
		t.Fatalf("walk says %d: %v, reading says %d: %v; payload %x", gotIndex, gotFlaw, index, wantFlaw, payload)
	}
	if gotFlaw == flawNone && got != want {
		t.Fatalf("walk learns %+v, reading %+v; payload %x", got, want, payload)
	}
}

func TestWalkTakesUsualRecordsOnTheFastPath(t *testing.T) {
	b := benchBatch(t, None, 10_000, 20)
	at, fast := 0, 0
	for i := range b.Count() {
		var r Record
		next, _, _ := usualRecord(b.Payload(), at, i)
		if next != 0 {
			fast++
		}
		at, _ = readRecord(b.Payload(), at, &r)
		if next != 0 && next != at {
			t.Fatalf("record %d ends at %d, not at %d", i, at, next)
		}
	}
	if fast < 9_999 {
		t.Errorf("only %d of 10000 records", fast)
	}
}

func TestRecordsReportFlaws(t *testing.T) {
	for _, c := range recordCases() {
		b := Batch(c.records)
		_, _, f := walkRecords(b.Payload(), b.Count())
		var err error
		for _, err = range b.Records(0) {
			if err != nil {
				break
			}
		}
		// Gaps and odd offsets are legal for a reader: compaction leaves them.
		if wantErr := f != flawNone && f != flawOffset; (err != nil) != wantErr {
			t.Errorf("%s: error %v, the walk says %v", c.name, err, f)
		}
		if err != nil && !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: %v is no ErrInvalidRecord", c.name, err)
		}
	}
}

func TestRecordsRefuseNegativeCount(t *testing.T) {
	b := rawBatch(None, 1, plainPayload(1))
	put32(b, countAt, 1<<32-1)
	for _, err := range b.Records(0) {
		if !errors.Is(err, ErrInvalidRecord) {
			t.Error(err)
		}
	}
}

func TestRecordsStopWhenAsked(t *testing.T) {
	b := benchBatch(t, Zstd, 10, 10)
	n := 0
	for range b.Records(1 << 20) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d records", n)
	}
}

func TestRecordsOfUncompressedBatchAreViews(t *testing.T) {
	b := rawBatch(None, 1, plainPayload(1))
	for r, err := range b.Records(0) {
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)-2] = '!'
		if r.Value[len(r.Value)-1] != '!' {
			t.Error("the value is a copy")
		}
		if cap(r.Key) != len(r.Key) || cap(r.Value) != len(r.Value) {
			t.Error("a view can grow into its neighbour")
		}
	}
}

func TestRecordsOfCompressedBatchStayValid(t *testing.T) {
	a, b := benchBatch(t, LZ4, 50, 100), benchBatch(t, LZ4, 50, 30)
	first := collect(t, a)
	want := make([]string, 0, len(first))
	for _, r := range first {
		want = append(want, string(r.Value))
	}
	collect(t, b)
	if _, err := Validate(slices.Clone(b), benchRules); err != nil {
		t.Fatal(err)
	}
	for i, r := range first {
		if string(r.Value) != want[i] {
			t.Fatalf("record %d changed after another batch was read", i)
		}
	}
}

func TestRecordsHonourLimit(t *testing.T) {
	b := benchBatch(t, Gzip, 100, 100)
	for _, err := range b.Records(1000) {
		if !errors.Is(err, ErrDecompressedTooLarge) {
			t.Error(err)
		}
	}
}

func TestRecordOffsetAndTimestamp(t *testing.T) {
	b := kmsgBatch(kmsgHeader(), kmsgRecords())
	list := collect(t, b)
	if o, ts := b.RecordOffset(list[1]), b.RecordTimestamp(list[1]); o != 1<<40+1 || ts != 1_700_000_000_200 {
		t.Errorf("got offset %d, timestamp %d", o, ts)
	}
	b.SetLogAppendTime(99)
	if ts := b.RecordTimestamp(list[1]); ts != 99 {
		t.Errorf("timestamp %d is not that of the append", ts)
	}
}

func TestHeadersEndEarlyWhenAsked(t *testing.T) {
	h := NewHeaders(RecordHeader{"a", nil}, RecordHeader{"b", []byte("x")})
	n := 0
	for range h.All() {
		n++
		break
	}
	if n != 1 || h.Len() != 2 {
		t.Errorf("%d of %d headers", n, h.Len())
	}
}

// TestJavaClientsLogIsRead reads a log that Apache Kafka 4.4 wrote for its own producer: twenty records under
// each codec, then a transaction that was committed and one that was aborted.
func TestJavaClientsLogIsRead(t *testing.T) {
	log, err := os.ReadFile("testdata/java-client.log")
	if err != nil {
		t.Fatal(err)
	}
	next := int64(0)
	var codecs []Codec
	var markers []ControlType
	for len(log) > 0 {
		b, err := First(log)
		if err != nil {
			t.Fatal(err)
		}
		log = log[b.Size():]
		if err := b.VerifyCRC(); err != nil {
			t.Fatal(err)
		}
		if b.BaseOffset() != next {
			t.Errorf("base offset %d, want %d", b.BaseOffset(), next)
		}
		next = b.NextOffset()
		if b.Attributes().IsControl() {
			markers = append(markers, checkJavaMarker(t, b))
			continue
		}
		checkJavaBatch(t, b)
		codecs = append(codecs, b.Attributes().Codec())
	}
	if want := []Codec{None, Gzip, Snappy, LZ4, Zstd, None, None}; !slices.Equal(codecs, want) {
		t.Errorf("codecs %v, want %v", codecs, want)
	}
	if want := []ControlType{ControlCommit, ControlAbort}; !slices.Equal(markers, want) {
		t.Errorf("markers %v, want %v", markers, want)
	}
}

// checkJavaBatch validates a batch as if it came from its producer, and compares the records.
func checkJavaBatch(t *testing.T, b Batch) {
	t.Helper()
	sent := slices.Clone(b)
	sent.SetBaseOffset(0)
	if _, err := Validate(sent, benchRules); err != nil {
		t.Error(err)
	}
	list := collect(t, b)
	if b.Attributes().IsTransactional() {
		if want := map[int64]string{100: "committed", 102: "aborted"}[b.BaseOffset()]; len(list) != 1 || string(list[0].Value) != want {
			t.Errorf("transaction at %d has %d records, the first %q", b.BaseOffset(), len(list), list[0].Value)
		}
		return
	}
	if len(list) != 20 {
		t.Fatalf("%v: %d records", b.Attributes().Codec(), len(list))
	}
	for i, r := range list {
		value := b.Attributes().Codec().String() + " value "
		if b.RecordTimestamp(r) != 1_700_000_000_000+int64(i) || (r.Key == nil) != (i%3 == 0) || (r.Value == nil) != (i == 7) ||
			(r.Value != nil && !strings.HasPrefix(string(r.Value), value)) || (r.Headers.Len() == 2) != (i == 4) {
			t.Errorf("record %d: %+v", i, r)
		}
	}
	// What we build of these records is what Java built of them.
	if b.Attributes().Codec() != None {
		return
	}
	builder := NewBuilder()
	builder.BaseOffset, builder.PartitionLeaderEpoch = b.BaseOffset(), b.PartitionLeaderEpoch()
	builder.ProducerID, builder.ProducerEpoch, builder.BaseSequence = b.ProducerID(), b.ProducerEpoch(), b.BaseSequence()
	for _, r := range list {
		builder.AppendAt(b.RecordOffset(r), b.RecordTimestamp(r), r)
	}
	built, err := builder.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(built, b) {
		t.Errorf("built\n%x, Java's is\n%x", []byte(built), []byte(b))
	}
}

// checkJavaMarker compares a control batch with the one that we would have written.
func checkJavaMarker(t *testing.T, b Batch) ControlType {
	t.Helper()
	m, err := b.Marker()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := NewMarkerBatch(m, b.ProducerID(), b.ProducerEpoch(), b.MaxTimestamp())
	if err != nil {
		t.Fatal(err)
	}
	ours.SetBaseOffset(b.BaseOffset())
	ours.SetPartitionLeaderEpoch(b.PartitionLeaderEpoch())
	if !bytes.Equal(ours, b) {
		t.Errorf("marker\n%x, Kafka's is\n%x", []byte(ours), []byte(b))
	}
	return m.Type
}
