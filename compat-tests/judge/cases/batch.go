package cases

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// batch describes a record batch of format 2, good or bad. The zero value of each field gives a good one.
type batch struct {
	records       []record
	codec         int16 // 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; others as they are, uncompressed.
	xerial        bool  // Snappy in the framing of the Java client.
	attributes    int16 // Added to the codec.
	first         int64 // First timestamp, milliseconds after T0.
	max           *int64
	absoluteTimes bool // first and max are milliseconds since 1970.
	baseOffset    int64
	leaderEpoch   int32
	producer      *producer
	count         *int32 // Declared instead of the true number of records.
	lastDelta     *int32 // Declared instead of the true last offset delta.
	lengthPlus    int32  // Added to the true length.
	magic         *int8
	crcPlus       uint32 // Added to the true checksum.
	payload       []byte // Instead of the records.
	after         []byte // Behind the records, within the batch's length.
}

// producer is the idempotence part of a batch.
type producer struct {
	number   int   // The n-th that the case took.
	id       int64 // Instead of number, where number is 0.
	epoch    int16
	sequence int32
}

// record is one record of a batch.
type record struct {
	key, value  []byte
	headers     []kmsg.Header
	delta       int64 // Of its timestamp.
	offsetDelta *int32
	attributes  int8
	raw         []byte // Instead of all that: the bytes of the record with its length.
}

// values makes records without keys.
func values(vs ...string) []record {
	var rs []record
	for _, v := range vs {
		rs = append(rs, record{value: []byte(v)})
	}
	return rs
}

// plain makes a good batch of records without keys.
func plain(vs ...string) batch { return batch{records: values(vs...)} }

// keyed makes a good batch of records with keys: k1, v1, k2, v2….
func keyed(kvs ...string) batch {
	var b batch
	for i := 0; i < len(kvs); i += 2 {
		b.records = append(b.records, record{key: []byte(kvs[i]), value: []byte(kvs[i+1])})
	}
	return b
}

// sequenced makes a good batch of an idempotent producer.
func sequenced(number int, epoch int16, sequence int32, vs ...string) batch {
	return batch{records: values(vs...), producer: &producer{number: number, epoch: epoch, sequence: sequence}}
}

// encode writes the batch. producerID gives the ids that the case took.
func (b batch) encode(t0 int64, producerID func(int) int64) []byte {
	if b.absoluteTimes {
		t0 = 0
	}
	out := kmsg.RecordBatch{
		FirstOffset: b.baseOffset, PartitionLeaderEpoch: b.leaderEpoch, Magic: 2, Attributes: b.codec | b.attributes,
		LastOffsetDelta: int32(len(b.records)) - 1, FirstTimestamp: t0 + b.first, MaxTimestamp: t0 + b.first,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(len(b.records)),
	}
	for i := range b.records {
		out.MaxTimestamp = max(out.MaxTimestamp, out.FirstTimestamp+b.records[i].delta)
		out.Records = append(out.Records, b.records[i].encode(int32(i))...)
	}
	out.Records = append(out.Records, b.after...)
	out.Records = compress(b.codec, b.xerial, out.Records)
	if b.payload != nil {
		out.Records = b.payload
	}
	if b.max != nil {
		out.MaxTimestamp = t0 + *b.max
	}
	override(&out.NumRecords, b.count)
	override(&out.LastOffsetDelta, b.lastDelta)
	override(&out.Magic, b.magic)
	if p := b.producer; p != nil {
		out.ProducerID, out.ProducerEpoch, out.FirstSequence = p.id, p.epoch, p.sequence
		if p.number > 0 {
			out.ProducerID = producerID(p.number)
		}
	}
	raw := out.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(int32(len(raw))-12+b.lengthPlus))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli))+b.crcPlus)
	return raw
}

func override[T any](field *T, with *T) {
	if with != nil {
		*field = *with
	}
}

func (r record) encode(index int32) []byte {
	if r.raw != nil {
		return r.raw
	}
	out := kmsg.Record{Attributes: r.attributes, TimestampDelta64: r.delta, OffsetDelta: index, Key: r.key, Value: r.value, Headers: r.headers}
	override(&out.OffsetDelta, r.offsetDelta)
	body := out.AppendTo(nil)[1:] // The length is still 0, which is one byte.
	return append(binary.AppendVarint(nil, int64(len(body))), body...)
}

// compress compresses with one of the four codecs; anything else stays as it is.
func compress(codec int16, xerial bool, payload []byte) []byte {
	var c kgo.CompressionCodec
	switch codec {
	case 1:
		c = kgo.GzipCompression()
	case 2:
		c = kgo.SnappyCompression()
	case 3:
		c = kgo.Lz4Compression()
	case 4:
		c = kgo.ZstdCompression()
	default:
		return payload
	}
	compressor, err := kgo.DefaultCompressor(c)
	if err != nil {
		return payload
	}
	out, _ := compressor.Compress(new(bytes.Buffer), payload)
	out = bytes.Clone(out)
	if xerial {
		framed := []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1}
		return append(binary.BigEndian.AppendUint32(framed, uint32(len(out))), out...)
	}
	return out
}
