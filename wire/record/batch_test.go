package record

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// kmsgBatch encodes a batch with kmsg, an implementation of the format that is not ours. Length and
// CRC are computed by hand because kmsg leaves them to its user.
func kmsgBatch(k kmsg.RecordBatch, records []kmsg.Record) Batch {
	k.Records = nil
	for _, r := range records {
		body := r.AppendTo(nil)[1:] // behind a length of 0
		r.Length = int32(len(body))
		k.Records = r.AppendTo(k.Records)
	}
	k.Length = int32(minLength + len(k.Records))
	b := Batch(k.AppendTo(nil))
	b.setCRC()
	return b
}

func kmsgHeader() kmsg.RecordBatch {
	return kmsg.RecordBatch{
		FirstOffset: 1 << 40, PartitionLeaderEpoch: 17, Magic: 2, Attributes: 0x10,
		LastOffsetDelta: 1, FirstTimestamp: 1_700_000_000_123, MaxTimestamp: 1_700_000_000_200,
		ProducerID: 4711, ProducerEpoch: 3, FirstSequence: math.MaxInt32, NumRecords: 2,
	}
}

func kmsgRecords() []kmsg.Record {
	return []kmsg.Record{
		{Key: []byte("key"), Value: []byte("value"), Headers: []kmsg.Header{{Key: "h", Value: []byte("x")}, {Key: "null"}}},
		{OffsetDelta: 1, TimestampDelta64: 77, Value: []byte{}},
	}
}

