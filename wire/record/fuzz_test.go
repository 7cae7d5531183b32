package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"runtime/metrics"
	"slices"
	"testing"
)

// Every target asks the same: no panic, no more memory than the input is worth, and what is accepted can be
// encoded again to the same.

// fuzzLimit is the decompression limit of the targets.
const fuzzLimit = 1 << 18

// heapAllocated is the number of bytes allocated so far, cheap enough for every execution.
func heapAllocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// checkAllocation fails if f allocates more than sixteen times the input, the limit a few times over, and what pools
// and decoders take when they are empty.
func checkAllocation(t *testing.T, input int, f func()) {
	t.Helper()
	const pools = 8 << 20
	before := heapAllocated()
	f()
	if cost := heapAllocated() - before; cost > uint64(16*input+4*fuzzLimit+pools) {
		t.Errorf("%d bytes allocated for %d", cost, input)
	}
}

func addBatches(f *testing.F) {
	f.Helper()
	for _, c := range produceCases() {
		f.Add(c.records)
	}
	if log, err := os.ReadFile("testdata/java-client.log"); err == nil {
		f.Add(log)
	}
	for _, b := range bombs() {
		if len(b.data) < 64<<10 {
			f.Add([]byte(rawBatch(b.codec, 10, b.data)))
		}
	}
}

// FuzzBatch reads a log of batches from any bytes and validates each, once as it is and once with a CRC that
// fits, so that what lies behind the CRC is reached.
func FuzzBatch(f *testing.F) {
	addBatches(f)
	rules := Rules{ProduceVersion: 11, Now: caseTime, BeforeMaxMs: 1 << 40, AfterMaxMs: 1 << 40, MaxDecompressed: fuzzLimit}
	f.Fuzz(func(t *testing.T, p []byte) {
		checkAllocation(t, len(p), func() {
			original := slices.Clone(p)
			_, err := Validate(p, rules)
			if err != nil && !bytes.Equal(p, original) {
				t.Error("refused and changed")
			}
			for rest := p; ; {
				b, err := First(rest)
				if err != nil {
					checkFirstError(t, rest, err)
					return
				}
				rest = rest[len(b):]
				h, err := ReadHeader(b)
				if err != nil || h.Size() != len(b) || h.NextOffset() != b.NextOffset() {
					t.Fatalf("header of a batch: %v", err)
				}
				checkBatch(t, slices.Clone(b), rules)
			}
		})
	})
}

// checkFirstError checks that every error of First is one of the three and tells the truth.
func checkFirstError(t *testing.T, p []byte, err error) {
	t.Helper()
	switch {
	case errors.Is(err, ErrEnd), errors.Is(err, ErrCorrupt):
	case errors.Is(err, ErrTruncated):
		if len(p) >= HeaderSize && Batch(p).Size() <= len(p) {
			t.Errorf("%d bytes are called cut short", len(p))
		}
	default:
		t.Errorf("unexpected error %v", err)
	}
}

// checkBatch repairs what a fuzzer can't guess and checks what is accepted.
func checkBatch(t *testing.T, b Batch, rules Rules) {
	t.Helper()
	b.SetBaseOffset(0)
	b.setCRC()
	for _, r := range []Rules{rules, {ProduceVersion: 11, TimestampType: LogAppendTime, Compacted: true, MaxDecompressed: fuzzLimit}} {
		v, err := Validate(b, r)
		if err != nil {
			var invalid *InvalidError
			if !errors.As(err, &invalid) || invalid.Reason == "" || invalid.Kind == 0 {
				t.Fatalf("error %v", err)
			}
			continue
		}
		if err := v.VerifyCRC(); err != nil {
			t.Fatal(err)
		}
		v.SetLogAppendTime(v.MaxTimestamp() + 1)
		if err := v.VerifyCRC(); err != nil {
			t.Fatal(err)
		}
		rebuild(t, v)
	}
}

