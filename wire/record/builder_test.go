package record

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestBuilderRefusesNothing(t *testing.T) {
	if _, err := NewBuilder().Build(nil); !errors.Is(err, ErrNoRecords) {
		t.Error(err)
	}
}

func TestBuilderRefusesOffsetsBackwards(t *testing.T) {
	for name, offsets := range map[string][]int64{
		"before base": {99}, "twice": {100, 100}, "backwards": {105, 104}, "too far": {100, 100 + 1<<31},
	} {
		b := NewBuilder()
		b.BaseOffset = 100
		for _, o := range offsets {
			b.AppendAt(o, 0, Record{})
		}
		if _, err := b.Build(nil); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: %v", name, err)
		}
		// The builder is usable again.
		b.Append(0, nil, nil)
		if batch, err := b.Build(nil); err != nil || batch.Count() != 1 {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
}

func TestBuilderKeepsGapsAsCompactionDoes(t *testing.T) {
	b := NewBuilder()
	b.BaseOffset, b.LastOffset, b.DeleteHorizon = 1000, 1099, 777
	b.AppendAt(1003, 5000, Record{Key: []byte("a")})
	b.AppendAt(1050, 5100, Record{Key: []byte("b"), Value: []byte("v")})
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	if batch.LastOffset() != 1099 || batch.Count() != 2 || batch.MaxTimestamp() != 5100 {
		t.Errorf("last offset %d, %d records, max timestamp %d", batch.LastOffset(), batch.Count(), batch.MaxTimestamp())
	}
	if ms, ok := batch.DeleteHorizon(); !ok || ms != 777 {
		t.Errorf("delete horizon %d %v", ms, ok)
	}
	list := collect(t, batch)
	if batch.RecordOffset(list[0]) != 1003 || batch.RecordTimestamp(list[0]) != 5000 || batch.RecordOffset(list[1]) != 1050 {
		t.Errorf("records %+v", list)
	}
	b.LastOffset = 999
	b.Append(0, nil, nil)
	if _, err := b.Build(nil); !errors.Is(err, ErrInvalidRecord) {
		t.Errorf("last offset before the records: %v", err)
	}
}

func TestBuilderWritesLogAppendTime(t *testing.T) {
	b := NewBuilder()
	b.LogAppendTime = 4242
	b.Append(7, nil, nil)
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	if batch.Attributes().TimestampType() != LogAppendTime || batch.MaxTimestamp() != 4242 || batch.BaseTimestamp() != 7 {
		t.Errorf("%v, max %d, base %d", batch.Attributes().TimestampType(), batch.MaxTimestamp(), batch.BaseTimestamp())
	}
}

func TestBuilderCompresses(t *testing.T) {
	plain := benchBatch(t, None, 300, 200)
	for _, c := range compressed {
		b := benchBatch(t, c, 300, 200)
		if len(b) >= len(plain) || b.Attributes().Codec() != c {
			t.Errorf("%v: %d bytes", c, len(b))
		}
		if _, err := Validate(slices.Clone(b), benchRules); err != nil {
			t.Errorf("%v: %v", c, err)
		}
		payload, err := b.Decompressed(nil, len(plain))
		if err != nil || !bytes.Equal(payload, plain.Payload()) {
			t.Errorf("%v: payload differs, %v", c, err)
		}
	}
	b := NewBuilder()
	b.Codec, b.Level = Gzip, 12
	b.Append(0, nil, nil)
	if _, err := b.Build(nil); !errors.Is(err, ErrCompressionLevel) {
		t.Error(err)
	}
}

func TestRecompressBetweenAllCodecs(t *testing.T) {
	all := append([]Codec{None}, compressed...)
	for _, from := range all {
		b := benchBatch(t, from, 300, 200)
		b.SetBaseOffset(1 << 33)
		b.SetPartitionLeaderEpoch(12)
		before := slices.Clone(b)
		for _, to := range all {
			n, err := Recompress(b, to, DefaultLevel(to), 1<<20)
			if err != nil {
				t.Fatalf("%v to %v: %v", from, to, err)
			}
			if from == to && &n[0] != &b[0] {
				t.Errorf("%v: made anew for nothing", from)
			}
			if err := n.VerifyCRC(); err != nil || n.Attributes().Codec() != to || n.Size() != len(n) {
				t.Errorf("%v to %v: %v, codec %v, size %d of %d", from, to, err, n.Attributes().Codec(), n.Size(), len(n))
			}
			if n.BaseOffset() != 1<<33 || n.PartitionLeaderEpoch() != 12 || n.Count() != 300 || n.MaxTimestamp() != b.MaxTimestamp() {
				t.Errorf("%v to %v: header changed", from, to)
			}
			if got, want := fmt.Sprint(collect(t, n)), fmt.Sprint(collect(t, b)); got != want {
				t.Errorf("%v to %v: records changed", from, to)
			}
		}
		if !bytes.Equal(b, before) {
			t.Errorf("%v: the source changed", from)
		}
	}
}

func TestRecompressHonoursLimits(t *testing.T) {
	b := benchBatch(t, Gzip, 300, 200)
	if _, err := Recompress(b, Zstd, 3, 1000); !errors.Is(err, ErrDecompressedTooLarge) {
		t.Error(err)
	}
	if _, err := Recompress(b, Zstd, 99, 1<<20); !errors.Is(err, ErrCompressionLevel) {
		t.Error(err)
	}
	if _, err := Recompress(rawBatch(LZ4, 1, []byte("no lz4")), Zstd, 3, 1<<20); !errors.Is(err, ErrUndecodable) {
		t.Error(err)
	}
	if len(scratchSlots) != 0 {
		t.Errorf("%d slots are still taken", len(scratchSlots))
	}
}

func TestRecompressLeavesControlBatches(t *testing.T) {
	m, err := NewMarkerBatch(EndTransactionMarker{Type: ControlCommit}, 1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Recompress(m, Zstd, 3, 1<<20); err != nil || &n[0] != &m[0] {
		t.Errorf("%v", err)
	}
}
