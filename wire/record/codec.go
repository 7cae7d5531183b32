package record

import (
	"errors"
	"fmt"
	"slices"
)

// Codec is a compression type by its number in the attributes of a batch.
type Codec int8

// The codecs of Kafka; zstd by KIP-110.
const (
	None   Codec = 0
	Gzip   Codec = 1
	Snappy Codec = 2
	LZ4    Codec = 3
	Zstd   Codec = 4
)

var codecNames = [...]string{None: "none", Gzip: "gzip", Snappy: "snappy", LZ4: "lz4", Zstd: "zstd"}

// String is the codec by Kafka's config name.
func (c Codec) String() string {
	if c.known() {
		return codecNames[c]
	}
	return fmt.Sprintf("codec %d", int8(c))
}

func (c Codec) known() bool { return c >= None && c <= Zstd }

// ParseCodec is the codec of a name as producers configure it: none, gzip, snappy,
// lz4, zstd. A topic's compression.type says uncompressed for none and knows
// producer; those are the caller's. Error: [ErrUnknownCodec].
func ParseCodec(name string) (Codec, error) {
	if i := slices.Index(codecNames[:], name); i >= 0 {
		return Codec(i), nil
	}
	return None, fmt.Errorf("%w: %q", ErrUnknownCodec, name)
}

// DefaultLevel is the default of compression.gzip.level, compression.lz4.level
// or compression.zstd.level (KIP-390); 0 for codecs without levels.
func DefaultLevel(c Codec) int {
	switch c {
	case Gzip:
		return gzipDefaultLevel
	case LZ4:
		return lz4DefaultLevel
	case Zstd:
		return zstdDefaultLevel
	default:
		return 0
	}
}

// DefaultLimit is how much a payload of compressed bytes may become where nothing else
// is configured: 16 MiB, or sixteen times its size if that is more.
func DefaultLimit(compressed int) int { return max(16<<20, 16*compressed) }

// Compress appends src, compressed by c, to dst. Levels are Kafka's, see
// [DefaultLevel]; None and Snappy ignore them. The result is framed as the Java client frames it: snappy
// in xerial blocks, lz4 in independent 64 KiB blocks.
//
// Errors: [ErrUnknownCodec], [ErrCompressionLevel].
func Compress(dst []byte, c Codec, level int, src []byte) ([]byte, error) {
	switch c {
	case None:
		return append(dst, src...), nil
	case Gzip:
		return compressGzip(dst, level, src)
	case Snappy:
		return compressSnappy(dst, src), nil
	case LZ4:
		return compressLZ4(dst, level, src)
	case Zstd:
		return compressZstd(dst, level, src)
	default:
		return dst, fmt.Errorf("%w: %d", ErrUnknownCodec, int8(c))
	}
}

// Decompress appends what src holds to dst, at most limit bytes. Memory grows with what comes
// out, never by what src declares, and not beyond the limit. Snappy is read with
// xerial framing and without (librdkafka writes none).
//
// Errors: [ErrUnknownCodec], [ErrUndecodable], [ErrDecompressedTooLarge]; dst is
// then returned at its old length.
func Decompress(dst []byte, c Codec, src []byte, limit int) ([]byte, error) {
	limit = max(limit, 0)
	var out []byte
	var err error
	switch c {
	case None:
		if len(src) > limit {
			return dst, ErrDecompressedTooLarge
		}
		return append(dst, src...), nil
	case Gzip:
		out, err = decompressGzip(dst, src, limit)
	case Snappy:
		out, err = decompressSnappy(dst, src, limit)
	case LZ4:
		out, err = decompressLZ4(dst, src, limit)
	case Zstd:
		out, err = decompressZstd(dst, src, limit)
	default:
		return dst, fmt.Errorf("%w: %d", ErrUnknownCodec, int8(c))
	}
	if err != nil {
		return dst, decompressError(c, err)
	}
	return out, nil
}

func decompressError(c Codec, err error) error {
	if errors.Is(err, ErrDecompressedTooLarge) {
		return err
	}
	return fmt.Errorf("%w: %v: %w", ErrUndecodable, c, err)
}

// grow makes room for n more bytes than p has, by doubling, but for no more than limit
// bytes in all behind base.
func grow(p []byte, n, base, limit int) []byte {
	if cap(p)-len(p) >= n {
		return p
	}
	room := max(n, min(len(p)-base, limit-(len(p)-base)))
	bigger := make([]byte, len(p), len(p)+room)
	copy(bigger, p)
	return bigger
}
