package txnclient

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Record is what is sent of a record.
type Record struct{ Key, Value string }

// transactional is the bit of a batch's attributes.
const transactional = 0x10

// batch is a transactional batch.
func batch(producerID int64, epoch int16, sequence int32, records []Record) []byte {
	now := time.Now().UnixMilli()
	b := kmsg.RecordBatch{
		Magic: 2, Attributes: transactional, FirstTimestamp: now, MaxTimestamp: now, LastOffsetDelta: int32(len(records)) - 1,
		ProducerID: producerID, ProducerEpoch: epoch, FirstSequence: sequence, NumRecords: int32(len(records)),
	}
	for i, r := range records {
		one := kmsg.Record{OffsetDelta: int32(i), Key: []byte(r.Key), Value: []byte(r.Value)}
		body := one.AppendTo(nil)[1:] // Its length is still 0, which is one byte.
		b.Records = append(binary.AppendVarint(b.Records, int64(len(body))), body...)
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}
