package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

var compressed = []Codec{Gzip, Snappy, LZ4, Zstd}

// samples are contents that compress well, badly and not at all, of sizes around those of blocks.
func samples() map[string][]byte {
	rnd := rand.New(rand.NewPCG(7, 8))
	random := make([]byte, 300_000)
	for i := range random {
		random[i] = byte(rnd.Uint32())
	}
	text := bytes.Repeat([]byte("all work and no play makes a broker dull; "), 30_000)
	m := map[string][]byte{"random": random, "text": text, "mixed": append(slices.Clone(random[:70_000]), text[:90_000]...)}
	for _, n := range []int{0, 1, 5, 13, 100, xerialBlockSize - 1, xerialBlockSize, xerialBlockSize + 1, lz4BlockSize, lz4BlockSize + 1, 200_000} {
		m[fmt.Sprint(n)] = text[:n]
	}
	return m
}

func TestCompressionRoundTrips(t *testing.T) {
	levels := map[Codec][]int{
		None: {0}, Snappy: {0},
		Gzip: {-1, 1, 2, 3, 4, 5, 6, 7, 8, 9},
		LZ4:  {1, 2, 8, 9, 10, 12, 17},
		Zstd: {-131072, -1, 0, 1, 3, 5, 6, 9, 10, 22},
	}
	for c, list := range levels {
		for _, level := range list {
			for name, src := range samples() {
				packed, err := Compress([]byte("before"), c, level, src)
				if err != nil || !bytes.HasPrefix(packed, []byte("before")) {
					t.Fatalf("%v %d %s: %v", c, level, name, err)
				}
				// The limit is exact: as much as there is, not a byte less.
				got, err := Decompress([]byte("old"), c, packed[6:], len(src))
				if err != nil || !bytes.Equal(got, append([]byte("old"), src...)) {
					t.Fatalf("%v %d %s: %d of %d bytes, %v", c, level, name, len(got)-3, len(src), err)
				}
				if len(src) == 0 {
					continue
				}
				if got, err := Decompress([]byte("old"), c, packed[6:], len(src)-1); !errors.Is(err, ErrDecompressedTooLarge) || string(got) != "old" {
					t.Fatalf("%v %d %s: limit one byte short: %q, %v", c, level, name, got, err)
				}
			}
		}
	}
}

func TestFranzGoReadsWhatIsCompressed(t *testing.T) {
	d := kgo.DefaultDecompressor()
	for _, c := range compressed {
		for name, src := range samples() {
			packed, err := Compress(nil, c, DefaultLevel(c), src)
			if err != nil {
				t.Fatal(err)
			}
			if c == Snappy && len(src) == 0 {
				continue // it reads no xerial stream without blocks; a batch is never empty
			}
			got, err := d.Decompress(packed, kgo.CompressionCodecType(c))
			if err != nil || !bytes.Equal(got, src) {
				t.Errorf("%v %s: %d of %d bytes, %v", c, name, len(got), len(src), err)
			}
		}
	}
}

func TestWhatFranzGoCompressesIsRead(t *testing.T) {
	for c, k := range map[Codec]kgo.CompressionCodec{
		Gzip: kgo.GzipCompression(), Snappy: kgo.SnappyCompression(), LZ4: kgo.Lz4Compression(), Zstd: kgo.ZstdCompression(),
	} {
		compressor, err := kgo.DefaultCompressor(k)
		if err != nil {
			t.Fatal(err)
		}
		for name, src := range samples() {
			packed, used := compressor.Compress(new(bytes.Buffer), src)
			if Codec(used) != c {
				t.Fatalf("franz-go used %v for %v", used, c)
			}
			got, err := Decompress(nil, c, packed, len(src))
			if err != nil || !bytes.Equal(got, src) {
				t.Errorf("%v %s: %d of %d bytes, %v", c, name, len(got), len(src), err)
			}
		}
	}
}