// rebuild reads the records of a validated batch, builds them again and compares.
func rebuild(t *testing.T, b Batch) {
	t.Helper()
	read := func(b Batch) []Record {
		var list []Record
		for r, err := range b.Records(fuzzLimit) {
			if err != nil {
				t.Fatalf("validated, but %v", err)
			}
			list = append(list, r)
		}
		return list
	}
	builder := NewBuilder()
	records := read(b)
	for _, r := range records {
		builder.AppendAt(int64(r.OffsetDelta), b.BaseTimestamp()+r.TimestampDelta, r)
	}
	n, err := builder.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	again := read(n)
	if len(again) != len(records) {
		t.Fatalf("%d records became %d", len(records), len(again))
	}
	for i, r := range again {
		o := records[i]
		if r.Attributes != o.Attributes || r.OffsetDelta != o.OffsetDelta || !bytes.Equal(r.Key, o.Key) || !bytes.Equal(r.Value, o.Value) ||
			(r.Key == nil) != (o.Key == nil) || (r.Value == nil) != (o.Value == nil) || !bytes.Equal(r.Headers.raw, o.Headers.raw) ||
			n.BaseTimestamp()+r.TimestampDelta != b.BaseTimestamp()+o.TimestampDelta {
			t.Fatalf("record %d: %+v became %+v", i, o, r)
		}
	}
}

// FuzzRecordsNone holds the fast walk and the reader of records together on any payload.
func FuzzRecordsNone(f *testing.F) {
	for _, c := range recordCases() {
		f.Add(Batch(c.records).Payload(), Batch(c.records).Count())
	}
	f.Add(benchBatch(f, None, 20, 50).Payload(), int32(20))
	f.Fuzz(func(t *testing.T, payload []byte, count int32) {
		checkAllocation(t, len(payload), func() {
			checkWalk(t, payload, count)
			for r, err := range rawBatch(None, count, payload).Records(0) {
				if err != nil {
					return
				}
				for range r.Headers.All() {
				}
			}
		})
	})
}

// fuzzCodec decompresses any bytes, and compresses them and back.
func fuzzCodec(f *testing.F, c Codec) {
	f.Helper()
	for _, src := range [][]byte{nil, []byte("a"), plainPayload(5), bytes.Repeat([]byte("abc"), 30_000)} {
		f.Add(packed(c, src))
	}
	for _, pc := range codecCases(c) {
		f.Add(Batch(pc.records).Payload())
	}
	for _, b := range bombs() {
		if b.codec == c && len(b.data) < 64<<10 {
			f.Add(b.data)
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		checkAllocation(t, len(p), func() {
			out, err := Decompress(nil, c, p, fuzzLimit)
			switch {
			case err == nil && len(out) > fuzzLimit:
				t.Fatalf("%d bytes came out", len(out))
			case err == nil:
				roundTrip(t, c, out)
			case !errors.Is(err, ErrUndecodable) && !errors.Is(err, ErrDecompressedTooLarge):
				t.Fatalf("unexpected error %v", err)
			}
			roundTrip(t, c, p)
			// Into memory of any capacity the result is the same.
			tight := make([]byte, 3, 3+len(out)/2)
			again, againErr := Decompress(tight, c, p, fuzzLimit)
			if (err == nil) != (againErr == nil) || (err == nil && !bytes.Equal(again[3:], out)) {
				t.Fatalf("a second time: %v and %v", err, againErr)
			}
		})
	})
}

func roundTrip(t *testing.T, c Codec, src []byte) {
	t.Helper()
	stream, err := Compress(nil, c, DefaultLevel(c), src)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decompress(nil, c, stream, len(src))
	if err != nil || !bytes.Equal(back, src) {
		t.Fatalf("%d bytes came back as %d, %v", len(src), len(back), err)
	}
}

