package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"

	"github.com/clatterhq/clatter/logstore"
)

// recordVersion is the version of all records that are written. Others are refused:
// a newer program wrote them.
const recordVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Errors of records.
var (
	errRecordVersion = errors.New("record of an unknown version")
	errRecordCRC     = errors.New("record with a wrong checksum")
	errRecordForm    = errors.New("malformed record")
)

// seal ends a record. The checksum covers where the record stands, so that one which
// got to another key is found out.
func seal(bucket bucket, key, record []byte) []byte {
	return binary.BigEndian.AppendUint32(record, checksum(bucket, key, record))
}

func checksum(bucket bucket, key, record []byte) uint32 {
	crc := crc32.Update(0, castagnoli, []byte(bucket))
	crc = crc32.Update(crc, castagnoli, key)
	return crc32.Update(crc, castagnoli, record)
}

// unseal checks a record and gives what is between its version and its checksum.
func unseal(bucket bucket, key, sealed []byte) ([]byte, error) {
	if len(sealed) < 5 {
		return nil, errRecordForm
	}
	record, crc := sealed[:len(sealed)-4], binary.BigEndian.Uint32(sealed[len(sealed)-4:])
	if checksum(bucket, key, record) != crc {
		return nil, errRecordCRC
	}
	if record[0] != recordVersion {
		return nil, fmt.Errorf("%w: %d", errRecordVersion, record[0])
	}
	return record[1:], nil
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendMap(b []byte, m map[string]string) []byte {
	b = binary.AppendUvarint(b, uint64(len(m)))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		b = appendText(appendText(b, key), m[key])
	}
	return b
}

// encodeTopic makes the record of a topic in one of the two buckets of topics.
func encodeTopic(bucket bucket, t *Topic) []byte {
	b := append(make([]byte, 0, 32+len(t.Name)), recordVersion)
	b = binary.AppendUvarint(b, uint64(t.Partitions))
	b = appendMap(appendText(b, t.Name), t.Overrides)
	return seal(bucket, t.ID[:], b)
}

// decodeTopic reads what encodeTopic wrote. The effective configuration is left open.
func decodeTopic(bucket bucket, key, sealed []byte) (*Topic, error) {
	if len(key) != len(logstore.TopicID{}) {
		return nil, fmt.Errorf("%w: topic ID of %d bytes", errRecordForm, len(key))
	}
	b, err := unseal(bucket, key, sealed)
	if err != nil {
		return nil, err
	}
	r := reader{rest: b}
	partitions, name, overrides := r.uvarint(), r.text(), r.texts()
	if err := r.end(); err != nil {
		return nil, err
	}
	if partitions == 0 || partitions > math.MaxInt32 {
		return nil, fmt.Errorf("%w: %d partitions", errRecordForm, partitions)
	}
	return &Topic{ID: logstore.TopicID(key), Name: name, Partitions: int32(partitions), Overrides: overrides, Internal: IsInternal(name)}, nil
}

// encodeConfig makes the record of a resource's own keys.
func encodeConfig(key []byte, m map[string]string) []byte {
	return seal(bucketConfigs, key, appendMap([]byte{recordVersion}, m))
}

func decodeConfig(key, sealed []byte) (map[string]string, error) {
	b, err := unseal(bucketConfigs, key, sealed)
	if err != nil {
		return nil, err
	}
	r := reader{rest: b}
	m := r.texts()
	return m, r.end()
}

// encodeMeta makes the record of a value in the meta bucket, which needs no form.
func encodeMeta(key string, value []byte) []byte {
	return seal(bucketMeta, []byte(key), append([]byte{recordVersion}, value...))
}

// reader reads the parts of a record. After the first error all reads are empty; end
// tells it. Lengths are bounded by what is there before anything is allocated.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return ""
	}
	text := string(r.rest[:n])
	r.rest = r.rest[n:]
	return text
}

// texts reads a map; an empty one is nil.
func (r *reader) texts() map[string]string {
	count := r.uvarint()
	if count > uint64(len(r.rest))/2 { // each entry has two lengths
		r.bad, r.rest = true, nil
		return nil
	}
	if count == 0 {
		return nil
	}
	m := make(map[string]string, count)
	for range count {
		key := r.text()
		m[key] = r.text()
	}
	if uint64(len(m)) != count {
		r.bad = true
	}
	return m
}

func (r *reader) end() error {
	if r.bad || len(r.rest) > 0 {
		return errRecordForm
	}
	return nil
}