func TestLZ4FramesOfAllKindsAreRead(t *testing.T) {
	src := samples()["mixed"]
	for _, size := range []lz4.BlockSize{lz4.Block64Kb, lz4.Block256Kb, lz4.Block1Mb, lz4.Block4Mb} {
		for _, options := range [][]lz4.Option{
			{},
			{lz4.BlockChecksumOption(true)},
			{lz4.ChecksumOption(false)},
			{lz4.SizeOption(uint64(len(src))), lz4.BlockChecksumOption(true), lz4.ChecksumOption(true)},
		} {
			var out bytes.Buffer
			w := lz4.NewWriter(&out)
			if err := w.Apply(append(options, lz4.BlockSizeOption(size))...); err != nil {
				t.Fatal(err)
			}
			w.Write(src)
			w.Close()
			got, err := Decompress(nil, LZ4, out.Bytes(), len(src))
			if err != nil || !bytes.Equal(got, src) {
				t.Errorf("block size %v, %d options: %v", size, len(options), err)
			}
			checkDamageIsFound(t, out.Bytes(), src)
		}
	}
}

// checkDamageIsFound flips bits of an lz4 frame: the result is an error or what it was before.
func checkDamageIsFound(t *testing.T, frame, src []byte) {
	t.Helper()
	hasChecksum := frame[4]&(lz4ContentChecksum|lz4BlockChecksum) != 0
	for at := range min(len(frame), 40) {
		damaged := slices.Clone(frame)
		damaged[at] ^= 0x10
		got, err := Decompress(nil, LZ4, damaged, 8<<20)
		if err == nil && hasChecksum && !bytes.Equal(got, src) {
			t.Errorf("flags %#x: damage at byte %d is not found", frame[4], at)
		}
	}
}