func FuzzRecordsGzip(f *testing.F)   { fuzzCodec(f, Gzip) }
func FuzzRecordsSnappy(f *testing.F) { fuzzCodec(f, Snappy) }
func FuzzRecordsLZ4(f *testing.F)    { fuzzCodec(f, LZ4) }
func FuzzRecordsZstd(f *testing.F)   { fuzzCodec(f, Zstd) }

// FuzzControl reads markers from any key and value.
func FuzzControl(f *testing.F) {
	for _, m := range []EndTransactionMarker{{ControlAbort, 0}, {ControlCommit, -1}, {ControlLeaderChange, 1 << 30}} {
		f.Add(m.AppendKey(nil), m.AppendValue(nil))
	}
	f.Add([]byte{0, 1, 0, 1, 7}, []byte{0, 9, 0, 0, 0, 1, 5})
	f.Add([]byte{}, []byte(nil))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		checkAllocation(t, len(key)+len(value), func() {
			m, err := ParseEndTransactionMarker(key, value)
			if err != nil {
				if !errors.Is(err, ErrInvalidMarker) {
					t.Fatalf("unexpected error %v", err)
				}
				return
			}
			b, err := NewMarkerBatch(m, 1, 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := b.Marker(); err != nil || back != m {
				t.Fatalf("%+v came back as %+v, %v", m, back, err)
			}
			// Behind the version the bytes are the same.
			if got := m.AppendKey(nil); !bytes.Equal(got[2:], key[2:4]) {
				t.Fatalf("key %x became %x", key, got)
			}
			if got := m.AppendValue(nil); !bytes.Equal(got[2:], value[2:6]) {
				t.Fatalf("value %x became %x", value, got)
			}
		})
	})
}

// FuzzVarint compares with encoding/binary, which refuses what overflows where Kafka drops bits.
func FuzzVarint(f *testing.F) {
	for _, v := range varintBoundaries {
		f.Add(binary.AppendVarint(nil, v), 0)
	}
	f.Add(bytes.Repeat([]byte{0x80}, 12), 1)
	f.Add([]byte{0x80, 0x80, 0x00}, 0)
	f.Add([]byte{}, 3)
	f.Fuzz(func(t *testing.T, p []byte, at int) {
		if at < 0 {
			at = 0
		}
		rest := p[min(at, len(p)):]
		long, next := varlong(p, at)
		want, n := binary.Varint(rest)
		switch {
		case n > 0 && (long != want || next != at+n):
			t.Fatalf("64 bits: %d up to %d, want %d up to %d", long, next, want, at+n)
		case n == 0 && next != -1:
			t.Fatalf("64 bits: a cut varint ends at %d", next)
		case next >= 0 && (next <= at || next > at+10 || next > len(p)):
			t.Fatalf("64 bits: from %d to %d of %d", at, next, len(p))
		}
		short, next := varint(p, at)
		if next >= 0 && (next <= at || next > at+5 || next > len(p)) {
			t.Fatalf("32 bits: from %d to %d of %d", at, next, len(p))
		}
		// An encoding that fits 32 bits means the same to both.
		if n > 0 && n <= 5 && want == int64(int32(want)) && (int64(short) != want || next != at+n) {
			t.Fatalf("32 bits: %d up to %d, want %d up to %d", short, next, want, at+n)
		}
		if len(rest) >= 4 {
			v, size := takeVarint(binary.LittleEndian.Uint32(rest))
			if size > 0 && (v != int(short) || at+size != next) || size == 0 && next == at+min(next-at, 3) && next >= 0 {
				t.Fatalf("taken: %d of %d bytes, want %d up to %d", v, size, short, next)
			}
		}
		if next >= 0 {
			canonical := appendVarint(nil, int64(short))
			if back, _ := varint(canonical, 0); back != short || len(canonical) > next-at && next-at < 5 {
				t.Fatalf("%d became %d in %x", short, back, canonical)
			}
		}
	})
}