func TestGettersReadWhatKmsgWrites(t *testing.T) {
	k := kmsgHeader()
	b := kmsgBatch(k, kmsgRecords())
	h, err := ReadHeader(b[:HeaderSize])
	if err != nil {
		t.Fatal(err)
	}
	if h != b.Header() {
		t.Error("ReadHeader and Batch.Header differ")
	}
	// place, origin and view are what Batch and Header have in common.
	type place interface {
		BaseOffset() int64
		Size() int
		PartitionLeaderEpoch() int32
		Magic() int8
		CRC() uint32
		Attributes() Attributes
		LastOffsetDelta() int32
		LastOffset() int64
		NextOffset() int64
		BaseTimestamp() int64
		MaxTimestamp() int64
	}
	type origin interface {
		ProducerID() int64
		HasProducerID() bool
		ProducerEpoch() int16
		BaseSequence() int32
		LastSequence() int32
		Count() int32
	}
	type view interface {
		place
		origin
	}
	for name, v := range map[string]view{"batch": b, "header": h} {
		got := []any{
			v.BaseOffset(), v.Size(), v.PartitionLeaderEpoch(), v.Magic(), v.CRC(), v.Attributes(), v.LastOffsetDelta(), v.LastOffset(), v.NextOffset(),
			v.BaseTimestamp(), v.MaxTimestamp(), v.ProducerID(), v.HasProducerID(), v.ProducerEpoch(), v.BaseSequence(), v.LastSequence(), v.Count(),
		}
		want := []any{
			k.FirstOffset, len(b), k.PartitionLeaderEpoch, k.Magic, b.ComputeCRC(), Attributes(k.Attributes), k.LastOffsetDelta, k.FirstOffset + 1, k.FirstOffset + 2,
			k.FirstTimestamp, k.MaxTimestamp, k.ProducerID, true, k.ProducerEpoch, k.FirstSequence, int32(0), k.NumRecords,
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if !bytes.Equal(b.Payload(), b[HeaderSize:]) {
		t.Error("payload is not what follows the header")
	}
}

func TestSettersLeaveCRCValid(t *testing.T) {
	b := kmsgBatch(kmsgHeader(), kmsgRecords())
	b.SetBaseOffset(-5)
	b.SetPartitionLeaderEpoch(1 << 30)
	if b.BaseOffset() != -5 || b.PartitionLeaderEpoch() != 1<<30 {
		t.Errorf("got %d and %d", b.BaseOffset(), b.PartitionLeaderEpoch())
	}
	if err := b.VerifyCRC(); err != nil {
		t.Error(err)
	}
}

func TestLastSequenceWraps(t *testing.T) {
	for _, c := range []struct{ base, delta, want int32 }{
		{0, 0, 0},
		{5, 10, 15},
		{math.MaxInt32, 0, math.MaxInt32},
		{math.MaxInt32, 1, 0},
		{math.MaxInt32 - 2, 9, 6},
		{-1, 3, -1},
	} {
		if got := lastSequence(c.base, c.delta); got != c.want {
			t.Errorf("base %d delta %d: got %d, want %d", c.base, c.delta, got, c.want)
		}
	}
}

func TestAttributes(t *testing.T) {
	a := Attributes(0x7c)
	if a.Codec() != Zstd || a.TimestampType() != LogAppendTime || !a.IsTransactional() || !a.IsControl() || !a.HasDeleteHorizon() {
		t.Errorf("%#x is not read whole", a)
	}
	a = 0x03
	if a.Codec() != LZ4 || a.TimestampType() != CreateTime || a.IsTransactional() || a.IsControl() || a.HasDeleteHorizon() {
		t.Errorf("%#x is read too much", a)
	}
	if CreateTime.String() != "CreateTime" || LogAppendTime.String() != "LogAppendTime" {
		t.Error("timestamp types are not named as in Kafka's config")
	}
}

func TestDeleteHorizonIsBaseTimestamp(t *testing.T) {
	k := kmsgHeader()
	if _, ok := kmsgBatch(k, kmsgRecords()).DeleteHorizon(); ok {
		t.Error("delete horizon without its flag")
	}
	k.Attributes |= 0x40
	b := kmsgBatch(k, kmsgRecords())
	if ms, ok := b.DeleteHorizon(); !ok || ms != k.FirstTimestamp {
		t.Errorf("got %d %v", ms, ok)
	}
	if ms, ok := b.Header().DeleteHorizon(); !ok || ms != k.FirstTimestamp {
		t.Errorf("header: got %d %v", ms, ok)
	}
}

func TestFirstTakesOneBatch(t *testing.T) {
	one := kmsgBatch(kmsgHeader(), kmsgRecords())
	p := append(slices.Clone(one), "more"...)
	b, err := First(p)
	if err != nil || !bytes.Equal(b, one) {
		t.Fatalf("got %x, %v", []byte(b), err)
	}
	if cap(b) != len(b) {
		t.Error("the view can grow into the next batch")
	}
}

func TestFirstReportsEveryCutAsTruncated(t *testing.T) {
	b := kmsgBatch(kmsgHeader(), kmsgRecords())
	for n := 1; n < len(b); n++ {
		if _, err := First(b[:n]); !errors.Is(err, ErrTruncated) {
			// The base offset of the batch begins with zero bytes.
			if n < 3 && errors.Is(err, ErrEnd) {
				continue
			}
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for n := 17; n < HeaderSize; n++ {
		if _, err := ReadHeader(b[:n]); !errors.Is(err, ErrTruncated) {
			t.Errorf("header of %d bytes: %v", n, err)
		}
	}
}

func TestFirstEndsAtZeros(t *testing.T) {
	for _, n := range []int{0, 1, 11, 12, 16, 17, 61, 4096} {
		if _, err := First(make([]byte, n)); !errors.Is(err, ErrEnd) {
			t.Errorf("%d zeros: %v", n, err)
		}
		if _, err := ReadHeader(make([]byte, n)); !errors.Is(err, ErrEnd) {
			t.Errorf("header of %d zeros: %v", n, err)
		}
	}
}

func TestFirstRefusesImpossibleHeaders(t *testing.T) {
	for name, damage := range map[string]func(b Batch){
		"length 1":    func(b Batch) { put32(b, lengthAt, 1) },
		"length 48":   func(b Batch) { put32(b, lengthAt, 48) },
		"length -1":   func(b Batch) { put32(b, lengthAt, 1<<32-1) },
		"length max":  func(b Batch) { put32(b, lengthAt, math.MaxInt32) },
		"magic 0":     func(b Batch) { b[magicAt] = 0 },
		"magic 1":     func(b Batch) { b[magicAt] = 1 },
		"magic 3":     func(b Batch) { b[magicAt] = 3 },
		"magic -1":    func(b Batch) { b[magicAt] = 255 },
		"all ones":    func(b Batch) { copy(b, bytes.Repeat([]byte{255}, 61)) },
		"http header": func(b Batch) { copy(b, "HTTP/1.1 400 Bad Request") },
	} {
		b := kmsgBatch(kmsgHeader(), kmsgRecords())
		damage(b)
		var corrupt *CorruptError
		if _, err := First(b); !errors.As(err, &corrupt) || !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ReadHeader(b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: header: %v", name, err)
		}
	}
}

func TestVerifyCRCFindsEveryBit(t *testing.T) {
	b := kmsgBatch(kmsgHeader(), kmsgRecords())
	for i := crcAt; i < len(b); i++ {
		for bit := range 8 {
			b[i] ^= 1 << bit
			if err := b.VerifyCRC(); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("byte %d bit %d: %v", i, bit, err)
			}
			b[i] ^= 1 << bit
		}
	}
	if err := b.VerifyCRC(); err != nil {
		t.Error(err)
	}
}

// randomBatch is a batch with a payload that is no records, for tests of the CRC.
func randomBatch(rnd *rand.Rand, payload int) Batch {
	p := make([]byte, payload)
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	b := rawBatch(None, 1, p)
	put16(b, attributesAt, uint16(rnd.Uint32()))
	put64(b, maxTimestampAt, rnd.Uint64())
	put64(b, producerIDAt, rnd.Uint64())
	b.setCRC()
	return b
}

func TestSetLogAppendTimeCorrectsCRC(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	sizes := []int{0, 1, 2, 212, 213, 214, 255, 256, 257, 4096, 65_535, 65_536, 65_537, 1 << 20, 16<<20 + 5}
	for range 200 {
		sizes = append(sizes, rnd.IntN(3000))
	}
	for _, size := range sizes {
		b := randomBatch(rnd, size)
		before := slices.Clone(b)
		ms := rnd.Int64()
		b.SetLogAppendTime(ms)
		if err := b.VerifyCRC(); err != nil {
			t.Fatalf("payload of %d bytes: %v", size, err)
		}
		if b.MaxTimestamp() != ms || b.Attributes().TimestampType() != LogAppendTime {
			t.Fatalf("got %d, %v", b.MaxTimestamp(), b.Attributes().TimestampType())
		}
		if a, want := b.Attributes(), before.Attributes()&0x77|0x08; a != want {
			t.Fatalf("attributes are %#x, want %#x", a, want)
		}
		put16(before, attributesAt, uint16(b.Attributes()))
		put64(before, maxTimestampAt, uint64(ms))
		put32(before, crcAt, b.CRC())
		if !bytes.Equal(b, before) {
			t.Fatal("other fields changed")
		}
	}
}

func TestSetLogAppendTimeDoesNotHideDamage(t *testing.T) {
	b := rawBatch(None, 2, plainPayload(2))
	b[len(b)-3] ^= 4
	b.SetLogAppendTime(caseTime + 5)
	if err := b.VerifyCRC(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a damaged payload got a valid crc: %v", err)
	}
}

func TestSetLogAppendTimeTwiceIsOnce(t *testing.T) {
	b := rawBatch(None, 2, plainPayload(2))
	b.SetLogAppendTime(caseTime + 5)
	once := slices.Clone(b)
	b.SetLogAppendTime(caseTime + 5)
	if !bytes.Equal(b, once) {
		t.Error("the second call changed something")
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	b := benchBatch(t, None, 100, 100)
	ms := int64(benchNow)
	for name, f := range map[string]func(){
		"Validate":         func() { _, _ = Validate(b, benchRules) },
		"SetLogAppendTime": func() { ms++; b.SetLogAppendTime(ms) },
		"First":            func() { _, _ = First(b) },
		"ReadHeader":       func() { _, _ = ReadHeader(b) },
		"Records": func() {
			for range b.Records(0) {
			}
		},
	} {
		if n := testing.AllocsPerRun(50, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
