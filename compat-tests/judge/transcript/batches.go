package transcript

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Offsets inside a record batch (version 2 of the format).
const (
	batchLengthAt = 8
	batchMagicAt  = 16
	batchCRCAt    = 17
	batchAttrsAt  = 21
	batchHeader   = 61
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// LearnSent notes the record sections of batches that are about to be sent, so that a later answer can say whether the
// broker kept them byte for byte.
func (s *Symbols) LearnSent(records []byte) {
	if s.sent == nil {
		s.sent = map[[sha256.Size]byte]bool{}
	}
	for len(records) >= batchHeader {
		n := int64(binary.BigEndian.Uint32(records[batchLengthAt:])) + 12
		if n < batchHeader || n > int64(len(records)) {
			return
		}
		s.sent[sha256.Sum256(records[batchHeader:n])] = true
		records = records[n:]
	}
}

// batches takes a records field apart. Whatever is not a whole batch shows as bytes.
func (s *Symbols) batches(name string, b []byte, null bool) *Node {
	if null {
		return &Node{Name: name, Value: "null"}
	}
	n := &Node{Name: name, Kind: Array}
	for len(b) > 0 {
		if len(b) < batchHeader || b[batchMagicAt] != 2 {
			return s.rest(n, b)
		}
		size := int64(int32(binary.BigEndian.Uint32(b[batchLengthAt:]))) + 12
		if size < batchHeader || size > int64(len(b)) {
			return s.rest(n, b)
		}
		n.Children = append(n.Children, s.batch(b[:size]))
		b = b[size:]
	}
	return n
}

// rest shows bytes that are no batch or record. A batch that is cut off behind whole ones is left out: Kafka cuts where the
// limit of a fetch is, clients drop the piece, and a broker may as well not send it.
func (*Symbols) rest(n *Node, b []byte) *Node {
	if n.Name == "RecordBatches" && len(n.Children) > 0 {
		return n
	}
	n.Children = append(n.Children, &Node{Value: fmt.Sprintf("<%d-bytes:%s>", len(b), Hex(b))})
	return n
}

func (s *Symbols) batch(raw []byte) *Node {
	n := &Node{Kind: Struct}
	add := func(name, value string) { n.Children = append(n.Children, &Node{Name: name, Value: value}) }
	num := func(name string, value int64) { add(name, strconv.FormatInt(value, 10)) }
	var b kmsg.RecordBatch
	if err := b.ReadFrom(raw); err != nil {
		add("Malformed", strconv.Quote(err.Error()))
		return n
	}
	num("BaseOffset", b.FirstOffset)
	if b.Attributes&7 == 0 {
		num("Length", int64(b.Length))
	} // A compressed batch's length depends on who compressed it.
	num("LeaderEpoch", int64(b.PartitionLeaderEpoch))
	if crc32.Checksum(raw[batchAttrsAt:], castagnoli) != binary.BigEndian.Uint32(raw[batchCRCAt:]) {
		add("CRC", "wrong")
	}
	add("Attributes", fmt.Sprintf("%#x", uint16(b.Attributes)))
	num("LastOffsetDelta", int64(b.LastOffsetDelta))
	add("FirstTimestamp", s.timestamp(b.FirstTimestamp))
	add("MaxTimestamp", s.timestamp(b.MaxTimestamp))
	if b.ProducerID != -1 || b.ProducerEpoch != -1 || b.FirstSequence != -1 {
		if i := s.producer(b.ProducerID); i > 0 {
			add("ProducerID", fmt.Sprintf("<pid:%d>", i))
		} else {
			num("ProducerID", b.ProducerID)
		}
		num("ProducerEpoch", int64(b.ProducerEpoch))
		num("BaseSequence", int64(b.FirstSequence))
	}
	if !s.sent[sha256.Sum256(raw[batchHeader:])] {
		add("Payload", "rewritten")
	}
	n.Children = append(n.Children, s.records(&b))
	return n
}

// records lists the records of a batch.
func (s *Symbols) records(b *kmsg.RecordBatch) *Node {
	n := &Node{Name: "Records", Kind: Array}
	if b.NumRecords > longestArray {
		return &Node{Name: "Records", Value: fmt.Sprintf("<%d-records>", b.NumRecords)}
	}
	payload := b.Records
	if codec := b.Attributes & 7; codec != 0 {
		var err error
		if payload, err = kgo.DefaultDecompressor().Decompress(payload, kgo.CompressionCodecType(codec)); err != nil {
			return &Node{Name: "Records", Value: "<undecompressable>"}
		}
	}
	for len(payload) > 0 && int32(len(n.Children)) < b.NumRecords {
		size, width := binary.Varint(payload)
		if width <= 0 || size < 0 || size > int64(len(payload)-width) {
			return s.rest(n, payload)
		}
		var r kmsg.Record
		if err := r.ReadFrom(payload[:int64(width)+size]); err != nil {
			return s.rest(n, payload)
		}
		payload = payload[int64(width)+size:]
		n.Children = append(n.Children, s.record(b, &r))
	}
	if len(payload) > 0 {
		return s.rest(n, payload)
	}
	return n
}

func (s *Symbols) record(b *kmsg.RecordBatch, r *kmsg.Record) *Node {
	n := &Node{Kind: Struct}
	add := func(name, value string) { n.Children = append(n.Children, &Node{Name: name, Value: value}) }
	add("Offset", strconv.FormatInt(b.FirstOffset+int64(r.OffsetDelta), 10))
	if r.TimestampDelta64 != 0 || b.FirstTimestamp != b.MaxTimestamp {
		add("Time", s.timestamp(b.FirstTimestamp+r.TimestampDelta64))
	}
	if r.Attributes != 0 {
		add("Attributes", strconv.Itoa(int(r.Attributes)))
	}
	if r.Key != nil {
		add("Key", shortBytes(r.Key))
	}
	add("Value", shortBytes(r.Value))
	if len(r.Headers) > 0 {
		headers := &Node{Name: "Headers", Kind: Array}
		for _, h := range r.Headers {
			headers.Children = append(headers.Children, &Node{Kind: Struct, Children: []*Node{
				{Name: "Key", Value: strconv.Quote(h.Key)}, {Name: "Value", Value: shortBytes(h.Value)},
			}})
		}
		n.Children = append(n.Children, headers)
	}
	return n
}