func TestLZ4FramesThatKafkaRefusesAreRefused(t *testing.T) {
	good := packed(LZ4, []byte("some bytes, some bytes, some bytes"))
	// seal makes the header checksum right.
	seal := func(p []byte) []byte {
		p[6] = byte(xxHash32(p[4:6]) >> 8)
		return p
	}
	set := func(at int, v byte) []byte {
		p := slices.Clone(good)
		p[at] = v
		return seal(p)
	}
	for name, p := range map[string][]byte{
		"magic":            set(0, 5),
		"version 2":        set(4, 0xa0),
		"dependent blocks": set(4, 0x40),
		"reserved bit":     set(4, 0x62),
		"dictionary":       set(4, 0x61),
		"block size 3":     set(5, 0x30),
		"reserved bits 2":  set(5, 0x41),
		"reserved bit 3":   set(5, 0xc0),
		"header checksum":  func() []byte { p := slices.Clone(good); p[6]++; return p }(),
		"no end mark":      good[:len(good)-4],
		"empty":            nil,
		"header only":      good[:7],
		"size cut":         seal(append(slices.Clone(good[:4]), 0x68, 0x40, 0)),
		"huge block":       append(slices.Clone(good[:7]), 0xff, 0xff, 0xff, 0x7f),
	} {
		if out, err := Decompress(nil, LZ4, p, 1<<20); !errors.Is(err, ErrUndecodable) {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}

func TestSnappyWithoutFramingIsRead(t *testing.T) {
	for name, src := range samples() {
		got, err := Decompress(nil, Snappy, snappy.Encode(nil, src), len(src))
		if err != nil || !bytes.Equal(got, src) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestXerialStreamsAreReadOneAfterTheOther(t *testing.T) {
	stream := packed(Snappy, []byte("one "))
	got, err := Decompress(nil, Snappy, append(stream, packed(Snappy, []byte("two"))...), 7)
	if err != nil || string(got) != "one two" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestConcatenatedGzipAndZstdAreRead(t *testing.T) {
	for _, c := range []Codec{Gzip, Zstd} {
		twice := append(packed(c, []byte("one ")), packed(c, []byte("two"))...)
		got, err := Decompress(nil, c, twice, 7)
		if err != nil || string(got) != "one two" {
			t.Errorf("%v: %q, %v", c, got, err)
		}
		if _, err := Decompress(nil, c, twice, 6); !errors.Is(err, ErrDecompressedTooLarge) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestCutStreamsAreRefused(t *testing.T) {
	src := samples()["200000"]
	for _, c := range compressed {
		stream := packed(c, src)
		for n := 0; n < len(stream); n += 1 + n/50 {
			out, err := Decompress(nil, c, stream[:n], len(src))
			// A xerial stream has no end mark: cut between two blocks it is shorter, as an empty zstd stream is.
			if err == nil && (c == Snappy || n == 0) && bytes.HasPrefix(src, out) {
				continue
			}
			if !errors.Is(err, ErrUndecodable) {
				t.Fatalf("%v cut to %d bytes: %d bytes out, %v", c, n, len(out), err)
			}
		}
	}
}

func TestUnknownCodecsAndLevelsAreRefused(t *testing.T) {
	for _, c := range []Codec{-1, 5, 6, 7} {
		if _, err := Compress(nil, c, 0, nil); !errors.Is(err, ErrUnknownCodec) {
			t.Errorf("compress %d: %v", c, err)
		}
		if _, err := Decompress(nil, c, nil, 1); !errors.Is(err, ErrUnknownCodec) {
			t.Errorf("decompress %d: %v", c, err)
		}
	}
	for _, x := range []struct {
		c     Codec
		level int
	}{{Gzip, 0}, {Gzip, 10}, {Gzip, -2}, {LZ4, 0}, {LZ4, 18}, {LZ4, -1}, {Zstd, 23}, {Zstd, -131073}} {
		if out, err := Compress([]byte("x"), x.c, x.level, []byte("y")); !errors.Is(err, ErrCompressionLevel) || string(out) != "x" {
			t.Errorf("%v level %d: %q, %v", x.c, x.level, out, err)
		}
	}
}

func TestCodecNames(t *testing.T) {
	for name, c := range map[string]Codec{"none": None, "gzip": Gzip, "snappy": Snappy, "lz4": LZ4, "zstd": Zstd} {
		if got, err := ParseCodec(name); err != nil || got != c || c.String() != name {
			t.Errorf("%s: %v (%v), %v", name, got, c, err)
		}
	}
	for _, name := range []string{"", "producer", "uncompressed", "GZIP", "lz4 "} {
		if _, err := ParseCodec(name); !errors.Is(err, ErrUnknownCodec) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if Codec(7).String() != "codec 7" {
		t.Error(Codec(7))
	}
	if DefaultLevel(Gzip) != -1 || DefaultLevel(LZ4) != 9 || DefaultLevel(Zstd) != 3 || DefaultLevel(Snappy) != 0 {
		t.Error("default levels are not Kafka's")
	}
}

func TestDefaultLimit(t *testing.T) {
	if DefaultLimit(0) != 16<<20 || DefaultLimit(1<<20) != 16<<20 || DefaultLimit(2<<20) != 32<<20 {
		t.Error("the default limit is not max(16 MiB, 16 times the size)")
	}
}

// bomb is a stream that claims or holds far more than it should.
type bomb struct {
	name  string
	codec Codec
	data  []byte
	want  error
}

var bombs = sync.OnceValue(func() []bomb {
	const gib = 1 << 30
	zeros := make([]byte, 8<<20)
	var flat bytes.Buffer
	w, _ := gzip.NewWriterLevel(&flat, 1)
	w.Write(zeros)
	w.Close()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	defer z.Close()
	lz := packed(LZ4, zeros)
	// A zstd frame of one RLE block after the other: the highest ratio there is.
	rle := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70}
	for range 10_000 {
		block := uint32(128<<10)<<3 | 1<<1
		rle = append(rle, byte(block), byte(block>>8), byte(block>>16), 0)
	}
	rle = append(rle, 1, 0, 0)
	// A frame that declares 4 GiB of content, and one that wants a window of 2 GiB.
	declared := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0xff, 1, 0, 0}
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 1, 0, 0}
	xerial := append([]byte(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5)
	return []bomb{
		{"gzip zeros", Gzip, flat.Bytes(), ErrDecompressedTooLarge},
		{"zstd zeros", Zstd, z.EncodeAll(zeros, nil), ErrDecompressedTooLarge},
		{"zstd rle blocks", Zstd, rle, ErrDecompressedTooLarge},
		{"zstd declared size", Zstd, declared, ErrDecompressedTooLarge},
		{"zstd window", Zstd, window, ErrDecompressedTooLarge},
		{"lz4 zeros", LZ4, lz, ErrDecompressedTooLarge},
		{"snappy header", Snappy, binary.AppendUvarint(nil, gib), ErrUndecodable},
		{"snappy header in a block", Snappy, append(binary.AppendUvarint(nil, gib), make([]byte, 100<<10)...), ErrUndecodable},
		{"snappy zeros", Snappy, snappy.Encode(nil, zeros), ErrDecompressedTooLarge},
		{"xerial block header", Snappy, append(xerial, binary.AppendUvarint(nil, gib)...), ErrUndecodable},
		{"xerial block length", Snappy, append(xerial[:xerialHeaderSize:xerialHeaderSize], 0xff, 0xff, 0xff, 0xff), ErrUndecodable},
		{"xerial zeros", Snappy, packed(Snappy, zeros), ErrDecompressedTooLarge},
	}
})

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestBombsCostNothing(t *testing.T) {
	for _, limit := range []int{0, 1000, 1 << 20} {
		for _, b := range bombs() {
			// Decoders are made at the first use and kept.
			Decompress(nil, b.codec, b.data, limit)
			var err error
			cost := allocated(func() { _, err = Decompress(nil, b.codec, b.data, limit) })
			if !errors.Is(err, b.want) {
				t.Errorf("%s, limit %d: %v, want %v", b.name, limit, err, b.want)
			}
			// Doubling up to the limit takes twice the limit; pools may be empty again.
			if most := uint64(2*limit + 1<<20); cost > most {
				t.Errorf("%s, limit %d: %d bytes allocated", b.name, limit, cost)
			}
		}
	}
}

func TestBombsAreRefusedByValidate(t *testing.T) {
	rules := benchRules
	rules.MaxDecompressed = 1 << 20
	for _, b := range bombs() {
		batch := rawBatch(b.codec, 10, b.data)
		want := KindTooLarge
		if errors.Is(b.want, ErrUndecodable) {
			want = KindUnreadable
		}
		var invalid *InvalidError
		if _, err := Validate(batch, rules); !errors.As(err, &invalid) || invalid.Kind != want || !errors.Is(err, b.want) {
			t.Errorf("%s: %v", b.name, err)
		}
	}
}

func TestCompressionReusesMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("pools forget at random under the race detector")
	}
	src := samples()["text"]
	for _, c := range compressed {
		stream := packed(c, src)
		in, out := make([]byte, 0, 2<<20), make([]byte, 0, 2<<20)
		for name, f := range map[string]func(){
			"compress":   func() { out, _ = Compress(out[:0], c, DefaultLevel(c), src) },
			"decompress": func() { in, _ = Decompress(in[:0], c, stream, len(src)) },
		} {
			f()
			// The garbage collector may empty a pool between two runs, so zero can't be asked for.
			if n := testing.AllocsPerRun(20, f); n > 8 {
				t.Errorf("%v: %s allocates %v times", c, name, n)
			}
		}
	}
}

// TestCodecsOutliveABubble uses codecs for the first time inside a synctest bubble, as a test of a whole broker may, and
// then outside of it: nothing that is kept may belong to the bubble.
func TestCodecsOutliveABubble(t *testing.T) {
	use := func() {
		for _, c := range compressed {
			for _, level := range []int{DefaultLevel(c), 1} {
				stream, err := Compress(nil, c, level, []byte("some bytes"))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := Validate(rawBatch(c, 2, packed(c, plainPayload(2))), benchRules); err != nil {
					t.Fatal(err)
				}
				if _, err := Decompress(nil, c, stream, 100); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	synctest.Test(t, func(*testing.T) { use() })
	use()
}

func TestXXHash32(t *testing.T) {
	// From the specification's own test suite: seed 0.
	for in, want := range map[string]uint32{
		"": 0x02cc5d05, "a": 0x550d7456, "abc": 0x32d153ff,
		"Nobody inspects the spammish repetition": 0xe2293b2f,
	} {
		if got := xxHash32([]byte(in)); got != want {
			t.Errorf("%q: %#x, want %#x", in, got, want)
		}
	}
}
