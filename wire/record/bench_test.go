package record

import (
	"bytes"
	"fmt"
	"testing"
)

// benchBatch is a batch of so many records with values of so many bytes.
func benchBatch(tb testing.TB, c Codec, records, size int) Batch {
	tb.Helper()
	b := NewBuilder()
	b.Codec = c
	value := bytes.Repeat([]byte("a broker keeps what it is given; "), size/32+1)[:size]
	for i := range records {
		copy(value, fmt.Sprintf("%08d %08x", i, uint32(i)*2654435761))
		b.Append(benchNow+int64(i%7), nil, value)
	}
	batch, err := b.Build(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return batch
}

const benchNow = 1_700_000_000_000

var benchRules = Rules{
	ProduceVersion: 11, Now: benchNow, BeforeMaxMs: 1<<63 - 1, AfterMaxMs: 3_600_000, MaxBytes: 1 << 24,
}

// benchShapes are the shapes of produced batches that matter most.
var benchShapes = []struct {
	name          string
	records, size int
}{
	{"1MB_of_1KiB", 1000, 1010},
	{"1MB_of_100B", 9000, 100},
	{"16KiB_of_1KiB", 15, 1010},
	{"16KiB_of_100B", 145, 100},
	{"100B", 1, 100},
}

func BenchmarkValidate(b *testing.B) {
	for _, shape := range benchShapes {
		batch := benchBatch(b, None, shape.records, shape.size)
		b.Run(shape.name, func(b *testing.B) {
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Validate(batch, benchRules); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCRC and BenchmarkWalk are the two parts of Validate.
func BenchmarkCRC(b *testing.B) {
	for _, shape := range benchShapes {
		batch := benchBatch(b, None, shape.records, shape.size)
		b.Run(shape.name, func(b *testing.B) {
			b.SetBytes(int64(len(batch)))
			for b.Loop() {
				if err := batch.VerifyCRC(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWalk(b *testing.B) {
	for _, shape := range benchShapes {
		batch := benchBatch(b, None, shape.records, shape.size)
		b.Run(shape.name, func(b *testing.B) {
			b.SetBytes(int64(len(batch)))
			for b.Loop() {
				if _, _, f := walkRecords(batch.Payload(), batch.Count()); f != flawNone {
					b.Fatal(f)
				}
			}
		})
	}
}

func BenchmarkSetLogAppendTime(b *testing.B) {
	for _, shape := range benchShapes {
		batch := benchBatch(b, None, shape.records, shape.size)
		b.Run(shape.name, func(b *testing.B) {
			b.ReportAllocs()
			ms := int64(benchNow)
			for b.Loop() {
				ms++
				batch.SetLogAppendTime(ms)
			}
		})
	}
}

func BenchmarkValidateCompressed(b *testing.B) {
	for _, c := range []Codec{Gzip, Snappy, LZ4, Zstd} {
		batch := benchBatch(b, c, 1000, 1010)
		b.Run(c.String(), func(b *testing.B) {
			b.SetBytes(1_019_000)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Validate(batch, benchRules); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompress(b *testing.B) {
	src := benchBatch(b, None, 1000, 1010).Payload()
	for _, c := range []Codec{Gzip, Snappy, LZ4, Zstd} {
		b.Run(c.String(), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				var err error
				if dst, err = Compress(dst[:0], c, DefaultLevel(c), src); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(src))/float64(len(dst)), "ratio")
		})
	}
}

func BenchmarkDecompress(b *testing.B) {
	src := benchBatch(b, None, 1000, 1010).Payload()
	for _, c := range []Codec{Gzip, Snappy, LZ4, Zstd} {
		packed, err := Compress(nil, c, DefaultLevel(c), src)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.String(), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				if dst, err = Decompress(dst[:0], c, packed, len(src)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRecords(b *testing.B) {
	batch := benchBatch(b, None, 1000, 1010)
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range batch.Records(1 << 20) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
